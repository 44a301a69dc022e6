"""What the API server itself creates in every new cluster: the system namespaces and priority classes.

Names, values and descriptions follow Kubernetes (kube-apiserver's post-start hooks, scheduling.SystemPriorityClasses).
"""

from __future__ import annotations

from typing import Final

from engine.api.kinds import NAMESPACES, PRIORITYCLASSES
from engine.api.server import Api, Caller
from store.types import JsonObject

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


def create_system_objects(api: Api) -> None:
    """Create what is not there yet."""
    caller = Caller("system:apiserver", groups=("system:masters",))
    for name in SYSTEM_NAMESPACES:
        if api.find(NAMESPACES, "", name) is None:
            api.create(caller, NAMESPACES, "", {"metadata": {"name": name}})
    for manifest in _PRIORITY_CLASSES:
        if api.find(PRIORITYCLASSES, "", manifest["metadata"]["name"]) is None:
            api.create(caller, PRIORITYCLASSES, "", manifest)
