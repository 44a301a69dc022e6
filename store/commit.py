"""One group of writes becomes one transaction.

In: revisions in order, scheduling attempts, meta values. Out: rows. Of an object written several times in a group,
only the last state goes to `current`. Everything is written in blocks (store.sql.Rows), and the Python in between is
short, so the engine thread never waits long for the interpreter. Envelopes that were written some thousand revisions
ago are told to take less room: whoever watches has had their bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from store import sql
from store.codec import Encoder
from store.group import DELETE, UPDATE, Group, PendingRevision
from store.types import Envelope, Packed

BLOCK: Final = sql.BLOCK_SIZES[0]
_FRESH: Final = 5_000
"""Revisions whose JSON stays at hand."""
_SAMPLED: Final = 5
"""One row in so many may teach the next dictionary."""


class LogCommitter:
    """Writes groups. Belongs to the writer thread."""

    def __init__(
        self, connection: Connection, encoder: Encoder, authors: Mapping[str, int], attempts_kept: int
    ) -> None:
        """`authors`: those already in the file. `attempts_kept`: rows of scheduling attempts that stay."""
        self._connection, self._encoder = connection, encoder
        self._authors = dict(authors)
        self._new_authors: list[tuple[int, str]] = []
        self._attempts_kept = attempts_kept
        self._fresh: deque[tuple[Envelope, type[Packed], bytes]] = deque()

    def commit(self, group: Group) -> None:
        """All of it, or nothing (then with the driver's error)."""
        with self._connection.begin():
            if group.revisions:
                self._write_revisions(group.revisions)
            if group.attempts:
                sql.ADD_ATTEMPTS.execute(self._connection, [(number, *row) for number, row in group.attempts])
                oldest = group.attempts[-1][0] - self._attempts_kept
                self._connection.execute(sql.DROP_ATTEMPTS, {"id": oldest})
            if group.meta:
                sql.SET_META.execute(self._connection, list(group.meta.items()))
        while len(self._fresh) > _FRESH:
            env, packed, body = self._fresh.popleft()
            env.settle(packed, body)
        # Training reads the rows just written and may take 0.2 s, so it waits until they are safe.
        data = self._encoder.train(len(group.revisions))
        if data is not None:
            with self._connection.begin():
                sql.ADD_DICTIONARY.execute(self._connection, [(self._encoder.dict_id, data)])

    def _write_revisions(self, revisions: Sequence[PendingRevision]) -> None:
        latest: dict[int, tuple[Envelope, int]] = {}
        for at in range(0, len(revisions), BLOCK):
            block = revisions[at : at + BLOCK]
            objects: dict[int, tuple[Any, ...]] = {}
            for env, op, *_ in block:
                latest[env.created] = env, op
                if op != UPDATE:
                    group, plural, namespace, name = env.key
                    ended = env.revision if op == DELETE else None
                    objects[env.created] = env.created, plural, group, namespace, name, env.uid, ended
            for env, *_ in block[::_SAMPLED]:
                self._encoder.sample(env.key[:2], env.raw)
            bodies = self._encoder.encode([row[0].raw for row in block])
            dict_id, packed = self._encoder.dict_id, self._encoder.packed
            self._fresh.extend([(row[0], packed, body) for row, body in zip(block, bodies, strict=True)])
            rows = [
                (env.revision, env.created, op, previous, self._author(author.who), author.intent or None,
                 at_cluster, at_wall, dict_id, body)
                for (env, op, previous, author, at_cluster, at_wall), body in zip(block, bodies, strict=True)
            ]  # fmt: skip
            if self._new_authors:
                sql.ADD_AUTHORS.execute(self._connection, self._new_authors)
                self._new_authors.clear()
            if objects:
                sql.SET_OBJECTS.execute(self._connection, list(objects.values()))
            sql.ADD_REVISIONS.execute(self._connection, rows)
        living = [env for env, op in latest.values() if op != DELETE]
        for at in range(0, len(living), BLOCK):
            sql.SET_CURRENT.execute(
                self._connection, [(env.created, env.revision, env.raw.decode()) for env in living[at : at + BLOCK]]
            )
        ended_oids = [oid for oid, (_, op) in latest.items() if op == DELETE]
        for at in range(0, len(ended_oids), BLOCK):
            self._connection.execute(sql.DROP_CURRENT, {"oids": ended_oids[at : at + BLOCK]})

    def _author(self, who: str) -> int:
        number = self._authors.get(who)
        if number is None:
            number = self._authors[who] = len(self._authors) + 1
            self._new_authors.append((number, who))
        return number


def open_committer(connection: Connection, attempts_kept: int) -> LogCommitter:
    """A committer that goes on where the file ends."""
    with connection.begin():
        dictionaries = sql.dictionaries(connection)
        authors = {who: number for number, who in connection.execute(sql.ALL_AUTHORS)}
        head, _ = connection.execute(sql.HEAD).one()
    return LogCommitter(connection, Encoder(dictionaries, head or 0), authors, attempts_kept)
