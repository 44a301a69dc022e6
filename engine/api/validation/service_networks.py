"""networking.k8s.io: ServiceCIDRs and IPAddresses (pkg/apis/networking/validation)."""

from __future__ import annotations

from ipaddress import ip_network

from engine.api.validation.addresses import address_errors, cidr_errors
from engine.api.validation.causes import Causes, each_message, immutable, invalid_struct, required
from store.types import JsonObject

_CIDRS = "spec.cidrs"


def service_cidr(causes: Causes, obj: JsonObject) -> None:
    spec: JsonObject = obj.get("spec") or {}
    cidrs: list[str] = spec.get("cidrs") or []
    if not cidrs:
        causes.append(required(_CIDRS, "at least one CIDR required"))
        return
    if len(cidrs) > 2:
        causes.append(invalid_struct(_CIDRS, {"CIDRs": cidrs}, "may only hold up to 2 values"))
        return
    if len(cidrs) == 2 and sorted(_version(cidr) for cidr in cidrs) != [4, 6]:
        text = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        causes.append(invalid_struct(_CIDRS, {"CIDRs": cidrs}, text))
        return
    for index, cidr in enumerate(cidrs):
        each_message(causes, f"{_CIDRS}[{index}]", cidr, cidr_errors(cidr))


def service_cidr_update(causes: Causes, obj: JsonObject, old: JsonObject) -> None:
    """Only a second family may come."""
    now, before = ((each.get("spec") or {}).get("cidrs") or [] for each in (obj, old))
    if len(before) == 1 and len(now) == 2 and now[0] == before[0]:
        service_cidr(causes, obj)
        return
    immutable(causes, _CIDRS, now, before)


def ip_address_object(causes: Causes, obj: JsonObject) -> None:
    name = obj["metadata"].get("name") or ""
    each_message(causes, "metadata.name", name, address_errors(name))
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        causes.append(required("spec.parentRef"))
        return
    for field in ("resource", "name"):
        if not parent.get(field):
            causes.append(required(f"spec.parentRef.{field}"))


def ip_address_update(causes: Causes, obj: JsonObject, old: JsonObject) -> None:
    now, before = ((each.get("spec") or {}).get("parentRef") for each in (obj, old))
    immutable(causes, "spec.parentRef", now, before)


def _version(cidr: str) -> int:
    try:
        return ip_network(cidr, strict=False).version if "/" in cidr else 0
    except ValueError:
        return 0
