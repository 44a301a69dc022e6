"""networking.k8s.io: ingresses, ingress classes, network policies."""

from __future__ import annotations

import ipaddress
from typing import Final

from engine.api.names import (
    dns_label_errors,
    path_segment_errors,
    port_errors,
    port_name_errors,
    subdomain_errors,
    wildcard_errors,
)
from engine.api.validation.addresses import CIDR_TEXT
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
from engine.api.validation.metadata import domain_prefixed
from store.types import JsonObject

_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"


# -- ingresses -----------------------------------------------------------------------------------------------------


def ingress(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and backend is None:
        text = "either `defaultBackend` or `rules` must be specified"
        causes.append(invalid("spec", obj["spec"].get("rules") if obj.get("spec") else None, text))
    if backend is not None:
        _backend(causes, backend, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        _rule(causes, rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        for at, host in enumerate(tls.get("hosts") or ()):
            _host(causes, host, f"spec.tls[{index}].hosts[{at}]", tls=True)
        secret = tls.get("secretName")
        if secret:
            each_message(causes, f"spec.tls[{index}].secretName", secret, subdomain_errors(secret))
    name = spec.get("ingressClassName")
    if name is not None:
        each_message(causes, "spec.ingressClassName", name, subdomain_errors(name))


def ingress_create(causes: Causes, obj: JsonObject) -> None:
    annotations = obj["metadata"].get("annotations") or {}
    ingress(causes, obj)
    given, name = annotations.get(_CLASS_ANNOTATION), (obj.get("spec") or {}).get("ingressClassName")
    if given is not None and name is not None and given != name:
        text = "must match `ingressClassName` when both are specified"
        causes.append(invalid(f"annotations.{_CLASS_ANNOTATION}", given, text))


def ingress_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("spec") != old.get("spec"):
        ingress(causes, new)


def _host(causes: Causes, host: str, path: str, *, tls: bool = False) -> None:
    if not tls and _is_address(host):
        causes.append(invalid(path, host, "must be a DNS name, not an IP address"))
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
            continue
        if kind not in _PATH_TYPES:
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
        _reference(causes, resource, f"{path}.resource")
    elif service is None:
        causes.append(invalid(path, "", "resource or service backend is required"))
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


def _reference(causes: Causes, reference: JsonObject, path: str) -> None:
    """Another object, by group, kind and name (validateIngressTypedLocalObjectReference)."""
    group = reference.get("apiGroup")
    if group is not None:
        each_message(causes, f"{path}.apiGroup", group, subdomain_errors(group))
    for key in ("kind", "name"):
        if not reference.get(key):
            causes.append(required(f"{path}.{key}"))
        else:
            each_message(causes, f"{path}.{key}", reference[key], path_segment_errors(reference[key]))


def ingress_class(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    controller = spec.get("controller") or ""
    if not controller:
        causes.append(required("spec.controller"))
    else:
        domain_prefixed(causes, controller, "spec.controller")
    parameters = spec.get("parameters")
    if parameters is None:
        return
    _reference(causes, parameters, "spec.parameters")
    scope, where = parameters.get("scope"), "spec.parameters.namespace"
    one_of(causes, "spec.parameters.scope", scope, ("Cluster", "Namespace"))
    if scope == "Namespace" and parameters.get("namespace") is None:
        causes.append(required(where, "`parameters.scope` is set to 'Namespace'"))
    elif scope == "Namespace":
        each_message(causes, where, parameters["namespace"], dns_label_errors(parameters["namespace"]))
    elif scope == "Cluster" and parameters.get("namespace") is not None:
        causes.append(forbidden(where, "`parameters.scope` is set to 'Cluster'"))


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
        one_of(causes, f"spec.policyTypes[{index}]", kind, ("Ingress", "Egress"))


def _policy_port(causes: Causes, port: JsonObject, path: str) -> None:
    one_of(causes, f"{path}.protocol", port.get("protocol"), ("TCP", "UDP", "SCTP"), optional=True)
    number, end, where = port.get("port"), port.get("endPort"), f"{path}.endPort"
    if isinstance(number, int):
        each_message(causes, f"{path}.port", number, port_errors(number))
        if end is not None and end < number:
            causes.append(invalid(where, end, "must be greater than or equal to `port`"))
        if end is not None:
            each_message(causes, where, end, port_errors(end))
        return
    if end is not None:
        why = "is not specified" if number is None else "is non-numeric"
        causes.append(invalid(where, end, f"may not be specified when `port` {why}"))
    if number is not None:
        each_message(causes, f"{path}.port", number, port_name_errors(number))


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
        causes.append(invalid(f"{path}.cidr", cidr, CIDR_TEXT))
        return
    for index, excluded in enumerate(block.get("except") or ()):
        inner = _network(excluded)
        where = f"{path}.except[{index}]"
        if inner is None:
            causes.append(invalid(where, excluded, CIDR_TEXT))
        elif not (
            inner.version == network.version
            and inner.prefixlen > network.prefixlen
            and network.network_address <= inner.network_address <= network.broadcast_address  # type: ignore[operator]
        ):
            causes.append(invalid(where, excluded, "must be a strict subset of `cidr`"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def network_policy_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("spec") != old.get("spec"):
        network_policy(causes, new)
