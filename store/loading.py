"""Reading the present back from a file.

Rows come in small chunks, so the console's thread is never kept waiting, and without the cyclic collector, which
would walk all that was read so far again and again (API objects are trees; reference counting frees them). Afterwards
what was loaded is frozen out of the collector's sight.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection

from store import sql
from store.database import Database
from store.group import PendingAttempt
from store.options import StoreOptions
from store.present import Present
from store.types import Attempt, Damaged, Envelope, Micros, ObjectKey, Revision, ThinEnvelope
from store.writer import CLUSTER_TIME

_CHUNK = 200
_TOLD_BY_ENVELOPES = (b'"labels"', b'"ownerReferences"', b'"deletionTimestamp"')


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
    """Fill `present`. Raises Damaged when a body is no object."""
    with _without_collector(), database.reading() as connection:
        try:
            _load_objects(connection, present, options)
            head, newest_time = connection.execute(sql.HEAD).one()
            meta = {row.key: row.value for row in connection.execute(sql.ALL_META)}
            time = int(meta[CLUSTER_TIME]) if CLUSTER_TIME in meta else newest_time
        except (orjson.JSONDecodeError, KeyError, ValueError, AttributeError, TypeError) as error:
            raise Damaged(f"{database.path} is damaged: {error}") from error
        rows = connection.execute(sql.NEWEST_ATTEMPTS, {"limit": options.attempts_in_memory}).all()
    attempts = [(number, Attempt(*row)) for number, *row in reversed(rows)]
    return Loaded(Revision(head or 0), Micros(time) if time is not None else None, meta, attempts)


def _load_objects(connection: Connection, present: Present, options: StoreOptions) -> None:
    thin, change = options.thin, present.change
    shared: dict[str, str] = {}
    share = shared.setdefault
    for rows in connection.execute(sql.PRESENT).partitions(_CHUNK):
        for oid, group, plural, namespace, name, uid, revision, raw in rows:
            key = ObjectKey(share(group, group), share(plural, plural), share(namespace, namespace), name)
            env: Envelope
            if (group, plural) in thin:
                # Most events have none of these: then the bytes need not be decoded to know all that an envelope says.
                plain = True
                for word in _TOLD_BY_ENVELOPES:
                    if word in raw:
                        plain = False
                        break
                env = ThinEnvelope(key, revision, raw, {"metadata": {"uid": uid}} if plain else None, oid)
                env.drop_obj()
            else:
                env = Envelope(key, revision, raw, orjson.loads(raw), oid)
            change(None, env)


@contextmanager
def _without_collector() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
