"""HorizontalPodAutoscalers: bounds, target, metrics, behaviour."""

from __future__ import annotations

from typing import Final

from engine.api import quantity
from engine.api.names import path_segment_errors
from engine.api.validation.causes import Causes, each_message, invalid, not_supported, one_of, required
from store.types import JsonObject

_SOURCES: Final = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_TARGETS: Final = ("AverageValue", "Utilization", "Value")
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
    target = spec.get("scaleTargetRef") or {}
    for key in ("kind", "name"):
        if not target.get(key):
            causes.append(required(f"spec.scaleTargetRef.{key}"))
        else:
            each_message(causes, f"spec.scaleTargetRef.{key}", target[key], path_segment_errors(target[key]))
    for index, metric in enumerate(spec.get("metrics") or ()):
        _metric(causes, metric, f"spec.metrics[{index}]")
    for key, rules in sorted((spec.get("behavior") or {}).items()):
        _rules(causes, rules or {}, f"spec.behavior.{key}")


def _metric(causes: Causes, metric: JsonObject, path: str) -> None:
    kind = metric.get("type") or ""
    if not kind:
        causes.append(required(f"{path}.type", "must specify a metric source type"))
        return
    if kind not in _SOURCES:
        causes.append(not_supported(f"{path}.type", kind, _SOURCES))
        return
    source = metric.get(_SOURCES[kind])
    where = f"{path}.{_SOURCES[kind]}"
    if source is None:
        text = "must populate information for the given metric source"
        causes.append(required(where, text))
        return
    if kind in ("Resource", "ContainerResource"):
        if not source.get("name"):
            causes.append(required(f"{where}.name", "must specify a resource name"))
        if kind == "ContainerResource" and not source.get("container"):
            causes.append(required(f"{where}.container", "must specify a container"))
    elif not (source.get("metric") or {}).get("name"):
        causes.append(required(f"{where}.metric.name", "must specify a metric name"))
    _target(causes, source.get("target") or {}, f"{where}.target", kind)


def _target(causes: Causes, target: JsonObject, path: str, kind: str) -> None:
    one_of(causes, f"{path}.type", target.get("type"), _TARGETS)
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        causes.append(invalid(f"{path}.averageUtilization", utilization, "must be greater than 0"))
    for key in ("value", "averageValue"):
        if target.get(key) is not None and quantity.parse(target[key]).nano <= 0:
            causes.append(invalid(f"{path}.{key}", target[key], "must be positive"))
    if kind in ("Resource", "ContainerResource"):
        if utilization is None and target.get("averageValue") is None:
            text = "must set either a target raw value or a target utilization"
            causes.append(required(f"{path}.averageUtilization", text))
        elif utilization is not None and target.get("averageValue") is not None:
            text = "may not set both a target raw value and a target utilization"
            causes.append(invalid(f"{path}.averageValue", target["averageValue"], text))


def _rules(causes: Causes, rules: JsonObject, path: str) -> None:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        causes.append(invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"))
    if window is not None and window > _MOST_WINDOW:
        text = f"must be less than or equal to {_MOST_WINDOW}"
        causes.append(invalid(f"{path}.stabilizationWindowSeconds", window, text))
    one_of(causes, f"{path}.selectPolicy", rules.get("selectPolicy"), ("Disabled", "Max", "Min"), optional=True)
    if not rules.get("policies"):
        causes.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(rules.get("policies") or ()):
        where = f"{path}.policies[{index}]"
        one_of(causes, f"{where}.type", policy.get("type"), ("Percent", "Pods"))
        if (policy.get("value") or 0) <= 0:
            causes.append(invalid(f"{where}.value", policy.get("value") or 0, "must be greater than zero"))
        period = policy.get("periodSeconds") or 0
        if period <= 0:
            causes.append(invalid(f"{where}.periodSeconds", period, "must be greater than zero"))
        elif period > _MOST_POLICY_PERIOD:
            text = f"must be less than or equal to {_MOST_POLICY_PERIOD}"
            causes.append(invalid(f"{where}.periodSeconds", period, text))


def update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("spec") != old.get("spec"):
        create(causes, new)
