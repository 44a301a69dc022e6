"""Kinds that shape the cluster itself: nodes, namespaces, leases, priorities, quotas, limit ranges, runtime classes."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, Final

from engine.api import quantity
from engine.api.names import dns_label_errors, label_value_errors, qualified_name_errors
from engine.api.validation.causes import (
    Causes,
    duplicate,
    each_message,
    forbidden,
    immutable,
    invalid,
    one_of,
    required,
)
from engine.api.validation.placement import validate_effect, validate_tolerations
from engine.api.validation.resources import validate_amounts
from store.types import JsonObject

_USER_PRIORITY_MOST: Final = 1_000_000_000
_SYSTEM_PRIORITIES: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
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
_QUOTA_NAMES: Final = frozenset(
    {
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage",
        "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "services",
        "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims",
        "services.nodeports", "services.loadbalancers",
    }
)  # fmt: skip
_LIMIT_TYPES: Final = ("Container", "PersistentVolumeClaim", "Pod")


# -- nodes and namespaces ------------------------------------------------------------------------------------------


def node(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    _taints(causes, spec.get("taints") or (), "spec.taints")
    for index, cidr in enumerate(spec.get("podCIDRs") or ()):
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            text = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            causes.append(invalid(f"spec.podCIDRs[{index}]", cidr, text))
    for key in ("capacity", "allocatable"):
        validate_amounts(causes, (obj.get("status") or {}).get(key) or {}, f"status.{key}")


def _taints(causes: Causes, taints: Any, path: str) -> None:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        where = f"{path}[{index}]"
        key, value, effect = taint.get("key") or "", taint.get("value") or "", taint.get("effect") or ""
        each_message(causes, f"{where}.key", key, qualified_name_errors(key))
        each_message(causes, f"{where}.value", value, label_value_errors(value))
        validate_effect(causes, effect, f"{where}.effect")
        if (key, effect) in seen:
            causes.append(duplicate(where, taint))
        seen.add((key, effect))


def _pod_cidrs(spec: JsonObject) -> list[str]:
    """Both fields as one: where they disagree the older one, podCIDR, holds (Convert_v1_NodeSpec_To_core_NodeSpec)."""
    listed: list[str] = spec.get("podCIDRs") or []
    first = spec.get("podCIDR") or ""
    return listed if not first or listed[:1] == [first] else [first]


def node_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec == before:
        return
    node(causes, new)
    if before.get("podCIDRs") and _pod_cidrs(spec) != before["podCIDRs"]:
        text = 'node updates may not change podCIDR except from "" to valid'
        causes.append(forbidden("spec.podCIDRs", text))
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        text = 'node updates may not change providerID except from "" to valid'
        causes.append(forbidden("spec.providerID", text))


def namespace(causes: Causes, obj: JsonObject) -> None:
    for index, finalizer in enumerate((obj.get("spec") or {}).get("finalizers") or ()):
        each_message(causes, f"spec.finalizers[{index}]", finalizer, qualified_name_errors(finalizer))


def namespace_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    namespace(causes, new)


# -- leases --------------------------------------------------------------------------------------------------------


def lease(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if duration is not None and duration <= 0:
        causes.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        causes.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))


def lease_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    lease(causes, new)


# -- priority classes ----------------------------------------------------------------------------------------------


def priority_class(causes: Causes, obj: JsonObject) -> None:
    name, value = obj["metadata"].get("name") or "", obj.get("value") or 0
    if name.startswith("system-"):
        if _SYSTEM_PRIORITIES.get(name) != value:
            why = (
                f"{name} is not a known system priority class"
                if name not in _SYSTEM_PRIORITIES
                else f"value of {name} PriorityClass must be {_SYSTEM_PRIORITIES[name]}"
            )
            text = f"priority class names with 'system-' prefix are reserved for system use only. error: {why}"
            causes.append(forbidden("metadata.name", text))
    elif value > _USER_PRIORITY_MOST:
        text = f"maximum allowed value of a user defined priority is {_USER_PRIORITY_MOST}"
        causes.append(forbidden("value", text))
    _preemption(causes, obj)


def _preemption(causes: Causes, obj: JsonObject) -> None:
    policy = obj.get("preemptionPolicy")
    one_of(causes, "preemptionPolicy", policy, ("Never", "PreemptLowerPriority"), optional=True)


def priority_class_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if (new.get("value") or 0) != (old.get("value") or 0):
        causes.append(forbidden("value", "may not be changed in an update."))
    immutable(causes, "preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))


# -- quotas and limits ---------------------------------------------------------------------------------------------


def resource_quota(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    hard = spec.get("hard") or {}
    for name in sorted(hard):
        where = f"spec.hard[{name}]"
        messages = qualified_name_errors(name)
        each_message(causes, where, name, messages)
        if not messages and "/" not in name and name not in _QUOTA_NAMES and not name.startswith("hugepages-"):
            causes.append(invalid(where, name, "must be a standard resource for quota"))
        if quantity.parse(hard[name]).nano < 0:
            text = "must be greater than or equal to 0"
            causes.append(invalid(where, quantity.canonical(hard[name]), text))
        elif _is_count(name) and quantity.parse(hard[name]).nano % quantity.NANO:
            causes.append(invalid(where, quantity.canonical(hard[name]), "must be an integer"))
    scopes = spec.get("scopes") or []
    for scope in scopes:
        _scope(causes, "spec.scopes", scopes, scope, hard)
    _scope_pairs(causes, "spec.scopes", scopes, scopes)
    requirements = (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    where = "spec.scopeSelector.matchExpressions"
    for requirement in requirements:
        _scope(causes, where, requirements, requirement["scopeName"], hard)
        _scope_requirement(causes, where, requirement)
    _scope_pairs(causes, where, requirements, [each["scopeName"] for each in requirements])


def _scope(causes: Causes, where: str, value: Any, scope: str, hard: JsonObject) -> None:
    """The scope is one, and what is limited has it."""
    if scope not in _SCOPES:
        causes.append(invalid(where, value, "unsupported scope"))
    scoped = _SCOPED.get(scope)
    if scoped is not None and any(name in _QUOTA_NAMES and name not in scoped for name in hard):
        causes.append(invalid(where, value, "unsupported scope applied to resource"))


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
            text = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector"
            causes.append(invalid(f"{where}.values", values, text))
    else:
        causes.append(invalid(f"{where}.operator", operator, "not a valid selector operator"))


def _scope_pairs(causes: Causes, where: str, value: Any, scopes: Sequence[str]) -> None:
    for one, other in (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")):
        if one in scopes and other in scopes:
            causes.append(invalid(where, value, "conflicting scopes"))


def _is_count(name: str) -> bool:
    return name.startswith(("count/", "services")) or name in (
        "pods", "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims",
    )  # fmt: skip


def resource_quota_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    resource_quota(causes, new)
    scopes, before = (new.get("spec") or {}).get("scopes") or [], (old.get("spec") or {}).get("scopes") or []
    if sorted(scopes) != sorted(before):
        causes.append(invalid("spec.scopes", scopes, "field is immutable"))


def limit_range(causes: Causes, obj: JsonObject) -> None:
    seen: set[str] = set()
    for index, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        where = f"spec.limits[{index}]"
        kind = item.get("type") or ""
        if kind not in _LIMIT_TYPES and "/" not in kind:
            text = "must be a standard limit type or fully qualified"
            causes.append(invalid(f"{where}.type", kind, text))
        if kind in seen:
            causes.append(duplicate(f"{where}.type", kind))
        seen.add(kind)
        if kind == "Pod":
            for key in ("default", "defaultRequest"):
                if item.get(key):
                    causes.append(forbidden(f"{where}.{key}", "may not be specified when `type` is 'Pod'"))
        if kind == "PersistentVolumeClaim" and not (item.get("min") or item.get("max") or {}):
            text = "either minimum or maximum storage value is required, but neither was provided"
            causes.append(required(f"{where}.limits", text))
        _ordered(causes, item, where)


def _ordered(causes: Causes, item: JsonObject, path: str) -> None:
    """min ≤ defaultRequest ≤ default ≤ max, resource by resource."""
    names = {name for key in ("min", "defaultRequest", "default", "max") for name in item.get(key) or {}}
    pairs = (
        ("min", "max", "min", "min value", "max value"),
        ("defaultRequest", "min", "defaultRequest", "", ""),
        ("defaultRequest", "max", "defaultRequest", "default request value", "max value"),
        ("defaultRequest", "default", "defaultRequest", "default request value", "default limit value"),
        ("min", "default", "default", "min value", "default value"),
        ("default", "max", "default", "default value", "max value"),
    )
    for name in sorted(names):
        for low, high, place, low_word, high_word in pairs:
            a, b = (item.get(low) or {}).get(name), (item.get(high) or {}).get(name)
            if a is None or b is None:
                continue
            if low == "defaultRequest" and high == "min":
                if quantity.parse(b).nano > quantity.parse(a).nano:
                    text = f"min value {b} is greater than default request value {a}"
                    causes.append(invalid(f"{path}.defaultRequest[{name}]", a, text))
            elif quantity.parse(a).nano > quantity.parse(b).nano:
                shown = a if place != "default" or low == "default" else b
                text = f"{low_word} {a} is greater than {high_word} {b}"
                causes.append(invalid(f"{path}.{place}[{name}]", shown, text))


def limit_range_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    limit_range(causes, new)


# -- runtime classes -----------------------------------------------------------------------------------------------


def runtime_class(causes: Causes, obj: JsonObject) -> None:
    handler = obj.get("handler") or ""
    each_message(causes, "handler", handler, dns_label_errors(handler))
    validate_amounts(causes, (obj.get("overhead") or {}).get("podFixed") or {}, "overhead.podFixed")
    validate_tolerations(causes, (obj.get("scheduling") or {}).get("tolerations") or (), "scheduling.tolerations")


def runtime_class_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    immutable(causes, "handler", new.get("handler"), old.get("handler"))
