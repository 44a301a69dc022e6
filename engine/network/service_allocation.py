"""Addresses and ports that the cluster gives to Services (pkg/registry/core/service/storage/alloc.go).

In comes a Service as it shall be (and as it was), out comes its spec with IP families, cluster IPs, node ports and the
health check port filled in. What is asked for by name is checked: it must lie in range and belong to nobody else.

Nothing is booked anywhere: what is taken is what the stored Services have, kept findable by one index of the store. So
a dry run takes nothing, a deletion frees, and a reopened cluster knows all of it. Free values come from the upper
part of a range, the lower part is left to those that ask by name (KEP-3070, KEP-3668); which one, the seed decides.

Ranges of addresses are those of the ServiceCIDR objects that are not on their way out; without any, `DEFAULT_RANGE`.
Node ports are those of `--service-node-port-range`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from engine.api import errors
from engine.api.errors import Cause
from engine.api.kinds import SERVICES
from engine.api.validation.causes import invalid
from engine.api.validation.services import validate_addresses
from engine.seed import Seed
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey, Resource

SERVICE_CIDRS: Final = Resource("networking.k8s.io", "servicecidrs")
IP_ADDRESSES: Final = Resource("networking.k8s.io", "ipaddresses")
DEFAULT_RANGE: Final = "10.96.0.0/12"
"""`--service-cluster-ip-range` as kubeadm gives it."""
DEFAULT_CIDR: Final = "kubernetes"
"""The ServiceCIDR of that flag: it says which families the cluster has, the primary one first."""
_INDEX: Final = "addresses and node ports"
_DUAL: Final = ("PreferDualStack", "RequireDualStack")
_MOST: Final = 1 << 20
"""Addresses of one range that are used."""
_Network = IPv4Network | IPv6Network


def index_services(store: Store) -> None:
    """Keep Services findable by address and by node port; once per store."""
    store.add_index(SERVICES, _INDEX, _values)


def service_at(store: Store, address: str) -> Envelope | None:
    """The Service that has this cluster IP."""
    found = store.by_index(SERVICES, _INDEX, address)
    return found[0] if found else None


def service_on_node_port(store: Store, protocol: str, port: int) -> Envelope | None:
    """The Service that nodes answer for on this port."""
    for env in store.by_index(SERVICES, _INDEX, f"port:{port}"):
        for each in env.obj["spec"].get("ports") or ():
            if each.get("nodePort") == port and each.get("protocol", "TCP") == protocol:
                return env
    return None


def _values(env: Envelope) -> Sequence[str]:
    spec = env.obj.get("spec") or {}
    return list(dict.fromkeys([*addresses_of(spec), *(f"port:{port}" for port in _node_ports(spec))]))


def addresses_of(spec: JsonObject) -> list[str]:
    """A Service's cluster IPs; none for headless ones and ExternalName."""
    asked = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    return [address for address in asked if address and address != "None"]


def _node_ports(spec: JsonObject) -> list[int]:
    ports = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    health = spec.get("healthCheckNodePort")
    return [*ports, health] if health else ports


def family_of(address: str) -> str:
    """`IPv4` or `IPv6`; "" when it is no address."""
    try:
        return f"IPv{ip_address(address).version}"
    except ValueError:
        return ""


def is_headless(spec: JsonObject) -> bool:
    return bool(spec.get("clusterIP") == "None")


class ServiceAllocation:
    """One write of one Service."""

    def __init__(self, store: Store, seed: Seed, namespace: str, name: str, node_ports: range) -> None:
        self._store, self._seed, self._ports = store, seed, node_ports
        self._name = name
        self._key = ObjectKey("", "services", namespace, name)
        self._ranges = service_ranges(store)

    def allocated(self, spec: JsonObject, old: JsonObject | None) -> JsonObject:
        """The spec with all that the cluster gives. `old`: the spec before, None for a new Service.

        Raises Invalid when something asked for cannot be had, InternalError when a range is exhausted.
        """
        if spec.get("type") != "ExternalName":
            if not _keeps_its_two_stacks(spec, old):
                spec = self._with_families(spec, old)
            given = len(old.get("clusterIPs") or ()) if old is not None and old.get("type") != "ExternalName" else 0
            spec = self._with_addresses(spec, given)
        if spec.get("type") in ("NodePort", "LoadBalancer"):
            spec = self._with_node_ports(spec, old)
        if spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            spec = self._with_health_port(spec)
        return spec

    # -- families --------------------------------------------------------------------------------------------------

    def _with_families(self, spec: JsonObject, old: JsonObject | None) -> JsonObject:
        headless = is_headless(spec)
        policy = spec.get("ipFamilyPolicy") or (old or {}).get("ipFamilyPolicy")
        if not policy:
            policy = "RequireDualStack" if headless and not spec.get("selector") else "SingleStack"
        addresses, families = list(spec.get("clusterIPs") or ()), list(spec.get("ipFamilies") or ())
        causes: list[Cause] = []
        validate_addresses(causes, spec)
        self._refuse(causes)
        for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
            if address != "None" and family_of(address) not in ("", family):
                text = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
                causes.append(invalid(f"spec.clusterIPs[{index}]", addresses, text))
        where = "spec.ipFamilyPolicy"
        if old is not None and policy == "SingleStack":
            if len(addresses) > 1 and addresses == old.get("clusterIPs"):
                addresses = addresses[:1]
            if len(families) > 1 and families == old.get("ipFamilies"):
                families = families[:1]
        elif old is not None:
            for key, now, what in (("clusterIPs", addresses, "cluster IP"), ("ipFamilies", families, "IP family")):
                if now and len(now) < len(old.get(key) or ()):
                    text = f"must be 'SingleStack' to release the secondary {what}"
                    causes.append(invalid(where, policy, text))
        if policy == "SingleStack":
            for given, what in ((addresses, "cluster IPs"), (families, "IP families")):
                if len(given) == 2:
                    text = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                    causes.append(invalid(where, policy, text))
        for index, address in enumerate(addresses):
            family = family_of(address)
            if index >= len(families) and family:
                if family in self._ranges:
                    families.append(family)
                else:
                    text = f"{family} is not configured on this cluster"
                    causes.append(invalid(f"spec.clusterIPs[{index}]", addresses, text))
        self._refuse(causes)
        if not (headless and not spec.get("selector")):
            if policy == "RequireDualStack" and len(self._ranges) < 2:
                causes.append(invalid(where, policy, "this cluster is not configured for dual-stack services"))
            for index, family in enumerate(families):
                if family in ("IPv4", "IPv6") and family not in self._ranges:
                    causes.append(invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster"))
            self._refuse(causes)
            second = len(self._ranges) == 2
        else:
            second = True
        families = families or [next(iter(self._ranges))]
        if policy in _DUAL and len(families) == 1 and second:
            families.append("IPv6" if families[0] == "IPv4" else "IPv4")
        changes: JsonObject = {"ipFamilyPolicy": policy, "ipFamilies": families}
        if addresses:
            changes["clusterIPs"] = addresses
        return _set(spec, changes)

    # -- cluster IPs -------------------------------------------------------------------------------------------------

    def _with_addresses(self, spec: JsonObject, given: int) -> JsonObject:
        """`given`: how many it has already; whether those may change, validation says."""
        addresses = list(spec.get("clusterIPs") or ())
        if addresses[:1] == ["None"]:
            return spec
        wanted = list(addresses)
        for index, family in enumerate(spec.get("ipFamilies") or ()):
            asked = addresses[index] if index < len(addresses) else ""
            if not asked:
                addresses[index : index + 1] = [self._free_address(family)]
            elif index >= given:
                why = self._why_not(asked)
                if why:
                    text = f"failed to allocate IP {asked}: {why}"
                    self._refuse([invalid("spec.clusterIPs", wanted, text)])
        return _set(spec, {"clusterIP": addresses[0], "clusterIPs": addresses}) if addresses else spec

    def _why_not(self, address: str) -> str:
        """Why the Service may not have this address; "" when it may, and for what is no address at all."""
        family = family_of(address)
        if not family or self._is_mine(address):
            return ""
        parsed = ip_address(address)
        ranges = self._ranges.get(family, ())
        if not any(parsed in network for network in ranges):
            return "the provided network does not match the current range"
        for network in ranges:
            if parsed == network.network_address or (parsed.version == 4 and parsed == network.broadcast_address):
                text = f"the provided IP ({address}) is not in the valid range. "
                return f"{text}The range of valid IPs is {network}"
        return "provided IP is already allocated" if self._is_taken(address) else ""

    def _free_address(self, family: str) -> str:
        for network in self._ranges.get(family, ()):
            first = int(network.network_address) + 1
            size = min(network.num_addresses - 2 if network.version == 4 else network.num_addresses - 1, _MOST)
            band = _address_band(network)
            for offset in self._offsets(size, band):
                address = str(ip_address(first + offset))
                if not self._is_taken(address):
                    return address
        raise errors.InternalError("failed to allocate a serviceIP: range is full")

    # -- node ports --------------------------------------------------------------------------------------------------

    def _with_node_ports(self, spec: JsonObject, old: JsonObject | None) -> JsonObject:
        allocates = spec.get("type") == "NodePort" or spec.get("allocateLoadBalancerNodePorts") is not False
        known = _node_ports(old or {})
        mine: dict[int, None] = {}
        """Taken by this write."""
        asked = {
            port.get("port"): port["nodePort"] for port in reversed(spec.get("ports") or ()) if port.get("nodePort")
        }
        by_port: dict[Any, int] = dict(asked) if old is None else {}
        """A port that is served by two protocols has one node port (initNodePorts)."""
        ports = []
        for index, port in enumerate(spec.get("ports") or ()):
            number = port.get("nodePort")
            if number:
                if number not in known and number not in mine:
                    why = self._why_no_port(number)
                    if why:
                        self._refuse([invalid(f"spec.ports[{index}].nodePort", number, why)])
            elif allocates:
                number = by_port.get(port.get("port")) or self._free_port([*mine, *asked.values()])
                port = {**port, "nodePort": number}
            if number:
                mine[number] = None
                by_port.setdefault(port.get("port"), number)
            ports.append(port)
        return _set(spec, {"ports": ports}) if ports else spec

    def _with_health_port(self, spec: JsonObject) -> JsonObject:
        number = spec.get("healthCheckNodePort")
        if not number:
            return {**spec, "healthCheckNodePort": self._free_port(_node_ports(spec))}
        why = self._why_no_port(number)
        if why:
            text = f"failed to allocate requested HealthCheck NodePort {number}: {why}"
            raise errors.InternalError(text)
        return spec

    def _why_no_port(self, number: int) -> str:
        if self._is_mine(f"port:{number}"):
            return ""
        if number not in self._ports:
            text = "provided port is not in the valid range. The range of valid ports is "
            return f"{text}{self._ports.start}-{self._ports.stop - 1}"
        return "provided port is already allocated" if self._is_taken(f"port:{number}") else ""

    def _free_port(self, besides: Sequence[int]) -> int:
        for offset in self._offsets(len(self._ports), _port_band(len(self._ports))):
            number = self._ports[offset]
            if number not in besides and not self._is_taken(f"port:{number}"):
                return number
        raise errors.InternalError("failed to allocate a nodePort: range is full")

    # -- shared ------------------------------------------------------------------------------------------------------

    def _offsets(self, size: int, band: int) -> Sequence[int]:
        """Where to look: from a random place on in the upper part, then the rest of it, then the lower part."""
        upper = size - band
        start = self._seed.below(upper) if upper > 0 else 0
        return _Chain(range(band + start, size), range(band, band + start), range(band))

    def _is_taken(self, value: str) -> bool:
        if self._store.by_index(SERVICES, _INDEX, value):
            return True
        return self._store.get(ObjectKey(*IP_ADDRESSES, "", value)) is not None

    def _is_mine(self, value: str) -> bool:
        return any(env.key == self._key for env in self._store.by_index(SERVICES, _INDEX, value))

    def _refuse(self, causes: Sequence[Cause]) -> None:
        if causes:
            raise errors.invalid("", "Service", self._name, causes)


class _Chain(Sequence[int]):
    """Ranges one after the other."""

    def __init__(self, *parts: range) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __getitem__(self, index: Any) -> Any:
        for part in self._parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError


def service_ranges(store: Store) -> dict[str, list[_Network]]:
    """IP family → networks, the primary family first, those of the cluster's own ServiceCIDR first in each."""
    cidrs = sorted(store.list(SERVICE_CIDRS), key=_not_default)
    out: dict[str, list[_Network]] = {}
    for env in cidrs:
        for cidr in (env.obj.get("spec") or {}).get("cidrs") or ():
            network = _network(cidr)
            networks = out.setdefault(f"IPv{network.version}", [])
            if not _is_leaving(env):
                networks.append(network)
    if not out:
        network = _network(DEFAULT_RANGE)
        out[f"IPv{network.version}"] = [network]
    return out


def _not_default(env: Envelope) -> bool:
    return env.name != DEFAULT_CIDR


def _is_leaving(env: Envelope) -> bool:
    """Nothing more is given from a ServiceCIDR that is being deleted or says that it is not ready."""
    conditions = (env.obj.get("status") or {}).get("conditions") or ()
    return "deletionTimestamp" in env.obj["metadata"] or any(
        each["type"] == "Ready" and each["status"] != "True" for each in conditions
    )


@lru_cache(maxsize=64)
def _network(cidr: str) -> _Network:
    return ip_network(cidr, strict=False)


def _address_band(network: _Network) -> int:
    """calculateRangeOffset."""
    return 0 if network.num_addresses <= 16 else min(max(network.num_addresses // 16, 16), 256)


def _port_band(size: int) -> int:
    """First node ports that are given only to those who ask by number: a 32nd of the range, 16 to 128."""
    return 0 if size <= 16 else min(max(size // 32, 16), 128)


def _keeps_its_two_stacks(spec: JsonObject, old: JsonObject | None) -> bool:
    """isMatchingPreferDualStackClusterIPFields: such a Service does not follow changes of the cluster."""
    return (
        old is not None
        and spec.get("type") == old.get("type")
        and spec.get("ipFamilyPolicy") == old.get("ipFamilyPolicy") == "PreferDualStack"
        and spec.get("clusterIPs") == old.get("clusterIPs")
        and spec.get("ipFamilies") == old.get("ipFamilies")
    )


def _set(spec: JsonObject, changes: JsonObject) -> JsonObject:
    """The spec with these fields; itself when it has them already."""
    if all(spec.get(key) == value for key, value in changes.items()):
        return spec
    return {**spec, **changes}
