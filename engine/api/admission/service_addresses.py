"""Services are given their addresses and ports; one that is replaced keeps those that it has.

On an update: what the new Service does not say is taken over (the registry's patchAllocatedValues), what its new type
has no use for is dropped unless it was changed by the same request (dropTypeDependentFields). Then the cluster gives
what is missing (engine.network.service_allocation).
"""

from __future__ import annotations

from typing import Any

from engine.api.admission.request import AdmissionRequest, spec_of
from engine.network.service_allocation import ServiceAllocation
from store.types import JsonObject


class ServiceAddresses:
    """The plugin, with `--service-node-port-range`."""

    def __init__(self, node_ports: range) -> None:
        self._node_ports = node_ports

    def mutate(self, request: AdmissionRequest, obj: JsonObject) -> JsonObject:
        spec = spec_of(obj)
        old = spec_of(request.old) if request.old is not None else None
        new = spec if old is None else _without_leftovers(_kept(spec, old), old)
        given = ServiceAllocation(request.store, request.seed, request.namespace, request.name, self._node_ports)
        new = given.allocated(new, old)
        return obj if new is spec else {**obj, "spec": new}


def _kept(spec: JsonObject, old: JsonObject) -> JsonObject:
    new = spec
    if old.get("clusterIPs") and spec.get("clusterIPs") == old["clusterIPs"]:
        first = spec.get("clusterIP")
        if first and first != old.get(
            "clusterIP"
        ):  # NormalizeClusterIPs: one of the two was changed, the other follows
            new = {**new, "clusterIPs": [first, *spec["clusterIPs"][1:]]}
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
    return new


def _without_leftovers(spec: JsonObject, old: JsonObject) -> JsonObject:
    """The spec without what only its former type could have."""
    dropped: list[str] = []
    if _has_address(old) and not _has_address(spec):
        dropped += ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]
    if _checks_health(old) and not _checks_health(spec):
        dropped.append("healthCheckNodePort")
    if old.get("type") == "LoadBalancer" and spec.get("type") != "LoadBalancer":
        dropped += ["allocateLoadBalancerNodePorts", "loadBalancerClass"]
    if _is_external(old) and not _is_external(spec):
        dropped.append("externalTrafficPolicy")
    gone = [key for key in dropped if key in spec and spec[key] == old.get(key)]
    if gone:
        spec = {key: value for key, value in spec.items() if key not in gone}
    if _has_node_ports(old) and not _has_node_ports(spec) and _numbers(old) == _numbers(spec) != []:
        ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in spec["ports"]]
        spec = {**spec, "ports": ports}
    return spec


def _numbers(spec: JsonObject) -> list[int]:
    return [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]


def _has_address(spec: JsonObject) -> bool:
    return spec.get("type") != "ExternalName"


def _has_node_ports(spec: JsonObject) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def _is_external(spec: JsonObject) -> bool:
    return _has_node_ports(spec) or bool(spec.get("externalIPs"))


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
