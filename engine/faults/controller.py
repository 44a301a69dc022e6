"""The fault-controller: begins Faults, ends them after their duration or when they are deleted, and says so.

What a fault does while it is Active is asked of `engine.faults.effects`; so beginning is a write of its status, and so
is its end. The one thing that is really taken away and put back is the Machine of RemoveMachine: what it was stands in
the fault's status before it is deleted. Where several faults took the same machine, the last to end brings it back.

A fault holds the finalizer `kubarium.dev/fault` while it is active: deleting it ends it first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import AlreadyExists, NotFound
from engine.api.kinds import FAULTS, MACHINES, NODES, PODS
from engine.api.server import Caller, DeleteOptions
from engine.client.faults import ACTIONS
from engine.clock import parse_time, rfc3339_micro
from engine.cloud.simulated.declared import machine_of
from engine.controllers.controller import Key, Queue, Terminal, Watch, being_deleted, own_key, with_metadata
from engine.faults.effects import POD_ACTIONS
from engine.faults.targets import ACTIVE, Fault, is_active, lasting, read
from engine.kubelet.amounts import go_duration
from engine.kubelet.fake import is_fake
from store.types import ADDED, DELETED, Envelope, JsonObject, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

FINALIZER: Final = "kubarium.dev/fault"
_PRESSURES: Final = ("MemoryPressure", "DiskPressure", "PIDPressure")
_TOLD: Final = 50
"""Affected objects that are listed, and told of by events."""


class FaultController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock = context.api, context.clock
        self._recorder = context.recorder()
        self._awaiting: dict[str, Fault] = {}
        """Active faults that pods and nodes may come under later, by name."""

    def watches(self) -> Sequence[Watch]:
        return Watch(FAULTS, own_key), Watch(PODS, self._touched), Watch(NODES, self._touched)

    def start(self, queue: Queue) -> None:
        self._awaiting = {env.name: read(env) for env in self._api.store.list(FAULTS) if is_active(env)}

    def reconcile(self, key: Key) -> int | None:
        env = self._api.find(FAULTS, *key)
        if env is None:
            self._awaiting.pop(key[1], None)
            return None
        status = env.obj.get("status") or {}
        phase = status.get("phase")
        if being_deleted(env.obj):
            if phase == ACTIVE:
                env = self._end(env)
            self._release(env)
        elif phase is None:
            return self._begin(env)
        elif phase == ACTIVE:
            return self._go_on(env)
        else:
            self._awaiting.pop(env.name, None)
            self._release(env)
        return None

    # -- a fault's life ------------------------------------------------------------------------------------------------

    def _begin(self, env: Envelope) -> int | None:
        fault, refusal = read(env), self._refusal(read(env))
        if refusal:
            self._api.update_status(self._caller(env), env, {"phase": "Failed", "message": refusal})
            raise Terminal(refusal, env, "FaultFailed")
        finalizers = env.obj["metadata"].get("finalizers") or []
        if FINALIZER not in finalizers:
            held = with_metadata(env.obj, finalizers=[*finalizers, FINALIZER])
            env = self._api.update(self._caller(env), FAULTS, "", env.name, held)
        status: JsonObject = {"phase": ACTIVE, "startTime": rfc3339_micro(self._clock.now())}
        machine = self._machine(fault)
        if machine is not None:
            meta = machine.obj["metadata"]
            kept = {name: meta[name] for name in ("name", "labels", "annotations") if name in meta}
            status["removed"] = {"uid": machine.uid, "metadata": kept, "spec": machine.obj.get("spec") or {}}
        span = lasting(env)
        lasts = f" for {go_duration(span)}" if span is not None else ""
        self._recorder.event(env, "Normal", "FaultStarted", f"{fault.action}{lasts}: {ACTIONS[fault.action].does}")
        return self._go_on(env, status)

    def _go_on(self, env: Envelope, status: JsonObject | None = None) -> int | None:
        """Write what it touches by now, tell what is new to it, and end it when its time is over."""
        fault, before = read(env), env.obj.get("status") or {}
        status = dict(before) if status is None else status
        begun, span = parse_time(status["startTime"]), lasting(env)
        left = None if span is None else begun + span - self._clock.now()
        if left is not None and left <= 0:
            self._release(self._end(env))
            return None
        fault = fault._replace(since=begun)
        self._awaiting[env.name] = fault
        touched = self._touches(fault)
        told = before.get("affected") or ()
        new = [found for found in touched[:_TOLD] if _shown(found) not in told]
        status.pop("endTime", None)
        if span is not None:
            status["endTime"] = rfc3339_micro(begun + span)
        affected = [_shown(found) for found in touched[:_TOLD]] or _aimed_at(fault)
        if "removed" not in status or affected:
            status["affected"], status["affectedCount"] = affected, len(touched) or len(affected)
        else:
            status["affected"], status["affectedCount"] = told or [f"Machine/{fault.target['node']}"], 1
        status.pop("message", None)
        if words := self._words(fault, touched):
            status["message"] = words
        if status != before:
            env = self._api.update_status(self._caller(env), env, status)
        for found in new:
            self._recorder.event(found, "Warning", "FaultInjected", f"{fault.action} by fault {fault.name}")
        self._take_machine(env)
        return left

    def _end(self, env: Envelope) -> Envelope:
        self._awaiting.pop(env.name, None)
        fault, status = read(env), dict(env.obj.get("status") or {})
        told = status.get("affected") or ()
        self._give_machine_back(env, status.pop("removed", None))
        status |= {"phase": "Ended", "endTime": rfc3339_micro(self._clock.now())}
        env = self._api.update_status(self._caller(env), env, status)
        self._recorder.event(env, "Normal", "FaultEnded", f"{fault.action} ended")
        for found in self._touches(fault):
            if _shown(found) in told:
                self._recorder.event(found, "Normal", "FaultEnded", f"{fault.action} by fault {fault.name} ended")
        return env

    def _release(self, env: Envelope) -> None:
        finalizers = env.obj["metadata"].get("finalizers") or ()
        if FINALIZER in finalizers:
            left = [name for name in finalizers if name != FINALIZER]
            self._api.update(self._caller(env), FAULTS, "", env.name, with_metadata(env.obj, finalizers=left or None))

    @staticmethod
    def _caller(env: Envelope) -> Caller:
        """The fault itself is the author of what it does; that is nobody's action, and undone by undoing the fault."""
        return Caller(f"fault:{env.name}", groups=("system:masters",))

    # -- what it touches -----------------------------------------------------------------------------------------------

    def _touched(self, event: WatchEvent) -> Iterable[Key]:
        """Active faults that an object comes under, or leaves."""
        if not self._awaiting:
            return ()
        before = event.before
        if event.type not in (ADDED, DELETED) and before is not None and before.labels == event.now.labels:
            return ()
        return [("", fault.name) for fault in self._awaiting.values() if _meaning(fault)(event.now)]

    def _touches(self, fault: Fault) -> list[Envelope]:
        resource = PODS if fault.action in POD_ACTIONS else NODES
        if "node" not in ACTIONS[fault.action].targets and fault.action not in (*POD_ACTIONS, "ZoneOutage"):
            return []
        means = _meaning(fault)
        return [env for env in self._api.store.list(resource) if means(env) and not self._is_immune(fault, env)]

    def _is_immune(self, fault: Fault, env: Envelope) -> bool:
        """Fake nodes have no containers that could be otherwise, and measure nothing."""
        if fault.action in POD_ACTIONS:
            node = self._api.find(NODES, "", env.obj["spec"].get("nodeName") or "")
            return node is not None and is_fake(node)
        return fault.action in _PRESSURES and is_fake(env)

    def _refusal(self, fault: Fault) -> str:
        """Why the fault cannot begin."""
        if fault.action == "ControllerCrash":
            from engine.controllers.registry import CONTROLLERS

            wanted = fault.target.get("controller", "")
            if wanted not in CONTROLLERS:
                return f'there is no controller "{wanted}"; there are {", ".join(CONTROLLERS)}'
        elif fault.action == "RemoveMachine" and self._machine(fault) is None and not self._holders(fault):
            return f'no Machine of the cloud is behind node "{fault.target["node"]}"'
        return ""

    def _words(self, fault: Fault, touched: Sequence[Envelope]) -> str:
        """What a person should know beyond the list."""
        if not touched and (fault.action in POD_ACTIONS or fault.action in _PRESSURES):
            means, resource = _meaning(fault), PODS if fault.action in POD_ACTIONS else NODES
            if immune := [env.name for env in self._api.store.list(resource) if means(env)]:
                return f"nothing happens on fake nodes, which run no containers: {', '.join(immune[:5])}"
        if fault.action in POD_ACTIONS and not touched:
            return "no pod is meant yet"
        if not touched and ("node" in fault.target or "zone" in fault.target) and fault.action != "RemoveMachine":
            return "no node is meant yet"
        if fault.action == "PodOutOfMemory" and "memory" not in fault.parameters:
            free = [env.name for env in touched if not any(map(_memory_limit, env.obj["spec"]["containers"]))]
            if free:
                return f"no memory limit, so nothing happens without parameters.memory: {', '.join(free[:5])}"
        if fault.action == "ProbeFailure" and (probe := fault.parameters.get("probe", "Readiness")) != "Readiness":
            field = f"{probe.lower()}Probe"
            free = [env.name for env in touched if not any(c.get(field) for c in env.obj["spec"]["containers"])]
            if free:
                return f"no {field}, so nothing happens: {', '.join(free[:5])}"
        return ""

    # -- the cloud's machines ------------------------------------------------------------------------------------------

    def _machine(self, fault: Fault) -> Envelope | None:
        if fault.action != "RemoveMachine":
            return None
        node = self._api.find(NODES, "", fault.target["node"])
        if node is not None:
            return machine_of(self._api, node)
        return self._api.find(MACHINES, "", fault.target["node"])

    def _holders(self, fault: Fault) -> list[Envelope]:
        """Other active faults that took the same machine."""
        return [
            env for env in self._api.store.list(FAULTS)
            if is_active(env) and env.name != fault.name and read(env).action == "RemoveMachine"
            and read(env).target == fault.target
        ]  # fmt: skip

    def _take_machine(self, env: Envelope) -> None:
        """Delete the machine that stands in the status; one that somebody made anew is somebody's."""
        removed = (env.obj.get("status") or {}).get("removed")
        if removed:
            machine = self._api.find(MACHINES, "", removed["metadata"]["name"])
            if machine is not None and machine.uid == removed["uid"] and not being_deleted(machine.obj):
                options = DeleteOptions(uid=Uid(removed["uid"]))
                self._api.delete(self._caller(env), MACHINES, "", machine.name, options)

    def _give_machine_back(self, env: Envelope, removed: dict[str, Any] | None) -> None:
        if removed is None:
            return
        for other in self._holders(read(env)):
            status = other.obj["status"]
            if "removed" not in status:
                self._api.update_status(self._caller(other), other, {**status, "removed": removed})
                return
        try:
            self._api.create(
                self._caller(env), MACHINES, "", {"metadata": removed["metadata"], "spec": removed["spec"]}
            )
        except (AlreadyExists, NotFound):
            return


def _meaning(fault: Fault) -> Callable[[Envelope], bool]:
    """Whether an object is meant; a fault of pods means no node, and the other way round."""
    plural, means = (PODS.plural, fault.means_pod) if fault.action in POD_ACTIONS else (NODES.plural, fault.means_node)
    return lambda env: env.key.plural == plural and means(env)


def _shown(env: Envelope) -> str:
    where = f"{env.namespace}/" if env.namespace else ""
    return f"{env.obj.get('kind')}/{where}{env.name}"


def _aimed_at(fault: Fault) -> list[str]:
    """What is no object: an image, a registry, a controller."""
    return [
        f"{name.capitalize()}/{fault.target[name]}"
        for name in ("image", "registry", "controller")
        if fault.target.get(name) and fault.action not in POD_ACTIONS
    ]


def _memory_limit(container: JsonObject) -> Any:
    return ((container.get("resources") or {}).get("limits") or {}).get("memory")
