"""What containers ask for: names and amounts of requests and limits (ValidateContainerResourceRequirements)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.api import quantity
from engine.api.names import qualified_name_errors
from engine.api.validation.causes import NOT_NEGATIVE, Causes, each_message, forbidden, invalid, required
from store.types import JsonObject

_OF_CONTAINERS: Final = frozenset({"cpu", "memory", "ephemeral-storage"})
OF_QUOTAS: Final = frozenset(
    {
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage",
        "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "services",
        "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims",
        "services.nodeports", "services.loadbalancers",
    }
)  # fmt: skip
"""What a quota can limit, besides huge pages and what has a domain."""
_HUGE_PAGES: Final = ("hugepages-", "requests.hugepages-")
_STANDARD: Final = OF_QUOTAS | {"storage"}


def validate_resources(causes: Causes, resources: JsonObject, path: str) -> None:
    """A container's or a pod's ResourceRequirements."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name in sorted(limits):
        where = f"{path}.limits[{name}]"
        validate_container_resource_name(causes, name, where)
        _amount(causes, name, limits[name], where)
    for name in sorted(requests):
        where = f"{path}.requests[{name}]"
        validate_container_resource_name(causes, name, where)
        _amount(causes, name, requests[name], where)
        asked, limit = requests[name], limits.get(name)
        if limit is not None:
            if not overcommits(name):
                if quantity.parse(asked).nano != quantity.parse(limit).nano:
                    text = f"must be equal to {name} limit of {quantity.canonical(limit)}"
                    causes.append(invalid(f"{path}.requests", quantity.canonical(asked), text))
            elif quantity.parse(asked).nano > quantity.parse(limit).nano:
                text = f"must be less than or equal to {name} limit of {quantity.canonical(limit)}"
                causes.append(invalid(f"{path}.requests", quantity.canonical(asked), text))
        elif not overcommits(name):
            causes.append(required(f"{path}.limits", "Limit must be set for non overcommitable resources"))
    named = {*limits, *requests}
    if any(name.startswith("hugepages-") for name in named) and not named & {"cpu", "memory"}:
        causes.append(forbidden(path, "HugePages require cpu or memory"))


def overcommits(name: str) -> bool:
    """Extended resources and huge pages are given whole."""
    return not is_extended(name) and not name.startswith("hugepages-")


def is_extended(name: str) -> bool:
    """A resource of somebody's own domain (`nvidia.com/gpu`)."""
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


def validate_resource_name(causes: Causes, name: str, path: str) -> None:
    """validateResourceName."""
    messages = qualified_name_errors(name)
    each_message(causes, path, name, messages)
    if not messages and "/" not in name and name not in _STANDARD and not name.startswith(_HUGE_PAGES):
        causes.append(invalid(path, name, "must be a standard resource type or fully qualified"))


def validate_container_resource_name(causes: Causes, name: str, path: str) -> None:
    validate_resource_name(causes, name, path)
    if "/" not in name:
        if name not in _OF_CONTAINERS and not name.startswith("hugepages-"):
            causes.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_extended(name) and "kubernetes.io/" not in name:
        causes.append(invalid(path, name, "doesn't follow extended resource name standard"))


def validate_quota_resource_name(causes: Causes, name: str, path: str) -> None:
    validate_resource_name(causes, name, path)
    if "/" not in name and name not in OF_QUOTAS and not name.startswith(_HUGE_PAGES):
        causes.append(invalid(path, name, "must be a standard resource for quota"))


def _amount(causes: Causes, name: str, amount: Any, path: str) -> None:
    parsed = quantity.parse(amount)
    if parsed.nano < 0:
        causes.append(invalid(path, quantity.canonical(amount), NOT_NEGATIVE))
    if is_extended(name) and parsed.nano % quantity.NANO:
        causes.append(invalid(path, quantity.canonical(amount), "must be an integer"))


def validate_amounts(causes: Causes, amounts: Mapping[str, Any], path: str) -> None:
    """A ResourceList whose names are free: amounts only."""
    for name in sorted(amounts):
        if quantity.parse(amounts[name]).nano < 0:
            causes.append(invalid(f"{path}[{name}]", quantity.canonical(amounts[name]), NOT_NEGATIVE))
