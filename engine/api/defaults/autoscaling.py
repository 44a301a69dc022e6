"""Defaults of autoscaling: HorizontalPodAutoscalers (pkg/apis/autoscaling/v2/defaults.go)."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import changed, filled, within
from store.types import JsonObject

_METRICS: Final = [
    {"resource": {"name": "cpu", "target": {"averageUtilization": 80, "type": "Utilization"}}, "type": "Resource"}
]
_UP: Final = {
    "policies": [
        {"periodSeconds": 15, "type": "Pods", "value": 4},
        {"periodSeconds": 15, "type": "Percent", "value": 100},
    ],
    "selectPolicy": "Max",
    "stabilizationWindowSeconds": 0,
}
_DOWN: Final = {"policies": [{"periodSeconds": 15, "type": "Percent", "value": 100}], "selectPolicy": "Max"}


def _autoscaler(obj: JsonObject) -> JsonObject:
    spec = filled(obj.get("spec") or {}, {"minReplicas": 1})
    if obj.get("apiVersion") != "autoscaling/v1":
        if not spec.get("metrics"):
            spec = {**spec, "metrics": _METRICS}
        spec = within(spec, "behavior", _behavior)
    return changed(obj, "spec", spec)


def _behavior(behavior: JsonObject) -> JsonObject:
    behavior = filled(behavior, {"scaleDown": _DOWN, "scaleUp": _UP})
    behavior = within(behavior, "scaleUp", lambda rules: filled(rules, _UP))
    return within(behavior, "scaleDown", lambda rules: filled(rules, _DOWN))


DEFAULTERS: Final = {"horizontalpodautoscalers": _autoscaler}
