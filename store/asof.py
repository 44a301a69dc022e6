"""One kind's objects at a moment that can be moved: what scrubbing through the past is made of.

The first look seeks every object's revision; bodies are read only for those that are not known already (most are as
they are now, or as they were at the last look). Moving a little reads only what was written between the two moments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from store import sql
from store.codec import decoder
from store.history import History
from store.types import Envelope, ObjectKey, Resource, Revision

_NEAR: Final = 20_000
"""Revisions between two moments up to which going through them beats looking at every object."""
_PAGE: Final = 500


class AsOf:
    """The state of one kind at `revision`. Used by one thread at a time, best not the engine's."""

    def __init__(self, history: History, resource: Resource, known: Iterable[Envelope] = ()) -> None:
        """`known`: envelopes that need not be read again, such as the present ones."""
        self._history, self._resource = history, resource
        self._kind = {"plural": resource.plural, "api_group": resource.group}
        self._known = {env.created: env for env in known}
        self.revision: Revision | None = None
        """The moment; None before the first `move`."""
        self.state: dict[int, Envelope] = {}
        """By oid, which is the revision that created the object."""

    def move(self, at: Revision) -> tuple[list[Envelope], list[Envelope]]:
        """Go to a moment. Returns what is there now and was not so before, and what is there no more.

        Raises Expired when the moment is kept no longer, FutureRevision when it has not come yet.
        """
        with self._history.moment(at) as connection:
            if self.revision is None or abs(at - self.revision) > _NEAR:
                now = self._all(connection, at)
                left = [env for oid, env in self.state.items() if oid not in now]
                came = [env for oid, env in now.items() if self.state.get(oid) is not env]
                self.state = now
            else:
                came, left = self._step(connection, self.revision, at)
        self.revision = at
        return came, left

    def _all(self, connection: Connection, at: Revision) -> dict[int, Envelope]:
        places = connection.execute(sql.PLACES_AT, {**self._kind, "at": at}).all()
        found: dict[int, Envelope] = {}
        missing: list[int] = []
        for oid, revision in places:
            env = self.state.get(oid)
            if env is None or env.revision != revision:
                env = self._known.get(oid)
            if env is not None and env.revision == revision:
                found[oid] = env
            else:
                missing.append(revision)
        decode = decoder(sql.dictionaries(connection)) if missing else None
        for start in range(0, len(missing), _PAGE):
            rows = connection.execute(sql.BODIES, {"revisions": missing[start : start + _PAGE]})
            for row in rows:
                assert decode is not None
                found[row.oid] = self._envelope(row.oid, row.namespace, row.name, row.revision,
                                                decode(row.dict_id, row.body))  # fmt: skip
        return found

    def _step(self, connection: Connection, was: Revision, at: Revision) -> tuple[list[Envelope], list[Envelope]]:
        span = {**self._kind, "low": min(was, at), "high": max(was, at)}
        touched = connection.execute(sql.CHANGED_OIDS, span).scalars().all()
        if not touched:
            return [], []
        decode = decoder(sql.dictionaries(connection))
        came: list[Envelope] = []
        left = {oid: env for oid in touched if (env := self.state.get(oid)) is not None}
        for row in connection.execute(sql.CHANGED_STATE_AT, {**span, "at": at}):
            before = left.pop(row.oid, None)
            if before is not None and before.revision == row.revision:
                continue
            env = self._envelope(row.oid, row.namespace, row.name, row.revision, decode(row.dict_id, row.body))
            came.append(env)
            self.state[row.oid] = env
        for oid in left:
            del self.state[oid]
        return came, list(left.values())

    def _envelope(self, oid: int, namespace: str, name: str, revision: int, raw: bytes) -> Envelope:
        group, plural = self._resource
        return Envelope(ObjectKey(group, plural, namespace, name), Revision(revision), raw, None, Revision(oid))
