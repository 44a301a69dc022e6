"""Reading the present back from a file.

Rows come in small chunks, so the console's thread is never kept waiting, and without the cyclic collector, which
would walk all that was read so far again and again (API objects are trees; reference counting frees them). Afterwards
what was loaded is frozen out of the collector's sight.

The many and seldom read (Events are most of what a cluster holds) are read when the first of them is asked for, and
kept as the log keeps them, so a console shows its rows before.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import orjson
from sqlalchemy import Connection
from zstandard import ZstdError

from store import sql
from store.codec import packed_by
from store.database import Database
from store.group import PendingAttempt
from store.options import StoreOptions
from store.present import Present
from store.sharing import Sharing
from store.types import Attempt, Damaged, Envelope, Micros, ObjectKey, Packed, Resource, Revision, ThinEnvelope
from store.writer import CLUSTER_TIME

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file said, beside the objects."""

    head: Revision
    cluster_time: Micros | None
    """Where the cluster's clock stood; None in a new file."""
    meta: dict[str, str]
    attempts: list[PendingAttempt]
    """The newest ones, oldest first."""


def load(database: Database, present: Present, options: StoreOptions) -> Loaded:
    """Fill `present`; kinds of which only the bytes are kept follow when they are asked for.

    Raises Damaged when a body is no object.
    """
    for resource in sorted(options.thin):
        present.expect(resource, partial(load_packed, database, present, resource))
    with _reading(database) as connection:
        _load_objects(connection, present, options)
        head, newest_time = connection.execute(sql.HEAD).one()
        meta = {row.key: row.value for row in connection.execute(sql.ALL_META)}
        time = int(meta[CLUSTER_TIME]) if CLUSTER_TIME in meta else newest_time
        rows = connection.execute(sql.NEWEST_ATTEMPTS, {"limit": options.attempts_in_memory}).all()
    attempts = [(number, Attempt(*row)) for number, *row in reversed(rows)]
    return Loaded(Revision(head or 0), Micros(time) if time is not None else None, meta, attempts)


def _load_objects(connection: Connection, present: Present, options: StoreOptions) -> None:
    change, names, parts = present.change, _Names(), Sharing()
    kinds = {"kinds": [tuple(kind) for kind in sorted(options.thin)]}
    for rows in connection.execute(sql.PRESENT, kinds).partitions(_CHUNK):
        for oid, group, plural, namespace, name, revision, raw in rows:
            key = names.key(group, plural, namespace, name)
            change(None, Envelope(key, revision, None, parts.share(orjson.loads(raw)), oid))


def load_packed(database: Database, present: Present, resource: Resource) -> None:
    """Fill `present` with a kind of which only the bytes are kept. Raises Damaged."""
    change, names = present.change, _Names()
    packed: dict[int, type[Packed]] = {}
    with _reading(database) as connection:
        dictionaries = sql.dictionaries(connection)
        wanted = {"api_group": resource.group, "plural": resource.plural}
        for rows in connection.execute(sql.PACKED, wanted).partitions(_CHUNK):
            for oid, group, plural, namespace, name, revision, uid, dict_id, body, more in rows:
                kind = packed.get(dict_id)
                if kind is None:
                    kind = packed[dict_id] = packed_by(dictionaries.get(dict_id))
                key = names.key(group, plural, namespace, name)
                whole = kind(body)
                # Few say more than this: of the others the bytes need not be unpacked to know what envelopes tell.
                obj = orjson.loads(whole.unpack()) if more else {"metadata": {"uid": uid}}
                env = ThinEnvelope(key, revision, whole, obj, revision if oid == revision else oid)
                env.drop_obj()
                change(None, env)


class _Names:
    """Keys whose parts that many objects have are kept once."""

    def __init__(self) -> None:
        self._shared: dict[str, str] = {}

    def key(self, group: str, plural: str, namespace: str, name: str) -> ObjectKey:
        share = self._shared.setdefault
        return ObjectKey(share(group, group), share(plural, plural), share(namespace, namespace), name)


@contextmanager
def _reading(database: Database) -> Iterator[Connection]:
    """A connection; the cyclic collector rests meanwhile."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with database.reading() as connection:
            yield connection
            # SQLite's own cache of the pages: nobody reads them twice.
            connection.exec_driver_sql("PRAGMA shrink_memory")
        gc.freeze()
    except (orjson.JSONDecodeError, KeyError, ValueError, AttributeError, TypeError, ZstdError) as error:
        raise Damaged(f"{database.path} is damaged: {error}") from error
    finally:
        if was_enabled:
            gc.enable()
