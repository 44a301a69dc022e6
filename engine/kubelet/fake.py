"""A node with a bare fake runtime: its pods are said to run, and nothing is behind them.

What a kubelet with such a runtime does to a pod (KWOK's stages pod-ready, pod-complete and pod-delete): a bound pod
runs with every container ready a few milliseconds later, by one write; a Job's pod then succeeds; a pod that is to be
deleted is gone at once, whatever its grace period and hooks. No images, volumes, probes, restarts, evictions, events,
logs, commands, metrics. What a pod's own annotations say of an end (`kubarium.dev/complete`, `fail`, `hang`,
`notready`) holds here too. Finalizers of others are left alone, which KWOK empties.

Level-based: `_next` tells from the pod as it is what its kubelet does next; each pod has at most one timer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.api.errors import ApiError, Conflict, NotFound
from engine.api.kinds import NODES, PODS
from engine.api.server import Api, DeleteOptions
from engine.clock import Clock, Timer, parse_time, rfc3339
from engine.faults.effects import Hog
from engine.faults.targets import Fault
from engine.kubelet import machine, spread
from engine.kubelet.addresses import NodeAddresses, PodAddresses
from engine.kubelet.behaviour import COMPLETE, FAIL, HANG, NOT_READY, parse_ending
from engine.kubelet.config import KubeletConfig
from engine.kubelet.kubelet import Kubelet
from store.types import Envelope, JsonObject, Uid

KWOK: Final = "kwok.x-k8s.io/node"
"""Annotation "fake" of the nodes that KWOK manages."""
SCHEME: Final = "fake://"
"""How `status.nodeInfo.containerRuntimeVersion` begins, and the ids of containers and images."""
_RUNTIME: Final = f"{SCHEME}1.0"
_SIZE: Final = {"cpu": "1k", "memory": "1Ti", "pods": "1M"}
"""Of a node that declares no capacity, as KWOK has it."""
_OWN: Final = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")
_ENDED: Final = ("Succeeded", "Failed")
_BEGIN: Final = "begin"
_END: Final = "end"
_DELETE: Final = "delete"
_NONE: Final[Mapping[str, Any]] = {}
_log = logging.getLogger(__name__)


def is_fake(node: Envelope) -> bool:
    """The Node declares a bare fake runtime, by its runtime's version or by KWOK's annotation."""
    return (
        machine.runtime(node).startswith(SCHEME)
        or (node.obj["metadata"].get("annotations") or _NONE).get(KWOK) == "fake"
    )


class FakeNode(Kubelet):
    """One machine whose runtime is a bare fake."""

    def __init__(self, env: Envelope, api: Api, clock: Clock, config: KubeletConfig, network: NodeAddresses) -> None:
        super().__init__(env, api, clock, config)
        self._network = network
        self._range: tuple[str, ...] = ()
        self._pod_addresses = network.unranged
        self._steps: dict[Uid, tuple[str, Timer]] = {}
        """What is to be done next to a pod, and when; of those pods to which anything is."""
        self.unserved = f"node {self.name} has a fake runtime: its containers have no output and run no commands"
        self._learn_addresses()

    # -- the kubelet's life ----------------------------------------------------------------------------------------

    def start(self, fresh: bool) -> None:
        self.running = True
        if not machine.is_registered(self.env):
            self._register()
            return
        if fresh:
            self.renew_lease()
        if fresh or not self._says_ready():
            self._start_timer = self.clock.call_later(self.config.recovery_delay, self.post_status)

    def stop(self) -> None:
        super().stop()
        for _, timer in self._steps.values():
            timer.cancel()
        self._steps.clear()

    def _register(self) -> None:
        """The node is ready at once, with what its manifest says and hardly more."""
        present = self.api.find(NODES, "", self.name)
        if present is None or not self.running:
            return
        try:
            self.env = self.api.update(self.caller, NODES, "", self.name, machine.with_ttl(present.obj))
            self.env = self.api.update_status(self.caller, self.env, self._registered(self.env))
        except ApiError as error:
            _log.warning("node %s cannot be registered: %s", self.name, error)
            self._start_timer = self.clock.call_later(self.config.recovery_delay, self._register)
            return
        self._learn_addresses()
        self.renew_lease()

    def _registered(self, env: Envelope) -> JsonObject:
        status = dict(env.obj.get("status") or _NONE)
        asked, _ = machine.asked_capacity(env)
        capacity = {**(status.get("capacity") or (_NONE if asked else _SIZE)), **asked}
        status["capacity"] = capacity
        status["allocatable"] = {**(status.get("allocatable") or capacity), **asked}
        if not status.get("addresses"):
            status["addresses"] = [
                {"type": "InternalIP", "address": self._network.host()},
                {"type": "Hostname", "address": self.name},
            ]
        status["daemonEndpoints"] = {"kubeletEndpoint": {"Port": 0}}
        os, architecture = machine.platform(env).split("/")
        info = {
            "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "osImage": "",
            "containerRuntimeVersion": _RUNTIME, "kubeletVersion": self.config.version, "kubeProxyVersion": "",
            "operatingSystem": os, "architecture": architecture,
        }  # fmt: skip
        given = {name: value for name, value in (status.get("nodeInfo") or _NONE).items() if value}
        status["nodeInfo"] = info | given
        status["conditions"], _ = machine.conditions(status, self.clock.now())
        return status

    def _status(self, env: Envelope) -> tuple[JsonObject, Callable[[], None]]:
        status = dict(env.obj.get("status") or _NONE)
        status["conditions"], _ = machine.conditions(status, self.clock.now())
        return machine.with_capacity(status, env), self._posted

    def _posted(self) -> None:
        self.rebooted = False

    def node_seen(self, env: Envelope) -> None:
        before, self.env = self.env, env
        self._learn_addresses()
        resized = machine.asked_capacity(env) != machine.asked_capacity(before)
        if not self._is_starting() and (resized or not self._says_ready()):
            self.status_changed()

    def _learn_addresses(self) -> None:
        """The node's own address, and its pods' range: all nodes without one share another."""
        super()._learn_addresses()
        spec = self.env.obj.get("spec") or _NONE
        found = tuple(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else ()))
        if found != self._range:
            self._range, self._pod_addresses = found, PodAddresses(*found) if found else self._network.unranged

    # -- what is broken on purpose ---------------------------------------------------------------------------------

    def burden(self, hogs: tuple[Hog, ...]) -> None:
        """Nothing is measured here: no pressure."""

    def faults_changed(self, pods: list[Fault], images: list[Fault]) -> None:
        """There are no containers that could be otherwise."""

    # -- pods ------------------------------------------------------------------------------------------------------

    def pod_seen(self, env: Envelope) -> None:
        due = self._next(env)
        what, timer = self._steps.get(env.uid, ("", None))
        if timer is not None:
            if due is not None and due[0] == what and what != _END:
                return
            timer.cancel()
            del self._steps[env.uid]
        if due is not None:
            what, at = due
            self._steps[env.uid] = what, self.clock.call_at(at, lambda: self._step(env))

    def take_up(self, env: Envelope) -> None:
        if address := (env.obj.get("status") or _NONE).get("podIP"):
            self._pod_addresses.claim(env.uid, address)
        self.pod_seen(env)

    def speak_again(self, env: Envelope) -> None:
        """All was said when the pod was taken up."""

    def pod_gone(self, uid: Uid) -> None:
        _, timer = self._steps.pop(uid, ("", None))
        if timer is not None:
            timer.cancel()
        for addresses in (self._pod_addresses, self._network.unranged):
            addresses.give_back(uid)

    def _next(self, env: Envelope) -> tuple[str, int] | None:
        """What is to be done to the pod, and at which instant; None: nothing, as it is."""
        meta, status = env.obj["metadata"], env.obj.get("status") or _NONE
        soon = self.clock.now() + spread.within(self.config.fake_latency, env.uid)
        if "deletionTimestamp" in meta:
            # With a grace period of 0 it waits for somebody's finalizer only.
            return (_DELETE, soon) if meta.get("deletionGracePeriodSeconds") else None
        if status.get("phase") in _ENDED:
            return None
        if not self._is_told(env):
            return _BEGIN, soon
        end = ending(env.obj)
        if end is None:
            return None
        return _END, max(soon, parse_time(status["startTime"]) + end[0])

    def _step(self, seen: Envelope) -> None:
        """A pod's time has come: do what is due to it as it is now."""
        what, _ = self._steps.pop(seen.uid)
        env = self.api.find(PODS, seen.namespace, seen.name)
        due = self._next(env) if env is not None and env.uid == seen.uid and self.running else None
        if env is None or due is None or due[0] != what:
            return
        try:
            if what == _DELETE:
                options = DeleteOptions(grace_period_seconds=0, uid=env.uid)
                self.api.delete(self.caller, PODS, env.namespace, env.name, options)
            elif what == _BEGIN:
                self.api.update_status(self.caller, env, self._running(env))
            elif (end := ending(env.obj)) is not None:
                self.api.update_status(self.caller, env, self._ended(env, end[1]))
        except (NotFound, Conflict):
            return
        except ApiError as error:
            _log.warning("pod %s of fake node %s: %s", env.key, self.name, error)

    def _is_told(self, env: Envelope) -> bool:
        """The pod's status says that it runs, as this kubelet has it."""
        status = env.obj.get("status") or _NONE
        if status.get("phase") != "Running" or not status.get("startTime"):
            return False
        told = {c["type"]: c["status"] for c in status.get("conditions") or ()}
        return all(told.get(type_) == value for type_, value, _ in _conditions(env.obj)[: len(_OWN)])

    # -- statuses --------------------------------------------------------------------------------------------------

    def _running(self, env: Envelope) -> JsonObject:
        """The status of a pod that runs."""
        obj, stamp = env.obj, rfc3339(self.clock.now())
        old, spec = obj.get("status") or _NONE, obj["spec"]
        status = {**old, "conditions": _with_conditions(old, _conditions(obj), stamp)}
        ready = not _is_not_ready(obj)
        apps, inits = spec["containers"], spec.get("initContainers") or ()
        had = old.get("containerStatuses"), old.get("initContainerStatuses")
        status["containerStatuses"] = _containers(env.uid, 0, apps, had[0], stamp, ready)
        if inits:
            status["initContainerStatuses"] = _containers(env.uid, len(apps), inits, had[1], stamp, True, init=True)
        status["phase"] = "Running"
        if self.address:
            status |= {"hostIP": self.address, "hostIPs": self.addresses}
        if not old.get("podIP") and (addresses := self._addresses_for(env)):
            status |= {"podIP": addresses[0], "podIPs": [{"ip": each} for each in addresses]}
        status.setdefault("startTime", stamp)
        return status

    def _addresses_for(self, pod: Envelope) -> list[str]:
        """Of a pod that has none yet; of both IP families where the node's ranges are. Empty when all are taken."""
        if pod.obj["spec"].get("hostNetwork"):
            return [self.address] if self.address else []
        address = self._pod_addresses.take(pod.uid)
        return self._pod_addresses.both(address) if address else []

    def _ended(self, env: Envelope, code: int) -> JsonObject:
        """The status of a pod whose containers have exited with `code`."""
        old, stamp = env.obj["status"], rfc3339(self.clock.now())
        phase, reason = ("Failed", "PodFailed") if code else ("Succeeded", "PodCompleted")
        said = [*_conditions(env.obj)[:2], ("Ready", "False", reason), ("ContainersReady", "False", reason)]
        status = {**old, "conditions": _with_conditions(old, said, stamp), "phase": phase}
        for field, exit_code in (("containerStatuses", code), ("initContainerStatuses", 0)):
            if field in old:
                status[field] = [_over(each, stamp, exit_code) for each in old[field]]
        return status


def ending(pod: JsonObject) -> tuple[int, int] | None:
    """(microseconds after its start, exit code) at which a pod's containers end by themselves; None: never."""
    meta = pod["metadata"]
    notes: Mapping[str, str] = meta.get("annotations") or _NONE
    end = (0, 0) if any(ref["kind"] == "Job" for ref in meta.get("ownerReferences") or ()) else None
    if notes.get(COMPLETE) == "false" or notes.get(HANG) == "true" or _is_not_ready(pod):
        end = None
    for key, code in ((COMPLETE, 0), (FAIL, 1)):
        if notes.get(key, "false") != "false":
            try:
                end = parse_ending(notes[key], code)
            except ValueError:
                continue
    return end


def _is_not_ready(pod: JsonObject) -> bool:
    return (pod["metadata"].get("annotations") or _NONE).get(NOT_READY) == "true"


def _conditions(pod: JsonObject) -> list[tuple[str, str, str]]:
    """(type, status, reason) of the conditions of a pod that runs, those of its readiness gates last."""
    ready = ("False", "ContainersNotReady") if _is_not_ready(pod) else ("True", "")
    gates = [(gate["conditionType"], "True", "") for gate in pod["spec"].get("readinessGates") or ()]
    return [(type_, *(ready if type_ in _OWN[2:] else ("True", ""))) for type_ in _OWN] + gates


def _with_conditions(status: Mapping[str, Any], said: list[tuple[str, str, str]], stamp: str) -> list[JsonObject]:
    """The kubelet's conditions, then those of others. A readiness gate that somebody has spoken of stays as it is."""
    earlier = {c["type"]: c for c in status.get("conditions") or ()}
    made = []
    for type_, value, reason in said:
        was = earlier.get(type_, _NONE)
        if was and type_ not in _OWN:
            continue
        since = was["lastTransitionTime"] if was.get("status") == value else stamp
        condition = {"type": type_, "status": value, "lastProbeTime": None, "lastTransitionTime": since}
        made.append(condition | ({"reason": reason} if reason else {}))
    return made + [c for type_, c in earlier.items() if type_ not in _OWN]


def _containers(
    uid: Uid, place: int, specs: list[JsonObject], earlier: list[JsonObject] | None, stamp: str, ready: bool,
    init: bool = False,
) -> list[JsonObject]:  # fmt: skip
    """ContainerStatuses of a pod that runs; `place`: of the first one in the pod.

    What runs or has completed already goes on so. An `init` container has completed, unless it is a sidecar.
    """
    had = {each["name"]: each.get("state") or _NONE for each in earlier or ()}
    made = []
    for at, spec in enumerate(specs, place):
        id_, was = f"{SCHEME}{uid}-{at}", had.get(spec["name"], _NONE)
        if init and spec.get("restartPolicy") != "Always":
            done = was.get("terminated")
            state = {"terminated": done} if done is not None else _terminated(id_, stamp, stamp, 0)
        else:
            state = {"running": was.get("running") or {"startedAt": stamp}}
        made.append({
            "name": spec["name"], "state": state, "lastState": {}, "ready": ready, "restartCount": 0,
            "image": spec["image"], "imageID": f"{SCHEME}{spec['image']}", "containerID": id_,
            "started": "running" in state,
        })  # fmt: skip
    return made


def _over(status: JsonObject, stamp: str, code: int) -> JsonObject:
    """The status of a container that has ended now, if it ran."""
    running = status["state"].get("running")
    if running is None:
        return status
    state = _terminated(status["containerID"], running["startedAt"], stamp, code)
    return {**status, "state": state, "ready": False, "started": False}


def _terminated(id_: str, started: str, finished: str, code: int) -> JsonObject:
    """A ContainerState."""
    return {
        "terminated": {
            "exitCode": code, "reason": "Error" if code else "Completed", "startedAt": started, "finishedAt": finished,
            "containerID": id_,
        }
    }  # fmt: skip
