"""RuntimeClass: a pod of a class gets the class's overhead, node selector and tolerations."""

from __future__ import annotations

from engine.api import errors
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import PODS, RUNTIMECLASSES
from store.types import JsonObject


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    spec = spec_of(obj)
    name = spec.get("runtimeClassName")
    if not name:
        if spec.get("overhead"):
            why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            raise errors.forbidden(PODS, request.name, why)
        return obj
    found = request.find(RUNTIMECLASSES, "", name)
    if found is None:
        why = f'pod rejected: RuntimeClass "{name}" not found'
        raise errors.forbidden(PODS, request.name, why)
    overhead = (found.obj.get("overhead") or {}).get("podFixed")
    new = dict(spec)
    if overhead:
        if spec.get("overhead") not in (None, {}, overhead):
            why = (
                f"pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead for RuntimeClass {name!r}"
            )
            raise errors.forbidden(PODS, request.name, why)
        new["overhead"] = overhead
    scheduling = found.obj.get("scheduling") or {}
    selector = scheduling.get("nodeSelector") or {}
    if selector:
        own = spec.get("nodeSelector") or {}
        for key, value in selector.items():
            if own.get(key, value) != value:
                why = (
                    f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                    f"pod.spec.nodeSelector[{key}] = {own[key]}"
                )
                raise errors.forbidden(PODS, request.name, why)
        new["nodeSelector"] = {**own, **selector}
    tolerations = scheduling.get("tolerations") or []
    if tolerations:
        own_tolerations = spec.get("tolerations") or []
        new["tolerations"] = [*own_tolerations, *(t for t in tolerations if t not in own_tolerations)]
    return {**obj, "spec": new}
