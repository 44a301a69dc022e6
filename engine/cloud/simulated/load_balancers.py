"""Load balancers of the simulated cloud: one LoadBalancer object per Service, named after the Service's uid.

An address is the first free one of the cloud's ranges (the one that is asked for by spec.loadBalancerIP, if it is
free), one per IP family of the Service that the cloud has a range of. Setting one up takes a while, during which the
Service waits; changing it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from engine.api.kinds import LOADBALANCERS
from engine.api.server import Api, Caller
from engine.clock import SECOND, parse_time, rfc3339
from engine.cloud.provider import CloudError, InProgress
from engine.cloud.simulated.declared import declared_cloud, span, spec_of
from store.types import Envelope, JsonObject

CALLER: Final = Caller("simulated-cloud", groups=("system:masters",))
_DEFAULT_RANGES: Final = ("203.0.113.0/24",)
"""A range kept for examples (RFC 5737): no address of it is anybody's."""
_SETUP: Final = 2 * SECOND


class SimulatedLoadBalancers:
    """All of them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, service: Envelope) -> Sequence[JsonObject] | None:
        found = self._find(service)
        return None if found is None else _ingress(found)

    def ensure(self, service: Envelope, nodes: Sequence[Envelope]) -> Sequence[JsonObject]:
        settings = self._settings()
        if settings.get("error"):
            raise CloudError(str(settings["error"]))
        found = self._find(service)
        if found is None:
            found = self._create(service, nodes, settings)
        wanted = self._spec(service, nodes, spec_of(found).get("addresses") or [])
        if wanted != spec_of(found):
            found = self._api.update(CALLER, LOADBALANCERS, "", found.name, {**found.obj, "spec": wanted})
        status = found.obj.get("status") or {}
        if status.get("phase") != "Active":
            now = self._api.clock.now()
            due = parse_time(status["readyAt"]) if status.get("readyAt") else now
            if now < due:
                raise InProgress(due - now)
            found = self._api.update_status(CALLER, found, {"phase": "Active"})
        return _ingress(found)

    def update_nodes(self, service: Envelope, nodes: Sequence[Envelope]) -> None:
        if self._find(service) is not None:
            self.ensure(service, nodes)

    def ensure_deleted(self, service: Envelope) -> None:
        found = self._find(service)
        if found is not None:
            self._api.delete(CALLER, LOADBALANCERS, "", found.name)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _settings(self) -> JsonObject:
        cloud = declared_cloud(self._api)
        return {} if cloud is None else spec_of(cloud).get("loadBalancers") or {}

    def _find(self, service: Envelope) -> Envelope | None:
        return self._api.find(LOADBALANCERS, "", _name(service))

    def _create(self, service: Envelope, nodes: Sequence[Envelope], settings: JsonObject) -> Envelope:
        ranges = [ip_network(each, strict=False) for each in settings.get("addresses") or _DEFAULT_RANGES]
        addresses = self._addresses(service, ranges)
        manifest = {"metadata": {"name": _name(service)}, "spec": self._spec(service, nodes, addresses)}
        made = self._api.create(CALLER, LOADBALANCERS, "", manifest)
        ready = self._api.clock.now() + span(settings.get("setupTime"), _SETUP)
        # Stamps have whole seconds: not before the time is over.
        stamp = rfc3339(-(-ready // SECOND) * SECOND)
        return self._api.update_status(CALLER, made, {"phase": "Provisioning", "readyAt": stamp})

    def _addresses(self, service: Envelope, ranges: Sequence[IPv4Network | IPv6Network]) -> list[str]:
        """Raises CloudError when there is none."""
        taken = {
            address for each in self._api.store.list(LOADBALANCERS) for address in spec_of(each).get("addresses") or ()
        }
        asked = service.obj["spec"].get("loadBalancerIP")
        if asked:
            if asked in taken or not any(ip_address(asked) in network for network in ranges):
                raise CloudError(f"requested address {asked} is not available")
            return [asked]
        found = []
        for family in service.obj["spec"].get("ipFamilies") or ("IPv4",):
            version = 6 if family == "IPv6" else 4
            free = (str(a) for network in ranges if network.version == version for a in _hosts(network))
            address = next((a for a in free if a not in taken), None)
            if address is not None:
                found.append(address)
        if not found:
            raise CloudError("no free address is left for a load balancer")
        return found

    def _spec(self, service: Envelope, nodes: Sequence[Envelope], addresses: Sequence[str]) -> JsonObject:
        asked = service.obj["spec"]
        ports = [
            {key: port[key] for key in ("name", "protocol", "port", "nodePort") if port.get(key)}
            for port in asked.get("ports") or ()
        ]
        spec: dict[str, Any] = {
            "service": f"{service.namespace}/{service.name}", "serviceUID": service.uid, "addresses": list(addresses),
            "ports": ports, "nodes": [node.name for node in nodes],
        }  # fmt: skip
        if asked.get("loadBalancerSourceRanges"):
            spec["sourceRanges"] = asked["loadBalancerSourceRanges"]
        if asked.get("externalTrafficPolicy") == "Local" and asked.get("healthCheckNodePort"):
            spec["healthCheckPort"] = asked["healthCheckNodePort"]
        return spec


def _name(service: Envelope) -> str:
    """DefaultLoadBalancerName: `a` and the uid without dashes, 32 characters."""
    return f"a{service.uid}".replace("-", "")[:32]


def _hosts(network: IPv4Network | IPv6Network) -> Iterator[Any]:
    return iter(network.hosts())


def _ingress(balancer: Envelope) -> Sequence[JsonObject]:
    return [{"ip": address, "ipMode": "VIP"} for address in spec_of(balancer).get("addresses") or ()]
