"""TaintNodesByCondition: a new node takes no pods until its conditions have been seen."""

from __future__ import annotations

from typing import Final

from engine.api.admission.request import AdmissionRequest, spec_of
from store.types import JsonObject

NOT_READY: Final[JsonObject] = {"effect": "NoSchedule", "key": "node.kubernetes.io/not-ready"}


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    spec = spec_of(obj)
    taints = spec.get("taints") or []
    if any(t.get("key") == NOT_READY["key"] and t.get("effect") == NOT_READY["effect"] for t in taints):
        return obj
    return {**obj, "spec": {**spec, "taints": [*taints, NOT_READY]}}
