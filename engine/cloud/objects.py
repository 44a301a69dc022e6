"""What a cluster with a cloud has besides: the identity of the cloud controllers and what they may do.

The rules are those that the cloud controller manager needs: nodes in full, Services read and patched, events written,
service accounts created; statuses are subresources of their own.
"""

from __future__ import annotations

from typing import Final

from engine.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, SERVICEACCOUNTS
from engine.api.server import Api, Caller
from store.types import JsonObject, Resource

ACCOUNT: Final = "cloud-controller-manager"
ROLE: Final = "system:cloud-controller-manager"
_RULES: Final = [
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch", "update"]},
    {
        "apiGroups": [""], "resources": ["nodes"],
        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
    },
    {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch", "update"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "patch", "update", "watch"]},
    {"apiGroups": [""], "resources": ["services/status"], "verbs": ["patch", "update"]},
    {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["create"]},
]  # fmt: skip
_OBJECTS: Final[tuple[tuple[Resource, str, JsonObject], ...]] = (
    (SERVICEACCOUNTS, "kube-system", {"metadata": {"name": ACCOUNT}}),
    (CLUSTERROLES, "", {"metadata": {"name": ROLE}, "rules": _RULES}),
    (
        CLUSTERROLEBINDINGS,
        "",
        {
            "metadata": {"name": ROLE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "kube-system"}],
        },
    ),
)


def create_cloud_objects(api: Api) -> None:
    """Create what is not there yet."""
    caller = Caller("system:apiserver", groups=("system:masters",))
    for resource, namespace, manifest in _OBJECTS:
        if api.find(resource, namespace, manifest["metadata"]["name"]) is None:
            api.create(caller, resource, namespace, manifest)
