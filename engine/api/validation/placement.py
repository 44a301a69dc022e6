"""Where a pod may run: tolerations, affinity, topology spread, node selectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.api.names import dns_label_errors, label_value_errors, qualified_name_errors
from engine.api.validation.causes import (
    Causes,
    duplicate,
    each_message,
    forbidden,
    invalid,
    not_supported,
    one_of,
    required,
)
from engine.api.validation.label_selector import validate_selector
from store.types import JsonObject

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_UNSATISFIABLE: Final = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES: Final = ("Honor", "Ignore")


# -- tolerations ---------------------------------------------------------------------------------------------------


def validate_tolerations(causes: Causes, tolerations: Sequence[JsonObject], path: str) -> None:
    for index, toleration in enumerate(tolerations):
        where = f"{path}[{index}]"
        key, operator = toleration.get("key") or "", toleration.get("operator") or ""
        value, effect = toleration.get("value") or "", toleration.get("effect") or ""
        if key:
            each_message(causes, f"{where}.key", key, qualified_name_errors(key))
        elif operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            causes.append(invalid(f"{where}.operator", operator, text))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            causes.append(invalid(f"{where}.effect", effect, text))
        if operator in ("", "Equal"):
            messages = label_value_errors(value)
            if messages:
                causes.append(invalid(f"{where}.operator", value, ";".join(messages)))
        elif operator == "Exists":
            if value:
                text = "value must be empty when `operator` is 'Exists'"
                causes.append(invalid(f"{where}.operator", value, text))
        elif operator not in ("Lt", "Gt"):
            causes.append(not_supported(f"{where}.operator", operator, ("Equal", "Exists")))
        if effect:
            validate_effect(causes, effect, f"{where}.effect", required_=False)


def validate_effect(causes: Causes, effect: str, path: str, *, required_: bool = True) -> None:
    """A taint's effect."""
    one_of(causes, path, effect, EFFECTS, optional=not required_)


# -- affinity ------------------------------------------------------------------------------------------------------


def validate_affinity(causes: Causes, affinity: JsonObject, path: str) -> None:
    node = affinity.get("nodeAffinity")
    if node is not None:
        _node_affinity(causes, node, f"{path}.nodeAffinity")
    for key in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(key)
        if terms is not None:
            _pod_affinity(causes, terms, f"{path}.{key}")


def _node_affinity(causes: Causes, affinity: JsonObject, path: str) -> None:
    hard = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if hard is not None:
        validate_node_selector(causes, hard, f"{path}.requiredDuringSchedulingIgnoredDuringExecution")
    for index, soft in enumerate(affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _weight(causes, soft, where)
        _node_term(causes, soft.get("preference") or {}, f"{where}.preference")


def _weight(causes: Causes, term: JsonObject, path: str) -> None:
    weight = term.get("weight") or 0
    if not 1 <= weight <= 100:
        causes.append(invalid(f"{path}.weight", weight, "must be in the range 1-100"))


def validate_node_selector(causes: Causes, selector: JsonObject, path: str) -> None:
    terms = selector.get("nodeSelectorTerms")
    if not terms:
        causes.append(required(f"{path}.nodeSelectorTerms", "must have at least one node selector term"))
        return
    for index, term in enumerate(terms):
        _node_term(causes, term, f"{path}.nodeSelectorTerms[{index}]")


def _node_term(causes: Causes, term: JsonObject, path: str) -> None:
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = expression.get("operator") or "", expression.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                causes.append(required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                causes.append(forbidden(f"{where}.values", text))
        elif operator in ("Gt", "Lt"):
            if len(values) != 1:
                text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                causes.append(required(f"{where}.values", text))
        else:
            causes.append(invalid(f"{where}.operator", operator, "not a valid selector operator"))
        key = expression.get("key") or ""
        each_message(causes, f"{where}.key", key, qualified_name_errors(key))
        for at, value in enumerate(values):
            each_message(causes, f"{where}.values[{at}]", value, label_value_errors(value))
    for index, field in enumerate(term.get("matchFields") or ()):
        where = f"{path}.matchFields[{index}]"
        operator = field.get("operator") or ""
        if operator not in ("In", "NotIn"):
            causes.append(invalid(f"{where}.operator", operator, "not a valid selector operator"))
        elif len(field.get("values") or ()) != 1:
            text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            causes.append(required(f"{where}.values", text))
        if field.get("key") != "metadata.name":
            causes.append(invalid(f"{where}.key", field.get("key") or "", "not a valid field selector key"))


def _pod_affinity(causes: Causes, affinity: JsonObject, path: str) -> None:
    for index, term in enumerate(affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()):
        _pod_term(causes, term, f"{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]")
    for index, soft in enumerate(affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _weight(causes, soft, where)
        _pod_term(causes, soft.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")


def _pod_term(causes: Causes, term: JsonObject, path: str) -> None:
    validate_selector(causes, term.get("labelSelector"), f"{path}.labelSelector")
    validate_selector(causes, term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for namespace in term.get("namespaces") or ():
        each_message(causes, f"{path}.namespace", namespace, dns_label_errors(namespace))
    key = term.get("topologyKey") or ""
    if not key:
        causes.append(required(f"{path}.topologyKey", "can not be empty"))
    else:
        each_message(causes, f"{path}.topologyKey", key, qualified_name_errors(key))


# -- topology spread -----------------------------------------------------------------------------------------------


def validate_spread(causes: Causes, constraints: Sequence[JsonObject], path: str) -> None:
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints):
        where = f"{path}[{index}]"
        skew = constraint.get("maxSkew") or 0
        if skew <= 0:
            causes.append(invalid(f"{where}.maxSkew", skew, "must be greater than zero"))
        key = constraint.get("topologyKey") or ""
        if not key:
            causes.append(required(f"{where}.topologyKey", "can not be empty"))
        action = constraint.get("whenUnsatisfiable") or ""
        if action not in _UNSATISFIABLE:
            causes.append(not_supported(f"{where}.whenUnsatisfiable", action, _UNSATISFIABLE))
        if (key, action) in seen:
            causes.append(duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}"))
        seen.add((key, action))
        least = constraint.get("minDomains")
        if least is not None:
            if least <= 0:
                causes.append(invalid(f"{where}.minDomains", least, "must be greater than zero"))
            if action == "ScheduleAnyway":
                text = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"
                causes.append(invalid(f"{where}.minDomains", least, text))
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            one_of(causes, f"{where}.{name}", constraint.get(name), _POLICIES, optional=True)
        validate_selector(causes, constraint.get("labelSelector"), f"{where}.labelSelector")
