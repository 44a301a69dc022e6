"""A pod's status, computed from what its containers do: phase, conditions, and everything `kubectl get pod` shows.

Rules: pkg/kubelet/kubelet_pods.go (getPhase) and pkg/kubelet/status/generate.go. Conditions that others own are kept,
before the kubelet's own; a condition's lastTransitionTime moves only with its status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.clock import rfc3339
from engine.kubelet.container import RUNNING, TERMINATED, Container
from store.types import JsonObject

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker

_OWN: Final = frozenset((
    "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled", "PodResizePending",
    "PodResizeInProgress",
))  # fmt: skip
_YES: Final = ("True", "", "")
_NO: Final = ("False", "", "")
_KEPT: Final = ("nominatedNodeName", "resourceClaimStatuses", "extendedResourceClaimStatus")


def pod_status(worker: PodWorker, before: JsonObject, now: int) -> JsonObject:
    """The status of a pod whose present object is `before`."""
    old: Mapping[str, Any] = before.get("status") or {}
    facts = worker.facts
    phase = (worker.finished and worker.failure_phase) or pod_phase(worker)
    had = old.get("conditions") or ()
    earlier = {c["type"]: c for c in had}
    generation = before["metadata"].get("generation", 1)
    status: JsonObject = {"phase": phase}
    conditions = [c for c in had if c["type"] not in _OWN]
    if worker.disruption and "DisruptionTarget" not in earlier:
        conditions.append({
            "type": "DisruptionTarget", "status": "True", "observedGeneration": generation, "lastProbeTime": None,
            "lastTransitionTime": rfc3339(now), "reason": "TerminationByKubelet", "message": worker.disruption,
        })  # fmt: skip
    if worker.rejected:
        conditions.extend(c for c in (earlier.get("PodScheduled"),) if c)
    else:
        ready = _containers_ready(worker, phase)
        stamp = rfc3339(now)
        if worker.resize is not None:
            type_, reason, message = worker.resize
            conditions.append(_condition(earlier.get(type_), type_, "True", reason, message, generation, stamp))
        for type_, (value, reason, message) in (
            ("PodReadyToStartContainers", _YES if worker.sandbox else _NO),
            ("Initialized", _initialized(worker, phase)),
            ("Ready", _gated(facts.gates, earlier, ready) if facts.gates else ready),
            ("ContainersReady", ready),
            ("PodScheduled", _YES),
        ):
            conditions.append(_condition(earlier.get(type_), type_, value, reason, message, generation, stamp))
    status["conditions"] = conditions
    if worker.finished:
        for name, text in (("reason", worker.failure_reason), ("message", worker.failure_message)):
            if text:
                status[name] = text
    status["observedGeneration"] = generation
    status["qosClass"] = old.get("qosClass") or facts.qos
    if worker.start_time:
        status["startTime"] = old.get("startTime") or rfc3339(worker.start_time)
    if not worker.rejected:
        status["hostIP"] = worker.node.address
        status["hostIPs"] = worker.node.addresses
        if worker.address:
            status["podIP"] = worker.address
            own = [worker.address] if facts.host_network else worker.node.addresses_of_pods.both(worker.address)
            status["podIPs"] = [{"ip": address} for address in own]
        if worker.inits:
            status["initContainerStatuses"] = [_init_status(c) for c in worker.inits]
        status["containerStatuses"] = [c.status() for c in worker.apps]
        if worker.ephemerals:
            status["ephemeralContainerStatuses"] = [_ephemeral_status(c) for c in worker.ephemerals]
    for name in _KEPT:
        if name in old:
            status[name] = old[name]
    return status


def _condition(
    was: JsonObject | None, type_: str, value: str, reason: str, message: str, generation: int, stamp: str
) -> JsonObject:
    """A condition of the kubelet's; the earlier one itself when it says the same."""
    since = stamp
    if was is not None and was["status"] == value:
        since = was["lastTransitionTime"]
        if (
            was.get("observedGeneration") == generation
            and was.get("reason", "") == reason
            and was.get("message", "") == message
        ):
            return was
    made = {
        "type": type_, "status": value, "observedGeneration": generation, "lastProbeTime": None,
        "lastTransitionTime": since,
    }  # fmt: skip
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made


def pod_phase(worker: PodWorker) -> str:
    """Pending, Running, Succeeded or Failed; the last two only when nothing runs any more (mergePodStatus)."""
    if not worker.finished and not all(
        c.completed if c.facts.kind == "init" else worker.initialized or c.started for c in worker.inits
    ):
        return "Pending"
    running = stopped = succeeded = waiting = 0
    for c in worker.apps:
        if c.state == RUNNING and not c.hooking:
            running += 1
        elif c.state == TERMINATED or c.last is not None:
            stopped += 1
            ended = c.terminated or c.last
            succeeded += ended is not None and ended["exitCode"] == 0
        else:
            waiting += 1
    if worker.finished:
        return "Succeeded" if stopped and succeeded == stopped and not waiting else "Failed"
    return "Pending" if waiting else "Running"


def _init_status(c: Container) -> JsonObject:
    status = c.status()
    if c.facts.kind == "init":
        status["ready"] = c.completed
    return status


def _ephemeral_status(c: Container) -> JsonObject:
    """Nobody asks whether it is ready, and it has no resources of its own."""
    status = {key: value for key, value in c.status().items() if key not in ("started", "resources")}
    return {**status, "ready": False}


def _initialized(worker: PodWorker, phase: str) -> tuple[str, str, str]:
    if phase == "Succeeded":
        return "True", "PodCompleted", ""
    if worker.initialized:
        return _YES
    incomplete = [c.facts.name for c in worker.inits if not (c.completed if c.facts.kind == "init" else c.started)]
    if not incomplete:
        return _YES
    return "False", "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(incomplete)}]"


def _containers_ready(worker: PodWorker, phase: str) -> tuple[str, str, str]:
    if phase == "Succeeded":
        return "False", "PodCompleted", ""
    if phase == "Failed":
        return "False", "PodFailed", ""
    counted = [c for c in worker.containers if c.facts.kind in ("sidecar", "app")]
    unready = [c.facts.name for c in counted if not c.ready]
    if not unready:
        return _YES
    return "False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"


def _gated(
    gates: Sequence[str], conditions: Mapping[str, JsonObject], ready: tuple[str, str, str]
) -> tuple[str, str, str]:
    """Ready: the containers' readiness, and every readiness gate's condition."""
    if ready[0] != "True":
        return ready
    messages = []
    for gate in gates:
        found = conditions.get(gate)
        if found is None:
            messages.append(f'corresponding condition of pod readiness gate "{gate}" does not exist.')
        elif found["status"] != "True":
            messages.append(f'the status of pod readiness gate "{gate}" is not "True", but {found["status"]}')
    if messages:
        return "False", "ReadinessGatesNotReady", ", ".join(messages)
    return ready
