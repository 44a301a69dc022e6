"""What a cloud provides to the cluster: the protocol of k8s.io/cloud-provider, in Python.

A provider is a plugin: a factory under a name (`engine.cloud.registry`), chosen by `--cloud-provider`. The controllers
in `engine.controllers.cloud` know only this page. What a cloud does not have, it answers with None; zones and regions
are part of an instance's metadata, as in InstancesV2.

Calls answer at once. A cloud that is not done yet raises `InProgress` and is asked again.

    CloudError             the cloud refuses; the text is the cloud's
    ├── InstanceNotFound   there is no such machine
    └── InProgress         it works on it: ask again after `after`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from store.types import Envelope, JsonObject, Resource

UNINITIALIZED: Final[JsonObject] = {
    "key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule",
}  # fmt: skip
"""What a kubelet with `--cloud-provider=external` registers with: the node waits for what its cloud knows of it."""
SHUTDOWN: Final[JsonObject] = {"key": "node.cloudprovider.kubernetes.io/shutdown", "effect": "NoSchedule"}
"""On a node whose machine is switched off."""


class CloudError(Exception):
    """The cloud refuses."""


class InstanceNotFound(CloudError):
    """There is no such machine."""

    def __init__(self) -> None:
        super().__init__("instance not found")


class InProgress(CloudError):
    """The cloud works on it."""

    def __init__(self, after: int) -> None:
        """`after`: microseconds of cluster time until it is worth asking again."""
        super().__init__("in progress")
        self.after = after


@dataclass(frozen=True, slots=True)
class InstanceMetadata:
    """What the cloud knows of a node's machine (cloudprovider.InstanceMetadata)."""

    provider_id: str
    """`<provider>://<the provider's own name>`"""
    instance_type: str = ""
    addresses: Sequence[Mapping[str, str]] = ()
    """As in a node's status: {"type": "InternalIP", "address": …}; empty: the kubelet's stay."""
    zone: str = ""
    region: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    """More labels; those of Kubernetes' own domains are refused."""


class Route(NamedTuple):
    """A range of pod addresses that leads to a node."""

    name: str
    """The cloud's; "" for one that is to be made."""
    node: str
    cidr: str
    next_hop: str
    """The node's address; "" where the cloud does not say."""


class Instances(Protocol):
    """InstancesV2: the machines behind nodes. A node that is no machine of this cloud exists and is never shut down."""

    def instance_exists(self, node: Envelope) -> bool: ...

    def instance_shutdown(self, node: Envelope) -> bool: ...

    def instance_metadata(self, node: Envelope) -> InstanceMetadata:
        """Raises InstanceNotFound."""


class LoadBalancers(Protocol):
    """Load balancers for Services."""

    def get(self, service: Envelope) -> Sequence[Mapping[str, Any]] | None:
        """status.loadBalancer.ingress of what there is; None when there is none."""

    def ensure(self, service: Envelope, nodes: Sequence[Envelope]) -> Sequence[Mapping[str, Any]]:
        """Make one, or bring it up to date. Its ingress. Raises CloudError."""

    def update_nodes(self, service: Envelope, nodes: Sequence[Envelope]) -> None:
        """Send the traffic to these nodes. Raises CloudError."""

    def ensure_deleted(self, service: Envelope) -> None:
        """Raises CloudError."""


class Routes(Protocol):
    """Routes for the nodes' pod ranges."""

    def all(self) -> Sequence[Route]: ...

    def create(self, route: Route, hint: str) -> None:
        """`hint`: for its name, the node's uid. Raises CloudError."""

    def delete(self, route: Route) -> None: ...


class Clusters(Protocol):
    """Clusters of the cloud, as its own service for them calls them."""

    def names(self) -> Sequence[str]: ...


class CloudProvider(Protocol):
    """One cloud (cloudprovider.Interface)."""

    @property
    def name(self) -> str:
        """ProviderName: also the scheme of its provider ids."""

    @property
    def watched(self) -> Sequence[Resource]:
        """Where the provider keeps its state, if that is in the cluster's own store: events there mean that the
        cloud may have changed. Empty: the cloud is outside, and is asked again at the controllers' periods."""

    def configured(self) -> bool:
        """There is a cloud to work with now."""

    def instances(self) -> Instances | None: ...

    def load_balancers(self) -> LoadBalancers | None: ...

    def routes(self) -> Routes | None: ...

    def clusters(self) -> Clusters | None: ...
