"""How a pod ends: its containers are stopped, sidecars last, and the pod object is let go.

Order (pkg/kubelet/kuberuntime, pod_workers.go): a Killing event and the preStop hook of every container at once; then
SIGTERM, which a sidecar is sent only when the containers after it have ended; SIGKILL when the grace period is over
(but two seconds at least after SIGTERM); then the final status, then the deletion of the object with grace 0 if
somebody asked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.clock import SECOND
from engine.kubelet.container import RUNNING, Container
from engine.kubelet.runtime import Handle

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker

_LEAST_GRACE: Final = 2 * SECOND
"""minimumGracePeriodInSeconds"""


def terminate(worker: PodWorker, grace: int) -> None:
    """Stop everything within `grace` seconds, for good. A shorter grace than before overrides it."""
    now = worker.node.clock.now()
    until = now + max(grace, 1) * SECOND
    if worker.finished:
        settle(worker)
        return
    if worker.terminating and until >= worker.grace_until:
        return
    hurried, worker.terminating, worker.grace_until = worker.terminating, True, until
    if worker.timer is not None:
        worker.timer.cancel()
    for c in worker.containers:
        if c.state != RUNNING:
            c.quiet()
            c.busy = False
        elif hurried and c.killing and c.handle is not None:
            if c.held:
                _hold(worker, c, c.handle, until)
            else:
                c.handle.stop(max(0, until - now))
    proceed(worker)


def complete(worker: PodWorker) -> None:
    """Every container that counts has ended: stop the sidecars, then the pod is over."""
    terminate(worker, worker.facts.grace)


def proceed(worker: PodWorker) -> None:
    """Stop what is not being stopped yet, and send those their signal that have waited for their turn."""
    left = max(0, worker.grace_until - worker.node.clock.now())
    running = [c for c in worker.containers if c.state == RUNNING]
    for c in running:
        if not c.killing:
            kill(worker, c, left, f"Stopping container {c.facts.name}")
        elif c.held and c.handle is not None and _is_due(worker, c):
            c.held = False
            c.handle.stop(max(left, _LEAST_GRACE))
    if not running:
        worker.finished = True
        settle(worker)


def kill(worker: PodWorker, c: Container, grace: int, message: str) -> None:
    """Stop one container within `grace` microseconds."""
    handle = c.handle
    if handle is None or c.killing:
        return
    c.killing = True
    for prober in c.probers:
        if prober.probe.kind != "Readiness":
            prober.stop()
    worker.say("Normal", "Killing", message, c)
    clock = worker.node.clock
    until = clock.now() + grace
    hook = handle.hook(c.facts.pre_stop) if c.facts.pre_stop and grace else None
    if hook is None:
        _signal(worker, c, handle, until, grace)
        return
    span = grace if hook.after is None else min(hook.after, grace)

    def hooked() -> None:
        if hook.error and hook.after == span:
            worker.say("Warning", "FailedPreStopHook", "PreStopHook failed", c)
        _signal(worker, c, handle, until, _LEAST_GRACE)

    if span:
        c.set_timer(clock.call_later(span, hooked))
    else:
        hooked()


def _signal(worker: PodWorker, c: Container, handle: Handle, until: int, least: int) -> None:
    """SIGTERM, in a pod that ends only when it is the container's turn; SIGKILL at `until` or `least` later."""
    if worker.terminating and not _is_due(worker, c):
        _hold(worker, c, handle, until)
        return
    handle.stop(max(until - worker.node.clock.now(), least))


def _hold(worker: PodWorker, c: Container, handle: Handle, until: int) -> None:
    """Wait for the turn of a sidecar, until its grace is over."""
    c.held = True

    def enough() -> None:
        c.held = False
        handle.stop(_LEAST_GRACE)

    c.set_timer(worker.node.clock.call_at(until, enough))


def _is_due(worker: PodWorker, c: Container) -> bool:
    """Only a sidecar waits: for all other containers, and for the sidecars that came up after it."""
    if c.facts.kind != "sidecar":
        return True
    later = worker.containers[worker.containers.index(c) + 1 :]
    return all(other.state != RUNNING or other.facts.kind == "ephemeral" for other in later)


def settle(worker: PodWorker) -> None:
    """Nothing runs any more: the last status, and the object goes if it is marked for deletion."""
    worker.quiet()
    if not worker.rejected:
        worker.sandbox = False
    worker.node.release(worker)
    worker.post()
    if worker.env.obj["metadata"].get("deletionTimestamp"):
        worker.node.let_go(worker)
