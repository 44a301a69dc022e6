"""All kubelets of the cluster: one per Node object, on one queue, two timer wheels and one list of unwritten statuses.

In come changes of nodes, pods and images; they are worked off a few at a time. Out go, through the API and as
`system:node:<name>`, leases, node statuses, pod statuses and events. A step that crashes is logged and costs only the
pod it was about.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final

from engine.api.kinds import IMAGES, MACHINES, NODES, PODS
from engine.api.server import Api
from engine.clock import Clock, Timer
from engine.cloud.simulated.declared import PROVIDER, machine_of
from engine.events import EventRecorder
from engine.faults.effects import IMAGE_ACTIONS, POD_ACTIONS, Effects
from engine.faults.targets import Fault
from engine.informers import Informers
from engine.kubelet import machine, shutdown, spread
from engine.kubelet.addresses import NodeAddresses
from engine.kubelet.catalogue import Catalogue
from engine.kubelet.config import KubeletConfig
from engine.kubelet.fake import FakeNode, is_fake
from engine.kubelet.inside import Inside
from engine.kubelet.kubelet import Kubelet
from engine.kubelet.node import Node
from engine.kubelet.runtime import Stats
from engine.kubelet.simulated import SimulatedRuntime
from engine.kubelet.wheel import Wheel
from engine.kubelet.worker import PodWorker
from engine.loop import Loop
from engine.seed import Seed
from store.types import ADDED, DELETED, MODIFIED, Envelope, Uid, WatchEvent

_log = logging.getLogger(__name__)
_CLOUD: Final = f"{PROVIDER}://"
"""How the provider ids of the simulated cloud's nodes begin."""
_EVENTS_AT_ONCE: Final = 25
"""Changes of nodes, pods and images in one callback of the loop; about 1 ms."""
_WRITES_AT_ONCE: Final = 10
"""Statuses written in one callback; about 1 ms."""


class Kubelets:
    """Every node's kubelet."""

    def __init__(
        self, api: Api, clock: Clock, loop: Loop, informers: Informers, seed: Seed,
        config: KubeletConfig = KubeletConfig(), on_crash: Callable[[BaseException], None] | None = None,
    ) -> None:  # fmt: skip
        """`on_crash` is told of each step that failed, besides the log; None: nobody is."""
        self._api, self._clock, self._loop, self._seed, self.config = api, clock, loop, seed, config
        self._on_crash = on_crash
        self.catalogue = Catalogue(api.store)
        self._catalogue_recorder = EventRecorder(api, "image-catalogue")
        self.nodes: dict[str, Kubelet] = {}
        self.inside = Inside(api, self.worker)
        """What the containers see: their environment and their files."""
        self.effects = Effects(api.store, informers)
        """What is broken on purpose."""
        self.effects.listen(self._faults_changed)
        self.runtime = SimulatedRuntime(api, clock, self.catalogue, config, self.inside, self.effects)
        self.network = NodeAddresses()
        """Who has which address of machines and pods."""
        self._bound: dict[str, dict[Uid, Envelope]] = {}
        """Node name → its pods, as last seen."""
        self._booting: dict[str, Timer] = {}
        """Machines that were switched off and come up again by themselves."""
        self._events: deque[WatchEvent] = deque()
        self._dirty: OrderedDict[PodWorker, None] = OrderedDict()
        """A queue without repeats. (The first key of a plain dict is found past all that were taken before it.)"""
        self._scheduled = self._started = False
        self._leases = Wheel(clock, config.lease_renew, self._renew)
        self._reports = Wheel(clock, config.status_report, self._report)
        for resource in (NODES, PODS, IMAGES, MACHINES):
            informers.on_event(resource, self._enqueue)

    def start(self) -> None:
        """Take up every node and pod that exists."""
        self._started = True
        self._events.clear()
        for env in self._api.store.list(NODES):
            self.network.learn(env)
        for env in self._api.store.list(PODS):
            if name := env.obj["spec"].get("nodeName"):
                self._bound.setdefault(name, {})[env.uid] = env
                self.network.learn_pod(env)
        for env in self._api.store.list(NODES):
            self._events.append(WatchEvent(ADDED, env, None, env.revision))
            self._wake()

    # -- questions -------------------------------------------------------------------------------------------------

    def worker(self, env: Envelope) -> PodWorker | None:
        """The worker of a pod; None when no kubelet has it."""
        node = self.nodes.get(env.obj["spec"].get("nodeName") or "")
        return node.workers.get(env.uid) if node is not None else None

    def stats(self, env: Envelope) -> dict[str, Stats]:
        """What each running container of a pod uses (simulated), by name."""
        worker = self.worker(env)
        if worker is None:
            return {}
        return {c.facts.name: c.handle.stats() for c in worker.containers if c.handle is not None}

    # -- the queue -------------------------------------------------------------------------------------------------

    def _enqueue(self, event: WatchEvent) -> None:
        self._events.append(event)
        self._wake()

    def _wake(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._work)

    def _work(self) -> None:
        """Work off some changes; when there are none, write some of what is dirty.

        Counted, not timed: how work interleaves must be the same in every run.
        """
        events, dirty = self._events, self._dirty
        for _ in range(min(len(events), _EVENTS_AT_ONCE)):
            event = events.popleft()
            if not self._started:
                continue
            try:
                self._handle(event)
            except Exception as error:  # noqa: BLE001  one pod's crash must not cost the others their kubelet
                self._crashed(event.now, error)
            if event.now.key.plural == "nodes":
                break  # A node may bring all its pods along: enough for one callback.
        if not events:
            for _ in range(min(len(dirty), _WRITES_AT_ONCE)):
                worker, _ = dirty.popitem(last=False)
                try:
                    worker.node.write(worker)
                except Exception as error:  # noqa: BLE001  as above
                    self._crashed(worker.env, error)
        self._scheduled = bool(events or dirty)
        if self._scheduled:
            self._loop.call_soon(self._work)

    def _crashed(self, about: Envelope, error: Exception) -> None:
        _log.error("a kubelet failed on %s", about.key, exc_info=error)
        if self._on_crash is not None:
            self._on_crash(error)

    def _handle(self, event: WatchEvent) -> None:
        resource = event.now.key.resource
        if resource == PODS:
            self._pod(event)
        elif resource == NODES:
            self._node(event)
        elif resource == MACHINES:
            node = self._api.find(NODES, "", event.now.name)
            if node is not None:
                self._node(WatchEvent(MODIFIED, node, node, node.revision))
        else:
            self.catalogue.forget()
            complaint = self.catalogue.complaint(event.now) if event.type != DELETED else ""
            if complaint:
                self._catalogue_recorder.event(event.now, "Warning", "InvalidImage", complaint)

    def _mark(self, worker: PodWorker) -> None:
        self._dirty[worker] = None
        self._wake()

    # -- pods ------------------------------------------------------------------------------------------------------

    def _pod(self, event: WatchEvent) -> None:
        env = event.now
        name = env.obj["spec"].get("nodeName")
        if not name:
            return
        bound = self._bound.setdefault(name, {})
        node = self.nodes.get(name)
        if event.type == DELETED:
            bound.pop(env.uid, None)
            if node is not None:
                node.pod_gone(env.uid)
            else:
                self.network.unranged.give_back(env.uid)
            return
        bound[env.uid] = env
        if node is not None and node.running:
            node.pod_seen(env)

    # -- nodes -----------------------------------------------------------------------------------------------------

    def _node(self, event: WatchEvent) -> None:
        env = event.now
        node = self.nodes.get(env.name)
        if event.type == DELETED:
            if node is not None and node.env.uid == env.uid:
                self._drop_node(node)
            return
        if node is not None and (node.env.uid != env.uid or isinstance(node, FakeNode) is not is_fake(env)):
            self._drop_node(node)
            node = None
        if node is None:
            self.network.learn(env)
            self._add_node(env)
            return
        if self.effects.active or node.hogs:
            node.burden(self.effects.hogs(env))
        off = not self._has_power(env)
        if not off and self.effects.reboots(env):
            if node.running:
                self._reboot(node)
                node.node_seen(env)
            elif not node.lost_power:
                self._power_cut(node)
            node.env = env
        elif off or self._is_silent(env):
            node.env = env
            if node.running:
                self._stop(node)
            node.cut_off = self._is_cut_off(env)
            if off:
                node.power_off()
        elif node.running:
            if shutdown.reboot_word(env) not in ("", shutdown.reboot_word(node.env)):
                self._reboot(node)
            node.node_seen(env)
        elif node.name in self._booting:
            node.env = env
        else:
            node.env = env
            self._start(node, fresh=node.lost_power or not node.cut_off)

    def _is_silent(self, env: Envelope) -> bool:
        """Its kubelet does not run, or nobody hears it."""
        return machine.is_stopped(env) or self.effects.stops_kubelet(env) or self.effects.cuts_off(env)

    def _is_cut_off(self, env: Envelope) -> bool:
        """Its kubelet runs, but has no network: it goes on where it was."""
        return self.effects.cuts_off(env) and not (machine.is_stopped(env) or self.effects.stops_kubelet(env))

    def _faults_changed(self, changed: Sequence[Fault]) -> None:
        """Nodes are looked at again; their kubelets hear of what concerns pods and images."""
        if not self._started:
            return
        pods = [fault for fault in changed if fault.action in POD_ACTIONS]
        images = [fault for fault in changed if fault.action in IMAGE_ACTIONS]
        for node in list(self.nodes.values()):
            if any(fault.means_node(node.env) for fault in changed):
                env = self._api.find(NODES, "", node.name) or node.env
                self._enqueue(WatchEvent(MODIFIED, env, env, env.revision))
            node.faults_changed(pods, images)

    def _add_node(self, env: Envelope) -> None:
        node = self.nodes[env.name] = self._kubelet(env)
        node.burden(self.effects.hogs(env))
        node.cut_off = self._is_cut_off(env)
        rebooting = self.effects.reboots(env)
        if rebooting or not self._has_power(env):
            node.lost_power = True
            node.rebooted = rebooting or self.effects.takes_power(env)
        elif not self._is_silent(env):
            self._start(node, fresh=False)

    def _kubelet(self, env: Envelope) -> Kubelet:
        """The kind of kubelet that the Node declares."""
        if is_fake(env):
            return FakeNode(env, self._api, self._clock, self.config, self.network)
        return Node(env, self._api, self._clock, self.runtime, self.config, self.network, self._mark)

    def _has_power(self, env: Envelope) -> bool:
        """The machine behind the node runs; a bare node's always does, unless its zone is out."""
        if self.effects.takes_power(env):
            return False
        if not str((env.obj.get("spec") or {}).get("providerID") or "").startswith(_CLOUD):
            return True
        found = machine_of(self._api, env)
        return found is not None and (found.obj.get("status") or {}).get("phase") == "Running"

    def _drop_node(self, node: Kubelet) -> None:
        del self.nodes[node.name]
        self._leases.remove(node.name)
        self._reports.remove(node.name)
        node.remove()

    def _start(self, node: Kubelet, fresh: bool) -> None:
        node.start(fresh)
        was_silent = fresh or node.cut_off
        if node.cut_off:
            node.cut_off = False
            node.renew_lease()
        uid = node.env.uid
        self._leases.add(node.name, spread.within((0, self.config.lease_renew - 1), uid, "lease"))
        self._reports.add(node.name, spread.within((0, self.config.status_report - 1), uid, "report"))
        present = self._bound.get(node.name, {})
        for gone in [known for known in node.workers if known not in present]:
            node.pod_gone(gone)
        for env in list(present.values()):
            now = self._api.find(PODS, env.namespace, env.name)
            if now is not None and now.uid == env.uid:
                try:
                    node.take_up(now)
                    if was_silent:
                        node.speak_again(now)
                except Exception as error:  # noqa: BLE001  as above
                    self._crashed(now, error)
        node.lost_power = False

    def _stop(self, node: Kubelet) -> None:
        self._leases.remove(node.name)
        self._reports.remove(node.name)
        node.stop()

    def _reboot(self, node: Kubelet) -> None:
        """Its machine goes down, in good order if it is given the time, and comes up again."""
        node.shut_down(lambda: self._power_cut(node))

    def _power_cut(self, node: Kubelet) -> None:
        if node.running:
            self._stop(node)
        node.power_off()
        self._booting[node.name] = self._clock.call_later(shutdown.BOOT, lambda: self._boot(node))

    def _boot(self, node: Kubelet) -> None:
        del self._booting[node.name]
        env = node.env
        up = self._has_power(env) and not self.effects.reboots(env) and not self._is_silent(env)
        if self.nodes.get(node.name) is node and up:
            self._start(node, fresh=True)

    def _renew(self, name: str) -> None:
        self.nodes[name].renew_lease()

    def _report(self, name: str) -> None:
        self.nodes[name].report()
