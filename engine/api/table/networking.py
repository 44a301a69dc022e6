"""Tables of services and what leads to them."""

from __future__ import annotations

from typing import Any, Final

from engine.api.table.columns import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Printer,
    at,
    field,
    labels_text,
    limited,
    selector_text,
)


def _balancers(obj: dict[str, Any], now: int) -> str:
    ingress = at(obj, "status.loadBalancer.ingress") or ()
    return ",".join(sorted({text for i in ingress if (text := i.get("ip") or i.get("hostname") or "")}))


def _cluster_ip(obj: dict[str, Any], now: int) -> str:
    spec = obj.get("spec") or {}
    return next(iter(spec.get("clusterIPs") or ()), spec.get("clusterIP")) or NONE


def _external_ip(obj: dict[str, Any], now: int) -> str:
    spec = obj.get("spec") or {}
    external, type_ = list(spec.get("externalIPs") or ()), spec.get("type")
    if type_ in ("ClusterIP", "NodePort"):
        return ",".join(external) or NONE
    if type_ == "LoadBalancer":
        given = _balancers(obj, now)
        return ",".join([*([given] if given else []), *external]) or "<pending>"
    return str(spec.get("externalName", "")) if type_ == "ExternalName" else "<unknown>"


def _ports(obj: dict[str, Any], now: int) -> str:
    ports = at(obj, "spec.ports") or ()
    return ",".join(
        f"{p['port']}{':' + str(p['nodePort']) if p.get('nodePort') else ''}/{p.get('protocol', 'TCP')}" for p in ports
    ) or NONE  # fmt: skip


def _hosts(obj: dict[str, Any], now: int) -> str:
    rules = at(obj, "spec.rules") or ()
    shown: list[str] = []
    more = False
    for rule in rules:
        more = more or len(shown) == 3
        if not more and rule.get("host"):
            shown.append(rule["host"])
    text = ",".join(shown) or "*"
    return f"{text} + {len(rules) - 3} more..." if more else text


def _parameters(obj: dict[str, Any], now: int) -> str:
    ref = at(obj, "spec.parameters")
    if not ref:
        return NONE
    group = f".{ref['apiGroup']}" if ref.get("apiGroup") is not None else ""
    return f"{ref.get('kind', '')}{group}/{ref.get('name', '')}"


def _slice_ports(obj: dict[str, Any], now: int) -> str:
    return limited([str(port.get("port", "*")) for port in obj.get("ports") or ()]) or UNSET


def _slice_endpoints(obj: dict[str, Any], now: int) -> str:
    endpoints = obj.get("endpoints") or ()
    return limited([address for each in endpoints for address in each.get("addresses") or ()]) or UNSET


def _parent(obj: dict[str, Any], now: int) -> str:
    ref = at(obj, "spec.parentRef") or {}
    parts = [ref.get("resource", "")]
    if ref.get("group"):
        parts[0] = f"{parts[0]}.{ref['group']}"
    if ref.get("namespace"):
        parts.append(ref["namespace"])
    return "/".join([*parts, ref.get("name", "")])


PRINTERS: Final[dict[str, Printer]] = {
    "services": Printer(
        (
            NAME, Column("Type", field("spec.type"), ".spec.type"),
            Column("Cluster-IP", _cluster_ip, ".spec.clusterIP"),
            Column("External-IP", _external_ip, ".spec.externalIPs"),
            Column("Port(s)", _ports, ".spec.ports"), AGE,
            Column("Selector", lambda obj, now: labels_text(at(obj, "spec.selector")), ".spec.selector", priority=1),
        )
    ),
    "ingresses.networking.k8s.io": Printer(
        (
            NAME, Column("Class", field("spec.ingressClassName", NONE), ".spec.ingressClassName"),
            Column("Hosts", _hosts, "Hosts that incoming requests are matched against before the ingress rule"),
            Column("Address", _balancers, "Address is a list containing ingress points for the load-balancer"),
            Column(
                "Ports", lambda obj, now: "80, 443" if at(obj, "spec.tls") else "80",
                "Ports of TLS configurations that open",
            ),
            AGE,
        )
    ),
    "ingressclasses.networking.k8s.io": Printer(
        (
            NAME,
            Column("Controller", field("spec.controller"), "Controller that is responsible for handling this class"),
            Column("Parameters", _parameters, "A reference to a resource with additional parameters"), AGE,
        )
    ),
    "networkpolicies.networking.k8s.io": Printer(
        (
            NAME,
            Column("Pod-Selector", lambda obj, now: selector_text(at(obj, "spec.podSelector")), ".spec.podSelector"),
            AGE,
        )
    ),
    "endpointslices.discovery.k8s.io": Printer(
        (
            NAME, Column("AddressType", field("addressType"), ".addressType"),
            Column("Ports", _slice_ports, ".ports"), Column("Endpoints", _slice_endpoints, ".endpoints"), AGE,
        )
    ),
    "ipaddresses.networking.k8s.io": Printer((NAME, Column("ParentRef", _parent, ".spec.parentRef"), AGE)),
    "servicecidrs.networking.k8s.io": Printer(
        (NAME, Column("CIDRs", lambda obj, now: ",".join(at(obj, "spec.cidrs") or ()), ".spec.cidrs"), AGE)
    ),
}  # fmt: skip
