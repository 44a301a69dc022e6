"""Who controls what: label selectors, and taking up or letting go of objects by them.

An object belongs to at most one controlling owner, named in its ownerReferences. A controller adopts what its
selector matches and nobody controls, and releases what it controls but no longer matches
(k8s.io/kubernetes/pkg/controller/controller_ref_manager.go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.api.errors import Invalid, NotFound
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


def label_selector(selector: Mapping[str, Any] | None) -> Matches:
    """A metav1.LabelSelector as a predicate. Without one nothing matches, an empty one matches everything."""
    if selector is None:
        return lambda labels: False
    exact: dict[str, str] = selector.get("matchLabels") or {}
    tests = [_requirement(expression) for expression in selector.get("matchExpressions") or ()]
    if len(exact) == 1 and not tests:
        ((key, value),) = exact.items()
        return lambda labels: labels.get(key) == value
    pairs = exact.items()

    def matches(labels: Mapping[str, str]) -> bool:
        return pairs <= labels.items() and all(test(labels) for test in tests)

    return matches


def _requirement(expression: Mapping[str, Any]) -> Matches:
    key, operator = expression["key"], expression["operator"]
    values = frozenset(expression.get("values") or ())
    if operator == "In":
        return lambda labels: labels.get(key) in values
    if operator == "NotIn":
        return lambda labels: labels.get(key) not in values
    if operator == "Exists":
        return lambda labels: key in labels
    if operator == "DoesNotExist":
        return lambda labels: key not in labels
    raise Invalid(f"{operator!r} is not a valid label selector operator")


def adopt(api: Api, caller: Caller, owner: Envelope, resource: Resource, env: Envelope) -> None:
    """Become the controlling owner of `env`, unless either is being deleted or it went meanwhile."""
    if being_deleted(owner.obj) or being_deleted(env.obj):
        return
    refs = [*env.obj["metadata"].get("ownerReferences", ()), controller_reference(owner)]
    try:
        api.update(caller, resource, env.namespace, env.name, with_metadata(env.obj, ownerReferences=refs))
    except NotFound:
        return


def release(api: Api, caller: Caller, owner: Envelope, resource: Resource, env: Envelope) -> None:
    """Give `env` up: the reference to `owner` is removed. It may have gone meanwhile."""
    refs = [ref for ref in env.obj["metadata"].get("ownerReferences", ()) if ref["uid"] != owner.uid]
    try:
        api.update(caller, resource, env.namespace, env.name, with_metadata(env.obj, ownerReferences=refs or None))
    except NotFound:
        return
