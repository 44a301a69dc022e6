"""Other versions of what is stored in one: Events of events.k8s.io, HorizontalPodAutoscalers of autoscaling/v1.

`to_stored` takes a manifest in a served version to the one that the store keeps (core/v1, autoscaling/v2), `to_served`
back. Fields that the other version does not know are kept where they fit and dropped where they do not, as Kubernetes'
conversions do.
"""

from __future__ import annotations

from typing import Any, Final

from engine.api.kinds import HPAS, Kind
from store.types import JsonObject, Resource

_NEW_EVENTS: Final = Resource("events.k8s.io", "events")
_EVENT_FIELDS: Final = {
    "note": "message", "regarding": "involvedObject", "reportingController": "reportingComponent",
    "deprecatedSource": "source", "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp", "deprecatedCount": "count",
}  # fmt: skip
"""events.k8s.io/v1 → v1."""
_EVENT_FIELDS_BACK: Final = {stored: served for served, stored in _EVENT_FIELDS.items()}


def to_stored(kind: Kind, obj: JsonObject) -> JsonObject:
    """A manifest as the store keeps it; the same object when its version is the stored one."""
    if kind.resource == _NEW_EVENTS:
        new = {_EVENT_FIELDS.get(key, key): value for key, value in obj.items()}
        return {**new, "apiVersion": "v1", "kind": "Event"}
    if kind.resource == HPAS and kind.version == "v1":
        return {**_autoscaler(obj), "apiVersion": "autoscaling/v2", "kind": kind.kind}
    return obj


def to_served(kind: Kind, obj: JsonObject) -> JsonObject:
    """A stored object in another served version; the same object when it is the stored one."""
    if kind.resource == _NEW_EVENTS:
        new = {_EVENT_FIELDS_BACK.get(key, key): value for key, value in obj.items()}
        return {**new, "apiVersion": kind.api_version, "kind": kind.kind}
    if kind.resource == HPAS and kind.version == "v1":
        return {**_autoscaler_back(obj), "apiVersion": kind.api_version, "kind": kind.kind}
    return obj


def _autoscaler(obj: JsonObject) -> JsonObject:
    spec: dict[str, Any] = dict(obj.get("spec") or {})
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    new = {**obj, "spec": spec}
    status = dict(obj.get("status") or {})
    used = status.pop("currentCPUUtilizationPercentage", None)
    if used is not None:
        current = {"averageUtilization": used}
        status["currentMetrics"] = [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
    return new | {"status": status} if "status" in obj else new


def _autoscaler_back(obj: JsonObject) -> JsonObject:
    spec: dict[str, Any] = dict(obj.get("spec") or {})
    for metric in spec.pop("metrics", None) or ():
        target = (metric.get("resource") or {}).get("target") or {}
        if (metric.get("resource") or {}).get("name") == "cpu" and "averageUtilization" in target:
            spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
    spec.pop("behavior", None)
    new = {**obj, "spec": spec}
    if "status" in obj:
        known = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
        status = {"currentReplicas": 0, "desiredReplicas": 0}
        status |= {key: value for key, value in (obj["status"] or {}).items() if key in known}
        for metric in (obj["status"] or {}).get("currentMetrics") or ():
            current = (metric.get("resource") or {}).get("current") or {}
            if "averageUtilization" in current:
                status["currentCPUUtilizationPercentage"] = current["averageUtilization"]
        new["status"] = status
    return new
