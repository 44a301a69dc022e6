"""The simulated provider: a cloud declared by an object of kind Cloud (kubarium.dev/v1alpha1), the first by name.

Its machines are Machine objects. What the controllers ask for becomes LoadBalancer and Route objects, so that the whole
cloud can be looked at, broken and mended like the cluster itself, and is still there when the cluster is reopened.
Without a Cloud object there is no cloud, and nothing is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.api.kinds import CLOUDS, LOADBALANCERS, MACHINES, ROUTES
from engine.api.server import Api
from engine.cloud.provider import Clusters, InstanceMetadata, InstanceNotFound
from engine.cloud.simulated.declared import (
    PROVIDER,
    declared_cloud,
    is_running,
    machine_of,
    provider_id,
    region_of,
    zone_of,
)
from engine.cloud.simulated.load_balancers import SimulatedLoadBalancers
from engine.cloud.simulated.routes import SimulatedRoutes
from store.types import Envelope

_SCHEME: Final = f"{PROVIDER}://"


class SimulatedCloud:
    """One per cluster."""

    name = PROVIDER
    watched = (CLOUDS, MACHINES, LOADBALANCERS, ROUTES)

    def __init__(self, api: Api) -> None:
        self._api = api
        self._instances = SimulatedInstances(api)
        self._load_balancers = SimulatedLoadBalancers(api)
        self._routes = SimulatedRoutes(api)

    def configured(self) -> bool:
        return bool(self._api.store.count(CLOUDS))

    def instances(self) -> SimulatedInstances:
        return self._instances

    def load_balancers(self) -> SimulatedLoadBalancers:
        return self._load_balancers

    def routes(self) -> SimulatedRoutes | None:
        cloud = declared_cloud(self._api)
        return None if cloud is None or (cloud.obj.get("spec") or {}).get("routes") is False else self._routes

    def clusters(self) -> Clusters | None:
        return None


class SimulatedInstances:
    """Machines, as nodes know them: by provider id, or by name before they have one."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def instance_exists(self, node: Envelope) -> bool:
        return not _is_ours(node) or machine_of(self._api, node) is not None

    def instance_shutdown(self, node: Envelope) -> bool:
        machine = machine_of(self._api, node)
        return _is_ours(node) and machine is not None and not is_running(machine)

    def instance_metadata(self, node: Envelope) -> InstanceMetadata:
        machine, cloud = machine_of(self._api, node), declared_cloud(self._api)
        if machine is None or cloud is None:
            raise InstanceNotFound
        status, spec = machine.obj.get("status") or {}, machine.obj.get("spec") or {}
        addresses: Sequence[dict[str, str]] = status.get("addresses") or ()
        return InstanceMetadata(
            status.get("providerID") or provider_id(machine, cloud),
            spec.get("instanceType") or "",
            addresses,
            zone_of(machine, cloud),
            region_of(cloud),
        )


def _is_ours(node: Envelope) -> bool:
    return str((node.obj.get("spec") or {}).get("providerID") or "").startswith(_SCHEME)
