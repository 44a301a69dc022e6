"""Priority: a pod's class becomes a number; at most one class is the default of all pods."""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.api import errors
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import PODS, PRIORITYCLASSES
from store.types import JsonObject

LOWER: Final = "PreemptLowerPriority"
SYSTEM_CLASSES: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


class _Class(NamedTuple):
    name: str
    value: int
    preemption: str


_NONE: Final = _Class("", 0, LOWER)


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    spec = spec_of(obj)
    name = spec.get("priorityClassName")
    chosen = _named(request, name) if name else _default(request)
    given = spec.get("priority")
    if given is not None and given != chosen.value:
        why = (
            f"the integer value of priority ({given}) must not be provided in pod spec; "
            f"priority admission controller computed {chosen.value} from the given PriorityClass name"
        )
        raise errors.forbidden(PODS, request.name, why)
    policy = spec.get("preemptionPolicy")
    if policy is not None and policy != chosen.preemption:
        why = (
            f"the string value of PreemptionPolicy ({policy}) must not be provided in pod spec; "
            f"priority admission controller computed {chosen.preemption} from the given PriorityClass name"
        )
        raise errors.forbidden(PODS, request.name, why)
    new = {**spec, "priority": chosen.value, "preemptionPolicy": chosen.preemption}
    if chosen.name and not name:
        new["priorityClassName"] = chosen.name
    return {**obj, "spec": new}


def _named(request: AdmissionRequest, name: str) -> _Class:
    found = request.find(PRIORITYCLASSES, "", name)
    if found is None:
        if name in SYSTEM_CLASSES:
            return _Class(name, SYSTEM_CLASSES[name], LOWER)
        raise errors.forbidden(PODS, request.name, f"no PriorityClass with name {name} was found")
    return _Class(name, found.obj.get("value", 0), found.obj.get("preemptionPolicy") or LOWER)


def _default(request: AdmissionRequest) -> _Class:
    """The class with globalDefault; of several, the one with the lowest value."""
    chosen: _Class | None = None
    for env in request.store.list(PRIORITYCLASSES):
        if env.obj.get("globalDefault"):
            found = _Class(env.name, env.obj.get("value", 0), env.obj.get("preemptionPolicy") or LOWER)
            if chosen is None or found.value < chosen.value:
                chosen = found
    return chosen or _NONE


def validate(request: AdmissionRequest) -> None:
    """PriorityClasses: only one may be the default."""
    if not request.obj.get("globalDefault"):
        return
    for env in request.store.list(PRIORITYCLASSES):
        if env.obj.get("globalDefault") and env.name != request.name:
            why = f"PriorityClass {env.name} is already marked as default. Only one default can exist"
            raise errors.forbidden(PRIORITYCLASSES, request.name, why)
