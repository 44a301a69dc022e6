"""Kinds are data: group, version, names, scope, subresources. Built-in ones are listed, a CRD adds one at run time.

(First cut: the kinds that the engine itself names; the full v1.36 table lands here.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from store.types import Resource

PODS: Final = Resource("", "pods")
NODES: Final = Resource("", "nodes")
NAMESPACES: Final = Resource("", "namespaces")
EVENTS: Final = Resource("", "events")
SERVICES: Final = Resource("", "services")
CONFIGMAPS: Final = Resource("", "configmaps")
SECRETS: Final = Resource("", "secrets")
SERVICEACCOUNTS: Final = Resource("", "serviceaccounts")
DEPLOYMENTS: Final = Resource("apps", "deployments")
REPLICASETS: Final = Resource("apps", "replicasets")
LEASES: Final = Resource("coordination.k8s.io", "leases")
PRIORITYCLASSES: Final = Resource("scheduling.k8s.io", "priorityclasses")
CRDS: Final = Resource("apiextensions.k8s.io", "customresourcedefinitions")
IMAGES: Final = Resource("kubarium.dev", "images")
"""Ours (kubarium.dev/v1alpha1 Image, cluster-scoped): how a simulated image behaves."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One served kind in one version."""

    resource: Resource
    version: str
    kind: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = field(default_factory=frozenset)
    """`status`, `scale`, `binding`, `eviction`, …"""

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.resource.group}/{self.version}" if self.resource.group else self.version


class KindRegistry:
    """All kinds that the cluster serves now."""

    def __init__(self) -> None:
        self._by_resource: dict[Resource, Kind] = {}
        self._by_name: dict[tuple[str, str], Kind] = {}

    def add(self, kind: Kind) -> None:
        self._by_resource[kind.resource] = kind
        self._by_name[kind.api_version, kind.kind] = kind

    def remove(self, resource: Resource) -> None:
        kind = self._by_resource.pop(resource)
        del self._by_name[kind.api_version, kind.kind]

    def get(self, resource: Resource) -> Kind | None:
        """The storage version of a resource."""
        return self._by_resource.get(resource)

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        return self._by_name.get((api_version, kind))

    def all(self) -> list[Kind]:
        return list(self._by_resource.values())


def builtin_kinds() -> KindRegistry:
    """A registry with every built-in kind."""
    registry = KindRegistry()
    status = frozenset({"status"})
    for kind in (
        Kind(PODS, "v1", "Pod", True, "pod", ("po",), ("all",), status | {"binding", "eviction"}),
        Kind(NODES, "v1", "Node", False, "node", ("no",), (), status),
        Kind(NAMESPACES, "v1", "Namespace", False, "namespace", ("ns",), (), status | {"finalize"}),
        Kind(EVENTS, "v1", "Event", True, "event", ("ev",)),
        Kind(SERVICES, "v1", "Service", True, "service", ("svc",), ("all",), status),
        Kind(CONFIGMAPS, "v1", "ConfigMap", True, "configmap", ("cm",)),
        Kind(SECRETS, "v1", "Secret", True, "secret"),
        Kind(SERVICEACCOUNTS, "v1", "ServiceAccount", True, "serviceaccount", ("sa",)),
        Kind(DEPLOYMENTS, "v1", "Deployment", True, "deployment", ("deploy",), ("all",), status | {"scale"}),
        Kind(REPLICASETS, "v1", "ReplicaSet", True, "replicaset", ("rs",), ("all",), status | {"scale"}),
        Kind(LEASES, "v1", "Lease", True, "lease"),
        Kind(PRIORITYCLASSES, "v1", "PriorityClass", False, "priorityclass", ("pc",)),
        Kind(IMAGES, "v1alpha1", "Image", False, "image"),
    ):
        registry.add(kind)
    return registry
