"""A Service that is replaced keeps the addresses and ports it was given (the registry's patchAllocatedValues)."""

from __future__ import annotations

from typing import Any

from engine.api.admission.request import AdmissionRequest, spec_of
from store.types import JsonObject


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    old = spec_of(request.old or {})
    spec = spec_of(obj)
    new = spec
    if _has_address(old) and _has_address(spec):
        for key in ("clusterIP", "clusterIPs"):
            if not new.get(key) and old.get(key):
                new = {**new, key: old[key]}
    if _has_node_ports(old) and _has_node_ports(spec):
        ports = _with_node_ports(old.get("ports") or (), spec.get("ports") or ())
        if ports is not None:
            new = {**new, "ports": ports}
    health = old.get("healthCheckNodePort")
    if health and not spec.get("healthCheckNodePort") and _checks_health(old) and _checks_health(spec):
        new = {**new, "healthCheckNodePort": health}
    return obj if new is spec else {**obj, "spec": new}


def _has_address(spec: JsonObject) -> bool:
    return spec.get("type") != "ExternalName"


def _has_node_ports(spec: JsonObject) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def _checks_health(spec: JsonObject) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _with_node_ports(old: Any, new: Any) -> list[JsonObject] | None:
    """Ports that lack a node port take the one of their like: same protocol and port. None when nothing changes."""
    given = {(p.get("protocol"), p.get("port")): p["nodePort"] for p in old if p.get("nodePort")}
    used = {(p.get("protocol"), p["nodePort"]) for p in new if p.get("nodePort")}
    out = []
    changed = False
    for port in new:
        known = given.get((port.get("protocol"), port.get("port")))
        if not port.get("nodePort") and known and (port.get("protocol"), known) not in used:
            port = {**port, "nodePort": known}
            changed = True
        out.append(port)
    return out if changed else None
