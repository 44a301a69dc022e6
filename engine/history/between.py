"""What differs between two moments, in what people declare."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from engine.client.folder import FieldChange
from engine.client.history import ObjectChange
from engine.folder.fields import differences
from engine.history.declared import UNDECLARED, declared
from store.history import History
from store.types import Revision, RevisionRecord


def changes(history: History, one: Revision, other: Revision) -> list[ObjectChange]:
    """By kind, namespace and name. Raises Expired when one of the moments is kept no longer."""
    low, high = sorted((one, other))
    first: dict[str, RevisionRecord] = {}
    last: dict[str, RevisionRecord] = {}
    for record in history.changes(low, high):
        if record.key[:2] not in UNDECLARED:
            first.setdefault(record.uid, record)
            last[record.uid] = record
    found: list[ObjectChange] = []
    for uid, record in last.items():
        before = first[uid].previous
        was = history.record(before) if before is not None else None
        found += _difference(was, record)
    if one > other:
        found = [_backwards(change) for change in found]
    return sorted(found, key=lambda change: change[1:4])


def _difference(was: RevisionRecord | None, record: RevisionRecord) -> Sequence[ObjectChange]:
    key = record.key
    what = str(key.resource), key.namespace, key.name
    if record.op == "delete":
        return [ObjectChange("deleted", *what, ())] if was is not None else []
    if was is None:
        return [ObjectChange("created", *what, ())]
    fields = tuple(differences(declared(orjson.loads(was.raw)), declared(orjson.loads(record.raw))))
    return [ObjectChange("changed", *what, fields)] if fields else []


def _backwards(change: ObjectChange) -> ObjectChange:
    action = {"created": "deleted", "deleted": "created"}.get(change.action, change.action)
    turned = tuple(FieldChange(each.path, each.after, each.before) for each in change.changes)
    return change._replace(action=action, changes=turned)  # type: ignore[arg-type]
