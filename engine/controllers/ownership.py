"""Who controls what: taking up and letting go of objects by a label selector.

An object belongs to at most one controlling owner, named in its ownerReferences. A controller adopts what its
selector matches and nobody controls, and releases what it controls but no longer matches
(k8s.io/kubernetes/pkg/controller/controller_ref_manager.go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.api.errors import NotFound
from engine.api.selectors import from_spec
from engine.api.server import Api, Caller
from engine.controllers.controller import being_deleted, controller_reference, with_metadata
from store.types import Envelope, Resource

Matches = Callable[[Mapping[str, str]], bool]

ORPHANS = "orphans"
"""Name of the index that `index_orphans` keeps."""


def index_orphans(api: Api, resource: Resource) -> None:
    """Keep the labelled objects that nobody controls findable by namespace."""
    api.store.add_index(resource, ORPHANS, lambda env: (env.namespace,) if env.owner is None and env.labels else ())


def orphans(api: Api, resource: Resource, namespace: str) -> Sequence[Envelope]:
    """Labelled objects of a namespace that nobody controls."""
    return api.store.by_index(resource, ORPHANS, namespace)


def label_selector(selector: dict[str, Any] | None) -> Matches:
    """A metav1.LabelSelector of a stored object as a predicate: None matches nothing, {} everything."""
    return from_spec(selector).matches


def adopt(
    api: Api, caller: Caller, owner: Envelope, resource: Resource, env: Envelope, finalizer: str = ""
) -> None:  # fmt: skip
    """Become the controlling owner of `env`, unless either is being deleted or it went meanwhile.

    With `finalizer`, it is put on as well.
    """
    if being_deleted(owner.obj) or being_deleted(env.obj):
        return
    meta = env.obj["metadata"]
    changes: dict[str, Any] = {
        "ownerReferences": [*meta.get("ownerReferences", ()), controller_reference(owner)]
    }  # fmt: skip
    if finalizer and finalizer not in meta.get("finalizers", ()):
        changes["finalizers"] = [*meta.get("finalizers", ()), finalizer]
    _change(api, caller, resource, env, changes)


def release(
    api: Api, caller: Caller, owner: Envelope, resource: Resource, env: Envelope, finalizer: str = ""
) -> None:  # fmt: skip
    """Give `env` up: the reference to `owner` is removed, and `finalizer` with it. It may have gone meanwhile."""
    meta = env.obj["metadata"]
    changes: dict[str, Any] = {
        "ownerReferences": [ref for ref in meta.get("ownerReferences", ()) if ref["uid"] != owner.uid] or None
    }
    if finalizer:
        changes["finalizers"] = [name for name in meta.get("finalizers", ()) if name != finalizer] or None
    _change(api, caller, resource, env, changes)


def _change(api: Api, caller: Caller, resource: Resource, env: Envelope, changes: dict[str, Any]) -> None:
    try:
        api.update(caller, resource, env.namespace, env.name, with_metadata(env.obj, **changes))
    except NotFound:
        return
