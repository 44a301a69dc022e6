"""Services: ports, types, addresses, and the address that stays (ValidateService, ValidateServiceUpdate)."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from engine.api.internal_form import service_port
from engine.api.names import (
    dns_label_errors,
    port_errors,
    port_name_errors,
    qualified_name_errors,
    subdomain_errors,
)
from engine.api.validation.addresses import CIDR_TEXT, validate_address, validate_endpoint_address
from engine.api.validation.causes import (
    IMMUTABLE,
    Causes,
    duplicate,
    duplicate_struct,
    each_message,
    forbidden,
    invalid,
    not_supported,
    one_of,
    required,
)
from engine.api.validation.metadata import validate_labels
from store.types import JsonObject

_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES: Final = ("Cluster", "Local")
_AFFINITY_MOST: Final = 86400
_DISTRIBUTIONS: Final = ("PreferClose", "PreferSameZone", "PreferSameNode")


def create(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    kind, address = spec.get("type") or "", spec.get("clusterIP") or ""
    ports = spec.get("ports") or []
    if not ports and address != "None" and kind != "ExternalName":
        causes.append(required("spec.ports"))
    if kind == "LoadBalancer" and address == "None":
        causes.append(invalid("spec.clusterIPs[0]", address, "may not be set to 'None' for LoadBalancer services"))
    elif kind == "NodePort" and address == "None":
        causes.append(invalid("spec.clusterIPs[0]", address, "may not be set to 'None' for NodePort services"))
    elif kind == "ExternalName":
        _external_name(causes, spec)
    _ports(causes, ports)
    if spec.get("selector"):
        validate_labels(causes, spec["selector"], "spec.selector")
    _affinity(causes, spec)
    validate_addresses(causes, spec)
    for index, external in enumerate(spec.get("externalIPs") or ()):
        validate_endpoint_address(causes, external, f"spec.externalIPs[{index}]")
    one_of(causes, "spec.type", kind, _TYPES)
    _unique_ports(causes, spec, ports)
    _balancer(causes, spec, kind)
    _traffic(causes, spec, kind)


def _affinity(causes: Causes, spec: JsonObject) -> None:
    affinity = spec.get("sessionAffinity")
    one_of(causes, "spec.sessionAffinity", affinity, ("ClientIP", "None"))
    if affinity == "ClientIP":
        seconds = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
        if seconds is not None and not 0 < seconds <= _AFFINITY_MOST:
            where = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
            causes.append(invalid(where, seconds, f"must be greater than 0 and less than {_AFFINITY_MOST}"))


def _balancer(causes: Causes, spec: JsonObject, kind: str) -> None:
    """What only a LoadBalancer has."""
    balances, text = kind == "LoadBalancer", "may only be used when `type` is 'LoadBalancer'"
    sources = spec.get("loadBalancerSourceRanges") or ()
    if sources and not balances:
        causes.append(forbidden("spec.LoadBalancerSourceRanges", text))
    for index, source in enumerate(sources):
        if not _is_network(source):
            causes.append(invalid(f"spec.LoadBalancerSourceRanges[{index}]", source.strip(), CIDR_TEXT))
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balances:
        causes.append(forbidden("spec.allocateLoadBalancerNodePorts", text))
    name = spec.get("loadBalancerClass")
    if name is not None:
        if balances:
            each_message(causes, "spec.loadBalancerClass", name, qualified_name_errors(name))
        else:
            causes.append(forbidden("spec.loadBalancerClass", text))


def _traffic(causes: Causes, spec: JsonObject, kind: str) -> None:
    policy, where = spec.get("externalTrafficPolicy"), "spec.externalTrafficPolicy"
    if kind not in ("NodePort", "LoadBalancer") and not (kind == "ClusterIP" and spec.get("externalIPs")):
        if policy:
            causes.append(invalid(where, policy, "may only be set for externally-accessible services"))
    else:
        one_of(causes, where, policy, _POLICIES)
    health, where = spec.get("healthCheckNodePort"), "spec.healthCheckNodePort"
    if kind == "LoadBalancer" and policy == "Local":
        if not health:
            causes.append(required(where))
        else:
            each_message(causes, where, health, port_errors(health))
    elif health:
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        causes.append(invalid(where, health, text))
    internal = spec.get("internalTrafficPolicy")
    one_of(causes, "spec.internalTrafficPolicy", internal, _POLICIES, optional=True)
    nearness = spec.get("trafficDistribution")
    if nearness is not None and nearness not in _DISTRIBUTIONS:
        causes.append(not_supported("spec.trafficDistribution", nearness, _DISTRIBUTIONS))


def _external_name(causes: Causes, spec: JsonObject) -> None:
    if spec.get("clusterIP"):
        text = "may not be set for ExternalName services"
        causes.append(forbidden("spec.clusterIPs", text))
    name = (spec.get("externalName") or "").removesuffix(".")
    if name:
        each_message(causes, "spec.externalName", spec["externalName"], subdomain_errors(name))
    else:
        causes.append(required("spec.externalName"))


# -- ports ---------------------------------------------------------------------------------------------------------


def _ports(causes: Causes, ports: list[JsonObject]) -> None:
    names: set[str] = set()
    for index, port in enumerate(ports):
        _port(causes, port, f"spec.ports[{index}]", len(ports) > 1, names)


def _unique_ports(causes: Causes, spec: JsonObject, ports: list[JsonObject]) -> None:
    if spec.get("type") == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                text = "may not be used when `type` is 'ClusterIP'"
                causes.append(forbidden(f"spec.ports[{index}].nodePort", text))
    node_ports: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        if port.get("nodePort"):
            node_place = (port.get("protocol") or "", port["nodePort"])
            if node_place in node_ports:
                causes.append(duplicate(f"spec.ports[{index}].nodePort", port["nodePort"]))
            node_ports.add(node_place)
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        place = (port.get("protocol") or "", port.get("port") or 0)
        if place in seen:
            key = service_port({"protocol": place[0], "port": place[1]})
            causes.append(duplicate_struct(f"spec.ports[{index}]", key))
        seen.add(place)


def _port(causes: Causes, port: JsonObject, path: str, needs_name: bool, names: set[str]) -> None:
    name, number = port.get("name") or "", port.get("port") or 0
    if needs_name and not name:
        causes.append(required(f"{path}.name"))
    elif name:
        each_message(causes, f"{path}.name", name, dns_label_errors(name))
        if name in names:
            causes.append(duplicate(f"{path}.name", name))
        names.add(name)
    each_message(causes, f"{path}.port", number, port_errors(number))
    one_of(causes, f"{path}.protocol", port.get("protocol"), _PROTOCOLS)
    target: Any = port.get("targetPort", 0)
    if isinstance(target, str):
        each_message(causes, f"{path}.targetPort", target, port_name_errors(target))
    else:
        each_message(causes, f"{path}.targetPort", target, port_errors(target))
    protocol = port.get("appProtocol")
    if protocol is not None:
        each_message(causes, f"{path}.appProtocol", protocol, qualified_name_errors(protocol))


# -- addresses -----------------------------------------------------------------------------------------------------


def validate_addresses(causes: Causes, spec: JsonObject) -> None:
    """ValidateServiceClusterIPsRelatedFields: cluster IPs and families, each by itself."""
    if spec.get("type") == "ExternalName":
        return
    families = spec.get("ipFamilies") or ()
    for index, family in enumerate(families):
        one_of(causes, f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))
        if family in families[:index]:
            causes.append(duplicate(f"spec.ipFamilies[{index}]", family))
    one_of(
        causes, "spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"),
        ("PreferDualStack", "RequireDualStack", "SingleStack"), optional=True,
    )  # fmt: skip
    addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    if addresses and spec.get("clusterIP") and addresses[0] != spec["clusterIP"]:
        causes.append(invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`"))
    for index, address in enumerate(addresses):
        if address == "None":
            if len(addresses) > 1:
                text = "'None' must be the first and only value"
                causes.append(invalid(f"spec.clusterIPs[{index}]", address, text))
        else:
            validate_address(causes, address, f"spec.clusterIPs[{index}]")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return "/" in text


def update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec == before:
        return
    stays = before.get("type") != "ExternalName" and spec.get("type") != "ExternalName"
    if stays and before.get("clusterIP"):
        addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
        was = before.get("clusterIPs") or [before["clusterIP"]]
        if spec.get("clusterIP") != before["clusterIP"] or (addresses and addresses[0] != was[0]):
            shown = [spec["clusterIP"]] if spec.get("clusterIP") else addresses
            causes.append(invalid("spec.clusterIPs[0]", shown, "may not change once set"))
            return
    if spec.get("type") == before.get("type") == "LoadBalancer":
        name = spec.get("loadBalancerClass")
        if name != before.get("loadBalancerClass"):
            causes.append(invalid("spec.loadBalancerClass", name, "may not change once set"))
        local = spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy") == "Local"
        if local and spec.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
            causes.append(forbidden("spec.healthCheckNodePort", IMMUTABLE))
    create(causes, new)


# -- endpoints -----------------------------------------------------------------------------------------------------


def endpoints(causes: Causes, obj: JsonObject) -> None:
    """Addresses by hand (ValidateEndpoints)."""
    for index, subset in enumerate(obj.get("subsets") or ()):
        where = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            causes.append(required(where, "must specify `addresses` or `notReadyAddresses`"))
        for key in ("addresses", "notReadyAddresses"):
            for at, address in enumerate(subset.get(key) or ()):
                validate_endpoint_address(causes, address.get("ip") or "", f"{where}.{key}[{at}].ip")
                for part, check in (("hostname", dns_label_errors), ("nodeName", subdomain_errors)):
                    if address.get(part):
                        each_message(causes, f"{where}.{key}[{at}].{part}", address[part], check(address[part]))
        ports = subset.get("ports") or ()
        for at, port in enumerate(ports):
            _endpoint_port(causes, port, f"{where}.ports[{at}]", len(ports) > 1)


def _endpoint_port(causes: Causes, port: JsonObject, path: str, needs_name: bool) -> None:
    name, number, protocol = port.get("name") or "", port.get("port") or 0, port.get("appProtocol")
    if name:
        each_message(causes, f"{path}.name", name, dns_label_errors(name))
    elif needs_name:
        causes.append(required(f"{path}.name"))
    each_message(causes, f"{path}.port", number, port_errors(number))
    one_of(causes, f"{path}.protocol", port.get("protocol"), _PROTOCOLS)
    if protocol is not None:
        each_message(causes, f"{path}.appProtocol", protocol, qualified_name_errors(protocol))


def endpoints_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("subsets") != old.get("subsets"):
        endpoints(causes, new)
