"""What a pod's one-word status means to a person: fine, on its way, or in need of a look."""

from __future__ import annotations

from typing import Any

from engine.client.printing import PodStatus, pod_status
from tui.theme import Tone

__all__ = ["PodStatus", "pod_faulty", "pod_status", "pod_tone"]


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
