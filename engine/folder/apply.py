"""One document made true: applied as `kubectl apply` does, and taken back when the folder no longer declares it.

What the folder creates carries the annotation `kubarium.dev/folder: <file>#<resource>/<namespace>/<name>`, the proof
that the folder made it: only such objects are pruned. It names the object itself, since controllers copy annotations
(a Deployment's to its ReplicaSets) and people copy manifests. An object that was there before is adopted without it:
the folder changes it, but never deletes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.api.apply import LAST_APPLIED
from engine.api.errors import ApiError, NotFound
from engine.api.kinds import CRDS, NAMESPACES, Kind
from engine.api.server import Api, Caller, DeleteOptions
from engine.folder.documents import Document
from store.types import Envelope, JsonObject, ObjectKey

OWNER: Final = "kubarium.dev/folder"
_MANAGER: Final = "kubarium-folder"
"""Who owns the fields that the folder sets (metadata.managedFields)."""

_RANKS: Final[Mapping[str, int]] = {
    "serviceaccounts": 3,
    "configmaps": 4, "secrets": 4, "limitranges": 4, "resourcequotas": 4, "roles": 4, "rolebindings": 4,
    "persistentvolumeclaims": 4, "poddisruptionbudgets": 4, "networkpolicies": 4,
    "services": 5,
    "deployments": 7, "replicasets": 7, "statefulsets": 7, "daemonsets": 7, "jobs": 7, "cronjobs": 7,
    "replicationcontrollers": 7, "horizontalpodautoscalers": 8, "pods": 8,
}  # fmt: skip


class Waits(Exception):
    """What the document needs is not there yet."""


def rank(kind: Kind | None) -> int:
    """Place in the order of application: namespaces, definitions, cluster-scoped, accounts, config, workloads."""
    if kind is None:
        return 9
    if kind.resource == NAMESPACES:
        return 0
    if kind.resource == CRDS:
        return 1
    if not kind.namespaced:
        return 2
    return _RANKS.get(kind.resource.plural, 6)


def key_of(api: Api, document: Document) -> tuple[Kind, ObjectKey] | None:
    """The kind and key of what a document declares; None when its kind is not served."""
    kind = api.kinds.by_kind(document.api_version, document.kind)
    if kind is None:
        return None
    namespace = (document.namespace or "default") if kind.namespaced else ""
    return kind, api.key(kind.resource, namespace, document.name)


def no_match(api: Api, document: Document) -> tuple[str, bool]:
    """What to say of a kind that is not served, and whether a definition may still bring it."""
    group = document.api_version.rpartition("/")[0]
    text = f'no matches for kind "{document.kind}" in version "{document.api_version}"'
    ours = group.endswith((".k8s.io", "kubarium.dev"))
    built_in = "." not in group or (ours and any(kind.resource.group == group for kind in api.kinds.all()))
    return (text, False) if built_in else (f"{text}\nensure CRDs are installed first", True)


def owner_mark(path: str, key: ObjectKey) -> str:
    """The annotation's value for an object that the folder created from the file at `path`."""
    return f"{path}#{key.resource}/{key.namespace}/{key.name}"


def owning_file(env: Envelope) -> str | None:
    """The file from which the folder created an object; None when somebody else created it."""
    mark = (env.obj["metadata"].get("annotations") or {}).get(OWNER, "")
    path, _, identity = mark.rpartition("#")
    return path if path and f"#{identity}" == owner_mark("", env.key) else None


def manifest(document: Document, key: ObjectKey, mark: str | None) -> JsonObject:
    """What is applied: the document, in its namespace, with the folder's annotation when there is a `mark`."""
    meta = {**(document.obj.get("metadata") or {})}
    if key.namespace and not meta.get("namespace"):
        meta["namespace"] = key.namespace
    if mark is not None:
        meta["annotations"] = {**(meta.get("annotations") or {}), OWNER: mark}
    return {**document.obj, "metadata": meta}


def needs(api: Api, key: ObjectKey) -> Envelope | None:
    """The live object, if there is one. Raises Waits while the document cannot be applied yet."""
    live = api.store.get(key)
    if live is None and key.namespace and api.find(NAMESPACES, "", key.namespace) is None:
        raise Waits(f'namespaces "{key.namespace}" not found')
    if live is not None and live.obj["metadata"].get("deletionTimestamp"):
        raise Waits(f'{key.resource} "{key.name}" is being deleted')
    return live


def lost_ground(api: Api, document: Document, key: ObjectKey) -> str | None:
    """What went away together with an object that is gone: its namespace or its definition; None when both stand."""
    if api.store.get(key) is not None:
        return None
    definition = api.find(CRDS, "", str(key.resource)) if document.api_version.count(".") else None
    if key_of(api, document) is None or _goes(definition):
        return no_match(api, document)[0]
    if not key.namespace:
        return None
    namespace = api.find(NAMESPACES, "", key.namespace)
    return f'namespaces "{key.namespace}" not found' if namespace is None or _goes(namespace) else None


def _goes(env: Envelope | None) -> bool:
    return env is not None and bool(env.obj["metadata"].get("deletionTimestamp"))


def apply(
    api: Api, caller: Caller, path: str, document: Document, key: ObjectKey, *, dry_run: bool = False
) -> Envelope:
    """Apply one document. Raises ApiError, or Waits when something it needs is missing."""
    live = needs(api, key)
    mark = owner_mark(path, key) if live is None or owning_file(live) is not None else None
    obj = manifest(document, key, mark)
    try:
        return api.apply(caller, key.resource, key.namespace, obj, field_manager=_MANAGER, dry_run=dry_run)
    except ApiError as error:
        if may_come(error):
            raise Waits(error.message) from error
        raise


def may_come(error: ApiError) -> bool:
    """The refusal is about something else that is missing or going away, and that may change."""
    if isinstance(error, NotFound):
        return error.resource == NAMESPACES
    text = error.message
    return error.code == 403 and (
        "being terminated" in text or "error looking up service account" in text or "no PriorityClass with name" in text
    )


def transient(error: ApiError) -> bool:
    """Trying again after a while may help."""
    return error.code in (409, 429) or error.code >= 500


def prune(api: Api, caller: Caller, key: ObjectKey) -> bool:
    """Delete an object that the folder created and no longer declares. False: it is gone or not the folder's."""
    live = api.store.get(key)
    if live is None or owning_file(live) is None or live.obj["metadata"].get("deletionTimestamp"):
        return False
    api.delete(
        caller, key.resource, key.namespace, key.name, DeleteOptions(propagation="Background", uid=live.uid)
    )  # fmt: skip
    return True


def same_config(one: JsonObject, other: JsonObject) -> bool:
    """Two applied configurations mean the same (kubectl writes empty annotations, people write nulls)."""
    return _bare(one) == _bare(other)


def _bare(config: JsonObject) -> JsonObject:
    meta = {key: value for key, value in (config.get("metadata") or {}).items() if value not in (None, {}, [])}
    meta.pop("creationTimestamp", None)
    if "annotations" in meta:
        meta["annotations"] = {k: v for k, v in meta["annotations"].items() if k != LAST_APPLIED}
        if not meta["annotations"]:
            del meta["annotations"]
    return {**config, "metadata": meta}
