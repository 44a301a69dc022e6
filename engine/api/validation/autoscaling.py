"""HorizontalPodAutoscalers: bounds, target, metrics, behaviour (pkg/apis/autoscaling/validation)."""

from __future__ import annotations

from typing import Final

from engine.api import quantity
from engine.api.names import path_segment_errors
from engine.api.validation.causes import (
    NOT_NEGATIVE,
    Causes,
    each_message,
    forbidden,
    invalid,
    not_supported,
    required,
)
from store.types import JsonObject

_SOURCES: Final = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
"""Type of a metric to its field, in the order in which Kubernetes looks at the fields."""
_MOST_POLICY_PERIOD: Final = 1800
_MOST_WINDOW: Final = 3600


def create(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        causes.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than 0"))
    if least is not None and most < least:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    _reference(causes, spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef")
    for index, metric in enumerate(spec.get("metrics") or ()):
        _metric(causes, metric, f"spec.metrics[{index}]")
    behavior: JsonObject = spec.get("behavior") or {}
    for key in ("scaleUp", "scaleDown"):
        if behavior.get(key) is not None:
            _rules(causes, behavior[key], f"spec.behavior.{key}")


def _reference(causes: Causes, reference: JsonObject, path: str) -> None:
    for key in ("kind", "name"):
        if not reference.get(key):
            causes.append(required(f"{path}.{key}"))
        else:
            each_message(causes, f"{path}.{key}", reference[key], path_segment_errors(reference[key]))


def _metric(causes: Causes, metric: JsonObject, path: str) -> None:
    kind = metric.get("type") or ""
    if not kind:
        causes.append(required(f"{path}.type", "must specify a metric source type"))
    if kind not in _SOURCES:
        causes.append(not_supported(f"{path}.type", kind, sorted(_SOURCES)))
    present = [name for name, field in _SOURCES.items() if metric.get(field) is not None]
    if present:
        _source(causes, present[0], metric[_SOURCES[present[0]]], f"{path}.{_SOURCES[present[0]]}")
    if kind not in _SOURCES:
        causes.append(not_supported(f"{path}.type", kind, sorted(_SOURCES)))
    elif kind not in present:
        causes.append(required(f"{path}.{_SOURCES[kind]}", "must populate information for the given metric source"))
    if len(present) != 1:
        for name in present:
            if name != kind:
                causes.append(forbidden(f"{path}.{_SOURCES[name]}", "must populate the given metric source only"))


def _source(causes: Causes, kind: str, source: JsonObject, path: str) -> None:
    target: JsonObject = source.get("target") or {}
    value, average = target.get("value"), target.get("averageValue")
    if kind in ("Resource", "ContainerResource"):
        _resource_source(causes, source, path, has_container=kind == "ContainerResource")
        return
    if kind == "Object":
        _reference(causes, source.get("describedObject") or {}, f"{path}.describedObject")
    name, where = (source.get("metric") or {}).get("name"), f"{path}.metric.name"
    if not name:
        causes.append(required(where, "must specify a metric name"))
    else:
        each_message(causes, where, name, path_segment_errors(name))
    _target(causes, target, f"{path}.target")
    if kind == "Pods":
        if average is None or quantity.parse(average).nano <= 0:
            causes.append(required(f"{path}.target.averageValue", "must specify a positive target averageValue"))
    elif value is None and average is None:
        either = "a target value or averageValue"
        if kind == "External":
            either = "a target value for metric or a per-pod target"
        causes.append(required(f"{path}.target.averageValue", f"must set either {either}"))
    elif kind == "External" and value is not None and average is not None:
        text = "may not set both a target value for metric and a per-pod target"
        causes.append(forbidden(f"{path}.target.value", text))


def _resource_source(causes: Causes, source: JsonObject, path: str, *, has_container: bool) -> None:
    if not source.get("name"):
        causes.append(required(f"{path}.name", "must specify a resource name"))
    if has_container and not source.get("container"):
        causes.append(required(f"{path}.container", "must specify a container"))
    target: JsonObject = source.get("target") or {}
    _target(causes, target, f"{path}.target")
    utilization, average = target.get("averageUtilization"), target.get("averageValue")
    if utilization is None and average is None:
        text = "must set either a target raw value or a target utilization"
        causes.append(required(f"{path}.target.averageUtilization", text))
    elif utilization is not None and average is not None:
        text = "may not set both a target raw value and a target utilization"
        causes.append(forbidden(f"{path}.target.averageValue", text))


def _target(causes: Causes, target: JsonObject, path: str) -> None:
    kind = target.get("type") or ""
    if not kind:
        causes.append(required(f"{path}.type", "must specify a metric target type"))
    if kind not in ("Utilization", "Value", "AverageValue"):
        causes.append(invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue"))
    for key in ("value", "averageValue"):
        if target.get(key) is not None and quantity.parse(target[key]).nano <= 0:
            causes.append(invalid(f"{path}.{key}", quantity.canonical(target[key]), "must be positive"))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        causes.append(invalid(f"{path}.averageUtilization", utilization, "must be greater than 0"))


def _rules(causes: Causes, rules: JsonObject, path: str) -> None:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        causes.append(invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"))
    if window is not None and window > _MOST_WINDOW:
        text = f"must be less than or equal to {_MOST_WINDOW}"
        causes.append(invalid(f"{path}.stabilizationWindowSeconds", window, text))
    chosen = rules.get("selectPolicy")
    if chosen is not None and chosen not in ("Disabled", "Max", "Min"):
        causes.append(not_supported(f"{path}.selectPolicy", chosen, ("Disabled", "Max", "Min")))
    if not rules.get("policies"):
        causes.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(rules.get("policies") or ()):
        where = f"{path}.policies[{index}]"
        kind = policy.get("type") or ""
        if kind not in ("Percent", "Pods"):
            causes.append(not_supported(f"{where}.type", kind, ("Percent", "Pods")))
        if (policy.get("value") or 0) <= 0:
            causes.append(invalid(f"{where}.value", policy.get("value") or 0, "must be greater than zero"))
        period = policy.get("periodSeconds") or 0
        if period <= 0:
            causes.append(invalid(f"{where}.periodSeconds", period, "must be greater than zero"))
        elif period > _MOST_POLICY_PERIOD:
            text = f"must be less than or equal to {_MOST_POLICY_PERIOD}"
            causes.append(invalid(f"{where}.periodSeconds", period, text))
    tolerance = rules.get("tolerance")
    if tolerance is not None and quantity.parse(tolerance).nano < 0:
        causes.append(invalid(f"{path}.tolerance", quantity.canonical(tolerance), NOT_NEGATIVE))


def update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("spec") != old.get("spec"):
        create(causes, new)
