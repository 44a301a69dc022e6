"""Pods that nobody will ever finish are removed (kube-controller-manager's pod-garbage-collector-controller).

Every 20 seconds, while there is reason to look: pods bound to a node that has been missing for 40 seconds, pods that
are being deleted and were never scheduled, terminating pods on nodes that are out of service, and the oldest finished
pods beyond `--terminated-pod-gc-threshold`. They are marked Failed and deleted without grace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import NotFound
from engine.api.kinds import NODES, PODS
from engine.api.server import DeleteOptions
from engine.clock import SECOND, rfc3339
from engine.controllers.controller import Key, Queue, Watch, being_deleted
from engine.controllers.pod_conditions import with_disruption_target
from store.types import DELETED, Envelope, ObjectKey, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_PERIOD: Final = 20 * SECOND
"""gcCheckPeriod."""
_QUARANTINE: Final = 40 * SECOND
"""quarantineTime: how long a node has to be missing."""
_OUT_OF_SERVICE: Final = "node.kubernetes.io/out-of-service"
_FINISHED: Final = ("Succeeded", "Failed")
_TICK: Final[Key] = ("tick",)
_STEP: Final = 25


class PodGarbageCollector:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._threshold = int(context.flags.number("terminated-pod-gc-threshold"))
        self._queue: Queue | None = None
        self._started = 0
        self._finished = 0
        """Pods that have Succeeded or Failed."""
        self._missing: dict[str, int] = {}
        """Instant at which a missing node's quarantine ends."""
        self._doomed: list[tuple[ObjectKey, bool]] = []
        """Pods to remove, and whether they are disrupted by it."""

    def watches(self) -> Sequence[Watch]:
        return Watch(PODS, self._of_pod), Watch(NODES, self._of_node)

    def start(self, queue: Queue) -> None:
        self._queue, self._started, self._finished = queue, self._clock.now(), 0
        self._missing.clear()
        self._doomed.clear()
        self._wake()

    def reconcile(self, key: Key) -> int | None:
        if not self._doomed:
            self._doomed = self._look()
            self._doomed.reverse()
        for _ in range(min(_STEP, len(self._doomed))):
            self._remove(*self._doomed.pop())
        if self._doomed:
            return 0
        return self._until_next() if self._missing or self._beyond() > 0 else None

    # -- what is to go ---------------------------------------------------------------------------------------------

    def _look(self) -> list[tuple[ObjectKey, bool]]:
        pods = self._api.store.list(PODS)
        nodes = {env.name: env for env in self._api.store.list(NODES)}
        broken = {name for name, env in nodes.items() if _out_of_service(env)}
        doomed: dict[ObjectKey, bool] = {}
        for pod in self._surplus(pods):
            doomed[pod.key] = False
        gone = self._lost_nodes(pods, nodes)
        for pod in pods:
            node = pod.obj["spec"].get("nodeName")
            if node in gone:
                doomed[pod.key] = True
            elif being_deleted(pod.obj) and (not node or node in broken):
                doomed.setdefault(pod.key, False)
        return list(doomed.items())

    def _surplus(self, pods: Sequence[Envelope]) -> list[Envelope]:
        surplus = self._beyond()
        if surplus <= 0:
            return []
        finished = [pod for pod in pods if (pod.obj.get("status") or {}).get("phase") in _FINISHED]

        def order(pod: Envelope) -> tuple[bool, str, str]:
            evicted = pod.obj["status"].get("reason") == "Evicted"
            return not evicted, pod.obj["metadata"]["creationTimestamp"], pod.name

        return sorted(finished, key=order)[:surplus]

    def _lost_nodes(self, pods: Sequence[Envelope], nodes: dict[str, Envelope]) -> set[str]:
        """Nodes whose quarantine is over; others that are missing begin theirs."""
        now = self._clock.now()
        missing = {node: None for pod in pods if (node := pod.obj["spec"].get("nodeName")) and node not in nodes}
        self._missing = {node: self._missing.get(node, now + _QUARANTINE) for node in missing}
        lost = {node for node, until in self._missing.items() if until <= now}
        for node in lost:
            del self._missing[node]
        return lost

    def _beyond(self) -> int:
        return self._finished - self._threshold if self._threshold > 0 else 0

    def _remove(self, key: ObjectKey, disrupted: bool) -> None:
        """markFailedAndDeletePod."""
        env = self._api.store.get(key)
        if env is None:
            return
        status: dict[str, Any] = env.obj.get("status") or {}
        try:
            if status.get("phase") not in _FINISHED:
                if disrupted:
                    message = "PodGC: node no longer exists"
                    status = with_disruption_target(
                        status, "DeletionByPodGC", message, rfc3339(self._clock.now()), env.obj["metadata"]
                    )  # fmt: skip
                self._api.update_status(self._caller, env, {**status, "phase": "Failed"})
            self._api.delete(self._caller, PODS, key.namespace, key.name, DeleteOptions(grace_period_seconds=0))
        except NotFound:
            return

    # -- when to look ----------------------------------------------------------------------------------------------

    def _of_pod(self, event: WatchEvent) -> Iterable[Key]:
        now, before = event.now, event.before
        is_finished = _phase(now) in _FINISHED and event.type != DELETED
        was_finished = before is not None and _phase(before) in _FINISHED
        if is_finished != was_finished:
            self._finished += 1 if is_finished else -1
            if self._beyond() > 0:
                self._wake()
        if event.type == DELETED:
            return ()
        node = now.obj["spec"].get("nodeName")
        deleting = being_deleted(now.obj)
        if node:
            moved = before is None or before.obj["spec"].get("nodeName") != node
            if moved or (deleting and not being_deleted(before.obj)):  # type: ignore[union-attr]
                host = self._api.find(NODES, "", node)
                if host is None or (deleting and _out_of_service(host)):
                    self._wake()
        elif deleting:
            self._wake()
        return ()

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        if event.type == DELETED or (
            _out_of_service(event.now) and (event.before is None or not _out_of_service(event.before))
        ):
            self._wake()
        return ()

    def _wake(self) -> None:
        if self._queue is not None:
            self._queue.add_after(_TICK, self._until_next())

    def _until_next(self) -> int:
        return _PERIOD - (self._clock.now() - self._started) % _PERIOD


def _phase(env: Envelope) -> str:
    return str((env.obj.get("status") or {}).get("phase", ""))


def _out_of_service(env: Envelope) -> bool:
    """Tainted out of service, and not ready."""
    if not any(taint["key"] == _OUT_OF_SERVICE for taint in env.obj.get("spec", {}).get("taints") or ()):
        return False
    conditions = (env.obj.get("status") or {}).get("conditions") or ()
    return not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
