"""One machine with its kubelet: the node's registration and status, and the workers of its pods.

Nothing here is stored: a `Node` is made from the Node object, its workers from the Pod objects, and a kubelet that
starts again takes over the containers that have been running meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from engine.api.errors import ApiError, Conflict, NotFound
from engine.api.kinds import NODES, PODS
from engine.api.server import Api, DeleteOptions
from engine.clock import Clock, Timer
from engine.events import EventRecorder
from engine.faults.effects import Hog
from engine.faults.targets import Fault
from engine.kubelet import admission, credentials, ending, machine, resize, restore, shutdown, spread
from engine.kubelet.addresses import NodeAddresses, PodAddresses
from engine.kubelet.allocation import Allocation
from engine.kubelet.attachments import Attachments
from engine.kubelet.behaviour import COMPLETE, FAIL, HANG, MEMORY, NOT_READY, STORAGE
from engine.kubelet.collecting import ContainerCollector, ImageCollector
from engine.kubelet.config import KubeletConfig
from engine.kubelet.container import RUNNING
from engine.kubelet.eviction import Pressure
from engine.kubelet.facts import facts_of
from engine.kubelet.images import NodeImages
from engine.kubelet.kubelet import Kubelet
from engine.kubelet.podstatus import pod_status
from engine.kubelet.references import InvalidReference, parse
from engine.kubelet.runtime import Runtime
from engine.kubelet.shutdown import Shutdown
from engine.kubelet.signals import CONDITIONS
from engine.kubelet.usage import declared_usage
from engine.kubelet.volumes import Volumes
from engine.kubelet.worker import PodWorker
from engine.storage.attaching import reported_attached, reported_in_use
from store.types import Envelope, JsonObject, Uid

_log = logging.getLogger(__name__)
_ENFORCED: Final = "Updated Node Allocatable limit across pods"
_BEHAVIOUR: Final = (COMPLETE, FAIL, HANG, NOT_READY, MEMORY, STORAGE)


class Node(Kubelet):
    """One machine, with a container runtime as real ones have it."""

    def __init__(
        self, env: Envelope, api: Api, clock: Clock, runtime: Runtime, config: KubeletConfig,
        network: NodeAddresses, dirty: Callable[[PodWorker], None],
    ) -> None:  # fmt: skip
        """`dirty` is told of each pod whose status is to be written."""
        super().__init__(env, api, clock, config)
        self.runtime = runtime
        self._recorder = EventRecorder(api, "kubelet", env.name)
        self._network, self._dirty = network, dirty
        self.images = NodeImages(runtime, clock, machine.puller(env), config, self._images_changed)
        self.volumes = Volumes(api)
        self.attachments = Attachments(api, env.name)
        self.waiting_for_volumes: dict[Uid, PodWorker] = {}
        """Pods whose volumes are not attached yet."""
        self._volumes_timer: Timer | None = None
        self.pressure = Pressure(self)
        self.collector = ImageCollector(self)
        self.sweeper = ContainerCollector(self)
        self.allocation = Allocation(clock)
        self.shutdown: Shutdown | None = None
        """The machine goes down in good order."""
        self.addresses_of_pods = PodAddresses("10.244.0.0/24")
        self._pod_ranges: list[str] = []
        self._learn_addresses()
        self._learn_annotations()
        for image in (env.obj.get("status") or {}).get("images") or ():
            for name in image.get("names") or ():
                if "@" not in name:
                    self.know_image(name)

    # -- the kubelet's life ----------------------------------------------------------------------------------------

    def start(self, fresh: bool) -> None:
        self.running, self.shutdown = True, None
        if not machine.is_registered(self.env):
            self._register()
        elif fresh:
            self.renew_lease()
            self._start_timer = self.clock.call_later(self.config.recovery_delay, self.post_status)
            self.note("Normal", "Starting", "Starting kubelet.")
            self.note("Normal", "NodeAllocatableEnforced", _ENFORCED)
        elif not self._is_told():
            self._start_timer = self.clock.call_later(self.config.recovery_delay, self.post_status)
        if reported_in_use(self.env):
            self._volumes_changed()
        if fresh or self.beside or self.hogs or self._has_pressure():
            self.pressure.resume()

    def stop(self) -> None:
        super().stop()
        self.pressure.stop()
        self.collector.stop()
        for worker in self.workers.values():
            worker.suspend()

    def power_off(self) -> None:
        self.shutdown = None
        for worker in () if self.lost_power else self.workers.values():
            restore.cut_off(worker)
        super().power_off()

    def shut_down(self, cut: Callable[[], None]) -> None:
        """At once, or in good order where a grace period is configured."""
        if not self.config.shutdown_grace:
            cut()
        elif self.shutdown is None:
            self.shutdown = Shutdown(self, cut)
            self.post_status()
            self.shutdown.begin()

    def _register(self) -> None:
        api, now = self.api, self.clock.now()
        # Others write the node while it waits to be registered: start from what it is now.
        self.env = api.find(NODES, "", self.name) or self.env
        pod_range = (self.env.obj.get("spec") or {}).get("podCIDR") or ""
        if not pod_range and self.config.own_pod_ranges:
            pod_range = self._network.pod_range()
        obj = machine.registered_object(self.env, pod_range)
        try:
            self.env = api.update(self.caller, NODES, "", self.name, obj)
            address = self.address or self._network.host()
            status, complaint = machine.registered_status(self.env, address, self.config)
            status["conditions"], events = machine.conditions(status, now, machine.NETWORK_NOT_READY)
            self.env = api.update_status(self.caller, self.env, status)
        except ApiError as error:
            _log.warning("node %s cannot be registered: %s", self.name, error)
            self._start_timer = self.clock.call_later(self.config.recovery_delay, self._register_again)
            return
        self._learn_addresses()
        self.note("Normal", "Starting", "Starting kubelet.")
        self._say_conditions([event for event in events if event != "NodeNotReady"])
        self.note("Normal", "NodeAllocatableEnforced", _ENFORCED)
        if complaint:
            self.note("Warning", "InvalidCapacity", complaint)
        self.renew_lease()
        delay = spread.within(self.config.ready_delay, self.env.uid, "ready")
        self._start_timer = self.clock.call_later(delay, self.post_status)

    def _register_again(self) -> None:
        env = self.api.find(NODES, "", self.name)
        if env is not None and self.running:
            self.env = env
            self._register()

    def _has_pressure(self) -> bool:
        conditions = (self.env.obj.get("status") or {}).get("conditions") or ()
        return any(c["type"] in CONDITIONS and c["status"] == "True" for c in conditions)

    def _is_told(self) -> bool:
        """The Ready condition says what this kubelet says."""
        return self._says_ready() is (self.shutdown is None)

    def _learn_annotations(self) -> None:
        """What the Node object declares about its machine."""
        self.has_credentials = bool(credentials.node_registries(self.env.obj))
        """The machine itself is logged in to some registry."""
        for image in machine.preloaded_images(self.env):
            self.know_image(image)
        usage, complaint = declared_usage(self.env)
        if complaint:
            self.note("Warning", "InvalidUsage", complaint)
        if usage != self.beside:
            self.beside = usage
            self.pressure.touch()

    def burden(self, hogs: tuple[Hog, ...]) -> None:
        if hogs != self.hogs:
            self.hogs = hogs
            if self.running:
                self.pressure.touch()

    def _images_changed(self) -> None:
        self.status_changed()
        self.pressure.touch()

    def _learn_addresses(self) -> None:
        """The node's own address, and the range of its pods'."""
        super()._learn_addresses()
        spec = self.env.obj.get("spec") or {}
        ranges = list(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else ()))
        if ranges and ranges != self._pod_ranges:
            self._pod_ranges = ranges
            self.addresses_of_pods = PodAddresses(*ranges)

    # -- lease and status ------------------------------------------------------------------------------------------

    def _status(self, env: Envelope) -> tuple[JsonObject, Callable[[], None]]:
        status = dict(env.obj.get("status") or {})
        # The network plugin comes up when the node has a range of pod addresses.
        has_range = bool((env.obj.get("spec") or {}).get("podCIDR")) or self.config.own_pod_ranges
        not_ready = "" if has_range else machine.NETWORK_NOT_READY
        if self.shutdown is not None:
            not_ready = shutdown.NOT_READY
        if self.rebooted:
            info = status.get("nodeInfo") or {}
            status["nodeInfo"] = {**info, "bootID": shutdown.next_boot_id(info)}
        status["conditions"], events = machine.conditions(status, self.clock.now(), not_ready, self.pressure.conditions)
        status["images"] = self.images.status()
        status = machine.with_capacity(status, env)

        def posted() -> None:
            if self.rebooted:
                self.rebooted = False
                boot_id = status["nodeInfo"]["bootID"]
                self.note("Warning", "Rebooted", f"Node {self.name} has been rebooted, boot id: {boot_id}")
            self._say_conditions(events)

        return status, posted

    def node_seen(self, env: Envelope) -> None:
        before, self.env = self.env, env
        if (env.obj.get("status") or {}).get("addresses") != (before.obj.get("status") or {}).get("addresses") or (
            env.obj.get("spec") or {}
        ).get("podCIDRs") != (before.obj.get("spec") or {}).get("podCIDRs"):
            self._learn_addresses()
        if env.obj["metadata"].get("annotations") != before.obj["metadata"].get("annotations"):
            self._learn_annotations()
            complaint = machine.kubelet_complaint(env)
            if complaint and complaint != machine.kubelet_complaint(before):
                self.note("Warning", "InvalidKubelet", complaint)
        if self.waiting_for_volumes and reported_attached(env) != reported_attached(before):
            waiting, self.waiting_for_volumes = self.waiting_for_volumes, {}
            for worker in waiting.values():
                if not worker.terminating:
                    worker.make_sandbox()
        if self._is_starting():
            return
        asked, complaint = machine.asked_capacity(env)
        resized = (asked, complaint) != machine.asked_capacity(before)
        if resized:
            self.pressure.touch()
            if complaint:
                self.note("Warning", "InvalidCapacity", complaint)
        if resized or not self._is_told():
            self.status_changed()

    def uses_volumes(self, worker: PodWorker) -> None:
        """The pod's volumes are in use from now on, until it has ended."""
        if self.attachments.take(worker.env):
            self._volumes_changed()

    def _volumes_changed(self) -> None:
        """status.volumesInUse is posted once the present instant's pods have been looked at."""
        if self._volumes_timer is None or not self._volumes_timer.active:
            self._volumes_timer = self.clock.call_later(0, self._post_volumes)

    def _post_volumes(self) -> None:
        env = self.api.find(NODES, "", self.name)
        if env is None or not self.running:
            return
        used = self.attachments.in_use()
        status = {key: value for key, value in (env.obj.get("status") or {}).items() if key != "volumesInUse"}
        try:
            self.env = self.api.update_status(self.caller, env, {**status, "volumesInUse": used} if used else status)
        except ApiError as error:
            _log.warning("volumes of node %s: %s", self.name, error)

    def _say_conditions(self, events: list[str]) -> None:
        for event in events:
            self.note("Normal", event, f"Node {self.name} status is now: {event}")

    def note(self, type_: str, reason: str, message: str) -> None:
        """An event about the node. Kubelets do not know their node's uid: they write its name there."""
        obj = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name, "uid": self.name}}
        self.say(Envelope(self.env.key, self.env.revision, b"", obj), type_, reason, message)

    # -- pods ------------------------------------------------------------------------------------------------------

    def pod_seen(self, env: Envelope) -> None:
        worker = self.workers.get(env.uid)
        if worker is None:
            self._new_pod(env)
            return
        before = worker.seen
        now = worker.seen = env.obj
        if env.revision > worker.env.revision:
            worker.env = env
        meta, was = now["metadata"], before["metadata"]
        if "deletionTimestamp" in meta:
            if any(meta.get(field) != was.get(field) for field in ("deletionTimestamp", "deletionGracePeriodSeconds")):
                ending.terminate(worker, meta.get("deletionGracePeriodSeconds") or 0)
            return
        spec, old = now["spec"], before["spec"]
        if spec is not old:
            if spec.get("activeDeadlineSeconds") != old.get("activeDeadlineSeconds"):
                worker.watch_deadline()
            if any(spec.get(field) != old.get(field) for field in ("containers", "initContainers")):
                resize.spec_changed(worker)
            if spec.get("ephemeralContainers") != old.get("ephemeralContainers"):
                worker.add_ephemerals(spec.get("ephemeralContainers") or ())
                worker.post()
                worker.advance()
        notes, earlier = meta.get("annotations"), was.get("annotations")
        if notes is not earlier and any((notes or {}).get(key) != (earlier or {}).get(key) for key in _BEHAVIOUR):
            restore.change_behaviour(worker)
        if now.get("status") is not worker.posted and not worker.finished:
            worker.post()

    def _new_pod(self, env: Envelope) -> None:
        """Take up a pod: a new one, or one that an earlier kubelet has worked on."""
        known = restore.is_known(env)
        worker = PodWorker(self, env, resize.facts_of_known(env) if known else facts_of(env.obj["spec"]))
        self.workers[env.uid] = worker
        meta = env.obj["metadata"]
        if known:
            restore.from_status(worker)
            if resize.is_pending(env):
                resize.consider(worker)
        elif not meta.get("deletionTimestamp"):
            worker.begin()
        if meta.get("deletionTimestamp"):
            ending.terminate(worker, meta.get("deletionGracePeriodSeconds") or 0)

    def take_up(self, env: Envelope) -> None:
        worker = self.workers.get(env.uid)
        if worker is None:
            self._new_pod(env)
            return
        worker.env, worker.seen = env, env.obj
        restore.resume(worker)
        meta = env.obj["metadata"]
        if meta.get("deletionTimestamp"):
            worker.terminating = False
            ending.terminate(worker, meta.get("deletionGracePeriodSeconds") or 0)

    def speak_again(self, env: Envelope) -> None:
        worker = self.workers.get(env.uid)
        if worker is not None and not worker.finished and "deletionTimestamp" not in env.obj["metadata"]:
            worker.post()

    def faults_changed(self, pods: list[Fault], images: list[Fault]) -> None:
        """Running containers and pulls under way go on as the faults have it now."""
        if images:
            self.images.ask_again(lambda reference: any(fault.means_image(reference) for fault in images))
        for worker in list(self.workers.values()) if pods and self.running else ():
            if any(fault.means_pod(worker.env) for fault in pods):
                restore.change_behaviour(worker)

    def pod_gone(self, uid: Uid) -> None:
        """The pod object was removed: whatever still runs is killed."""
        worker = self.workers.pop(uid, None)
        self.volumes.forget(uid)
        if worker is None:
            return
        worker.suspend()
        if self.running:
            for c in worker.containers:
                if c.state == RUNNING and not c.killing:
                    worker.say("Normal", "Killing", f"Stopping container {c.facts.name}", c)
        self.release(worker)

    def admit(self, worker: PodWorker) -> tuple[str, str] | None:
        """Count a pod in; (reason, message) when the node refuses it."""
        node = self.api.find(NODES, "", self.name) or self.env
        if self.shutdown is not None:
            return shutdown.REFUSAL
        refusal = self.pressure.refusal(worker) or admission.refusal(
            worker.env.obj, worker.facts, node.obj, self.allocation.usage
        )
        if refusal is None:
            self.allocation.count(worker)
        return refusal

    def release(self, worker: PodWorker) -> None:
        """The pod uses nothing any more."""
        if self.allocation.leave(worker) and self.shutdown is not None:
            self.shutdown.ended(worker.uid)
        self.addresses_of_pods.give_back(worker.uid)
        self.waiting_for_volumes.pop(worker.uid, None)
        if self.attachments.drop(worker.uid):
            self._volumes_changed()

    def know_image(self, image: str) -> None:
        """A container of this node was made from this image."""
        try:
            self.images.add(parse(image))
        except InvalidReference:
            return

    def say(self, about: Envelope, type_: str, reason: str, message: str, field_path: str = "") -> None:
        """An event of this kubelet."""
        self._recorder.event(about, "Warning" if type_ == "Warning" else "Normal", reason, message, field_path)

    def post(self, worker: PodWorker) -> None:
        """Write a pod's status at the end of this instant."""
        self._dirty(worker)

    def write(self, worker: PodWorker) -> None:
        """Write a pod's status now, if it changed."""
        env = self.api.find(PODS, worker.env.namespace, worker.env.name)
        if env is None or env.uid != worker.uid or not self.running:
            return
        try:
            worker.env = self.api.update_status(self.caller, env, pod_status(worker, env.obj, self.clock.now()))
            worker.posted = worker.env.obj["status"]
        except (NotFound, Conflict):
            return

    def let_go(self, worker: PodWorker) -> None:
        """Delete the object of a pod that has ended, after its last status."""

        def delete() -> None:
            self.write(worker)
            options = DeleteOptions(grace_period_seconds=0, uid=worker.uid)
            try:
                self.api.delete(self.caller, PODS, worker.env.namespace, worker.env.name, options)
            except (NotFound, Conflict):
                return

        self.clock.call_later(0, delete)
