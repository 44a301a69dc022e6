"""What the server itself writes into an object, whatever the request said: the strategies of Kubernetes' registry.

`prepare_create` and `prepare_update` take what a request asked for and give what may be stored: system metadata is the
server's, status belongs to the status subresource, generation counts changes of the desired state, a pod starts
Pending. They copy what they change and share the rest. Refusals about metadata (immutable uid, a name that does not
match the request) are raised here; rules about a kind's own fields are in engine.api.validation.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from engine.api import errors
from engine.api.errors import Cause
from engine.api.kinds import (
    CLUSTERROLES,
    CSRS,
    DAEMONSETS,
    DEPLOYMENTS,
    HPAS,
    NAMESPACES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    REPLICASETS,
    ROLES,
    SECRETS,
    SERVICES,
    STATEFULSETS,
    Kind,
)
from engine.api.qos import qos_class
from store.types import Envelope, JsonObject, ObjectKey, Resource, Uid

_STATUS_ON_CREATE: Final = frozenset({NODES})
"""Kinds whose status is taken from the manifest on creation: kubelets register with it."""
_FIRST_STATUS: Final[dict[Resource, JsonObject]] = {
    NAMESPACES: {"phase": "Active"},
    PERSISTENTVOLUMECLAIMS: {"phase": "Pending"},
    Resource("", "persistentvolumes"): {"phase": "Pending"},
    SERVICES: {"loadBalancer": {}},
    Resource("networking.k8s.io", "ingresses"): {"loadBalancer": {}},
    REPLICASETS: {"replicas": 0},
    Resource("", "replicationcontrollers"): {"replicas": 0},
    STATEFULSETS: {"availableReplicas": 0, "replicas": 0},
    DAEMONSETS: {"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0},
    HPAS: {"currentMetrics": None, "desiredReplicas": 0},
    Resource("policy", "poddisruptionbudgets"): {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "disruptionsAllowed": 0,
        "expectedPods": 0,
    },
    Resource("storage.k8s.io", "volumeattachments"): {"attached": False},
}
"""What the status of a new object is: phases, and what Go writes even when it is nothing."""
_SYSTEM: Final = (
    "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion",
    "namespace", "name",
)  # fmt: skip
_MAX_BASE: Final = 58
"""Longest part of generateName that is kept (names.MaxGeneratedNameLength)."""
STATUS_KEEPS_LABELS: Final = frozenset({DEPLOYMENTS})
"""Kinds whose status subresource leaves the labels alone."""


def namespace_of(kind: Kind, namespace: str, meta: JsonObject) -> str:
    """The namespace that a request means. BadRequest when the object names another; Invalid when it may have none."""
    named = meta.get("namespace") or ""
    if not kind.namespaced:
        if named:
            cause = Cause("FieldValueForbidden", "metadata.namespace", "Forbidden: not allowed on this type")
            raise errors.invalid(kind.resource.group, kind.kind, meta.get("name") or "", [cause])
        return ""
    if not namespace:
        raise errors.BadRequest("an empty namespace may not be set during creation")
    if named and named != namespace:
        raise errors.BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    return namespace


def generated_name(base: str, suffix: str) -> str:
    return base[:_MAX_BASE] + suffix


def create_metadata(kind: Kind, namespace: str, name: str, asked: JsonObject, uid: Uid, now: str) -> JsonObject:
    """Metadata of a new object: a fresh dict."""
    meta = {"name": name, **asked}
    meta["name"] = name
    for key in ("managedFields", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"):
        meta.pop(key, None)
    if kind.namespaced:
        meta["namespace"] = namespace
    meta["uid"] = uid
    meta["creationTimestamp"] = now
    if kind.generation:
        meta["generation"] = 1
    else:
        meta.pop("generation", None)
    return meta


_META_ORDER: Final = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip
"""ObjectMeta's fields as its Go struct has them."""


def in_written_order(kind: Kind, obj: JsonObject) -> JsonObject:
    """The object with its keys as Kubernetes writes them: a built-in kind in the order of its Go structs (as deep as
    metadata), a custom one by the alphabet. A fresh dict with fresh metadata; to be stored, so that bytes are sent as
    they lie."""
    meta = {"resourceVersion": "", **obj["metadata"]}
    if kind.custom:
        return {**dict(sorted(obj.items())), "metadata": dict(sorted(meta.items()))}
    ordered = {key: meta[key] for key in _META_ORDER if key in meta}
    if len(ordered) < len(meta):
        ordered.update(meta)
    new = {"kind": None, "apiVersion": None, "metadata": None, **obj}
    new["metadata"] = ordered
    return new


def prepare_create(kind: Kind, obj: JsonObject) -> JsonObject:
    """`obj` (metadata done) as it may enter the store; changes `obj` itself, which must be fresh at the top."""
    resource = kind.stored_as
    if resource == PODS:
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj.get("spec") or {})}
    elif resource == NAMESPACES:
        name = obj["metadata"]["name"]
        spec = obj.get("spec") or {}
        if "kubernetes" not in spec.get("finalizers", ()):
            obj["spec"] = {**spec, "finalizers": [*spec.get("finalizers", ()), "kubernetes"]}
        obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), "kubernetes.io/metadata.name": name}
        obj["status"] = {"phase": "Active"}
    elif "status" in kind.subresources and resource not in _STATUS_ON_CREATE:
        if kind.custom:
            obj.pop("status", None)
        else:
            obj["status"] = dict(_FIRST_STATUS.get(resource, {}))
    if resource == SECRETS:
        return _merge_string_data(obj)
    if resource in (ROLES, CLUSTERROLES):
        return _with_rules(obj)
    return _without_gated(obj) if resource == STATEFULSETS else obj


def _with_rules(obj: JsonObject) -> JsonObject:
    """A role without rules says so: of all lists that may be empty, Kubernetes' roles alone show theirs."""
    if obj.get("rules"):
        return obj
    first: JsonObject = {key: obj[key] for key in ("apiVersion", "kind", "metadata") if key in obj}
    rest = {key: value for key, value in obj.items() if key not in first and key != "rules"}
    return {**first, "rules": None, **rest}


def _without_gated(obj: JsonObject, before: JsonObject | None = None) -> JsonObject:
    """StatefulSets: maxUnavailable is behind a gate that v1.36 has off (MaxUnavailableStatefulSet): it is dropped
    unless the object has it already (dropStatefulSetDisabledFields)."""
    rolling = _rolling_update(obj)
    if "maxUnavailable" not in rolling or (before is not None and "maxUnavailable" in _rolling_update(before)):
        return obj
    left = {key: value for key, value in rolling.items() if key != "maxUnavailable"}
    spec = obj["spec"]
    return {**obj, "spec": {**spec, "updateStrategy": {**spec["updateStrategy"], "rollingUpdate": left}}}


def _rolling_update(obj: JsonObject) -> JsonObject:
    return ((obj.get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate") or {}


def _merge_string_data(obj: JsonObject) -> JsonObject:
    """Secrets: stringData is write-only, its values go to data in base64."""
    plain = obj.get("stringData")
    if plain is None:
        return obj
    packed = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
    out = {key: value for key, value in obj.items() if key != "stringData"}
    if packed or obj.get("data"):
        out["data"] = {**(obj.get("data") or {}), **packed}
    return out


# -- updates -------------------------------------------------------------------------------------------------------


_STORED_AS: Final[Mapping[str, str]] = {
    "endpoints": "services/endpoints", "ingresses": "ingress", "nodes": "minions",
    "replicationcontrollers": "controllers", "services": "services/specs",
}  # fmt: skip
_STORED_BY_GROUP: Final = ("apiextensions.k8s.io", "apiregistration.k8s.io")
"""Where Kubernetes has objects in etcd, when not by the name of their resource: errors of the storage say so."""


def require_same(kind: Kind, before: Envelope, obj: JsonObject) -> None:
    """Conflict, in the words of Kubernetes' storage, when who replaces an object means one of another uid."""
    meta, present = obj.get("metadata"), before.obj["metadata"]["uid"]
    uid = meta.get("uid") if isinstance(meta, dict) else None
    if uid and uid != present:
        why = (
            f"StorageError: invalid object, Code: 4, Key: {_storage_key(kind, before.key)}, ResourceVersion: 0, "
            f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {present}"
        )
        raise errors.conflict(kind.resource, before.name, why)


def _storage_key(kind: Kind, key: ObjectKey) -> str:
    where = _STORED_AS.get(key.plural, key.plural)
    if kind.custom or key.group in _STORED_BY_GROUP:
        where = f"{key.group}/{key.plural}"
    return "/".join(part for part in ("/registry", where, key.namespace, key.name) if part)


def update_metadata(kind: Kind, before: JsonObject, asked: JsonObject) -> JsonObject:
    """Metadata after an update: the server's fields as they were, the rest as asked. A fresh dict.

    Raises Invalid for another uid and for finalizers added while the object is being deleted.
    """
    causes = []
    uid = asked.get("uid")
    if uid and uid != before["uid"]:
        causes.append(Cause("FieldValueInvalid", "metadata.uid", f'Invalid value: "{uid}": field is immutable'))
    if before.get("deletionTimestamp"):
        new = [f for f in asked.get("finalizers") or () if f not in (before.get("finalizers") or ())]
        if new:
            listed = ", ".join(f'"{f}"' for f in new)
            text = (
                "Forbidden: no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}"
            )
            causes.append(Cause("FieldValueForbidden", "metadata.finalizers", text))
    if causes:
        raise errors.invalid(kind.resource.group, kind.kind, before["name"], causes)
    meta = dict(asked)
    for key in _SYSTEM:
        if key in before:
            meta[key] = before[key]
        else:
            meta.pop(key, None)
    for key in ("managedFields", "selfLink"):
        meta.pop(key, None)
    if "managedFields" in before:
        meta["managedFields"] = before["managedFields"]
    if "generateName" in before:
        meta["generateName"] = before["generateName"]
    return meta


def prepare_update(kind: Kind, before: JsonObject, obj: JsonObject, meta: JsonObject) -> JsonObject:
    """The object after an update of the main resource: status kept, generation counted. A fresh dict."""
    new = {**obj, "metadata": meta}
    if "status" in kind.subresources:
        if "status" in before:
            new["status"] = before["status"]
        else:
            new.pop("status", None)
    if kind.stored_as in (NAMESPACES, CSRS):
        new["spec"] = before.get("spec", {})
    if kind.stored_as == SECRETS:
        new = _merge_string_data(new)
    elif kind.stored_as in (ROLES, CLUSTERROLES):
        new = _with_rules(new)
    elif kind.stored_as == STATEFULSETS:
        new = _without_gated(new, before)
    if kind.generation and changes_desired_state(kind, before, new):
        meta["generation"] = before["metadata"].get("generation", 0) + 1
    return new


def changes_desired_state(kind: Kind, before: JsonObject, new: JsonObject) -> bool:
    """Whether metadata.generation counts the step from `before` to `new`."""
    if kind.stored_as == DEPLOYMENTS and before["metadata"].get("annotations") != new["metadata"].get("annotations"):
        return True
    skip = ("metadata", "status", "apiVersion", "kind") if "status" in kind.subresources else _NO_STATE
    for key in new:
        if key not in skip and new[key] != before.get(key):
            return True
    return any(key not in new and key not in skip for key in before)


_NO_STATE: Final = ("metadata", "apiVersion", "kind")


def prepare_status(kind: Kind, before: JsonObject, obj: JsonObject) -> JsonObject:
    """The object after an update of its status subresource. A fresh dict.

    Annotations and finalizers follow the request (controllers use it); labels do, except for Deployments; custom
    resources keep all their metadata.
    """
    asked: dict[str, Any] = obj.get("metadata") or {}
    if kind.custom or asked is before["metadata"]:
        meta = dict(before["metadata"])
    else:
        meta = update_metadata(kind, before["metadata"], asked)
        kept = ["ownerReferences"]
        if kind.stored_as in STATUS_KEEPS_LABELS:
            kept.append("labels")
        for key in kept:
            if key in before["metadata"]:
                meta[key] = before["metadata"][key]
            else:
                meta.pop(key, None)
    new = {**before, "metadata": meta}
    if obj.get("status") is not None:
        new["status"] = obj["status"]
    else:
        new.pop("status", None)
    return new
