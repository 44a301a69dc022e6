"""Defaults of admissionregistration.k8s.io: webhooks (none is called) and policies that a person declares."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import changed, each, filled, within
from store.types import JsonObject

_WEBHOOK: Final = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
}
_CONSTRAINTS: Final = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}


def _rule(rule: JsonObject) -> JsonObject:
    return filled(rule, {"scope": "*"})


def _webhook(hook: JsonObject) -> JsonObject:
    hook = each(filled(hook, _WEBHOOK), "rules", _rule)
    return within(
        hook, "clientConfig", lambda config: within(config, "service", lambda service: filled(service, {"port": 443}))
    )


def _validating(obj: JsonObject) -> JsonObject:
    return each(obj, "webhooks", _webhook)


def _mutating(obj: JsonObject) -> JsonObject:
    return each(obj, "webhooks", lambda hook: filled(_webhook(hook), {"reinvocationPolicy": "Never"}))


def _constraints(match: JsonObject) -> JsonObject:
    match = each(filled(match, _CONSTRAINTS), "resourceRules", _rule)
    return each(match, "excludeResourceRules", _rule)


def _policy(obj: JsonObject) -> JsonObject:
    spec = filled(obj.get("spec") or {}, {"failurePolicy": "Fail"})
    return changed(obj, "spec", within(spec, "matchConstraints", _constraints))


def _binding(obj: JsonObject) -> JsonObject:
    return within(obj, "spec", lambda spec: within(spec, "matchResources", _constraints))


DEFAULTERS: Final = {
    "validatingwebhookconfigurations": _validating,
    "mutatingwebhookconfigurations": _mutating,
    "validatingadmissionpolicies": _policy,
    "validatingadmissionpolicybindings": _binding,
    "mutatingadmissionpolicies": _policy,
    "mutatingadmissionpolicybindings": _binding,
}
