"""The node lifecycle controller's work, as keys of one queue:

- `("monitor",)` every 5 s: heartbeats, conditions to Unknown, states of zones; a few nodes to be written at a time;
- `("node", name)`: NoSchedule taints and older label names, when the node changed;
- `("pod", namespace, name)`: Ready=False of a pod on a node that is not ready;
- `("taint",)`: NoExecute taints, as fast as the zones allow, on a grid of 100 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.errors import NotFound
from engine.api.kinds import NODES, PODS
from engine.api.server import Caller
from engine.clock import rfc3339
from engine.controllers.controller import Key, Queue, Watch
from engine.controllers.node_lifecycle.config import NodeLifecycleConfig
from engine.controllers.node_lifecycle.health import Health, condition_of, unknown_status
from engine.controllers.node_lifecycle.taints import (
    NOT_READY,
    UNREACHABLE,
    has_no_execute,
    older_labels,
    taints_of,
    with_no_execute,
    with_no_schedule,
    with_taints,
)
from engine.controllers.node_lifecycle.zones import Outage, ZoneKey, Zones, ZoneState, zone_of
from engine.controllers.pods_by_node import index_pods_by_node, pods_on
from store.types import DELETED, Envelope, JsonObject, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_MONITOR: Final[Key] = ("monitor",)
_TAINT: Final[Key] = ("taint",)
_TAINT_PERIOD: Final = 100_000
"""NodeEvictionPeriod: the taint queues are looked at on this grid (microseconds)."""
_WRITES: Final = 4
"""Nodes written in one step of the monitor."""


class _Round:
    """One look at all nodes, possibly in several steps at one instant."""

    def __init__(self, nodes: Sequence[Envelope]) -> None:
        self.nodes = nodes
        self.position = 0
        self.counts: dict[ZoneKey, list[int]] = {}
        """[ready, not ready] by zone."""

    def count(self, zone: ZoneKey, *, ready: bool) -> None:
        counts = self.counts.get(zone)
        if counts is None:
            counts = self.counts[zone] = [0, 0]
        counts[0 if ready else 1] += 1


class NodeLifecycleController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self.config = NodeLifecycleConfig.from_flags(context.flags)
        self._api, self._clock = context.api, context.clock
        self._caller = Caller("system:serviceaccount:kube-system:node-controller")
        self._recorder = context.recorder("node-controller")
        self._health: dict[str, Health] = {}
        self._known: dict[str, Envelope] = {}
        self._zones = Zones(self.config)
        self._round: _Round | None = None
        self._started = 0
        self._queue: Queue | None = None
        index_pods_by_node(context.api)

    @property
    def zone_states(self) -> dict[ZoneKey, ZoneState]:
        """State of each zone that has nodes."""
        return self._zones.states

    def watches(self) -> Sequence[Watch]:
        return Watch(NODES, self._of_node), Watch(PODS, self._of_pod)

    def start(self, queue: Queue) -> None:
        self._queue, self._started, self._round = queue, self._clock.now(), None
        self._health.clear()
        self._known.clear()
        self._zones = Zones(self.config)
        queue.add(_MONITOR)

    def reconcile(self, key: Key) -> int | None:
        if key == _MONITOR:
            return self._monitor()
        if key == _TAINT:
            return self._taint_pass()
        if key[0] == "node":
            self._follow_conditions(key[1])
        else:
            self._mark_not_ready(key[1], key[2])
        return None

    # -- the monitor -----------------------------------------------------------------------------------------------

    def _monitor(self) -> int:
        look = self._round
        if look is None:
            look = self._round = _Round(self._api.store.list(NODES))
            self._meet(look.nodes)
        now, writes = self._clock.now(), 0
        while look.position < len(look.nodes) and writes < _WRITES:
            writes += self._look_at(look.nodes[look.position], look, now)
            look.position += 1
        if look.position < len(look.nodes):
            return 0
        self._round = None
        self._handle_disruption(look, now)
        self._wake_taint_pass()
        return self.config.monitor_period

    def _meet(self, nodes: Sequence[Envelope]) -> None:
        """New nodes are registered, gone ones forgotten."""
        now = self._clock.now()
        present = {env.name: env for env in nodes}
        for name, env in present.items():
            if name not in self._known:
                self._tell(env, "RegisteredNode", f"Registered Node {name} in Controller")
                self._zones.of(zone_of(env), now)
                self._make_reachable(env)
            self._known[name] = env
        if len(self._known) != len(present):
            for name in [name for name in self._known if name not in present]:
                env = self._known.pop(name)
                self._tell(env, "RemovingNode", f"Removing Node {name} from Controller")
                self._health.pop(name, None)
                self._zones.of(zone_of(env), now).remove(name)

    def _look_at(self, env: Envelope, look: _Round, now: int) -> bool:
        """One node. True when something about it was written."""
        name = env.name
        health = self._health.get(name)
        if health is None:
            health = self._health[name] = Health(env)
        lease = self._api.store.get(health.lease_key)
        if health.settled and health.env is env:
            if lease is not health.lease:
                health.look(env, lease, now)
            if not health.silent(self.config, now):
                if health.counts:
                    look.count(health.zone, ready=True)
                return False
        current = self._api.store.get(env.key)
        if current is None:
            return False
        env = current
        health.look(env, lease, now)
        observed, wrote = health.ready, False
        if health.silent(self.config, now):
            status = unknown_status(env, now)
            if status is not env.obj.get("status"):
                env = self._api.update_status(self._caller, env, status)
                health.written(env)
                wrote = True
        if health.counts:
            look.count(health.zone, ready=health.ready == "True")
        tainted = has_no_execute(env, NOT_READY) or has_no_execute(env, UNREACHABLE)
        health.settled = health.ready == "True" and not tainted
        if health.ready is None:
            return wrote
        wrote |= self._judge_taint(env, health.ready, now)
        if health.ready != "True" and observed == "True":
            self._recorder.event(env, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
            if self._queue is not None:
                for pod in pods_on(self._api, name):
                    self._queue.add(("pod", pod.namespace, pod.name))
        return wrote

    def _judge_taint(self, env: Envelope, ready: str, now: int) -> bool:
        """processTaintBaseEviction. True when the node was written."""
        if ready == "True":
            return self._make_reachable(env)
        wanted, other = (NOT_READY, UNREACHABLE) if ready == "False" else (UNREACHABLE, NOT_READY)
        if has_no_execute(env, other):
            return self._write_taints(env, with_no_execute(env, wanted, now))
        zone = self._zones.of(zone_of(env), now)
        if not has_no_execute(env, wanted):
            zone.remove(env.name)
        zone.add(env.name)
        return False

    def _make_reachable(self, env: Envelope) -> bool:
        """markNodeAsReachable."""
        now = self._clock.now()
        self._zones.of(zone_of(env), now).remove(env.name)
        return bool(taints_of(env)) and self._write_taints(env, with_no_execute(env, None, now))

    # -- zones -----------------------------------------------------------------------------------------------------

    def _handle_disruption(self, look: _Round, now: int) -> None:
        outage = self._zones.update(look.counts, now)
        if outage is Outage.BEGAN:
            for env in look.nodes:
                current = self._api.store.get(env.key)
                if current is not None:
                    self._make_reachable(current)
        elif outage is Outage.ENDED:
            for health in self._health.values():
                health.probed = now

    def _taint_pass(self) -> int | None:
        """doNoExecuteTaintingPass. Microseconds until the next one that may find work."""
        now = self._clock.now()
        for zone in self._zones.all():
            while (name := zone.take(now)) is not None:
                env = self._api.find(NODES, "", name)
                ready = condition_of(env, "Ready") if env is not None else None
                if env is not None and ready is not None and ready["status"] != "True":
                    key = NOT_READY if ready["status"] == "False" else UNREACHABLE
                    self._write_taints(env, with_no_execute(env, key, now))
        return self._until_taint_pass(now)

    def _until_taint_pass(self, now: int) -> int | None:
        free = self._zones.next_free()
        if free is None:
            return None
        earliest = max(free, now + 1) - self._started
        return self._started + -(-earliest // _TAINT_PERIOD) * _TAINT_PERIOD - now

    def _wake_taint_pass(self) -> None:
        span = self._until_taint_pass(self._clock.now())
        if span is not None and self._queue is not None:
            self._queue.add_after(_TAINT, span)

    # -- one node, one pod -----------------------------------------------------------------------------------------

    def _follow_conditions(self, name: str) -> None:
        env = self._api.find(NODES, "", name)
        if env is None:
            return
        taints, labels = with_no_schedule(env, self._clock.now()), older_labels(env)
        obj = env.obj
        if labels:
            obj = {**obj, "metadata": {**obj["metadata"], "labels": {**env.labels, **labels}}}
        if taints is not None:
            obj = with_taints(obj, taints)
        if obj is not env.obj:
            self._api.update(self._caller, NODES, "", name, obj)

    def _mark_not_ready(self, namespace: str, name: str) -> None:
        """MarkPodsNotReady for one pod, if its node is still not ready."""
        env = self._api.find(PODS, namespace, name)
        if env is None:
            return
        health = self._health.get(env.obj["spec"].get("nodeName", ""))
        if health is None or health.ready in (None, "True"):
            return
        status: JsonObject = env.obj.get("status") or {}
        conditions = list(status.get("conditions") or ())
        for index, condition in enumerate(conditions):
            if condition["type"] == "Ready" and condition["status"] != "False":
                stamp = rfc3339(self._clock.now())
                conditions[index] = {**condition, "status": "False", "lastTransitionTime": stamp}
                env = self._api.update_status(self._caller, env, {**status, "conditions": conditions})
                self._recorder.event(env, "Warning", "NodeNotReady", "Node is not ready")
                return

    def _write_taints(self, env: Envelope, taints: Sequence[JsonObject] | None) -> bool:
        if taints is None:
            return False
        try:
            self._api.update(self._caller, NODES, "", env.name, with_taints(env.obj, taints))
        except NotFound:
            return False
        return True

    def _tell(self, env: Envelope, reason: str, what: str) -> None:
        self._recorder.event(env, "Normal", reason, f"Node {env.name} event: {what}")

    # -- events ----------------------------------------------------------------------------------------------------

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        now, before = event.now, event.before
        if event.type == DELETED:
            return ()
        if before is not None:
            was, is_ = before.obj.get("status") or {}, now.obj.get("status") or {}
            if (
                was.get("conditions") == is_.get("conditions")
                and before.obj.get("spec") == now.obj.get("spec")
                and before.labels == now.labels
            ):
                return ()
        return (("node", now.name),)

    def _of_pod(self, event: WatchEvent) -> Iterable[Key]:
        """A pod that comes to a node which is not ready."""
        now, before = event.now, event.before
        node = now.obj["spec"].get("nodeName")
        if not node or event.type == DELETED or (before is not None and before.obj["spec"].get("nodeName") == node):
            return ()
        health = self._health.get(node)
        return (("pod", now.namespace, now.name),) if health is not None and health.ready != "True" else ()
