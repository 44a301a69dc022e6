"""Statuses that a client writes: counts that fit each other, addresses that are some (pkg/apis/*/validation)."""

from __future__ import annotations

import ipaddress
from typing import Final

from engine.api.names import subdomain_errors
from engine.api.validation.addresses import validate_address
from engine.api.validation.causes import Causes, each_message, forbidden, invalid, not_negative, not_supported
from store.types import JsonObject

_MOST_OF_ALL: Final = "cannot be greater than status.replicas"


def deployment(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
    _not_negative(causes, new, "observedGeneration", *counts, "terminatingReplicas", "collisionCount")
    _within_replicas(causes, new, "updatedReplicas", "readyReplicas", "availableReplicas")
    _available_are_ready(causes, new, "readyReplicas")
    _collisions_stay(causes, new, old)


def replica_set(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    """A ReplicationController's, too."""
    counts = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas")
    _not_negative(causes, new, *counts, "observedGeneration")
    _within_replicas(causes, new, "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    _available_are_ready(causes, new, "readyReplicas")


def stateful_set(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    counts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    _not_negative(causes, new, "replicas", *counts, "observedGeneration", "collisionCount")
    _within_replicas(causes, new, *counts)
    _available_are_ready(causes, new, "status.readyReplicas")
    _collisions_stay(causes, new, old)


def daemon_set(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    _not_negative(
        causes, new, "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
        "observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
    )  # fmt: skip
    _collisions_stay(causes, new, old)


def budget(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    _not_negative(causes, new, "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")


def autoscaler(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    _not_negative(causes, new, "currentReplicas", "desiredReplicas")


def namespace(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    """The phase says whether it is being deleted, and nothing else may say so."""
    phase = (new.get("status") or {}).get("phase") or ""
    ends = bool(new["metadata"].get("deletionTimestamp"))
    wanted, state = ("Terminating", "is not empty") if ends else ("Active", "is empty")
    if phase != wanted:
        causes.append(invalid("status.Phase", phase, f"may only be '{wanted}' if `deletionTimestamp` {state}"))


def service(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    points = _points(new)
    if points and (new.get("spec") or {}).get("type") != "LoadBalancer":
        text = "may only be used when `spec.type` is LoadBalancer"
        causes.append(forbidden("status.loadBalancer.ingress", text))
        return
    for index, point in enumerate(points):
        path = f"status.loadBalancer.ingress[{index}]"
        address, mode = point.get("ip"), point.get("ipMode")
        if address:
            validate_address(causes, address, f"{path}.ip")
        if mode is not None and not address:
            causes.append(forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set"))
        elif mode is not None and mode not in ("Proxy", "VIP"):
            causes.append(not_supported(f"{path}.ipMode", mode, ("Proxy", "VIP")))
        _hostname(causes, point, path)


def ingress(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    for index, point in enumerate(_points(new)):
        path = f"status.loadBalancer.ingress[{index}]"
        if point.get("ip"):
            validate_address(causes, point["ip"], f"{path}.ip")
        _hostname(causes, point, path)


def _points(obj: JsonObject) -> list[JsonObject]:
    found: list[JsonObject] = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return found


def _hostname(causes: Causes, point: JsonObject, path: str) -> None:
    name = point.get("hostname")
    if not name:
        return
    each_message(causes, f"{path}.hostname", name, subdomain_errors(name))
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return
    causes.append(invalid(f"{path}.hostname", name, "must be a DNS name, not an IP address"))


def _not_negative(causes: Causes, obj: JsonObject, *fields: str) -> None:
    not_negative(causes, "status", obj.get("status") or {}, *fields)


def _within_replicas(causes: Causes, obj: JsonObject, *fields: str) -> None:
    status: JsonObject = obj.get("status") or {}
    for field in fields:
        if (status.get(field) or 0) > (status.get("replicas") or 0):
            causes.append(invalid(f"status.{field}", status[field], _MOST_OF_ALL))


def _available_are_ready(causes: Causes, obj: JsonObject, ready: str) -> None:
    status: JsonObject = obj.get("status") or {}
    if (status.get("availableReplicas") or 0) > (status.get("readyReplicas") or 0):
        text = f"cannot be greater than {ready}"
        causes.append(invalid("status.availableReplicas", status["availableReplicas"], text))


def _collisions_stay(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    count, before = ((each.get("status") or {}).get("collisionCount") for each in (new, old))
    if before is not None and (count is None or count < before):
        causes.append(invalid("status.collisionCount", count or 0, "cannot be decremented"))
