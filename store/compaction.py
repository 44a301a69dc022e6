"""Compaction: forget what was, up to a revision, but for what is still needed to tell the state at that revision.

After a compaction to C, of each object its newest revision up to C stays, so every moment from C on can be told. What
was replaced up to C, and objects deleted up to C, go. It runs in batches of 1,000 revisions, each one transaction
that also notes how far it came: a kill in between loses nothing and leaves a consistent log.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from store import sql
from store.group import DELETE
from store.types import Revision

BATCH: Final = 1_000
COMPACTED: Final = "compacted"
"""Key in `meta`: the oldest revision whose state can still be told."""


def compact_batch(connection: Connection, target: Revision) -> Revision:
    """Compact the next batch towards `target`. Returns how far compaction has come, in this batch and before."""
    with connection.begin():
        after = compacted(connection)
        if after >= target:
            return after
        until = Revision(min(after + BATCH, target))
        span = {"after": after, "until": until}
        deletions = {**span, "op": DELETE}
        connection.execute(sql.DROP_SUPERSEDED, span)
        ended = connection.execute(sql.ENDED_OBJECTS, deletions).scalars().all()
        if ended:
            connection.execute(sql.DROP_OPS, deletions)
            connection.execute(sql.DROP_OBJECTS, {"oids": ended})
        sql.SET_META.execute(connection, [(COMPACTED, str(until))])
    return until


def compacted(connection: Connection) -> Revision:
    """The oldest revision whose state can still be told; 0 when nothing was ever compacted."""
    value = connection.execute(sql.META_VALUE, {"key": COMPACTED}).scalar()
    return Revision(int(value)) if value is not None else Revision(0)
