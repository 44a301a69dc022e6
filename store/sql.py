"""Every statement that the store runs, whole and named.

Reads are Core statements with named parameters. Writes of many rows are `Rows`: one statement for a block of rows,
because SQLite gives up the interpreter's lock around each statement. Beside a busy engine thread the writer waits up
to a switch interval (1 ms) to get it back: per block that is nothing, per row it would be all of the writer's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, Integer, and_, bindparam, cast, delete, desc, func, or_, select, tuple_
from sqlalchemy import LargeBinary as Blob
from sqlalchemy.dialects.sqlite import dialect, insert
from sqlalchemy.dialects.sqlite.dml import Insert

from store.tables import ATTEMPT, AUTHOR, CURRENT, DICTIONARY, META, OBJECT, PIN, REVISION, SNAPSHOT

BLOCK_SIZES: Final = (128, 16, 1)
"""Rows per statement, largest first; a group of any size is cut into these."""


class Rows:
    """An INSERT of blocks of rows. Rows are tuples in the order of the table's columns."""

    def __init__(self, statement: Insert) -> None:
        row: dict[str, Any] = {column.name: bindparam(column.name) for column in statement.table.columns}
        one = str(statement.values(row).compile(dialect=_DIALECT))
        # The text of a block is that of one row with its marks repeated: to have SQLAlchemy build all of them would
        # take a tenth of a second of every start.
        marks = f"({', '.join('?' * len(row))})"
        head, _, tail = one.partition(f"VALUES {marks}")
        self._texts = {size: f"{head}VALUES {', '.join([marks] * size)}{tail}" for size in BLOCK_SIZES}

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert all rows."""
        at = 0
        for size in BLOCK_SIZES:
            text = self._texts[size]
            while len(rows) - at >= size:
                connection.exec_driver_sql(text, tuple(chain.from_iterable(rows[at : at + size])))
                at += size


_DIALECT: Final = dialect(paramstyle="qmark")


def _replace(statement: Insert, key: str, *columns: str) -> Insert:
    return statement.on_conflict_do_update(
        index_elements=[key], set_={name: statement.excluded[name] for name in columns}
    )


# -- the writer's ------------------------------------------------------------------------------------------------------

SET_OBJECTS: Final = Rows(_replace(insert(OBJECT), "oid", "deleted"))
"""Objects that began, and ones that ended: an end is the same row with `deleted` set."""
ADD_REVISIONS: Final = Rows(insert(REVISION))
SET_CURRENT: Final = Rows(_replace(insert(CURRENT), "oid", "revision", "body"))
ADD_ATTEMPTS: Final = Rows(insert(ATTEMPT))
SET_META: Final = Rows(_replace(insert(META), "key", "value"))
ADD_AUTHORS: Final = Rows(insert(AUTHOR))
ADD_DICTIONARY: Final = Rows(insert(DICTIONARY))

ADD_PINS: Final = Rows(insert(PIN))

DROP_CURRENT: Final = delete(CURRENT).where(CURRENT.c.oid.in_(bindparam("oids", expanding=True)))
DROP_ATTEMPTS: Final = delete(ATTEMPT).where(ATTEMPT.c.id <= bindparam("id"))

# -- opening -----------------------------------------------------------------------------------------------------------

HEAD: Final = select(func.max(REVISION.c.revision), func.max(REVISION.c.cluster_time)).where(
    REVISION.c.revision == select(func.max(REVISION.c.revision)).scalar_subquery()
)
ALL_META: Final = select(META.c.key, META.c.value)
ALL_AUTHORS: Final = select(AUTHOR.c.id, AUTHOR.c.who)
ALL_DICTIONARIES: Final = select(DICTIONARY.c.id, DICTIONARY.c.data)
NEWEST_ATTEMPTS: Final = select(ATTEMPT).order_by(desc(ATTEMPT.c.id)).limit(bindparam("limit"))
_LIVING: Final = (
    select(OBJECT.c.oid, OBJECT.c.api_group, OBJECT.c.plural, OBJECT.c.namespace, OBJECT.c.name, CURRENT.c.revision)
    .join_from(CURRENT, OBJECT, CURRENT.c.oid == OBJECT.c.oid)
    .order_by(CURRENT.c.oid)
)
PRESENT: Final = _LIVING.add_columns(cast(CURRENT.c.body, Blob)).where(
    tuple_(OBJECT.c.api_group, OBJECT.c.plural).not_in(bindparam("kinds", expanding=True))
)
"""Everything that lives but for some kinds, oldest first."""
_NAMED = OBJECT.alias("named")
PACKED: Final = (
    _LIVING.join(REVISION, REVISION.c.revision == CURRENT.c.revision)
    .add_columns(
        OBJECT.c.uid, REVISION.c.dict_id, REVISION.c.body,
        or_(*(func.instr(CURRENT.c.body, f'"{name}"') for name in ("labels", "ownerReferences", "deletionTimestamp"))),
    )
    # By a list of numbers, and not by the name at once: it comes sorted, so the bodies need not be sorted.
    .where(
        CURRENT.c.oid.in_(
            select(_NAMED.c.oid).where(
                _NAMED.c.plural == bindparam("plural"), _NAMED.c.api_group == bindparam("api_group")
            )
        )
    )
)  # fmt: skip
"""What lives of one kind, each body as the log has it, and whether it says more than an identity, oldest first."""

# -- history -----------------------------------------------------------------------------------------------------------

_LATER = REVISION.alias("later")
_RECORD: Final = (
    select(
        REVISION.c.revision, REVISION.c.oid, OBJECT.c.api_group, OBJECT.c.plural, OBJECT.c.namespace, OBJECT.c.name,
        OBJECT.c.uid, REVISION.c.op, AUTHOR.c.who, REVISION.c.intent, REVISION.c.cluster_time, REVISION.c.wall_time,
        REVISION.c.previous, REVISION.c.dict_id, REVISION.c.body,
    )
    .join_from(REVISION, OBJECT, REVISION.c.oid == OBJECT.c.oid)
    .join(AUTHOR, REVISION.c.author == AUTHOR.c.id)
)  # fmt: skip
_OF_KIND: Final = and_(OBJECT.c.plural == bindparam("plural"), OBJECT.c.api_group == bindparam("api_group"))
_IN_NAMESPACE: Final = OBJECT.c.namespace == bindparam("namespace")

STATE_AT: Final = (
    select(
        OBJECT.c.oid, OBJECT.c.namespace, OBJECT.c.name,
        REVISION.c.revision, REVISION.c.dict_id, REVISION.c.body,
    )
    .join_from(
        OBJECT, REVISION,
        REVISION.c.revision == select(func.max(_LATER.c.revision))
        .where(_LATER.c.oid == OBJECT.c.oid, _LATER.c.revision <= bindparam("at"))
        .correlate(OBJECT).scalar_subquery(),
    )
    .where(_OF_KIND, OBJECT.c.oid <= bindparam("at"))
    .where(or_(OBJECT.c.deleted.is_(None), OBJECT.c.deleted > bindparam("at")))
    .order_by(OBJECT.c.namespace, OBJECT.c.name)
)  # fmt: skip
"""Objects of a kind that lived at revision `at`, each by one seek for its newest revision up to then."""
STATE_AT_IN_NAMESPACE: Final = STATE_AT.where(_IN_NAMESPACE)

_CHANGED_OIDS: Final = (
    select(REVISION.c.oid)
    .join_from(REVISION, OBJECT, REVISION.c.oid == OBJECT.c.oid)
    .where(_OF_KIND, REVISION.c.revision > bindparam("low"), REVISION.c.revision <= bindparam("high"))
    .distinct()
)
CHANGED_OIDS: Final = _CHANGED_OIDS
"""Objects of a kind that were written in (low, high]."""
CHANGED_STATE_AT: Final = STATE_AT.where(OBJECT.c.oid.in_(_CHANGED_OIDS))
"""Of these, those that lived at revision `at`, as they were then."""
PLACES_AT: Final = STATE_AT.with_only_columns(OBJECT.c.oid, REVISION.c.revision)
"""STATE_AT without the bodies."""
BODIES: Final = (
    select(
        OBJECT.c.oid, OBJECT.c.namespace, OBJECT.c.name,
        REVISION.c.revision, REVISION.c.dict_id, REVISION.c.body,
    )
    .join_from(REVISION, OBJECT, REVISION.c.oid == OBJECT.c.oid)
    .where(REVISION.c.revision.in_(bindparam("revisions", expanding=True)))
)  # fmt: skip

_PAST: Final = _RECORD.order_by(desc(REVISION.c.revision)).limit(bindparam("limit"))
PAST_OF_NAME: Final = _PAST.where(
    _OF_KIND, _IN_NAMESPACE, OBJECT.c.name == bindparam("name"), REVISION.c.revision <= bindparam("until")
)
"""All that ever happened under a name, newest first: also to objects that had it before."""
PAST_OF_OBJECT: Final = _PAST.where(REVISION.c.oid == bindparam("oid"), REVISION.c.revision <= bindparam("until"))

RECORD: Final = _RECORD.where(REVISION.c.revision == bindparam("revision"))
CHANGES: Final = (
    _RECORD.where(REVISION.c.revision > bindparam("after"), REVISION.c.revision <= bindparam("until"))
    .order_by(REVISION.c.revision)
    .limit(bindparam("limit"))
)
_BEFORE = REVISION.alias("before")
TOLD: Final = _RECORD.outerjoin(_BEFORE, _BEFORE.c.revision == REVISION.c.previous).add_columns(
    _BEFORE.c.dict_id.label("before_dict_id"), _BEFORE.c.body.label("before_body")
)
"""Revisions with what they replaced, as far as that is kept; to be narrowed down and ordered."""
OF_NAME: Final = OBJECT.c.name == bindparam("name")
WHO: Final = AUTHOR.c.who
IN_NAMESPACE_OR_NONE: Final = OBJECT.c.namespace.in_((bindparam("namespace"), ""))
OF_KIND: Final = _OF_KIND
UP_TO: Final = REVISION.c.revision <= bindparam("until")
AFTER: Final = REVISION.c.revision > bindparam("after")
WITHOUT_HEARTBEATS: Final = and_(OBJECT.c.plural != "leases", or_(OBJECT.c.plural != "events", REVISION.c.op == 0))
"""Leases tell nothing, and of an Event the first write says all."""
NEWEST_FIRST: Final = desc(REVISION.c.revision)
OLDEST_FIRST: Final = REVISION.c.revision
EDGE_TIMES: Final = select(func.min(REVISION.c.cluster_time), func.max(REVISION.c.cluster_time)).where(
    REVISION.c.revision >= bindparam("oldest")
)
_START, _WIDTH = bindparam("start", type_=Integer), bindparam("width", type_=Integer)
DENSITY: Final = (
    select(
        ((REVISION.c.cluster_time - _START) // _WIDTH).label("bucket"),
        func.count(), func.count(REVISION.c.intent),
    )
    .where(REVISION.c.revision >= bindparam("oldest"))
    .group_by("bucket")
)  # fmt: skip
"""Revisions, and those of people's actions, per stretch of cluster time."""
INTENTS: Final = (
    select(
        REVISION.c.intent, AUTHOR.c.who, func.min(REVISION.c.revision).label("first"),
        func.max(REVISION.c.revision).label("last"), func.count().label("writes"),
        func.min(REVISION.c.cluster_time).label("cluster_time"),
    )
    .join_from(REVISION, AUTHOR, REVISION.c.author == AUTHOR.c.id)
    .where(REVISION.c.intent.is_not(None), REVISION.c.revision <= bindparam("until"))
    .group_by(REVISION.c.intent)
    .order_by(desc("last"))
    .limit(bindparam("limit"))
)  # fmt: skip
"""User actions, newest first."""
CHANGES_OF_KIND: Final = CHANGES.where(_OF_KIND)
HAS_INTENT: Final = REVISION.c.intent == bindparam("intent")
ESSENCE: Final = (
    select(
        REVISION.c.dict_id, REVISION.c.body, REVISION.c.revision, OBJECT.c.api_group, OBJECT.c.plural,
        OBJECT.c.namespace, OBJECT.c.name, OBJECT.c.uid, REVISION.c.op, AUTHOR.c.who, REVISION.c.intent,
        REVISION.c.cluster_time,
    )
    .join_from(REVISION, OBJECT, REVISION.c.oid == OBJECT.c.oid)
    .join(AUTHOR, REVISION.c.author == AUTHOR.c.id)
    .where(REVISION.c.revision <= bindparam("until"))
    .order_by(REVISION.c.revision)
)  # fmt: skip
"""All that a digest is made of: what a revision says, but for the wall time."""
PROBE_TIME: Final = (
    select(REVISION.c.revision, REVISION.c.cluster_time)
    .where(REVISION.c.revision <= bindparam("at"))
    .order_by(desc(REVISION.c.revision))
    .limit(1)
)
"""The newest revision up to `at` that is still in the log, and its instant."""
ATTEMPTS_OF_POD: Final = (
    select(ATTEMPT)
    .where(ATTEMPT.c.pod_uid == bindparam("pod_uid"), ATTEMPT.c.id < bindparam("before"))
    .order_by(desc(ATTEMPT.c.id))
    .limit(bindparam("limit"))
)

# -- compaction --------------------------------------------------------------------------------------------------------

_IN_BATCH: Final = and_(REVISION.c.revision > bindparam("after"), REVISION.c.revision <= bindparam("until"))
_BATCH = REVISION.alias("batch")
_PINNED: Final = select(PIN.c.revision).where(PIN.c.revision == REVISION.c.revision).exists()
DROP_SUPERSEDED: Final = delete(REVISION).where(
    ~_PINNED,
    REVISION.c.revision.in_(
        select(_BATCH.c.previous).where(
            _BATCH.c.revision > bindparam("after"), _BATCH.c.revision <= bindparam("until"), _BATCH.c.previous > 0
        )
    ),
)
"""What the revisions of a batch replaced: each object's newest one stays, and what a snapshot holds."""
ENDED_OBJECTS: Final = select(REVISION.c.oid).where(_IN_BATCH, REVISION.c.op == bindparam("op"))
DROP_OPS: Final = delete(REVISION).where(_IN_BATCH, REVISION.c.op == bindparam("op"))
DROP_OBJECTS: Final = delete(OBJECT).where(
    OBJECT.c.oid.in_(bindparam("oids", expanding=True)),
    ~select(PIN.c.oid).where(PIN.c.oid == OBJECT.c.oid).exists(),
)
META_VALUE: Final = select(META.c.value).where(META.c.key == bindparam("key"))

# -- snapshots ---------------------------------------------------------------------------------------------------------

SNAPSHOTS: Final = select(SNAPSHOT).order_by(SNAPSHOT.c.id)
SNAPSHOT_ID: Final = select(SNAPSHOT.c.id).where(SNAPSHOT.c.name == bindparam("name"))
NEXT_SNAPSHOT: Final = select(func.coalesce(func.max(SNAPSHOT.c.id), 0) + 1)
ADD_SNAPSHOT: Final = insert(SNAPSHOT)
PINS: Final = select(PIN.c.oid, PIN.c.revision).where(PIN.c.snapshot == bindparam("snapshot")).order_by(PIN.c.oid)
PINNED_BODIES: Final = (
    select(
        OBJECT.c.api_group, OBJECT.c.plural, OBJECT.c.namespace, OBJECT.c.name,
        REVISION.c.revision, REVISION.c.dict_id, REVISION.c.body,
    )
    .join_from(REVISION, OBJECT, REVISION.c.oid == OBJECT.c.oid)
    .where(REVISION.c.revision.in_(bindparam("revisions", expanding=True)))
)  # fmt: skip
"""Objects as of these revisions."""
UNPIN: Final = delete(PIN).where(PIN.c.snapshot == bindparam("snapshot"))
DROP_SNAPSHOT: Final = delete(SNAPSHOT).where(SNAPSHOT.c.id == bindparam("snapshot"))
_OF_OIDS: Final = REVISION.c.oid.in_(bindparam("oids", expanding=True))
DROP_UNPINNED: Final = delete(REVISION).where(
    _OF_OIDS,
    ~_PINNED,
    REVISION.c.revision <= bindparam("compacted"),
    or_(
        select(_LATER.c.revision)
        .where(
            _LATER.c.oid == REVISION.c.oid,
            _LATER.c.revision > REVISION.c.revision,
            _LATER.c.revision <= bindparam("compacted"),
        )
        .exists(),
        select(OBJECT.c.oid).where(OBJECT.c.oid == REVISION.c.oid, OBJECT.c.deleted <= bindparam("compacted")).exists(),
    ),
)
"""What only a snapshot kept past a compaction: superseded, or of an object that had ended by then."""
DROP_ENDED: Final = delete(OBJECT).where(
    OBJECT.c.oid.in_(bindparam("oids", expanding=True)),
    OBJECT.c.deleted <= bindparam("compacted"),
    ~select(REVISION.c.oid).where(REVISION.c.oid == OBJECT.c.oid).exists(),
)


def dictionaries(connection: Connection) -> dict[int, bytes]:
    """All zstd dictionaries of the file by number."""
    return {row.id: row.data for row in connection.execute(ALL_DICTIONARIES)}
