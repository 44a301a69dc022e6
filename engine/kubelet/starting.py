"""The edges of a container's run: a postStart hook, a start that fails, the message of an end.

Each is one step of a `PodWorker`, which calls it and is told what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.clock import SECOND
from engine.kubelet import ending
from engine.kubelet.container import Container
from engine.kubelet.runtime import ContainerSpec, Exit, Handle

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker

_START_ERROR: Final = 128
"""Exit code that containerd tells of a container that it could not start."""
_MESSAGE_LINES: Final = 80
_MESSAGE_BYTES: Final = 2048
"""What of a log becomes a termination message (MaxContainerTerminationMessageLogLines, …Length)."""


def run_post_start(worker: PodWorker, c: Container, handle: Handle, hook: Mapping[str, Any]) -> None:
    """The container has come up when its hook is done; a failed one kills it."""
    c.hooking, worker.hooking = True, c
    outcome = handle.hook(hook)

    def done() -> None:
        c.hooking, worker.hooking = False, None
        if not outcome.error:
            worker.came_up(c, handle)
            return
        worker.say("Warning", "FailedPostStartHook", "PostStartHook failed", c)
        c.start_error = ("PostStartHookError", outcome.error)
        ending.kill(worker, c, worker.facts.grace * SECOND, "FailedPostStartHook")

    if outcome.after:
        c.set_timer(worker.node.clock.call_later(outcome.after, done))
    elif outcome.after == 0:
        done()


def not_started(worker: PodWorker, c: Container, why: str) -> None:
    """The runtime could not run it: it has ended before it began."""
    worker.say("Warning", "Failed", f"Error: {why}", c)
    c.count_run()
    c.started_at = 0
    c.start_error = ("RunContainerError", why)
    worker.exited(c, Exit(_START_ERROR, "StartError", worker.node.clock.now(), why))


def with_message(worker: PodWorker, c: Container, exit_: Exit) -> Exit:
    """terminationMessagePolicy FallbackToLogsOnError: the end of the log is why it failed."""
    if not exit_.code or exit_.message or c.facts.spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return exit_
    spec = ContainerSpec(worker.env, c.facts, c.restarts, c.id, worker.address)
    lines = worker.node.runtime.logs(spec, c.started_at, exit_.at, tail=_MESSAGE_LINES)
    return exit_._replace(message="\n".join(line for _, line in lines)[-_MESSAGE_BYTES:])
