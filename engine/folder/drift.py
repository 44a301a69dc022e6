"""Drift: the live object says something else than the file that declares it, in a field that the file declares.

Events of the resources that the folder declares arrive here; most are about status, or about objects that the folder
does not declare, and cost a dictionary lookup. The others are compared field by field. Drift is told, not corrected:
saving the file again applies it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.api.server import Api
from engine.client import Diagnostic, DriftedObject, FieldChange, TakenLive
from engine.folder.apply import OWNER
from engine.folder.documents import Document, read_text
from engine.folder.fields import parse_path, undeclared_ignored
from engine.folder.records import Claims, DocumentRecord, FileRecord
from engine.folder.splice import splice
from engine.informers import Informers
from store.types import DELETED, Envelope, JsonObject, ObjectKey, Resource, WatchEvent

_NOT_DECLARED: Final = frozenset({"status", "apiVersion", "kind"})
_DECLARED_META: Final = ("labels", "annotations", "finalizers")


class DriftWatch:
    """Tells which declared objects somebody else changed."""

    def __init__(
        self, informers: Informers, claims: Claims, suspect: Callable[[DocumentRecord, WatchEvent], None]
    ) -> None:
        """`suspect(record, event)` is called on the loop for a declared object that changed or went."""
        self._informers, self._claims, self._suspect = informers, claims, suspect
        self._watched: dict[Resource, None] = {}

    def watch(self, resource: Resource) -> None:
        if resource not in self._watched:
            self._watched[resource] = None
            self._informers.on_event(resource, self._on_event)

    def _on_event(self, event: WatchEvent) -> None:
        record = self._claims.owner(event.now.key)
        if record is None:
            return
        if event.type == DELETED or event.before is None or _touches_declarable(event.before.obj, event.now.obj):
            self._suspect(record, event)


def _touches_declarable(before: JsonObject, now: JsonObject) -> bool:
    for key, value in now.items():
        if key not in _NOT_DECLARED and key != "metadata":
            other = before.get(key)
            if value is not other and value != other:
                return True
    old, new = before["metadata"], now["metadata"]
    return (
        any(old.get(key) != new.get(key) for key in _DECLARED_META)
        or old.get("deletionTimestamp") != new.get("deletionTimestamp")
        or len(before) > len(now)
    )


def declared_differences(record: DocumentRecord, live: Envelope) -> tuple[FieldChange, ...]:
    """Declared fields that the live object holds otherwise: (path, live, declared)."""
    declared = {key: value for key, value in record.document.obj.items() if key not in _NOT_DECLARED}
    meta = declared.pop("metadata", None) or {}
    declared["metadata"] = {key: meta[key] for key in _DECLARED_META if meta.get(key)}
    annotations = declared["metadata"].get("annotations")
    if isinstance(annotations, dict) and OWNER in annotations:
        declared["metadata"]["annotations"] = {k: v for k, v in annotations.items() if k != OWNER}
    if live.key.plural == "secrets" and "stringData" in declared:
        del declared["stringData"]  # write-only: the API keeps it as data
    return tuple(undeclared_ignored(declared, live.obj))


def drifted(record: DocumentRecord, live: Envelope) -> tuple[FieldChange, ...]:
    """What somebody changed: differences that the API did not make itself when the document was applied."""
    return tuple(change for change in declared_differences(record, live) if change not in record.baseline)


def drift_of(api: Api, file: FileRecord) -> tuple[DriftedObject, ...]:
    """The objects of a file that somebody changed or deleted."""
    found = []
    for record in file.documents:
        if record.state != "drifted" or record.key is None:
            continue
        key, live = record.key, api.store.get(record.key)
        changes = drifted(record, live) if live is not None else ()
        found.append(
            DriftedObject(str(key.resource), key.namespace, key.name, record.document.line, changes, record.message)
        )
    return tuple(found)


def take_live(api: Api, file: FileRecord, text: str) -> TakenLive:
    """A text of the file with the live values of drifted fields. Objects that were deleted are left as they are."""
    taken: list[str] = []
    left: list[str] = []
    for record in file.documents:
        if record.state != "drifted" or record.key is None:
            continue
        live = api.store.get(record.key)
        if live is None:
            left.append(record.message)
            continue
        for change in drifted(record, live)[::-1]:  # from the end: items of lists keep their places
            document = next((d for d in read_text(text).documents if _same(d, record.document)), None)
            path = parse_path(change.path)
            spliced = splice(text, document, path, change.before) if document is not None else None
            name = f"{record.key.name}: {change.path}"
            if spliced is None:
                left.append(f"{name} is {_shown(change.before)} in the cluster; the text is too unusual to put it in")
            else:
                text = spliced
                taken.append(name)
    return TakenLive(text, tuple(reversed(taken)), tuple(left))


def _same(one: Document, other: Document) -> bool:
    def identity(d: Document) -> tuple[str, ...]:
        return d.api_version, d.kind, d.namespace, d.name

    return identity(one) == identity(other)


def judge(api: Api, record: DocumentRecord, key: ObjectKey) -> None:
    """Set the record to applied or drifted by what the live object says now."""
    live = api.store.get(key)
    place = (record.document.line, record.document.column)
    if live is None or live.obj["metadata"].get("deletionTimestamp"):
        what = "is being deleted" if live is not None else "was deleted"
        message = f'{key.resource} "{key.name}" {what}; save the file to create it again'
        record.settle("drifted", message, (Diagnostic(*place, "warning", "", message, record.document.index),))
        return
    changes = drifted(record, live)
    if not changes:
        record.settle("applied")
        return
    diagnostics = tuple(
        Diagnostic(*record.document.place(parse_path(change.path), value=True), "warning", change.path,
                   f"{change.path}: live value is {_shown(change.before)}, the file says {_shown(change.after)}",
                   record.document.index)
        for change in changes
    )  # fmt: skip
    message = f"{key.resource} {key.name}: {diagnostics[0].message}"
    if len(changes) > 1:
        message += f" (and {len(changes) - 1} more)"
    record.settle("drifted", message, diagnostics)


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
