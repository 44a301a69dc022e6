"""Kinds that shape the cluster itself: nodes, namespaces, leases, priorities, runtime classes."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from engine.api import internal_form
from engine.api.names import dns_label_errors, label_value_errors, qualified_name_errors
from engine.api.validation.addresses import CIDR_TEXT
from engine.api.validation.causes import (
    Causes,
    duplicate_struct,
    each_message,
    forbidden,
    immutable,
    invalid,
    one_of,
)
from engine.api.validation.metadata import STANDARD_FINALIZERS
from engine.api.validation.placement import validate_effect, validate_tolerations
from engine.api.validation.pod_spec import PREEMPTION
from engine.api.validation.resources import validate_amounts
from store.types import JsonObject

_USER_PRIORITY_MOST: Final = 1_000_000_000
_SYSTEM_PRIORITIES: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


# -- nodes and namespaces ------------------------------------------------------------------------------------------


def node(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    _taints(causes, spec.get("taints") or (), "spec.taints")
    for index, cidr in enumerate(spec.get("podCIDRs") or ()):
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            causes.append(invalid(f"spec.podCIDRs[{index}]", cidr, CIDR_TEXT))
    for key in ("capacity", "allocatable"):
        validate_amounts(causes, (obj.get("status") or {}).get(key) or {}, f"status.{key}")


def _taints(causes: Causes, taints: Any, path: str) -> None:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        where = f"{path}[{index}]"
        key, value, effect = taint.get("key") or "", taint.get("value") or "", taint.get("effect") or ""
        each_message(causes, f"{where}.key", key, qualified_name_errors(key))
        messages = label_value_errors(value)
        if messages:
            causes.append(invalid(f"{where}.value", value, ";".join(messages)))
        validate_effect(causes, effect, f"{where}.effect")
        if (key, effect) in seen:
            text = "taints must be unique by key and effect pair"
            causes.append(duplicate_struct(where, internal_form.taint(taint), text))
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
    for finalizer in (obj.get("spec") or {}).get("finalizers") or ():
        messages = qualified_name_errors(finalizer)
        each_message(causes, "spec.finalizers", finalizer, messages)
        if not messages and "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(invalid("spec.finalizers", finalizer, text))


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
    one_of(causes, "preemptionPolicy", policy, PREEMPTION, optional=True)


def priority_class_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if (new.get("value") or 0) != (old.get("value") or 0):
        causes.append(forbidden("value", "may not be changed in an update."))
    immutable(causes, "preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))


# -- runtime classes -----------------------------------------------------------------------------------------------


def runtime_class(causes: Causes, obj: JsonObject) -> None:
    handler = obj.get("handler") or ""
    each_message(causes, "handler", handler, dns_label_errors(handler))
    validate_amounts(causes, (obj.get("overhead") or {}).get("podFixed") or {}, "overhead.podFixed")
    validate_tolerations(causes, (obj.get("scheduling") or {}).get("tolerations") or (), "scheduling.tolerations")


def runtime_class_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    immutable(causes, "handler", new.get("handler"), old.get("handler"))
