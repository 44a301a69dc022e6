"""Reads of what was: the state at a revision, an object's past, what changed between two moments.

Everything here reads the file, on the calling thread and in a snapshot of its own, so it disturbs neither the engine
nor the writer (and is best not called on the engine's thread). A revision that is not committed yet is waited for.
Revisions older than the last compaction raise Expired, ones that have not happened FutureRevision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Select

from store import sql
from store.codec import decoder
from store.compaction import compacted
from store.database import Database
from store.types import (
    Author,
    Density,
    Envelope,
    Expired,
    IntentRecord,
    Micros,
    ObjectKey,
    Op,
    Resource,
    Revision,
    RevisionRecord,
)

_PAGE: Final = 500
"""Rows read and decoded at a time."""
_EVERYTHING: Final = 1 << 62
_OP_NAMES: Final[tuple[Op, ...]] = ("create", "update", "delete")
"""By store.group.CREATE, UPDATE, DELETE."""


class History:
    """The log of one store. Any thread."""

    def __init__(self, database: Callable[[], Database], settle: Callable[[Revision | None], None]) -> None:
        """`settle(revision)` returns when it is committed (None: all up to now); raises FutureRevision."""
        self._database, self._settle = database, settle

    def oldest(self) -> Revision:
        """The oldest revision whose state can be told; 0: everything from the beginning."""
        with self._database().reading() as connection:
            return compacted(connection)

    def state_at(self, at: Revision, resource: Resource, namespace: str | None = None) -> list[Envelope]:
        """Objects of a kind as they were at a revision, by (namespace, name); all namespaces with None."""
        parameters = {"at": at, "plural": resource.plural, "api_group": resource.group}
        statement = sql.STATE_AT
        if namespace is not None:
            statement = sql.STATE_AT_IN_NAMESPACE
            parameters["namespace"] = namespace
        with self.moment(at) as connection:
            decode = _decoder(connection)
            result = connection.execute(statement, parameters)
            return [
                Envelope(
                    ObjectKey(resource.group, resource.plural, row.namespace, row.name),
                    row.revision, decode(row.dict_id, row.body), None, row.oid,
                )
                for rows in result.partitions(_PAGE) for row in rows
            ]  # fmt: skip

    def past_of(self, key: ObjectKey, limit: int = 100, until: Revision | None = None) -> list[RevisionRecord]:
        """What happened under a name, newest first: also to earlier objects of that name."""
        parameters = {
            "plural": key.plural, "api_group": key.group, "namespace": key.namespace, "name": key.name,
            "limit": limit, "until": _EVERYTHING if until is None else until,
        }  # fmt: skip
        self._settle(until)
        return self._records(sql.PAST_OF_NAME, parameters)

    def past_of_object(self, env: Envelope, limit: int = 100, until: Revision | None = None) -> list[RevisionRecord]:
        """What happened to this one object, newest first."""
        bound = _EVERYTHING if until is None else until
        self._settle(until)
        return self._records(sql.PAST_OF_OBJECT, {"oid": env.created, "limit": limit, "until": bound})

    def record(self, revision: Revision) -> RevisionRecord | None:
        """One revision; None if compaction has removed it."""
        self._settle(revision)
        records = self._records(sql.RECORD, {"revision": revision})
        return records[0] if records else None

    def changes(
        self,
        after: Revision,
        until: Revision,
        *,
        resource: Resource | None = None,
        intent: str | None = None,
        limit: int = _EVERYTHING,
    ) -> list[RevisionRecord]:
        """Revisions in (after, until], oldest first, of one kind or of one user action.

        Raises Expired if some of them may have been compacted.
        """
        parameters: dict[str, Any] = {"after": after, "until": until, "limit": limit}
        statement = sql.CHANGES
        if resource is not None:
            statement = sql.CHANGES_OF_KIND
            parameters |= {"plural": resource.plural, "api_group": resource.group}
        if intent is not None:
            statement = statement.where(sql.HAS_INTENT)
            parameters["intent"] = intent
        self._settle(until)
        with self.moment(after) as connection:
            decode = _decoder(connection)
            return _read(connection, statement, parameters, decode)

    def revision_at(self, time: Micros) -> Revision:
        """The newest revision made at or before an instant of cluster time; 0 if the first came later.

        Cluster time never runs backwards, so this is a binary search over the log.
        """
        self._settle(None)
        with self._database().reading() as connection:
            head, _ = connection.execute(sql.HEAD).one()
            low, high = 0, int(head or 0)
            while low < high:
                middle = (low + high + 1) // 2
                row = connection.execute(sql.PROBE_TIME, {"at": middle}).first()
                if row is None or row.cluster_time <= time:
                    low = middle
                else:
                    high = row.revision - 1
            oldest = compacted(connection)
            if low < oldest:
                raise Expired(low, oldest)
            return Revision(low)

    def digest(self, until: Revision) -> str:
        """SHA-256 of the log up to a revision: two runs with the same seed and inputs have the same.

        All that a revision says, but for the wall time.
        """
        sha = hashlib.sha256()
        self._settle(until)
        with self.moment(Revision(0)) as connection:
            decode = _decoder(connection)
            for rows in connection.execute(sql.ESSENCE, {"until": until}).partitions(_PAGE):
                for dict_id, body, *about in rows:
                    sha.update(repr(about).encode() + decode(dict_id, body))
        return sha.hexdigest()

    def intents(self, limit: int = 50, until: Revision | None = None) -> list[IntentRecord]:
        """What people did, newest first: one entry per intent."""
        bound = _EVERYTHING if until is None else until
        self._settle(until)
        with self._database().reading() as connection:
            rows = connection.execute(sql.INTENTS, {"until": bound, "limit": limit})
            return [IntentRecord(*row) for row in rows]

    def told(
        self, *, until: Revision | None = None, after: Revision | None = None, limit: int = 500, who: str = "",
        resource: Resource | None = None, namespace: str | None = None, name: str = "",
    ) -> list[tuple[RevisionRecord, bytes | None]]:  # fmt: skip
        """Revisions and what each replaced (None: nothing, or it is kept no longer), without heartbeats.

        Newest first up to `until`; with `after` oldest first from there on. `who`: part of the author's name. With a
        namespace, cluster-scoped objects are told too.
        """
        statement, parameters = sql.TOLD.where(sql.WITHOUT_HEARTBEATS), dict[str, Any]()
        if after is not None:
            statement, parameters["after"] = statement.where(sql.AFTER).order_by(sql.OLDEST_FIRST), after
        else:
            statement = statement.where(sql.UP_TO).order_by(sql.NEWEST_FIRST)
            parameters["until"] = _EVERYTHING if until is None else until
        if who:
            statement = statement.where(sql.WHO.contains(who, autoescape=True))
        if resource is not None:
            statement = statement.where(sql.OF_KIND)
            parameters |= {"plural": resource.plural, "api_group": resource.group}
        if namespace is not None:
            statement = statement.where(sql.IN_NAMESPACE_OR_NONE)
            parameters["namespace"] = namespace
        if name:
            statement = statement.where(sql.OF_NAME)
            parameters["name"] = name
        self._settle(until if until is not None else after)
        with self._database().reading() as connection:
            decode = _decoder(connection)
            rows = connection.execute(statement.limit(limit), parameters)
            return [
                (
                    _record(row, decode),
                    decode(row.before_dict_id, row.before_body) if row.before_body is not None else None,
                )
                for row in rows
            ]

    def density(self, buckets: int) -> Density:
        """How much was written when, in so many equal stretches of cluster time."""
        self._settle(None)
        with self._database().reading() as connection:
            oldest = compacted(connection)
            head, _ = connection.execute(sql.HEAD).one()
            start, end = connection.execute(sql.EDGE_TIMES, {"oldest": oldest}).one()
            if start is None:
                return Density(oldest, Revision(0), Micros(0), Micros(0), [0] * buckets, [0] * buckets)
            writes, actions = [0] * buckets, [0] * buckets
            width = max(1, -(-(end - start + 1) // buckets))
            span = {"oldest": oldest, "start": start, "width": width}
            for bucket, wrote, acted in connection.execute(sql.DENSITY, span):
                writes[bucket], actions[bucket] = wrote, acted
            return Density(oldest, Revision(head or 0), start, end, writes, actions)

    # -- inside ----------------------------------------------------------------------------------------------------

    @contextmanager
    def moment(self, at: Revision) -> Iterator[Connection]:
        """A reading connection that tells the state at `at`. Raises Expired, FutureRevision."""
        self._settle(at)
        with self._database().reading() as connection:
            oldest = compacted(connection)
            if at < oldest:
                raise Expired(at, oldest)
            yield connection

    def _records(self, statement: Select[Any], parameters: dict[str, Any]) -> list[RevisionRecord]:
        with self._database().reading() as connection:
            return _read(connection, statement, parameters, _decoder(connection))


def _read(
    connection: Connection, statement: Select[Any], parameters: dict[str, Any], decode: Callable[[int, bytes], bytes]
) -> list[RevisionRecord]:
    result = connection.execute(statement, parameters)
    return [_record(row, decode) for rows in result.partitions(_PAGE) for row in rows]


def _record(row: Any, decode: Callable[[int, bytes], bytes]) -> RevisionRecord:
    return RevisionRecord(
        row.revision, _key(row), row.uid, _OP_NAMES[row.op], Author(row.who, row.intent or ""),
        row.cluster_time, row.wall_time, row.previous, decode(row.dict_id, row.body),
    )  # fmt: skip


def _key(row: Any) -> ObjectKey:
    return ObjectKey(row.api_group, row.plural, row.namespace, row.name)


def _decoder(connection: Connection) -> Callable[[int, bytes], bytes]:
    return decoder(sql.dictionaries(connection))
