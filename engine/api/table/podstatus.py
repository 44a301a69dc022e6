"""A pod's one-word status, readiness and restarts, computed as `printPod` does.

The word is never stored anywhere: it follows from phase, container states, conditions and deletion.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.api.table.times import parse_time


class PodStatus(NamedTuple):
    """The READY, STATUS and RESTARTS columns."""

    word: str
    """`Running`, `Init:0/1`, `CrashLoopBackOff`, `Terminating`, `Completed` …"""
    ready: int
    total: int
    restarts: int
    last_restart: int | None
    """Instant of the last restart, None if it never restarted."""


def is_restartable_init(container: dict[str, Any]) -> bool:
    """A sidecar: an init container with restartPolicy Always."""
    return bool(container.get("restartPolicy") == "Always")


def pod_status(pod: dict[str, Any]) -> PodStatus:
    """What `kubectl get pod` shows of a v1 Pod."""
    spec, status, meta = pod.get("spec") or {}, pod.get("status") or {}, pod["metadata"]
    containers = spec.get("containers") or ()
    init_specs = {c["name"]: c for c in spec.get("initContainers") or ()}
    sidecars = sum(map(is_restartable_init, init_specs.values()))
    word = status.get("reason") or status.get("phase") or ""
    ready = restarts = sidecar_restarts = 0
    last_restart: int | None = None
    last_sidecar_restart: int | None = None

    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            word = "SchedulingGated"

    initializing = False
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        restarts += container.get("restartCount", 0)
        finished = _last_finished(container)
        last_restart = _later(last_restart, finished)
        sidecar = is_restartable_init(init_specs.get(container["name"], {}))
        if sidecar:
            sidecar_restarts += container.get("restartCount", 0)
            last_sidecar_restart = _later(last_sidecar_restart, finished)
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if sidecar and container.get("started"):
            if container.get("ready"):
                ready += 1
            continue
        if terminated is not None:
            word = "Init:" + _terminated_word(terminated)
        elif waiting is not None and waiting.get("reason") not in (None, "", "PodInitializing"):
            word = "Init:" + waiting["reason"]
        else:
            word = f"Init:{index}/{len(init_specs)}"
        initializing = True
        break

    if not initializing or _condition_true(status, "Initialized"):
        restarts, last_restart = sidecar_restarts, last_sidecar_restart
        has_running = False
        for container in reversed(status.get("containerStatuses") or ()):
            restarts += container.get("restartCount", 0)
            last_restart = _later(last_restart, _last_finished(container))
            state = container.get("state") or {}
            terminated, waiting = state.get("terminated"), state.get("waiting")
            if waiting is not None and waiting.get("reason"):
                word = waiting["reason"]
            elif terminated is not None:
                word = _terminated_word(terminated)
            elif container.get("ready") and state.get("running") is not None:
                has_running = True
                ready += 1
        if word == "Completed" and has_running:
            word = "Running" if _condition_true(status, "Ready") else "NotReady"

    if meta.get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            word = "Unknown"
        elif status.get("phase") not in ("Succeeded", "Failed"):
            word = "Terminating"
    return PodStatus(word, ready, len(containers) + sidecars, restarts, last_restart)


def _terminated_word(terminated: dict[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _last_finished(container: dict[str, Any]) -> int | None:
    return parse_time(((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))


def _later(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)


def _condition_true(status: dict[str, Any], kind: str) -> bool:
    return any(c["type"] == kind and c["status"] == "True" for c in status.get("conditions") or ())
