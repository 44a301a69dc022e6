"""What a pod's one-word status means to a person: fine, on its way, or in need of a look."""

from __future__ import annotations

from typing import Any

from engine.client.printing import PodStatus, pod_status
from tui.rows import ContainerRole
from tui.theme import Tone

__all__ = [
    "PodStatus", "container_faulty", "container_tone", "container_word", "pod_faulty", "pod_status", "pod_tone",
]  # fmt: skip


_UNDER_WAY = frozenset({"ContainerCreating", "PodInitializing", "Terminating", "SchedulingGated"})
_BROKEN = (
    "Error", "BackOff", "ErrImage", "ImagePull", "InvalidImageName", "OOMKilled", "Evicted", "Failed", "ExitCode",
    "Signal", "CreateContainer", "RunContainerError", "ContainerCannotRun", "DeadlineExceeded", "StartError",
)  # fmt: skip


def pod_tone(pod: dict[str, Any], status: PodStatus) -> Tone:
    """ok, busy (on its way), warn (waits or is not ready), bad (broken), dim (finished)."""
    word = status.word
    if word in ("Completed", "Succeeded"):
        return "dim"
    if word == "Running":
        return "ok" if status.ready >= status.total else "warn"
    if any(part in word for part in _BROKEN):
        return "bad"
    if word in _UNDER_WAY or word.startswith("Init:"):
        return "busy"
    if word == "Pending":
        # Scheduled and not refused: on its way. Refused by the scheduler, somebody has to look.
        refused = any(
            c["type"] == "PodScheduled" and c["status"] == "False"
            for c in (pod.get("status") or {}).get("conditions") or ()
        )
        return "warn" if refused else "busy"
    return "warn"


def pod_faulty(pod: dict[str, Any]) -> bool:
    """Needs a look: broken, refused, restarting, or running without being ready."""
    status = pod_status(pod)
    return pod_tone(pod, status) in ("bad", "warn")


def container_word(status: dict[str, Any]) -> str:
    """A container's state in one word, as k9s has it: `Running`, the reason why it waits or ended; `n/a`: none yet."""
    state = status.get("state") or {}
    for kind, word in (("waiting", "Waiting"), ("terminated", "Terminated"), ("running", "Running")):
        if state.get(kind) is not None:
            return str(state[kind].get("reason") or word)
    return "n/a"


def container_tone(role: ContainerRole, status: dict[str, Any]) -> Tone:
    """The tones of `pod_tone`, for one container. Nobody asks an ephemeral container whether it is ready."""
    state, word = status.get("state") or {}, container_word(status)
    if state.get("running") is not None:
        # An init container at work is on its way to its end.
        return "busy" if role == "init" else "ok" if status.get("ready") or role == "ephemeral" else "warn"
    if state.get("terminated") is not None:
        return "bad" if state["terminated"].get("exitCode") else "dim"
    if any(part in word for part in _BROKEN):
        return "bad"
    return "busy"


def container_faulty(role: ContainerRole, status: dict[str, Any]) -> bool:
    """Needs a look: broken, or running without being ready."""
    return container_tone(role, status) in ("bad", "warn")
