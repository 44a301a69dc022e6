"""How a pod ends: its containers are stopped, sidecars last, and the pod object is let go.

Order (pkg/kubelet/kuberuntime, pod_workers.go): a Killing event, the preStop hook, SIGTERM, and SIGKILL when the grace
period is over; then the final status, then the deletion of the object with grace 0 if somebody asked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.clock import SECOND
from engine.kubelet.container import RUNNING, Container

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker


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
            c.handle.stop(max(0, until - now))
    proceed(worker)


def complete(worker: PodWorker) -> None:
    """Every container that counts has ended: stop the sidecars, then the pod is over."""
    terminate(worker, worker.facts.grace)


def proceed(worker: PodWorker) -> None:
    """Stop what is next: first all containers, then the sidecars from the last to the first."""
    left = max(0, worker.grace_until - worker.node.clock.now())
    running = [c for c in worker.containers if c.state == RUNNING]
    others = [c for c in running if c.facts.kind != "sidecar"]
    for c in others or running[-1:]:
        if not c.killing:
            kill(worker, c, left, f"Stopping container {c.facts.name}")
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
    hook = min(c.facts.pre_stop, grace)
    if hook:
        left = max(grace - hook, 2 * SECOND)
        c.set_timer(worker.node.clock.call_later(hook, lambda: handle.stop(left)))
    else:
        handle.stop(grace)


def settle(worker: PodWorker) -> None:
    """Nothing runs any more: the last status, and the object goes if it is marked for deletion."""
    worker.quiet()
    if not worker.rejected:
        worker.sandbox = False
    worker.node.release(worker)
    worker.post()
    if worker.env.obj["metadata"].get("deletionTimestamp"):
        worker.node.let_go(worker)
