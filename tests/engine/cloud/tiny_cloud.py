"""A cloud outside the cluster, as small as one can be: dictionaries. It proves what a provider has to bring along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.api.server import Api
from engine.cloud.provider import CloudError, InstanceMetadata, InstanceNotFound, Route
from store.types import Envelope, Resource


class TinyCloud:
    """Machines, load balancers and routes in memory; nobody is told when they change."""

    name = "tiny"
    watched: Sequence[Resource] = ()

    def __init__(self, api: Api) -> None:
        self.machines: dict[str, InstanceMetadata] = {}
        """By node name."""
        self.off: dict[str, None] = {}
        self.balancers: dict[str, tuple[str, list[str]]] = {}
        """Service → (address, nodes)."""
        self.wires: dict[str, Route] = {}
        self.trouble = ""
        """When set, every request fails with this text."""

    def configured(self) -> bool:
        return True

    def instances(self) -> TinyCloud:
        return self

    def load_balancers(self) -> TinyBalancers:
        return TinyBalancers(self)

    def routes(self) -> TinyRoutes:
        return TinyRoutes(self)

    def clusters(self) -> None:
        return None

    def check(self) -> None:
        if self.trouble:
            raise CloudError(self.trouble)

    # -- instances -------------------------------------------------------------------------------------------------

    def instance_exists(self, node: Envelope) -> bool:
        self.check()
        return node.name in self.machines

    def instance_shutdown(self, node: Envelope) -> bool:
        return node.name in self.off

    def instance_metadata(self, node: Envelope) -> InstanceMetadata:
        self.check()
        if node.name not in self.machines:
            raise InstanceNotFound
        return self.machines[node.name]


class TinyBalancers:
    def __init__(self, cloud: TinyCloud) -> None:
        self._cloud = cloud

    def get(self, service: Envelope) -> Sequence[Mapping[str, Any]] | None:
        found = self._cloud.balancers.get(service.name)
        return None if found is None else [{"ip": found[0]}]

    def ensure(self, service: Envelope, nodes: Sequence[Envelope]) -> Sequence[Mapping[str, Any]]:
        self._cloud.check()
        address = f"198.51.100.{len(self._cloud.balancers) + 1}"
        self._cloud.balancers.setdefault(service.name, (address, []))
        self.update_nodes(service, nodes)
        return [{"ip": self._cloud.balancers[service.name][0]}]

    def update_nodes(self, service: Envelope, nodes: Sequence[Envelope]) -> None:
        self._cloud.check()
        self._cloud.balancers[service.name] = (self._cloud.balancers[service.name][0], [node.name for node in nodes])

    def ensure_deleted(self, service: Envelope) -> None:
        self._cloud.check()
        self._cloud.balancers.pop(service.name, None)


class TinyRoutes:
    def __init__(self, cloud: TinyCloud) -> None:
        self._cloud = cloud

    def all(self) -> Sequence[Route]:
        return list(self._cloud.wires.values())

    def create(self, route: Route, hint: str) -> None:
        self._cloud.check()
        self._cloud.wires[f"{hint}/{route.cidr}"] = route._replace(name=f"{hint}/{route.cidr}")

    def delete(self, route: Route) -> None:
        del self._cloud.wires[route.name]
