"""The tables of a store's file, and how its connections are set up.

    object       identity, once per life of an object; `oid` is the revision that created it
    current      the present body of every living object, as JSON that any SQLite tool can read
    revision     append-only log: what, who, why, when; the body compressed with the dictionary `dict_id`
    author       who-strings, numbered
    dictionary   zstd dictionaries by number; a row is never changed
    attempt      scheduling attempts, the newest only
    snapshot     moments that were given a name
    pin          the revisions that a snapshot is made of: compaction leaves them
    meta         small things that must survive: cluster time, compaction, the seed

The header carries Kubarium's `application_id` and, as `user_version`, the format's number.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final, cast

from sqlalchemy import Column, Index, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel

APPLICATION_ID: Final = 0x4B75_6265
"""`Kube` in ASCII."""
FORMAT: Final = 2
"""Number of this format. A file with a higher one is refused, one with a lower one is brought up to this one.

2 added snapshots and the index of intents; what was in 1 is as it was.
"""
PAGE_SIZE: Final = 8192
"""Three bodies of 2 KB fit a page; at SQLite's 4096 each would take a page of its own."""


class ObjectRow(SQLModel, table=True):
    """An object's identity for its whole life. A name used again later is another object."""

    __tablename__ = "object"

    oid: int = Field(primary_key=True)
    plural: str
    api_group: str
    namespace: str
    name: str
    uid: str
    deleted: int | None = None
    """The revision that deleted it; None while it lives."""


class CurrentRow(SQLModel, table=True):
    """The present."""

    __tablename__ = "current"

    oid: int = Field(primary_key=True, foreign_key="object.oid")
    revision: int
    body: str = Field(sa_column=Column(Text, nullable=False))


class RevisionRow(SQLModel, table=True):
    """One write."""

    __tablename__ = "revision"

    revision: int = Field(primary_key=True)
    oid: int = Field(foreign_key="object.oid")
    op: int
    """store.group.CREATE, UPDATE or DELETE."""
    previous: int | None = None
    author: int = Field(foreign_key="author.id")
    intent: str | None = None
    cluster_time: int
    wall_time: int
    dict_id: int
    """0: compressed without a dictionary."""
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuthorRow(SQLModel, table=True):
    """Who-strings: a component's name is in the file once, not in each revision."""

    __tablename__ = "author"

    id: int = Field(primary_key=True)
    who: str


class DictionaryRow(SQLModel, table=True):
    """zstd dictionaries. Revisions need theirs for ever, so a new population of objects gets a new row."""

    __tablename__ = "dictionary"

    id: int = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AttemptRow(SQLModel, table=True):
    """One verdict of one scheduling attempt (store.types.Attempt)."""

    __tablename__ = "attempt"

    id: int = Field(primary_key=True)
    attempt: int
    cluster_time: int
    pod_uid: str
    namespace: str
    pod: str
    node: str
    plugin: str
    verdict: str
    needed: str
    had: str
    score: int | None = None


class SnapshotRow(SQLModel, table=True):
    """A named moment."""

    __tablename__ = "snapshot"

    id: int = Field(primary_key=True)
    name: str = Field(unique=True)
    revision: int
    cluster_time: int
    wall_time: int
    objects: int


class PinRow(SQLModel, table=True):
    """One object as a snapshot has it. Foreign keys keep its revision and its identity from being dropped."""

    __tablename__ = "pin"

    snapshot: int = Field(primary_key=True, foreign_key="snapshot.id")
    revision: int = Field(primary_key=True, foreign_key="revision.revision")
    oid: int = Field(foreign_key="object.oid")


class MetaRow(SQLModel, table=True):
    """Key and value."""

    __tablename__ = "meta"

    key: str = Field(primary_key=True)
    value: str


def table_of(model: type[SQLModel]) -> Table:
    """`Model.__table__`, which SQLModel has and does not declare."""
    return cast(Table, cast(Any, model).__table__)


OBJECT: Final = table_of(ObjectRow)
CURRENT: Final = table_of(CurrentRow)
REVISION: Final = table_of(RevisionRow)
AUTHOR: Final = table_of(AuthorRow)
DICTIONARY: Final = table_of(DictionaryRow)
ATTEMPT: Final = table_of(AttemptRow)
META: Final = table_of(MetaRow)
SNAPSHOT: Final = table_of(SnapshotRow)
PIN: Final = table_of(PinRow)
TABLES: Final = (OBJECT, CURRENT, REVISION, AUTHOR, DICTIONARY, ATTEMPT, META, SNAPSHOT, PIN)
SINCE: Final[dict[str, int]] = {"snapshot": 2, "pin": 2}
"""Table → the format that brought it; all others are as old as the format."""

# The rowid (`revision`) ends every index entry of its own accord, so this one finds "the newest of oid up to R".
Index("revision_by_object", REVISION.c.oid)
Index("object_by_name", OBJECT.c.plural, OBJECT.c.api_group, OBJECT.c.namespace, OBJECT.c.name, OBJECT.c.oid)
Index("attempt_by_pod", ATTEMPT.c.pod_uid)
REVISION_BY_INTENT: Final = Index("revision_by_intent", REVISION.c.intent, sqlite_where=REVISION.c.intent.is_not(None))
"""Few revisions have an intent: those that a person's action made."""
Index("pin_by_revision", PIN.c.revision)
Index("pin_by_object", PIN.c.oid)


def prepare_connection(connection: sqlite3.Connection, synchronous: str) -> None:
    """Set a fresh read-write connection up. `page_size` has an effect before the first table only.

    `synchronous`: FULL survives a power cut, NORMAL a killed process, OFF is for files that nobody reopens.
    """
    connection.isolation_level = None
    for pragma in (
        f"page_size={PAGE_SIZE}",
        "journal_mode=WAL",
        f"synchronous={synchronous}",
        "foreign_keys=ON",
        "busy_timeout=10000",
        "cache_size=-16384",
    ):
        connection.execute(f"PRAGMA {pragma}")
