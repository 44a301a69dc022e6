"""admissionregistration.k8s.io: validating admission policies. Source: pkg/apis/admissionregistration/validation."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from engine.api.validation.causes import Causes, invalid, not_supported, required
from engine.cel.checking import DYN, check
from engine.cel.syntax import SyntaxProblem, parse
from store.types import JsonObject

_NAMES: Final = dict.fromkeys(
    ("object", "oldObject", "request", "params", "namespaceObject", "variables", "authorizer"), DYN
)
"""What a policy's expressions may speak of."""
_ACTIONS: Final = ("Audit", "Deny", "Warn")


def policy(causes: Causes, obj: JsonObject) -> None:
    spec: JsonObject = obj.get("spec") or {}
    if not spec.get("matchConstraints"):
        causes.append(required("spec.matchConstraints"))
    elif not spec["matchConstraints"].get("resourceRules"):
        causes.append(required("spec.matchConstraints.resourceRules"))
    for part in ("matchConditions", "variables", "validations"):
        for index, each in enumerate(spec.get(part) or ()):
            _expression(causes, f"spec.{part}[{index}].expression", each.get("expression") or "")
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        for part in ("validations", "auditAnnotations"):
            causes.append(required(f"spec.{part}", "validations or auditAnnotations must be non-empty"))


def policy_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    policy(causes, new)


def binding(causes: Causes, obj: JsonObject) -> None:
    spec: JsonObject = obj.get("spec") or {}
    if not spec.get("policyName"):
        causes.append(required("spec.policyName"))
    for index, action in enumerate(spec.get("validationActions") or ()):
        if action not in _ACTIONS:
            causes.append(not_supported(f"spec.validationActions[{index}]", action, _ACTIONS))
    if not spec.get("validationActions"):
        causes.append(required("spec.validationActions"))


def binding_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    binding(causes, new)


def _expression(causes: Causes, path: str, source: str) -> None:
    if not source.strip():
        causes.append(required(path, "expression is not specified"))
    elif wrong := _problem(source):
        causes.append(invalid(path, source, f"compilation failed: {wrong}"))


@lru_cache(maxsize=256)
def _problem(source: str) -> str:
    try:
        check(source, parse(source), _NAMES)
    except SyntaxProblem as problem:
        return str(problem)
    return ""
