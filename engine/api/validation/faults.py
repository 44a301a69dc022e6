"""kubarium.dev/v1alpha1: Faults. What an action can be aimed at and knows of is in `engine.client.faults`."""

from __future__ import annotations

from typing import Any, Final

from engine.api import quantity
from engine.api.names import subdomain_errors
from engine.api.validation.causes import (
    Causes,
    each_message,
    forbidden,
    immutable,
    invalid,
    one_of,
    required,
    shown,
)
from engine.api.validation.label_selector import validate_selector
from engine.client.faults import ACTIONS, PROBES, TARGETS
from engine.flags import parse_duration
from store.types import JsonObject

_NAMES: Final = ("node", "pod")


def fault(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    action, target, given = spec.get("action"), spec.get("target") or {}, spec.get("parameters") or {}
    one_of(causes, "spec.action", action, tuple(ACTIONS))
    rules = ACTIONS.get(action or "")
    if rules is not None:
        _target(causes, str(action), rules.targets, target)
        for name in given:
            if name not in rules.parameters:
                causes.append(forbidden(f"spec.parameters.{name}", f"may not be set when action is {action}"))
    for name in _NAMES:
        if target.get(name):
            each_message(causes, f"spec.target.{name}", target[name], subdomain_errors(target[name]))
    if target.get("controller") == "fault-controller":
        causes.append(invalid("spec.target.controller", "fault-controller", "nobody would end the fault"))
    validate_selector(causes, target.get("selector"), "spec.target.selector")
    _span(causes, spec.get("duration"), "spec.duration", least=1)
    for name in ("after", "delay"):
        _span(causes, given.get(name), f"spec.parameters.{name}", least=0)
    for name in ("amount", "memory"):
        _amount(causes, given.get(name), f"spec.parameters.{name}")
    one_of(causes, "spec.parameters.probe", given.get("probe"), PROBES, optional=True)
    code = given.get("exitCode")
    if code is not None and not 0 <= code <= 255:
        causes.append(invalid("spec.parameters.exitCode", code, "must be between 0 and 255, inclusive"))


def fault_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec == before:
        return
    fault(causes, new)
    for name in ("action", "target", "parameters"):
        immutable(causes, f"spec.{name}", spec.get(name), before.get(name))


def _target(causes: Causes, action: str, known: tuple[str, ...], target: JsonObject) -> None:
    """Exactly one of the fields that the action can be aimed by."""
    given = [name for name in TARGETS if target.get(name) not in (None, "")]
    for name in given:
        if name not in known:
            causes.append(forbidden(f"spec.target.{name}", f"may not be set when action is {action}"))
    aimed = [name for name in given if name in known]
    if not aimed and not (set(given) - set(known)):
        causes.append(required("spec.target", f"must specify one of: {', '.join(known)}"))
    for name in aimed[1:]:
        causes.append(forbidden(f"spec.target.{name}", f"may not be specified with {aimed[0]}"))
    if "pod" not in known:
        for name in ("namespace", "container"):
            if target.get(name):
                causes.append(forbidden(f"spec.target.{name}", f"may not be set when action is {action}"))


def _span(causes: Causes, value: Any, path: str, least: int) -> None:
    if value is None:
        return
    try:
        span = parse_duration(str(value))
    except ValueError:
        causes.append(invalid(path, value, f"time: invalid duration {shown(value)}"))
        return
    if span < least:
        causes.append(invalid(path, value, "must be greater than or equal to 0" if not least else "must be positive"))


def _amount(causes: Causes, value: Any, path: str) -> None:
    if value is None:
        return
    try:
        amount = quantity.value(str(value))
    except quantity.QuantityError as error:
        causes.append(invalid(path, value, str(error)))
        return
    if amount <= 0:
        causes.append(invalid(path, value, "must be greater than zero"))
