"""Who gets the fields that a write changes: made before the write, asked when the object is known as it will be stored.

A `Book` is that question: (the object before, the object after) → managers. The object before is {} for a create.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.api.kinds import Kind
from engine.api.managed.managers import Manager, Managers, read, updated, written
from engine.api.managed.typed import Node
from engine.api.requests import Caller
from store.types import JsonObject

Book = Callable[[JsonObject, JsonObject, Node, str], Managers]
"""(before, after, the kind's schema, RFC 3339 of now) → who owns what afterwards."""
RESET: Final[list[JsonObject]] = [{}]
"""managedFields of a request that gives up all bookkeeping of the object."""
_COMPONENTS: Final = {"system:kube-scheduler": "kube-scheduler", "system:apiserver": "kube-apiserver"}


def update_book(manager: str, kind: Kind, subresource: str = "") -> Book:
    """Of an update by `manager` in the version of `kind`."""
    by = Manager(manager, "Update", kind.api_version, subresource)
    has_status = "status" in kind.subresources

    def book(old: JsonObject, new: JsonObject, node: Node, now: str) -> Managers:
        return updated(read(old.get("metadata") or {}), by, old, new, node, now, has_status)

    return book


def component_of(caller: Caller) -> str:
    """The manager name of one who names none: the program that the caller is part of."""
    user = caller.user
    if user.startswith("system:serviceaccount:kube-system:"):
        return "kube-controller-manager"
    if user.startswith("system:node:"):
        return "kubelet"
    return _COMPONENTS.get(user, "kubarium")


def enter(meta: dict[str, Any], managers: Managers) -> None:
    """Write the managers into fresh metadata."""
    if managers:
        meta["managedFields"] = written(managers)
    else:
        meta.pop("managedFields", None)
