"""Objects for the store's tests."""

from __future__ import annotations

from typing import Any

from store.store import Store
from store.types import Author, Envelope, Micros, ObjectKey, Resource

PODS = Resource("", "pods")
EVENTS = Resource("", "events")
NODES = Resource("", "nodes")
AUTHOR = Author("system:kube-scheduler")


def key(name: str, namespace: str = "default", resource: Resource = PODS) -> ObjectKey:
    return ObjectKey(resource.group, resource.plural, namespace, name)


def body(name: str, uid: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "uid": uid or f"uid-{name}"}, **fields}


def put(
    store: Store, name: str, at: int = 0, *, namespace: str = "default", resource: Resource = PODS,
    author: Author = AUTHOR, uid: str | None = None, **fields: Any,
) -> Envelope:  # fmt: skip
    return store.put(key(name, namespace, resource), body(name, uid, **fields), author, Micros(at))


def bodies(store: Store, resource: Resource = PODS) -> dict[str, bytes]:
    """What the store says of a kind, by name."""
    return {env.name: env.raw for env in store.list(resource)}
