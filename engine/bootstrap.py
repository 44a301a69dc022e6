"""What the API server itself creates in every new cluster: system namespaces, priority classes, the range of Service
addresses, and the Service `kubernetes` by which pods find the API.

Names, values and descriptions follow Kubernetes (kube-apiserver's post-start hooks, scheduling.SystemPriorityClasses,
controlplane/reconcilers).
"""

from __future__ import annotations

from typing import Final

from engine.api.kinds import ENDPOINTS, ENDPOINTSLICES, NAMESPACES, PRIORITYCLASSES, SERVICES
from engine.api.server import Api, Caller
from engine.flags import Flags
from engine.network.addresses import API_SERVER, API_SERVER_PORT
from engine.network.service_allocation import DEFAULT_CIDR, SERVICE_CIDRS, service_ranges
from store.types import JsonObject, Resource

SYSTEM_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
_PRIORITY_CLASSES: Final[tuple[JsonObject, ...]] = (
    {
        "metadata": {"name": "system-cluster-critical"},
        "value": 2_000_000_000,
        "description": "Used for system critical pods that must run in the cluster, but can be moved to another node "
        "if necessary.",
    },
    {
        "metadata": {"name": "system-node-critical"},
        "value": 2_000_001_000,
        "description": "Used for system critical pods that must not be moved from their current node.",
    },
)
_PORT: Final = {"name": "https", "port": API_SERVER_PORT, "protocol": "TCP"}
_API: Final[tuple[tuple[Resource, JsonObject], ...]] = (
    (
        SERVICES,
        {
            "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": API_SERVER_PORT}],
            },
        },
    ),
    (
        ENDPOINTS,
        {
            "metadata": {"name": "kubernetes", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "subsets": [{"addresses": [{"ip": API_SERVER}], "ports": [_PORT]}],
        },
    ),
    (
        ENDPOINTSLICES,
        {
            "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [API_SERVER], "conditions": {"ready": True}}],
            "ports": [_PORT],
        },
    ),
)
"""The way to the API server, in namespace `default`."""


def create_system_objects(api: Api, flags: Flags) -> None:
    """Create what is not there yet."""
    caller = Caller("system:apiserver", groups=("system:masters",))
    for name in SYSTEM_NAMESPACES:
        if api.find(NAMESPACES, "", name) is None:
            api.create(caller, NAMESPACES, "", {"metadata": {"name": name}})
    for manifest in _PRIORITY_CLASSES:
        if api.find(PRIORITYCLASSES, "", manifest["metadata"]["name"]) is None:
            api.create(caller, PRIORITYCLASSES, "", manifest)
    _create_service_range(api, caller, flags.ranges("service-cluster-ip-range"))
    first = next(iter(service_ranges(api.store).values()))[0]
    for resource, manifest in _API:
        if api.find(resource, "default", manifest["metadata"]["name"]) is None:
            if resource == SERVICES:  # it has the first address of the range
                manifest = {**manifest, "spec": {**manifest["spec"], "clusterIP": str(first[1])}}
            api.create(caller, resource, "default", manifest)


def _create_service_range(api: Api, caller: Caller, cidrs: list[str]) -> None:
    if api.find(SERVICE_CIDRS, "", DEFAULT_CIDR) is not None:
        return
    env = api.create(caller, SERVICE_CIDRS, "", {"metadata": {"name": DEFAULT_CIDR}, "spec": {"cidrs": cidrs}})
    created = env.obj["metadata"]["creationTimestamp"]
    condition = {
        "type": "Ready", "status": "True", "lastTransitionTime": created, "reason": "",
        "message": "Kubernetes Service CIDR is ready",
    }  # fmt: skip
    api.update_status(caller, env, {"conditions": [condition]})
