"""The entries of metadata.managedFields, and what an update or an apply makes of them.

An update gives its manager what it changed and takes that from all others. An apply makes its manager the owner of what
it says, no more and no less; what it said before and no longer says is removed unless somebody else owns it. Source:
structured-merge-diff merge/update.go, apimachinery util/managedfields/internal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

from engine.api.managed.fields import NOTHING, FieldSet, Path, decoded, encoded
from engine.api.managed.typed import Node, changes
from store.types import JsonObject

BEFORE_FIRST_APPLY: Final = "before-first-apply"
_ANCIENT: Final = "ancient-changes"
_MOST_UPDATERS: Final = 10
"""Entries of operation Update that are kept; the oldest beyond are one (DefaultMaxUpdateManagers)."""
_SYSTEM: Final = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [
        ("f:metadata", f"f:{name}")
        for name in (
            "name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields",
            "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds",
        )
    ]
)  # fmt: skip
"""Fields that nobody owns."""


def _structs() -> frozenset[Path]:
    template = ("template", "template metadata", "template spec", "template spec containers")
    spec = ("", "strategy", "updateStrategy", "containers", "jobTemplate", "jobTemplate metadata", "jobTemplate spec")
    names = [
        "status", "status loadBalancer", *(f"spec {name}" for name in (*spec, *template)),
        *(f"spec jobTemplate spec {name}" for name in template),
    ]  # fmt: skip
    return frozenset(tuple(f"f:{step}" for step in name.split()) for name in names)


ALWAYS_THERE: Final = _structs()
"""Structs that every object of their kinds has, empty or not: only what is in them is owned."""


class Manager(NamedTuple):
    """Who owns, and by which door."""

    name: str
    operation: Literal["Apply", "Update"]
    api_version: str
    subresource: str = ""


class Entry(NamedTuple):
    """What a manager owns."""

    fields: FieldSet
    time: str
    """RFC 3339; of the last change of what it owns."""


Managers = dict[Manager, Entry]


def read(meta: Mapping[str, Any]) -> Managers:
    """The managers of an object's metadata; entries that cannot be read are left out."""
    found: Managers = {}
    for entry in meta.get("managedFields") or ():
        if not isinstance(entry, dict) or entry.get("operation") not in ("Apply", "Update"):
            continue
        manager = Manager(
            entry.get("manager") or "unknown", entry["operation"], entry.get("apiVersion", ""),
            entry.get("subresource", ""),
        )  # fmt: skip
        found[manager] = Entry(decoded(entry.get("fieldsV1") or {}), entry.get("time", ""))
    return found


def written(managers: Managers) -> list[JsonObject]:
    """managedFields: applies first, then updates, each by time and name."""
    ordered = sorted(managers.items(), key=lambda each: (each[0].operation, each[1].time, each[0]))
    out = []
    for manager, entry in ordered:
        made: JsonObject = {
            "manager": manager.name, "operation": manager.operation, "apiVersion": manager.api_version,
            "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": encoded(entry.fields),
        }  # fmt: skip
        if manager.subresource:
            made["subresource"] = manager.subresource
        out.append(made)
    return out


def owned(fields: Iterable[Path], subresource: str, has_status: bool) -> FieldSet:
    """Of these, what may be owned through this door: status by `status`, all else by the others."""
    status = subresource == "status"
    return frozenset(
        path for path in fields
        if path and path not in _SYSTEM and (not has_status or (path[0] == "f:status") is status)
    )  # fmt: skip


def updated(
    managers: Managers, by: Manager, old: JsonObject, new: JsonObject, node: Node, now: str, has_status: bool
) -> Managers:
    """The managers after an update from `old` to `new`; the same ones when it changed nothing that is owned."""
    changed, removed = changes(old, new, node)
    changed = owned(changed, by.subresource, has_status) - ALWAYS_THERE
    out = without(managers, changed | removed, by)
    mine = managers.get(by)
    before = NOTHING if mine is None else mine.fields
    after = (before | changed) - removed
    if after != before:
        out[by] = Entry(after, now)
    if not after:
        out.pop(by, None)
    return capped(out) if out != managers else managers


def without(managers: Managers, fields: FieldSet, but: Manager) -> Managers:
    """All managers, none but one of which owns any of these fields. Who owns nothing is no manager."""
    out: Managers = {}
    for manager, entry in managers.items():
        left = entry.fields if manager == but else entry.fields - fields
        if left:
            out[manager] = entry if left == entry.fields else Entry(left, entry.time)
    return out


def capped(managers: Managers) -> Managers:
    """At most ten updaters: the oldest ones become "ancient-changes", one per version."""
    updates = sorted(
        (each for each in managers.items() if each[0].operation == "Update"), key=lambda each: (each[1].time, each[0])
    )
    if len(updates) <= _MOST_UPDATERS:
        return managers
    out = dict(managers)
    excess = len(updates) - _MOST_UPDATERS
    for manager, entry in updates:
        if excess < 0:
            break
        bucket = Manager(_ANCIENT, "Update", manager.api_version)
        if manager == bucket:
            continue
        known = out.get(bucket)
        excess -= 1 if known is not None else 0
        del out[manager]
        fields = entry.fields if known is None else known.fields | entry.fields
        out[bucket] = Entry(fields, entry.time)
        if excess <= 0:
            break
    return out
