"""networking.k8s.io and discovery.k8s.io: ingresses, ingress classes, network policies, endpoint slices."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from engine.api.names import (
    dns_label_errors,
    port_errors,
    port_name_errors,
    subdomain_errors,
    wildcard_errors,
)
from engine.api.validation.causes import (
    Causes,
    each_message,
    forbidden,
    immutable,
    invalid,
    not_supported,
    one_of,
    required,
)
from engine.api.validation.label_selector import validate_selector
from store.types import JsonObject

_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
_CIDR: Final = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


# -- ingresses -----------------------------------------------------------------------------------------------------


def ingress(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and backend is None:
        text = "either `defaultBackend` or `rules` must be specified"
        causes.append(invalid("spec", spec, text))
    if backend is not None:
        _backend(causes, backend, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        _rule(causes, rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        for at, host in enumerate(tls.get("hosts") or ()):
            _host(causes, host, f"spec.tls[{index}].hosts[{at}]", tls=True)
    name = spec.get("ingressClassName")
    if name is not None:
        each_message(causes, "spec.ingressClassName", name, subdomain_errors(name))


def ingress_create(causes: Causes, obj: JsonObject) -> None:
    annotations = obj["metadata"].get("annotations") or {}
    if _CLASS_ANNOTATION in annotations and (obj.get("spec") or {}).get("ingressClassName") is not None:
        text = "can not be set when the class field is also set"
        where = f"annotations.{_CLASS_ANNOTATION}"
        causes.append(invalid(where, annotations[_CLASS_ANNOTATION], text))
    ingress(causes, obj)


def ingress_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("spec") != old.get("spec"):
        ingress(causes, new)


def _host(causes: Causes, host: str, path: str, *, tls: bool = False) -> None:
    if not tls and _is_address(host):
        causes.append(invalid(path, host, "must be a DNS name, not an IP address"))
        return
    each_message(causes, path, host, wildcard_errors(host) if "*" in host else subdomain_errors(host))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _rule(causes: Causes, rule: JsonObject, path: str) -> None:
    if rule.get("host"):
        _host(causes, rule["host"], f"{path}.host")
    http = rule.get("http")
    if http is None:
        return
    if not http.get("paths"):
        causes.append(required(f"{path}.http.paths"))
    for index, entry in enumerate(http.get("paths") or ()):
        where = f"{path}.http.paths[{index}]"
        kind, target = entry.get("pathType"), entry.get("path") or ""
        if kind is None:
            causes.append(required(f"{where}.pathType", "pathType must be specified"))
        elif kind not in _PATH_TYPES:
            causes.append(not_supported(f"{where}.pathType", kind, _PATH_TYPES))
        elif kind in ("Exact", "Prefix") or target:
            _path(causes, target, kind, f"{where}.path")
        _backend(causes, entry.get("backend") or {}, f"{where}.backend")


def _path(causes: Causes, target: str, kind: str, path: str) -> None:
    if not target.startswith("/"):
        causes.append(invalid(path, target, "must be an absolute path"))
    if kind == "ImplementationSpecific":
        return
    for part in ("//", "/./", "/../", "%2f", "%2F"):
        if part in target:
            causes.append(invalid(path, target, f"must not contain '{part}'"))
    for end in ("/..", "/."):
        if target.endswith(end):
            causes.append(invalid(path, target, f"cannot end with '{end}'"))


def _backend(causes: Causes, backend: JsonObject, path: str) -> None:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        causes.append(invalid(path, "", "cannot set both resource and service backends"))
    elif resource is not None:
        for key in ("kind", "name"):
            if not resource.get(key):
                causes.append(required(f"{path}.resource.{key}", f"resource {key} is required"))
    elif service is None:
        causes.append(required(path, "service or resource is required"))
    else:
        if not service.get("name"):
            causes.append(required(f"{path}.service.name"))
        else:
            each_message(causes, f"{path}.service.name", service["name"], dns_label_errors(service["name"]))
        port = service.get("port") or {}
        name, number = port.get("name"), port.get("number")
        if name and number:
            causes.append(invalid(path, "", "cannot set both port name & port number"))
        elif name:
            each_message(causes, f"{path}.service.port.name", name, port_name_errors(name))
        elif number:
            each_message(causes, f"{path}.service.port.number", number, port_errors(number))
        else:
            causes.append(required(path, "port name or number is required"))


def ingress_class(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    controller = spec.get("controller") or ""
    if not controller:
        causes.append(required("spec.controller"))
    elif "/" not in controller:
        text = 'must be a domain-prefixed path (such as "acme.io/foo")'
        causes.append(invalid("spec.controller", controller, text))
    parameters = spec.get("parameters")
    if parameters is not None:
        for key in ("kind", "name"):
            if not parameters.get(key):
                causes.append(required(f"spec.parameters.{key}"))
        one_of(causes, "spec.parameters.scope", parameters.get("scope"), ("Cluster", "Namespace"))
        if parameters.get("scope") == "Namespace" and not parameters.get("namespace"):
            text = "`parameters.scope` is set to 'Namespace'"
            causes.append(required("spec.parameters.namespace", text))


def ingress_class_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    controller, before = (new.get("spec") or {}).get("controller"), (old.get("spec") or {}).get("controller")
    immutable(causes, "spec.controller", controller, before)


# -- network policies ----------------------------------------------------------------------------------------------


def network_policy(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    validate_selector(causes, spec.get("podSelector"), "spec.podSelector")
    for key, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(key) or ()):
            where = f"spec.{key}[{index}]"
            for at, port in enumerate(rule.get("ports") or ()):
                _policy_port(causes, port, f"{where}.ports[{at}]")
            for at, peer in enumerate(rule.get(peers) or ()):
                _peer(causes, peer, f"{where}.{peers}[{at}]")
    kinds = spec.get("policyTypes") or ()
    if len(kinds) > 2:
        text = "may not specify more than two policyTypes"
        causes.append(invalid("spec.policyTypes", kinds, text))
        return
    for index, kind in enumerate(kinds):
        one_of(causes, f"spec.policyTypes[{index}]", kind, ("Egress", "Ingress"))


def _policy_port(causes: Causes, port: JsonObject, path: str) -> None:
    one_of(causes, f"{path}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"), optional=True)
    number: Any = port.get("port")
    if isinstance(number, str):
        each_message(causes, f"{path}.port", number, port_name_errors(number))
    elif number is not None:
        each_message(causes, f"{path}.port", number, port_errors(number))
    end = port.get("endPort")
    if end is not None:
        if number is None:
            causes.append(required(f"{path}.endPort", "may not be specified when `port` is not specified"))
        elif isinstance(number, str):
            text = "may not be specified when `port` is non-numeric"
            causes.append(invalid(f"{path}.endPort", end, text))
        elif end < number:
            causes.append(invalid(f"{path}.endPort", end, "must be greater than or equal to `port`"))


def _peer(causes: Causes, peer: JsonObject, path: str) -> None:
    found = [key for key in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(key) is not None]
    for key in found:
        if key != "ipBlock":
            validate_selector(causes, peer[key], f"{path}.{key}")
    if "ipBlock" in found:
        _block(causes, peer["ipBlock"], f"{path}.ipBlock")
        if len(found) > 1:
            causes.append(forbidden(path, "may not specify both ipBlock and another peer"))
    if not found:
        causes.append(required(path, "must specify a peer"))


def _block(causes: Causes, block: JsonObject, path: str) -> None:
    cidr = block.get("cidr") or ""
    network = _network(cidr)
    if not cidr:
        causes.append(required(f"{path}.cidr"))
        return
    if network is None:
        causes.append(invalid(f"{path}.cidr", cidr, _CIDR))
    for index, excluded in enumerate(block.get("except") or ()):
        inner = _network(excluded)
        where = f"{path}.except[{index}]"
        if inner is None:
            causes.append(invalid(where, excluded, _CIDR))
        elif network is not None and not (
            inner.version == network.version
            and inner.prefixlen > network.prefixlen
            and network.network_address <= inner.network_address <= network.broadcast_address  # type: ignore[operator]
        ):
            causes.append(invalid(where, excluded, f"must be a strict subset of `{path}.cidr`"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def network_policy_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("spec") != old.get("spec"):
        network_policy(causes, new)


# -- endpoint slices -----------------------------------------------------------------------------------------------


def endpoint_slice(causes: Causes, obj: JsonObject) -> None:
    one_of(causes, "addressType", obj.get("addressType"), ("FQDN", "IPv4", "IPv6"))
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        if not endpoint.get("addresses"):
            text = "must contain at least 1 address"
            causes.append(required(f"endpoints[{index}].addresses", text))
    for index, port in enumerate(obj.get("ports") or ()):
        one_of(causes, f"ports[{index}].protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))


def endpoint_slice_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    immutable(causes, "addressType", new.get("addressType"), old.get("addressType"))
