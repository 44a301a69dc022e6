"""Named moments: take a snapshot, go back to it, copy the cluster into a file of its own.

A snapshot is a set of pins: for each object that lives, the revision that it is at. Taking one writes two numbers an
object and copies nothing; compaction leaves what is pinned. Going back writes what differs as ordinary revisions: the
log never loses what was in between, cluster time does not run backwards, and watchers see it happen. A fork is a copy
of the whole file, history included, gone back to the snapshot if one is named.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson
from sqlalchemy import Connection

from store import sql
from store.codec import decoder
from store.compaction import compacted
from store.database import Database
from store.types import (
    Author,
    CannotOpen,
    Envelope,
    JsonObject,
    Micros,
    NoSnapshot,
    ObjectKey,
    Resource,
    Revision,
    Snapshot,
    SnapshotExists,
)

if TYPE_CHECKING:
    from store.store import Store

_READ_AT_ONCE = 500


class Saved(NamedTuple):
    """An object as a snapshot has it, where the present is different."""

    key: ObjectKey
    obj: JsonObject


@dataclass(frozen=True, slots=True)
class Difference:
    """What going back to a snapshot takes."""

    snapshot: Snapshot
    gone: Sequence[Envelope]
    """What came since, newest first: it will be deleted."""
    changed: Sequence[Saved]
    """What was changed or deleted since, oldest first: it will be as it was."""


def take(connection: Connection, name: str, moment: Snapshot, pins: Sequence[tuple[int, Revision]]) -> Snapshot:
    """Write a snapshot. `pins`: (oid, revision) of every object that lives. Raises SnapshotExists."""
    if connection.execute(sql.SNAPSHOT_ID, {"name": name}).first() is not None:
        raise SnapshotExists(f'there is already a snapshot named "{name}"')
    number = connection.execute(sql.NEXT_SNAPSHOT).scalar_one()
    connection.execute(
        sql.ADD_SNAPSHOT,
        {
            "id": number, "name": name, "revision": moment.revision, "cluster_time": moment.cluster_time,
            "wall_time": moment.wall_time, "objects": moment.objects,
        },
    )  # fmt: skip
    sql.ADD_PINS.execute(connection, [(number, revision, oid) for oid, revision in pins])
    return moment


def drop(connection: Connection, name: str) -> None:
    """Forget a snapshot, and what only it kept. Raises NoSnapshot."""
    number = _number(connection, name)
    oids = [oid for oid, _ in connection.execute(sql.PINS, {"snapshot": number})]
    connection.execute(sql.UNPIN, {"snapshot": number})
    connection.execute(sql.DROP_SNAPSHOT, {"snapshot": number})
    horizon = compacted(connection)
    for at in range(0, len(oids), _READ_AT_ONCE):
        span = {"oids": oids[at : at + _READ_AT_ONCE], "compacted": horizon}
        connection.execute(sql.DROP_UNPINNED, span)
        connection.execute(sql.DROP_ENDED, span)


def snapshots(connection: Connection) -> list[Snapshot]:
    """All of them, oldest first."""
    return [
        Snapshot(row.name, row.revision, row.cluster_time, row.wall_time, row.objects)
        for row in connection.execute(sql.SNAPSHOTS)
    ]


def difference(
    connection: Connection, name: str, living: dict[int, Envelope], leaving: Collection[Resource]
) -> Difference:
    """Compare the present with a snapshot. Raises NoSnapshot.

    `living`: what lives, by oid, without the kinds of `leaving`, which are let be even if the snapshot has them.
    """
    number = _number(connection, name)
    pins: dict[int, Revision] = dict(map(tuple, connection.execute(sql.PINS, {"snapshot": number})))
    moved = sorted((oid, at) for oid, at in pins.items() if oid not in living or living[oid].revision != at)
    strangers = {env.key: env for oid, env in living.items() if oid not in pins}
    changed: list[Saved] = []
    decode = decoder(sql.dictionaries(connection)) if moved else None
    for start in range(0, len(moved), _READ_AT_ONCE):
        revisions = [at for _, at in moved[start : start + _READ_AT_ONCE]]
        rows = {row.revision: row for row in connection.execute(sql.PINNED_BODIES, {"revisions": revisions})}
        for oid, at in moved[start : start + _READ_AT_ONCE]:
            row = rows[at]
            if (row.api_group, row.plural) in leaving:
                continue
            assert decode is not None
            saved = Saved(
                ObjectKey(row.api_group, row.plural, row.namespace, row.name),
                orjson.loads(decode(row.dict_id, row.body)),
            )
            # Of the same name and not the same life: it came back in an earlier return, or it will give way.
            present = living.get(oid) or strangers.pop(saved.key, None)
            if present is None or not _same(present, saved.obj):
                changed.append(saved)
    gone = sorted(strangers.values(), key=lambda env: env.created, reverse=True)
    snapshot = next(each for each in snapshots(connection) if each.name == name)
    return Difference(snapshot, gone, changed)


def go_back(
    store: Store, difference: Difference, author: Author, at: Micros, anew: Collection[Resource] = ()
) -> tuple[int, int]:
    """Make the present as the snapshot has it. Returns how many objects were deleted and written.

    Objects of the kinds in `anew` are taken away and put back, so that whoever runs them takes them up afresh.
    """
    for env in difference.gone:
        if store.get(env.key) is not None:
            store.delete(env.key, author, at)
    for key, obj in difference.changed:
        present = store.get(key)
        if present is not None and (present.uid != obj["metadata"].get("uid", "") or key[:2] in anew):
            store.delete(key, author, at)
        store.put(key, {**obj, "metadata": {**obj["metadata"]}}, author, at)
    return len(difference.gone), len(difference.changed)


def _same(present: Envelope, saved: JsonObject) -> bool:
    """Whether only the resourceVersion differs."""
    meta = {**saved["metadata"], "resourceVersion": present.obj["metadata"]["resourceVersion"]}
    return present.obj == {**saved, "metadata": meta}


def copy(database: Database, path: Path) -> None:
    """Copy the whole file, as it is committed, to a new one. Raises CannotOpen when there is a file already."""
    if path.exists():
        raise CannotOpen(f"{path} exists already")
    if not path.parent.is_dir():
        raise CannotOpen(f"{path}: the folder {path.parent} does not exist")
    path.touch(mode=0o600)
    with closing(sqlite3.connect(database.path)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target, pages=1024)


def moment(name: str, revision: Revision, cluster_time: Micros, objects: int) -> Snapshot:
    """A snapshot that is about to be taken."""
    return Snapshot(name, revision, cluster_time, Micros(time.time_ns() // 1000), objects)


def _number(connection: Connection, name: str) -> int:
    number = connection.execute(sql.SNAPSHOT_ID, {"name": name}).scalar()
    if number is None:
        raise NoSnapshot(f'there is no snapshot named "{name}"')
    return int(number)
