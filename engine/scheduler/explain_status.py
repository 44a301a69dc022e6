"""What keeps a pod that has a node from running well, read from the status that its kubelet wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.api.kinds import EVENTS, NODES
from engine.api.server import Api
from store.types import Envelope

Status = Mapping[str, Any]
_STARTING: Final = ("ContainerCreating", "PodInitializing", "")
_MEANING: Final[Mapping[str, str]] = {
    "ImagePullBackOff": "The image cannot be pulled; the kubelet tries again with a growing pause (at most 5 minutes). "
    "Check its name, its tag and the pull secrets.",
    "ErrImagePull": "The image cannot be pulled. Check its name, its tag and the pull secrets.",
    "ErrImageNeverPull": "imagePullPolicy is Never and the node does not have the image.",
    "InvalidImageName": "The image's name cannot be parsed.",
    "CrashLoopBackOff": "The container ends soon after each start; the kubelet waits longer before each restart "
    "(at most 5 minutes). Its previous logs tell what it said last.",
    "CreateContainerConfigError": "Something that the container's environment refers to is missing (a ConfigMap, a "
    "Secret or a key in it).",
    "CreateContainerError": "The runtime could not create the container.",
    "RunContainerError": "The runtime could not start the container (often a wrong command).",
    "PostStartHookError": "Its postStart hook failed, so it was killed; it is started again with a growing pause.",
    "Evicted": "Its node ran short of something and ended it; whoever owns the pod makes another one elsewhere.",
    "Preempting": "Its kubelet ended it to make room for a critical pod.",
    "Terminated": "Its machine was shut down in good order.",
}  # fmt: skip
_OBSTACLES: Final[Mapping[str, str]] = {
    "FailedMount": "A volume cannot be mounted; the kubelet tries again with a growing pause (at most 2 minutes).",
    "FailedAttachVolume": "A volume cannot be attached to the node.",
    "FailedCreatePodSandBox": "The runtime cannot make a sandbox for the pod; the kubelet tries again.",
}
"""Events that say why a pod's containers are not created."""


def status_report(api: Api, env: Envelope) -> tuple[str, tuple[str, ...]]:
    """(headline, explanation) for a pod that has a node or has ended."""
    status: Status = env.obj.get("status") or {}
    node = env.obj["spec"].get("nodeName", "")
    phase = status.get("phase", "Pending")
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    if phase in ("Succeeded", "Failed"):
        reason = ": ".join(part for part in (status.get("reason"), status.get("message")) if part)
        ends = [line for container in containers for line in _ended(container, "state")]
        if meaning := _MEANING.get(status.get("reason") or ""):
            ends.insert(0, meaning)
        return f"{phase}: {reason}" if reason else phase, tuple(ends) or ("The pod has ended; it is not restarted.",)
    trouble = _node_trouble(api, node)
    if env.obj["metadata"].get("deletionTimestamp"):
        grace = env.obj["metadata"].get("deletionGracePeriodSeconds", 0)
        lines = [f"Its containers have {grace}s to end from the moment it was deleted."]
        if finalizers := env.obj["metadata"].get("finalizers"):
            lines.append(f"Finalizers hold it: {', '.join(finalizers)}.")
        return f"Terminating on {node}", (*lines, *trouble)
    if trouble:
        return trouble[0], trouble[1:]
    for container in containers:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason", "") not in _STARTING:
            return _waiting(container, waiting)
    if phase == "Pending" and (obstacle := _obstacle(api, env)) is not None:
        return obstacle
    headline, explanation = _starting_or_running(env, status, phase, node)
    return headline, (*explanation, *_resize(status))


def _obstacle(api: Api, env: Envelope) -> tuple[str, tuple[str, ...]] | None:
    """The newest event that tells why the pod's containers are not created; None while they are, or soon will be."""
    statuses = (env.obj.get("status") or {}).get("containerStatuses") or ()
    if any(c.get("containerID") for c in statuses):
        return None
    found = [
        event.obj for event in api.store.list(EVENTS, env.namespace)
        if event.obj["reason"] in _OBSTACLES and event.obj["involvedObject"].get("uid") == env.uid
    ]  # fmt: skip
    if not found:
        return None
    last = max(found, key=lambda obj: (str(obj.get("lastTimestamp") or ""), obj["metadata"]["name"]))
    return f"{last['reason']}: {last['message']}", (_OBSTACLES[last["reason"]],)


def _resize(status: Status) -> list[str]:
    """Where a change of the pod's resources stands."""
    lines = []
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodResizePending" and condition["status"] == "True":
            lines.append(f"Its resize is {condition.get('reason', 'pending')}: {condition.get('message', '')}")
        elif condition["type"] == "PodResizeInProgress" and condition["status"] == "True":
            lines.append(f"It is being resized. {condition.get('message', '')}".rstrip())
    return lines


def _starting_or_running(env: Envelope, status: Status, phase: str, node: str) -> tuple[str, tuple[str, ...]]:
    spec = env.obj["spec"]
    done = 0
    sidecars = {each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    for container in status.get("initContainerStatuses") or ():
        state = container.get("state") or {}
        sidecar = container["name"] in sidecars and container.get("started")
        if sidecar or ("terminated" in state and state["terminated"].get("exitCode") == 0):
            done += 1
            continue
        total = len(spec.get("initContainers") or ())
        verb = "is running" if "running" in state else "has not started yet"
        lines = _last_end(container)
        return f"Init container {container['name']} {verb} ({done} of {total} done)", tuple(lines)
    statuses = status.get("containerStatuses") or []
    if phase == "Pending":
        return f"Starting on {node}", ("Its images are being pulled or its containers are being created.",)
    not_ready = [c for c in statuses if not c.get("ready")]
    if not_ready:
        return _not_ready(spec, not_ready)
    unmet = _unmet_gates(spec, status)
    if unmet:
        return f"Not ready: readiness gate {unmet[0]} is not True", ("Whoever owns the gate sets its condition.",)
    ready = next((c for c in status.get("conditions") or () if c["type"] == "Ready"), None)
    if ready is not None and ready["status"] != "True":
        return f"Not ready: {ready.get('message') or ready.get('reason') or 'the condition Ready is not True'}", ()
    lines = [line for c in statuses for line in _last_end(c)]
    return f"Running on {node}, {len(statuses)} of {len(statuses)} containers ready", tuple(lines) or ("All is well.",)


def _waiting(container: Status, waiting: Status) -> tuple[str, tuple[str, ...]]:
    reason = waiting["reason"]
    message = waiting.get("message") or ""
    lines = [_MEANING[reason]] if reason in _MEANING else []
    return f"{reason}: {message}" if message else f"{reason} in container {container['name']}", (
        *lines, *_last_end(container),
    )  # fmt: skip


def _not_ready(spec: Status, containers: Sequence[Status]) -> tuple[str, tuple[str, ...]]:
    container = containers[0]
    name = container["name"]
    declared: Status = next((c for c in spec.get("containers") or () if c["name"] == name), {})
    state = container.get("state") or {}
    if "terminated" in state:
        return f"Container {name} has ended", tuple(_ended(container, "state"))
    if declared.get("startupProbe") and not container.get("started"):
        line = "Until its startup probe succeeds it counts as not started, and no other probe runs."
    elif declared.get("readinessProbe"):
        line = "Its readiness probe has not succeeded (yet, or any more); Services send it nothing meanwhile."
    else:
        line = "The kubelet has not seen it ready yet."
    return f"Container {name} is not ready", (line, *_last_end(container))


def _last_end(container: Status) -> list[str]:
    """How the container ended the last time, if it was restarted."""
    lines = _ended(container, "lastState")
    restarts = container.get("restartCount") or 0
    return [f"{line} Restarted {restarts}×." for line in lines] if restarts else lines


def _ended(container: Status, which: str) -> list[str]:
    ended = (container.get(which) or {}).get("terminated")
    if not ended:
        return []
    text = f"Container {container['name']} ended with exit code {ended.get('exitCode', 0)}"
    if ended.get("reason"):
        text += f" ({ended['reason']})"
    if ended.get("finishedAt"):
        text += f" at {ended['finishedAt']}"
    return [f"{text}: {ended['message']}" if ended.get("message") else f"{text}."]


def _node_trouble(api: Api, node: str) -> tuple[str, ...]:
    env = api.find(NODES, "", node)
    if env is None:
        return (f"Node {node} does not exist (any more)", "The pod is collected, or runs once the node registers.")
    conditions = (env.obj.get("status") or {}).get("conditions") or ()
    ready = next((c for c in conditions if c["type"] == "Ready"), None)
    if ready is None or ready["status"] == "True":
        return ()
    words = ready.get("message") or ready.get("reason") or ""
    return (
        f"Node {node} is not ready ({words})" if words else f"Node {node} is not ready",
        "What the pod's status says is the last that was heard. Pods are evicted when their toleration of the node's "
        "NoExecute taint runs out (300 s by default).",
    )


def _unmet_gates(spec: Status, status: Status) -> list[str]:
    true = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    return [g["conditionType"] for g in spec.get("readinessGates") or () if g["conditionType"] not in true]
