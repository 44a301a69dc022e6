"""ResourceQuotas and LimitRanges: what can be limited, in which scopes, and which bounds fit together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.api import quantity
from engine.api.internal_form import scope_selector
from engine.api.names import qualified_name_errors
from engine.api.validation.causes import (
    IMMUTABLE,
    NOT_NEGATIVE,
    Causes,
    duplicate,
    each_message,
    forbidden,
    invalid,
    invalid_struct,
    required,
)
from engine.api.validation.resources import (
    OF_QUOTAS,
    is_extended,
    overcommits,
    validate_container_resource_name,
    validate_quota_resource_name,
    validate_resource_name,
)
from store.types import JsonObject

_SCOPES: Final = (
    "BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating",
    "VolumeAttributesClass",
)  # fmt: skip
_ONLY_EXISTS: Final = frozenset(
    {"Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"}
)  # fmt: skip
_OF_PODS: Final = frozenset(
    {"pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
)  # fmt: skip
_SCOPED: Final = {
    **dict.fromkeys(
        ("Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"), _OF_PODS
    ),
    "BestEffort": frozenset({"pods"}),
    "VolumeAttributesClass": frozenset({"persistentvolumeclaims", "requests.storage"}),
}
"""Scope → what a quota with it may limit (IsResourceQuotaScopeValidForResource)."""
_COUNTS: Final = frozenset(
    {
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
        "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
    }
)  # fmt: skip
_LIMIT_TYPES: Final = ("Container", "PersistentVolumeClaim", "Pod")
_DEFAULTS: Final = ("default", "defaultRequest")
_BOUNDS: Final = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
_ORDER: Final = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    (
        "min", "defaultRequest", "defaultRequest", "defaultRequest",
        "min value {} is greater than default request value {}",
    ),
    (
        "defaultRequest", "max", "defaultRequest", "defaultRequest",
        "default request value {} is greater than max value {}",
    ),
    (
        "defaultRequest", "default", "defaultRequest", "defaultRequest",
        "default request value {} is greater than default limit value {}",
    ),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip
"""(the lower, the higher, where it is told, which of them is shown, the text), with ValidateLimitRange's oddities."""


# -- quotas --------------------------------------------------------------------------------------------------------


def resource_quota(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    hard = spec.get("hard") or {}
    for name in sorted(hard):
        where, amount = f"spec.hard[{name}]", quantity.parse(hard[name]).nano
        validate_quota_resource_name(causes, name, where)
        if amount < 0:
            causes.append(invalid(where, quantity.canonical(hard[name]), NOT_NEGATIVE))
        if (name in _COUNTS or is_extended(name)) and amount % quantity.NANO:
            causes.append(invalid(where, quantity.canonical(hard[name]), "must be an integer"))
    scopes = spec.get("scopes") or []
    for scope in scopes:
        if scope not in _SCOPES:
            causes.append(invalid("spec.scopes", scopes, "unsupported scope"))
        if _misapplied(scope, hard):
            causes.append(invalid("spec.scopes", scopes, "unsupported scope applied to resource"))
    _scope_pairs(causes, "spec.scopes", scopes, scopes)
    selector = spec.get("scopeSelector")
    if selector is None:
        return
    requirements = selector.get("matchExpressions") or []
    where = "spec.scopeSelector.matchExpressions"
    for requirement in requirements:
        scope = requirement["scopeName"]
        if scope not in _SCOPES:
            causes.append(invalid(f"{where}.scopeName", scope, "unsupported scope"))
        if _misapplied(scope, hard):
            causes.append(invalid_struct(where, scope_selector(selector), "unsupported scope applied to resource"))
        _scope_requirement(causes, where, requirement)
    _scope_pairs(causes, where, scopes or None, [each["scopeName"] for each in requirements])


def _misapplied(scope: str, hard: JsonObject) -> bool:
    """The quota limits what does not have the scope."""
    scoped = _SCOPED.get(scope)
    return scoped is not None and any(name in OF_QUOTAS and name not in scoped for name in hard)


def _scope_requirement(causes: Causes, where: str, requirement: JsonObject) -> None:
    operator, values = requirement.get("operator") or "", requirement.get("values") or []
    if requirement["scopeName"] in _ONLY_EXISTS and operator != "Exists":
        text = (
            "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
            "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
            "ResourceQuotaScopeCrossNamespacePodAffinity"
        )
        causes.append(invalid(f"{where}.operator", operator, text))
    if operator in ("In", "NotIn"):
        if not values:
            text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            causes.append(required(f"{where}.values", text))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            causes.append(invalid(f"{where}.values", values, text))
    else:
        causes.append(invalid(f"{where}.operator", operator, "not a valid selector operator"))


def _scope_pairs(causes: Causes, where: str, value: Any, scopes: Sequence[str]) -> None:
    for one, other in (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")):
        if one in scopes and other in scopes:
            causes.append(invalid(where, value, "conflicting scopes"))


def resource_quota_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    resource_quota(causes, new)
    scopes, before = (new.get("spec") or {}).get("scopes") or [], (old.get("spec") or {}).get("scopes") or []
    if set(scopes) != set(before):
        causes.append(invalid("spec.scopes", scopes or None, IMMUTABLE))


# -- limit ranges --------------------------------------------------------------------------------------------------


def limit_range(causes: Causes, obj: JsonObject) -> None:
    seen: set[str] = set()
    for index, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        where, kind = f"spec.limits[{index}]", item.get("type") or ""
        messages = qualified_name_errors(kind)
        each_message(causes, f"{where}.type", kind, messages)
        if not messages and kind not in _LIMIT_TYPES and "/" not in kind:
            text = "must be a standard limit type or fully qualified"
            causes.append(invalid(f"{where}.type", kind, text))
        if kind in seen:
            causes.append(duplicate(f"{where}.type", kind))
        seen.add(kind)
        _names(causes, item, where)
        for name in sorted({name for key in _BOUNDS for name in _bounds(item, key)}):
            _ordered(causes, item, where, name)


def _names(causes: Causes, item: JsonObject, path: str) -> None:
    """What is limited has a name that can be limited, and its kind of limit."""
    kind = item.get("type")
    check = validate_container_resource_name if kind in ("Container", "Pod") else validate_resource_name
    for key in _BOUNDS:
        if kind == "Pod" and key in _DEFAULTS:
            if item.get(key):
                causes.append(forbidden(f"{path}.{key}", "may not be specified when `type` is 'Pod'"))
            continue
        claimed = key == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim"
        if claimed and not any("storage" in _bounds(item, each) for each in ("min", "max")):
            text = "either minimum or maximum storage value is required, but neither was provided"
            causes.append(required(f"{path}.limits", text))
        for name in sorted(item.get(key) or {}):
            check(causes, name, f"{path}.{key}[{name}]")


def _bounds(item: JsonObject, key: str) -> JsonObject:
    """A pod has no defaults: what stands there is refused, and not compared."""
    return {} if item.get("type") == "Pod" and key in _DEFAULTS else item.get(key) or {}


def _ordered(causes: Causes, item: JsonObject, path: str, name: str) -> None:
    """min ≤ defaultRequest ≤ default ≤ max, and 1 ≤ maxLimitRequestRatio ≤ max / min."""
    found = {key: _bounds(item, key).get(name) for key in _BOUNDS}
    amounts = {key: quantity.parse(amount).nano for key, amount in found.items() if amount is not None}
    for low, high, place, told, text in _ORDER:
        if low in amounts and high in amounts and amounts[low] > amounts[high]:
            causes.append(invalid(f"{path}.{place}[{name}]", found[told], text.format(found[low], found[high])))
    ratio, where = amounts.get("maxLimitRequestRatio"), f"{path}.maxLimitRequestRatio[{name}]"
    if ratio is not None:
        shown = found["maxLimitRequestRatio"]
        if ratio < quantity.NANO:
            causes.append(invalid(where, shown, f"ratio {shown} is less than 1"))
        if amounts.get("min") and "max" in amounts and ratio / quantity.NANO > amounts["max"] / amounts["min"]:
            text = f"ratio {shown} is greater than max/min = {amounts['max'] / amounts['min']:f}"
            causes.append(invalid(where, shown, text))
    if not overcommits(name) and amounts.get("default", 0) != amounts.get("defaultRequest", amounts.get("default", 0)):
        given, asked = found["default"], found["defaultRequest"]
        if given is not None:
            text = f"default value {given} must equal to defaultRequest value {asked} in {name}"
            causes.append(invalid(f"{path}.defaultRequest[{name}]", asked, text))


def limit_range_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    limit_range(causes, new)
