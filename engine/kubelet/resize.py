"""In-place resize: a running pod's containers are given more or less cpu and memory, when the node has it.

In comes a pod whose spec asks for other resources than it was allocated. What no node of this size could give is
Infeasible; what this one cannot give now is Deferred and tried again when another pod leaves; both are told by the
condition PodResizePending. What is granted is allocated at once, and PodResizeInProgress until the containers have it:
in place, or by a restart where the container's resizePolicy says so. A memory limit below what is in use waits, with
an error. Sources: pkg/kubelet/allocation, pkg/kubelet/kuberuntime, pkg/kubelet/events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.clock import SECOND
from engine.kubelet import ending, restore, spread
from engine.kubelet.admission import capacity_of, too_much
from engine.kubelet.container import RUNNING, Container
from engine.kubelet.facts import PodFacts, facts_of
from store.types import Envelope, JsonObject

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker

PENDING: Final = "PodResizePending"
IN_PROGRESS: Final = "PodResizeInProgress"
_RESYNC: Final = (10 * SECOND, 15 * SECOND)
_RESIZED: Final = (("requests", "cpu"), ("limits", "cpu"), ("requests", "memory"), ("limits", "memory"))
_NONE: Final[Mapping[str, Any]] = {}


class Resize(NamedTuple):
    """Where a pod's resize stands: one of the two conditions."""

    type: str
    reason: str = ""
    message: str = ""


def allocated(spec: JsonObject, resources: Mapping[str, Mapping[str, Any]]) -> JsonObject:
    """A pod's spec with the resources that its containers were allocated, by name."""
    new = dict(spec)
    for field in ("containers", "initContainers"):
        if spec.get(field):
            new[field] = [
                {**c, "resources": dict(resources[c["name"]])} if c["name"] in resources else c for c in spec[field]
            ]
    return new


def is_pending(env: Envelope) -> bool:
    """The pod asks for other resources than it has."""
    conditions = (env.obj.get("status") or {}).get("conditions") or ()
    return any(c["type"] == PENDING for c in conditions)


def facts_of_known(env: Envelope) -> PodFacts:
    """The facts of a pod that a kubelet has worked on: with a resize pending, its resources are those of its status."""
    if not is_pending(env):
        return facts_of(env.obj["spec"])
    status = env.obj.get("status") or {}
    given = {
        s["name"]: s["resources"]
        for field in ("containerStatuses", "initContainerStatuses")
        for s in status.get(field) or () if "resources" in s
    }  # fmt: skip
    return PodFacts(allocated(env.obj["spec"], given))


def spec_changed(worker: PodWorker) -> None:
    """The pod's containers changed: those with another image are restarted, other resources are considered."""
    spec = worker.env.obj["spec"]
    own = (*worker.inits, *worker.apps)
    restore.change_images(worker, PodFacts(allocated(spec, {c.facts.name: c.facts.resources for c in own})))
    consider(worker)


def consider(worker: PodWorker) -> None:
    """Allocate what the spec asks for, or say why not."""
    if worker.finished or worker.terminating or worker.rejected:
        return
    node, wanted = worker.node, PodFacts(worker.env.obj["spec"])
    own = (*worker.inits, *worker.apps)
    changed = [(c, new) for c, new in zip(own, wanted.containers, strict=True) if c.facts.resources != new.resources]
    if not changed:
        if worker.resize is not None and worker.resize.type == PENDING:
            node.allocation.deferred.pop(worker.uid, None)
            worker.resize = None
            worker.post()
        return
    for name, amount in (("memory", wanted.memory), ("cpu", wanted.cpu)):
        capacity = capacity_of(node.env.obj, name)
        if amount > capacity:
            text = f"Node didn't have enough capacity: {name}, requested: {amount}, capacity: {capacity}"
            _pend(worker, wanted, "Infeasible", text)
            return
    short = node.allocation.without(worker, lambda used: too_much(wanted, node.env.obj, used))
    if short is not None:
        node.allocation.deferred[worker.uid] = worker
        _pend(worker, wanted, "Deferred", short[1])
        return
    node.allocation.deferred.pop(worker.uid, None)
    node.allocation.recount(worker, wanted)
    worker.resize = Resize(IN_PROGRESS)
    worker.say("Normal", "ResizeStarted", f"Pod resize started: {_summary(worker, wanted)}")
    for c, new in changed:
        c.actual = c.actual if c.actual is not None else c.facts.resources
        c.facts = new
    worker.post()
    node.clock.call_later(node.config.sync_period, lambda: actuate(worker))


def actuate(worker: PodWorker) -> None:
    """Give the containers what they were allocated."""
    if worker.resize is None or worker.resize.type != IN_PROGRESS or worker.finished or worker.terminating:
        return
    problem = ""
    for c in (*worker.inits, *worker.apps):
        if c.actual is None:
            continue
        if c.state != RUNNING or c.handle is None:
            c.actual = None
        elif _needs_restart(c, c.actual):
            c.actual, c.replaced = None, True
            text = f"Container {c.facts.name} resize requires restart"
            ending.kill(worker, c, worker.facts.grace * SECOND, text)
        elif c.facts.memory_limit is not None and c.handle.stats().memory > c.facts.memory_limit:
            problem = (
                f'attempting to set container "{c.facts.name}" memory limit ({c.facts.memory_limit}) below current '
                f"usage ({c.handle.stats().memory})"
            )
        else:
            c.actual = None
            restore.adopt(worker, c)
    if problem:
        failed = Resize(IN_PROGRESS, "Error", problem)
        if worker.resize != failed:
            worker.resize = failed
            worker.say("Warning", "ResizeError", f"Pod resize error: {_summary(worker, worker.facts, problem)}")
        wait = spread.within(_RESYNC, worker.uid, "resize")
        worker.node.clock.call_later(wait, lambda: actuate(worker))
    else:
        worker.resize = None
        worker.say("Normal", "ResizeCompleted", f"Pod resize completed: {_summary(worker, worker.facts)}")
    worker.post()


def _pend(worker: PodWorker, wanted: PodFacts, reason: str, message: str) -> None:
    pending = Resize(PENDING, reason, message)
    if worker.resize == pending:
        return
    worker.resize = pending
    worker.say("Warning", f"Resize{reason}", f"Pod resize {reason}: {_summary(worker, wanted, message)}")
    worker.post()


def _needs_restart(c: Container, before: Mapping[str, Any]) -> bool:
    """A changed resource's resizePolicy says RestartContainer."""
    restarting = {
        policy.get("resourceName")
        for policy in c.facts.spec.get("resizePolicy") or ()
        if policy.get("restartPolicy") == "RestartContainer"
    }
    after = c.facts.resources
    return any(
        name in restarting and (before.get(kind) or _NONE).get(name) != (after.get(kind) or _NONE).get(name)
        for kind, name in _RESIZED
    )


def _summary(worker: PodWorker, facts: PodFacts, error: str = "") -> str:
    """The pod's resources as the kubelet's events tell them."""
    told: dict[str, Any] = {}
    for field, containers in (("initContainers", facts.inits), ("containers", facts.apps)):
        listed = [
            {"name": c.name, **({"resources": dict(sorted(c.resources.items()))} if c.resources else {})}
            for c in containers if c.kind != "init"
        ]  # fmt: skip
        if listed:
            told[field] = listed
    told["generation"] = worker.env.obj["metadata"].get("generation", 1)
    if error:
        told["error"] = error
    return orjson.dumps(told).decode()
