"""Taking a pod up again: after a restart of the process, after a stop of the kubelet, after a change of its spec.

After a restart of the process a worker is rebuilt from the pod's status; containers that ran go on, as on a machine
whose kubelet restarts. Back-offs go on too, from what the status shows.
"""

from __future__ import annotations

import re
from typing import Any, Final

from engine.clock import SECOND, parse_time
from engine.flags import parse_duration
from engine.kubelet import ending
from engine.kubelet.container import RUNNING, TERMINATED, WAITING, Container
from engine.kubelet.facts import PodFacts
from engine.kubelet.runtime import ContainerSpec, Exit
from engine.kubelet.worker import PodWorker
from store.types import Envelope

_STATUSES: Final = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_SHOWN_BACK_OFF: Final = re.compile(r"back-off (\S+) restarting failed container")


def is_known(env: Envelope) -> bool:
    """A kubelet has taken this pod up before."""
    status = env.obj.get("status") or {}
    return bool(status.get("startTime")) or status.get("phase") in ("Succeeded", "Failed")


def from_status(worker: PodWorker) -> None:
    """Fill a new worker from its pod's status, and go on."""
    status = worker.env.obj.get("status") or {}
    if status.get("startTime"):
        worker.start_time = parse_time(status["startTime"])
    found = {s["name"]: s for field in _STATUSES for s in status.get(field) or ()}
    for c in worker.containers:
        if c.facts.name in found:
            _fill(worker, c, found[c.facts.name])
    conditions = {c["type"]: c["status"] for c in status.get("conditions") or ()}
    worker.initialized = conditions.get("Initialized") == "True" or not worker.inits
    if status.get("phase") in ("Succeeded", "Failed"):
        worker.finished = True
        worker.rejected = not found
        worker.failure_phase = status["phase"]
        worker.failure_reason, worker.failure_message = status.get("reason", ""), status.get("message", "")
        worker.address = status.get("podIP", "")
        return
    worker.node.allocation.count(worker)
    worker.node.uses_volumes(worker)
    worker.address = status.get("podIP", "")
    if worker.address and not worker.facts.host_network:
        worker.node.addresses_of_pods.claim(worker.uid, worker.address)
    worker.sandbox = bool(worker.address) and conditions.get("PodReadyToStartContainers") != "False"
    if worker.node.lost_power:
        cut_off(worker)
    go_on(worker)


def _fill(worker: PodWorker, c: Container, status: dict[str, Any]) -> None:
    c.restarts, c.ready, c.started = status.get("restartCount", 0), status["ready"], bool(status.get("started"))
    c.id, c.image_id = status.get("containerID", ""), status.get("imageID", "")
    c.image = status.get("image") or c.image
    c.last = (status.get("lastState") or {}).get("terminated")
    state = status.get("state") or {}
    if c.id:
        worker.node.know_image(c.image)
    if "running" in state:
        c.state, c.started_at, c.fresh = RUNNING, parse_time(state["running"]["startedAt"]), False
    elif "terminated" in state:
        c.state, c.terminated, c.fresh = TERMINATED, state["terminated"], False
    else:
        waiting = state.get("waiting") or {}
        c.reason, c.message = waiting.get("reason", c.reason), waiting.get("message", "")
        shown = _SHOWN_BACK_OFF.match(c.message)
        if shown is not None and c.last is not None:
            c.fresh = False
            c.backoff.delay = parse_duration(shown[1])
            c.backoff.updated = parse_time(c.last["finishedAt"])


def resume(worker: PodWorker) -> None:
    """Go on with a pod after its kubelet was stopped, and post what changed meanwhile."""
    if not worker.finished:
        go_on(worker)
        if "deletionTimestamp" not in worker.env.obj["metadata"]:
            worker.post()


def cut_off(worker: PodWorker) -> None:
    """The machine lost its power: what ran has ended, and nobody was there to see how (exit code 255, Unknown).

    A pod whose containers are restarted gets a new sandbox when the machine is back, with another address.
    """
    now, comes_back = worker.node.clock.now(), False
    for c in worker.containers:
        if c.state != RUNNING:
            continue
        if c.handle is not None:
            c.handle.detach()
        c.end(Exit(255, "Unknown", now))
        if c.facts.restarts(255):
            comes_back = c.fresh = True
    if comes_back and worker.sandbox:
        worker.sandbox, worker.address = False, ""
        worker.initialized = not worker.inits
        worker.node.addresses_of_pods.give_back(worker.uid)


def go_on(worker: PodWorker) -> None:
    """Set a worker going that has no timers; one that is to end only takes its running containers over."""
    if "deletionTimestamp" in worker.env.obj["metadata"]:
        for c in worker.containers:
            if c.state == RUNNING:
                adopt(worker, c)
        return
    worker.watch_deadline()
    worker.hooking = None
    if not worker.sandbox:
        if any(c.terminated is not None for c in worker.containers):
            worker.say("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
        worker.make_sandbox()
        return
    for c in worker.containers:
        c.busy = False
        if c.state == RUNNING:
            adopt(worker, c)
        elif c.state == WAITING:
            c.fresh = c.last is None or c.reason != "CrashLoopBackOff"
            if not c.fresh and c.last is not None:
                worker.restart(c, parse_time(c.last["finishedAt"]))
        elif c.terminated is not None and (worker.initialized or c.facts.kind != "init"):
            if c.facts.restarts(c.terminated["exitCode"]) and c.facts.kind != "init":
                worker.restart(c, parse_time(c.terminated["finishedAt"]))
        elif c.terminated is not None and c.terminated["exitCode"]:
            worker.restart(c, parse_time(c.terminated["finishedAt"]))
    worker.advance()
    counted = worker.apps if worker.initialized else ()
    if counted and all(c.state == TERMINATED and not c.busy for c in counted):
        ending.complete(worker)


def adopt(worker: PodWorker, c: Container) -> None:
    """Take over a running container; its probes go on from their last results."""
    for prober in c.probers:
        prober.stop()
    if c.handle is not None:
        c.handle.detach()
    c.killing = c.held = c.hooking = False
    spec = ContainerSpec(worker.env, c.facts, c.restarts, c.id, worker.address)
    c.handle = handle = worker.node.runtime.adopt(spec, c.started_at, lambda exit_: worker.exited(c, exit_))
    if handle.consumes:
        worker.node.pressure.touch()
    if not c.started:
        worker.start_probes(c, handle)
        return
    probes = [probe for probe in (c.facts.readiness, c.facts.liveness) if probe is not None]
    c.probers = tuple(worker.prober(c, probe, handle) for probe in probes)
    if c.facts.readiness is None:
        c.ready = handle.ready_unasked
    for prober in c.probers:
        prober.assume(c.ready if prober.probe.kind == "Readiness" else True)


def change_behaviour(worker: PodWorker) -> None:
    """The pod's behaviour annotations changed: running containers behave so from now on."""
    if worker.finished or worker.terminating:
        return
    for c in worker.containers:
        if c.state == RUNNING and not c.killing:
            adopt(worker, c)
            if c.handle is not None:
                for complaint in c.handle.complaints:
                    worker.say("Warning", "InvalidBehaviour", complaint, c)
            for prober in c.probers:
                prober.refresh()
    worker.post()


def change_images(worker: PodWorker, facts: PodFacts) -> None:
    """The pod's containers changed: those with another image are restarted."""
    worker.facts = facts
    for c, now in zip((*worker.inits, *worker.apps), facts.containers, strict=True):
        before, c.facts = c.facts, now
        if before.image == now.image:
            continue
        if c.state == RUNNING and now.kind != "init":
            c.replaced = True
            grace = facts.grace * SECOND
            ending.kill(worker, c, grace, f"Container {now.name} definition changed, will be restarted")
        elif c.busy and not worker.terminating:
            c.quiet()
            c.backoff.delay = c.pull_backoff.delay = 0
            worker.launch(c)
