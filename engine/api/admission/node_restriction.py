"""NodeRestriction: a kubelet changes its own node and the pods on it, and no more.

Only kubelets that come over the wire are looked at; those of the cluster itself know only their own. Source:
plugin/pkg/admission/noderestriction/admission.go.
"""

from __future__ import annotations

from typing import Final

from engine.api import errors
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import NODES, PODS
from engine.api.requests import Caller
from engine.auth.node_authorizer import node_of
from store.types import JsonObject, Resource

_MIRROR: Final = "kubernetes.io/config.mirror"
_LABELS: Final = frozenset({
    "kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os", "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region", "topology.kubernetes.io/zone",
})  # fmt: skip
_PREFIXES: Final = ("kubelet.kubernetes.io/", "node.kubernetes.io/")


def validate(request: AdmissionRequest) -> None:
    """Pods and nodes on their way in."""
    node = node_of(request.caller) if request.caller.outside else ""
    if not node:
        return
    if request.resource == PODS:
        _pod(request, node)
    else:
        _node(request, node)


def check_subresource(caller: Caller, resource: Resource, obj: JsonObject, what: str) -> None:
    """A status, an eviction or a deletion of a pod or node. `what`: as the refusal names it."""
    node = node_of(caller) if caller.outside else ""
    name = obj["metadata"]["name"]
    if node and resource == PODS and spec_of(obj).get("nodeName") != node:
        raise errors.forbidden(PODS, name, f'node "{node}" can only {what} pods with spec.nodeName set to itself')
    if node and resource == NODES and name != node:
        raise errors.forbidden(NODES, name, f'node "{node}" is not allowed to modify node "{name}"')


def _pod(request: AdmissionRequest, node: str) -> None:
    if request.operation != "CREATE":
        raise errors.forbidden(PODS, request.name, f"unexpected operation {request.operation}")
    meta, spec = request.obj["metadata"], spec_of(request.obj)
    if _MIRROR not in (meta.get("annotations") or {}):
        why = f'pod does not have "{_MIRROR}" annotation, node "{node}" can only create mirror pods'
        raise errors.forbidden(PODS, request.name, why)
    if spec.get("nodeName") != node:
        why = f'node "{node}" can only create pods with spec.nodeName set to itself'
        raise errors.forbidden(PODS, request.name, why)


def _node(request: AdmissionRequest, node: str) -> None:
    if request.name != node:
        raise errors.forbidden(NODES, request.name, f'node "{node}" is not allowed to modify node "{request.name}"')
    old = request.old
    labels = request.obj["metadata"].get("labels") or {}
    before = (old["metadata"].get("labels") or {}) if old is not None else {}
    changed = [key for key in sorted({*labels, *before}) if labels.get(key) != before.get(key)]
    refused = [key for key in changed if _is_reserved(key)]
    if refused:
        why = f"is not allowed to {'set' if old is None else 'modify'} the following labels: {', '.join(refused)}"
        raise errors.forbidden(NODES, request.name, why)
    if old is not None and (spec_of(old).get("taints") or []) != (spec_of(request.obj).get("taints") or []):
        raise errors.forbidden(NODES, request.name, f'node "{node}" is not allowed to modify taints')


def _is_reserved(key: str) -> bool:
    """Labels of Kubernetes' domains, but for those that kubelets set (kubeletapis)."""
    domain = key.partition("/")[0] if "/" in key else ""
    if not domain or key in _LABELS or key.startswith(_PREFIXES):
        return False
    kinds = ("kubernetes.io", "k8s.io")
    if domain == "node-restriction.kubernetes.io" or domain.endswith(".node-restriction.kubernetes.io"):
        return True
    return domain in kinds or domain.endswith(tuple(f".{each}" for each in kinds))
