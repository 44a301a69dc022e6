"""Defaults of networking.k8s.io and discovery.k8s.io: network policies, ingress classes, endpoint slices."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import changed, each, filled, within
from store.types import JsonObject


def _policy(obj: JsonObject) -> JsonObject:
    spec = filled(obj.get("spec") or {}, {"podSelector": {}})
    if not spec.get("policyTypes"):
        kinds = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
        spec = {**spec, "policyTypes": kinds}
    for key in ("ingress", "egress"):
        spec = each(spec, key, lambda rule: each(rule, "ports", lambda port: filled(port, {"protocol": "TCP"})))
    return changed(obj, "spec", spec)


def _class(obj: JsonObject) -> JsonObject:
    return within(
        obj,
        "spec",
        lambda spec: within(spec, "parameters", lambda parameters: filled(parameters, {"scope": "Cluster"})),
    )


def _slice(obj: JsonObject) -> JsonObject:
    return each(obj, "ports", lambda port: filled(port, {"name": "", "protocol": "TCP"}))


DEFAULTERS: Final = {"networkpolicies": _policy, "ingressclasses": _class}
DISCOVERY: Final = {"endpointslices": _slice}
