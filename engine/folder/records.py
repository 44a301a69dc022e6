"""What the folder knows about its files and documents, and who declares which object.

A `DocumentRecord` follows one document from reading to applied (or waiting, error, drifted); a `FileRecord` holds a
file's documents and what it declared while it could last be read. `Claims` answers who declares an object: the
first by (file, position) does, whoever comes later is a duplicate, and a claim that a broken file keeps for an object
that can no longer be read in it only saves the object from being pruned.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import Literal

from engine.client import Diagnostic, FieldChange, FolderFile
from engine.folder.documents import Document, ParsedFile
from store.types import ObjectKey

State = Literal["pending", "applied", "waiting", "error", "drifted"]


@dataclass(slots=True, eq=False)
class DocumentRecord:
    """One declared object."""

    file: str
    position: int
    """Among the file's documents, from 0 (items of Lists counted one by one)."""
    document: Document
    key: ObjectKey | None = None
    """None as long as its kind is not served."""
    state: State = "pending"
    message: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    queued: bool = False
    at_start: bool = False
    """Read at a start: if it was applied in an earlier life, it is not applied again, so that drift shows."""
    failures: int = 0
    revision: int = 0
    """The object's when it was last applied: events up to it are our own."""
    intent: str = ""
    baseline: tuple[FieldChange, ...] = ()
    """Differences that the API itself makes when it applies the document (canonical quantities …): no drift."""

    @property
    def order(self) -> tuple[str, int]:
        return self.file, self.position

    def settle(self, state: State, message: str = "", diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        self.state, self.message, self.diagnostics = state, message, diagnostics


@dataclass(slots=True)
class FileRecord:
    """One file of the folder."""

    path: str
    parsed: ParsedFile
    documents: list[DocumentRecord]
    kept: dict[ObjectKey, None] = field(default_factory=dict)
    """Declared when the file could last be read as a whole, not found in it now that it is broken."""
    fault: str = ""
    """Why the file as a whole cannot be read."""
    note: str = ""
    _report: FolderFile | None = None

    def changed(self) -> None:
        """Forget the report made last."""
        self._report = None

    def report(self) -> FolderFile:
        if self._report is None:
            self._report = self._make_report()
        return self._report

    def _make_report(self) -> FolderFile:
        diagnostics = [*self.parsed.diagnostics]
        if self.fault:
            diagnostics.insert(0, Diagnostic(0, 0, "error", "", self.fault))
        if self.note:
            diagnostics.insert(0, Diagnostic(0, 0, "info", "", self.note))
        for record in self.documents:
            diagnostics.extend(record.diagnostics)
        diagnostics.sort(key=lambda d: (d.line, d.column))
        states = {record.state for record in self.documents}
        state: State = "applied"
        if any(d.severity == "error" for d in diagnostics):
            state = "error"
        else:
            order: tuple[State, ...] = ("error", "pending", "waiting", "drifted")
            state = next((s for s in order if s in states), "applied")
        message = next((record.message for record in self.documents if record.state == state and record.message), "")
        if state == "error":
            message = next((d.message for d in diagnostics if d.severity == "error"), message)
        elif state == "applied" and not self.documents:
            message = self.note or "declares nothing"
        objects = tuple(
            (
                str(r.key.resource) if r.key is not None else r.document.kind,
                r.key.namespace if r.key is not None else r.document.namespace,
                r.document.name,
                r.document.line,
            )
            for r in self.documents
        )
        revision = max((record.revision for record in self.documents), default=0)
        return FolderFile(self.path, state, tuple(diagnostics), objects, message, revision)


class Claims:
    """Who declares which object."""

    def __init__(self) -> None:
        self._records: dict[ObjectKey, list[DocumentRecord]] = {}
        self._kept: dict[ObjectKey, dict[str, None]] = {}

    def add(self, record: DocumentRecord) -> None:
        if record.key is not None:
            bisect.insort(self._records.setdefault(record.key, []), record, key=lambda r: r.order)

    def remove(self, record: DocumentRecord) -> None:
        """Forget a record; one that never claimed anything is ignored."""
        if record.key is None or record.key not in self._records:
            return
        left = [other for other in self._records[record.key] if other is not record]
        if left:
            self._records[record.key] = left
        else:
            del self._records[record.key]

    def keep(self, key: ObjectKey, path: str) -> None:
        self._kept.setdefault(key, {})[path] = None

    def drop_kept(self, key: ObjectKey, path: str) -> None:
        files = self._kept.get(key)
        if files is not None:
            files.pop(path, None)
            if not files:
                del self._kept[key]

    def owner(self, key: ObjectKey) -> DocumentRecord | None:
        """The record that declares the object."""
        records = self._records.get(key)
        return records[0] if records else None

    def all(self, key: ObjectKey) -> list[DocumentRecord]:
        """Every record for the object, the declaring one first."""
        return self._records.get(key, [])

    def claimed(self, key: ObjectKey) -> bool:
        """Declared, or declared until its file broke."""
        return key in self._records or key in self._kept
