"""Services: ports, types, addresses, and the address that stays (ValidateService, ValidateServiceUpdate)."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from engine.api.names import (
    dns_label_errors,
    port_errors,
    port_name_errors,
    qualified_name_errors,
    subdomain_errors,
)
from engine.api.validation.causes import (
    Causes,
    duplicate,
    each_message,
    forbidden,
    invalid,
    one_of,
    required,
)
from engine.api.validation.metadata import validate_labels
from store.types import JsonObject

_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES: Final = ("Cluster", "Local")
_AFFINITY_MOST: Final = 86400
IP_TEXT: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


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
    _ports(causes, spec, ports)
    if spec.get("selector"):
        validate_labels(causes, spec["selector"], "spec.selector")
    affinity = spec.get("sessionAffinity")
    one_of(causes, "spec.sessionAffinity", affinity, ("ClientIP", "None"))
    if affinity == "ClientIP":
        seconds = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
        if seconds is not None and not 0 < seconds <= _AFFINITY_MOST:
            where = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
            causes.append(invalid(where, seconds, f"must be greater than 0 and less than {_AFFINITY_MOST}"))
    _addresses(causes, spec, kind)
    one_of(causes, "spec.type", kind, _TYPES)
    for index, external in enumerate(spec.get("externalIPs") or ()):
        _address(causes, external, f"spec.externalIPs[{index}]")
    external_policy, internal_policy = spec.get("externalTrafficPolicy"), spec.get("internalTrafficPolicy")
    if external_policy and kind not in ("NodePort", "LoadBalancer") and not spec.get("externalIPs"):
        text = "may only be set for externally-accessible services"
        causes.append(invalid("spec.externalTrafficPolicy", external_policy, text))
    else:
        one_of(causes, "spec.externalTrafficPolicy", external_policy, _POLICIES, optional=True)
    one_of(causes, "spec.internalTrafficPolicy", internal_policy, _POLICIES, optional=True)
    for index, source in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        if not _is_network(source):
            text = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            causes.append(invalid(f"spec.LoadBalancerSourceRanges[{index}]", source, text))


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


def _ports(causes: Causes, spec: JsonObject, ports: list[JsonObject]) -> None:
    names: set[str] = set()
    for index, port in enumerate(ports):
        _port(causes, port, f"spec.ports[{index}]", len(ports) > 1, names)
    node_ports: set[tuple[str, int]] = set()
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        where, protocol = f"spec.ports[{index}]", port.get("protocol") or "TCP"
        node_port = port.get("nodePort")
        if node_port and spec.get("type") == "ClusterIP":
            causes.append(forbidden(f"{where}.nodePort", "may not be used when `type` is 'ClusterIP'"))
        elif node_port and spec.get("type") != "ExternalName":
            if (protocol, node_port) in node_ports:
                causes.append(duplicate(f"{where}.nodePort", node_port))
            node_ports.add((protocol, node_port))
        place = (protocol, port.get("port") or 0)
        if place in seen:
            causes.append(duplicate(where, {"port": place[1], "protocol": protocol}))
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


def _addresses(causes: Causes, spec: JsonObject, kind: str) -> None:
    if kind == "ExternalName":
        return
    addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    if addresses and spec.get("clusterIP") and addresses[0] != spec["clusterIP"]:
        causes.append(invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`"))
    for index, address in enumerate(addresses):
        if address == "None":
            if len(addresses) > 1:
                text = "'None' must be the first and only value"
                causes.append(invalid(f"spec.clusterIPs[{index}]", address, text))
        else:
            _address(causes, address, f"spec.clusterIPs[{index}]")
    families = spec.get("ipFamilies") or ()
    for index, family in enumerate(families):
        one_of(causes, f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))
        if family in families[:index]:
            causes.append(duplicate(f"spec.ipFamilies[{index}]", family))
    one_of(
        causes, "spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"),
        ("PreferDualStack", "RequireDualStack", "SingleStack"), optional=True,
    )  # fmt: skip


def _address(causes: Causes, address: str, path: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        causes.append(invalid(path, address, IP_TEXT))


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
    create(causes, new)
