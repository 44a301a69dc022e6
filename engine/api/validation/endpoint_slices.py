"""discovery.k8s.io: endpoint slices (pkg/apis/discovery/validation)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from engine.api.errors import Cause
from engine.api.names import dns_label_errors, label_value_errors, qualified_name_errors, subdomain_errors
from engine.api.validation.addresses import validate_endpoint_address
from engine.api.validation.causes import (
    Causes,
    duplicate,
    each_message,
    immutable,
    invalid,
    one_of,
    required,
    too_many,
)
from store.types import JsonObject

_MOST_ENDPOINTS: Final = 1000
_MOST_ADDRESSES: Final = 100
_MOST_PORTS: Final = 20_000
_MOST_HINTS: Final = 8
_VERSIONS: Final = {"IPv4": 4, "IPv6": 6}


def endpoint_slice(causes: Causes, obj: JsonObject) -> None:
    family = obj.get("addressType") or ""
    one_of(causes, "addressType", family, ("FQDN", "IPv4", "IPv6"))
    endpoints: list[JsonObject] = obj.get("endpoints") or []
    if len(endpoints) > _MOST_ENDPOINTS:
        causes.append(too_many("endpoints", len(endpoints), _MOST_ENDPOINTS))
    else:
        for index, endpoint in enumerate(endpoints):
            _endpoint(causes, endpoint, family, f"endpoints[{index}]")
    _ports(causes, obj.get("ports") or [])


def endpoint_slice_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if any(new.get(key) != old.get(key) for key in ("addressType", "endpoints", "ports")):
        endpoint_slice(causes, new)
    immutable(causes, "addressType", new.get("addressType"), old.get("addressType"))


def _endpoint(causes: Causes, endpoint: JsonObject, family: str, path: str) -> None:
    addresses: list[str] = endpoint.get("addresses") or []
    if not addresses:
        causes.append(required(f"{path}.addresses", "must contain at least 1 address"))
    elif len(addresses) > _MOST_ADDRESSES:
        causes.append(too_many(f"{path}.addresses", len(addresses), _MOST_ADDRESSES))
    for index, address in enumerate(addresses):
        causes.extend(
            Cause(each.reason, f"{path}.addresses[{index}]", each.message) for each in _wrong(family, address)
        )
    if endpoint.get("nodeName") is not None:
        name = endpoint["nodeName"]
        each_message(causes, f"{path}.nodeName", name, subdomain_errors(name))
    if endpoint.get("hostname") is not None:
        name = endpoint["hostname"]
        each_message(causes, f"{path}.hostname", name, dns_label_errors(name))
    hints: JsonObject = endpoint.get("hints") or {}
    for key, check in (("forZones", label_value_errors), ("forNodes", subdomain_errors)):
        _hints(causes, hints.get(key) or [], f"{path}.hints.{key}", check)


@lru_cache(maxsize=65536)
def _wrong(family: str, address: str) -> tuple[Cause, ...]:
    """What is wrong with an address, without its place. Slices are written whole whenever one endpoint changes."""
    causes: Causes = []
    if family == "FQDN":
        name = address.removesuffix(".")
        if not name:
            causes.append(required(""))
        elif wrong := subdomain_errors(name):
            each_message(causes, "", name, wrong)
        elif "." not in name:
            causes.append(invalid("", name, "should be a domain with at least two segments separated by dots"))
        else:
            for label in name.split("."):
                each_message(causes, "", label, dns_label_errors(label))
    elif family in _VERSIONS:
        try:
            fits = ipaddress.ip_address(address).version == _VERSIONS[family]
        except ValueError:
            fits = False
        if not fits:
            causes.append(invalid("", address, f"must be a valid {family} address"))
        validate_endpoint_address(causes, address, "")
    return tuple(causes)


def _hints(causes: Causes, hints: list[JsonObject], path: str, check: Callable[[str], tuple[str, ...]]) -> None:
    if len(hints) > _MOST_HINTS:
        causes.append(too_many(path, len(hints), _MOST_HINTS))
        return
    seen: set[str] = set()
    for index, hint in enumerate(hints):
        name, where = hint.get("name") or "", f"{path}[{index}].name"
        if name in seen:
            causes.append(duplicate(where, name))
        seen.add(name)
        each_message(causes, where, name, check(name))


def _ports(causes: Causes, ports: list[JsonObject]) -> None:
    if len(ports) > _MOST_PORTS:
        causes.append(too_many("ports", len(ports), _MOST_PORTS))
        return
    seen: set[str] = set()
    for index, port in enumerate(ports):
        name, path = port.get("name") or "", f"ports[{index}]"
        if name:
            each_message(causes, f"{path}.name", name, dns_label_errors(name))
        if name in seen:
            causes.append(duplicate(f"{path}.name", name))
        seen.add(name)
        one_of(causes, f"{path}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))
        if port.get("appProtocol") is not None:
            protocol = port["appProtocol"]
            each_message(causes, f"{path}.appProtocol", protocol, qualified_name_errors(protocol))
