"""The part of an object that people declare: without status, and without what only the cluster writes.

It is what undo puts back and what "changed between two moments" compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.api.kinds import (
    EVENTS,
    JOBS,
    LEASES,
    NAMESPACES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
)
from store.types import JsonObject, Resource

UNDECLARED: Final = frozenset({EVENTS, LEASES})
"""Kinds that nobody declares."""
_SERVER_META: Final = frozenset(
    {
        "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generateName", "generation",
        "managedFields", "resourceVersion", "selfLink", "uid",
    }
)  # fmt: skip
_DELETION_FINALIZERS: Final = frozenset({"foregroundDeletion", "orphan"})
_SYSTEM_SPEC: Final[Mapping[Resource, tuple[str, ...]]] = {
    PODS: ("nodeName",),
    PERSISTENTVOLUMECLAIMS: ("volumeName",),
    NAMESPACES: ("finalizers",),
    NODES: ("podCIDR", "podCIDRs"),
    JOBS: ("selector",),
}
"""Fields of spec that the cluster fills in once, and fills in anew when the object is created again."""
_JOB_LABELS: Final = frozenset(
    {"controller-uid", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "job-name"}
)
_REVISION_NOTE: Final = "deployment.kubernetes.io/revision"
_BINDING_NOTES: Final = "pv.kubernetes.io/"
_NODE_CONDITIONS: Final = "node.kubernetes.io/"
_SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"


def declared(obj: JsonObject) -> JsonObject:
    """The object without status and server-side metadata; deletion leaves no trace in it."""
    meta = {name: value for name, value in obj["metadata"].items() if name not in _SERVER_META}
    finalizers = [name for name in meta.pop("finalizers", None) or () if name not in _DELETION_FINALIZERS]
    if finalizers:
        meta["finalizers"] = finalizers
    if _REVISION_NOTE in (meta.get("annotations") or {}):
        meta["annotations"] = {n: text for n, text in meta["annotations"].items() if n != _REVISION_NOTE}
        if not meta["annotations"]:
            del meta["annotations"]
    return {**{name: value for name, value in obj.items() if name != "status"}, "metadata": meta}


def recreatable(resource: Resource, obj: JsonObject) -> JsonObject:
    """The declared part without what the cluster will fill in again: good for a create."""
    new = declared(obj)
    meta, spec = dict(new["metadata"]), new.get("spec")
    annotations = {
        name: value
        for name, value in (meta.pop("annotations", None) or {}).items()
        if not name.startswith(_BINDING_NOTES) and name != _SELECTED_NODE
    }
    if annotations:
        meta["annotations"] = annotations
    if isinstance(spec, dict) and resource in _SYSTEM_SPEC and not (resource == JOBS and spec.get("manualSelector")):
        spec = {name: value for name, value in spec.items() if name not in _SYSTEM_SPEC[resource]}
        if resource == JOBS:
            meta = _without_labels(meta)
            spec["template"] = {**spec["template"], "metadata": _without_labels(spec["template"].get("metadata") or {})}
        if resource == NODES and spec.get("taints"):
            spec["taints"] = [taint for taint in spec["taints"] if not taint["key"].startswith(_NODE_CONDITIONS)]
        new["spec"] = spec
    if resource == PERSISTENTVOLUMES and isinstance(spec, dict) and "claimRef" in spec:
        reference = {n: v for n, v in spec["claimRef"].items() if n not in ("uid", "resourceVersion")}
        new["spec"] = {**spec, "claimRef": reference}
    return {**new, "metadata": meta}


def _without_labels(meta: Mapping[str, Any]) -> dict[str, Any]:
    labels = {name: value for name, value in (meta.get("labels") or {}).items() if name not in _JOB_LABELS}
    return {
        **{name: value for name, value in meta.items() if name != "labels"},
        **({"labels": labels} if labels else {}),
    }
