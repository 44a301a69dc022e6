"""What `LocalHistory` asks for, done: one method per request, plain values in and out.

Methods under "reads" run on the history's thread and touch only the log; the others run on the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import orjson

from engine.api import restore
from engine.api.read import matcher
from engine.api.server import Api, Caller
from engine.client.folder import FieldChange
from engine.client.history import (
    Intent,
    Moment,
    MomentFilter,
    ObjectChange,
    PastRevision,
    SnapshotInfo,
    Span,
    UndoPlan,
    UndoResult,
)
from engine.client.values import ClusterSummary, Mailbox, Query
from engine.folder.fields import differences
from engine.history import between, kept, timeline, undo
from engine.history.past import PastMoment, summary_at
from engine.loop import Loop
from store.asof import AsOf
from store.history import History
from store.types import Envelope, Micros, ObjectKey, Resource, Revision, Snapshot

_NODES, _PODS = Resource("", "nodes"), Resource("", "pods")


class HistoryRequests:
    """The past of one cluster."""

    def __init__(self, api: Api, loop: Loop, user: str) -> None:
        """`user`: in whose name undo and restore write."""
        self._api, self._store, self._loop, self._user = api, api.store, loop, user
        self._header: tuple[AsOf, AsOf] | None = None
        """Nodes and pods as the header's figures were last asked for."""

    @property
    def _history(self) -> History:
        return self._store.history

    # -- reads (the history's thread) ------------------------------------------------------------------------------

    def past_of(self, resource: str, namespace: str, name: str, limit: int) -> list[PastRevision]:
        kind = self._api.kind_of(Resource.parse(resource))
        key = ObjectKey(*kind.stored_as, namespace if kind.namespaced else "", name)
        # One more than asked for, since each is compared with the one before it.
        records = self._history.past_of(key, limit + 1)
        bodies = [orjson.loads(record.raw) for record in records]
        told = []
        for at, record in enumerate(records[:limit]):
            changes: tuple[FieldChange, ...] = ()
            if at + 1 < len(records) and record.previous == records[at + 1].revision:
                changes = tuple(_changes(bodies[at + 1], bodies[at]))
            told.append(
                PastRevision(
                    record.revision, record.op, record.author.who, record.author.intent, record.cluster_time,
                    record.uid, bodies[at], changes,
                )
            )  # fmt: skip
        return told

    def object_at(self, resource: str, namespace: str, name: str, revision: int) -> Envelope | None:
        kind = self._api.kind_of(Resource.parse(resource))
        key = ObjectKey(*kind.stored_as, namespace if kind.namespaced else "", name)
        records = self._history.past_of(key, 1, Revision(revision))
        if not records or records[0].op == "delete":
            return None
        return Envelope(key, records[0].revision, records[0].raw, None)

    def list_at(self, query: Query, revision: int) -> list[Envelope]:
        kind = self._api.kind_of(Resource.parse(query.resource))
        matches = matcher(kind, query.labels, query.fields)
        found = self._history.state_at(Revision(revision), kind.stored_as, query.namespace)
        return [env for env in found if matches is None or matches(env)]

    def move(self, view: PastMoment, revision: int) -> None:
        view.move(Revision(revision))

    def summary_at(self, revision: int) -> ClusterSummary:
        if self._header is None:
            self._header = AsOf(self._history, _NODES), AsOf(self._history, _PODS)
        return summary_at(self._history, *self._header, Revision(revision))

    def span(self, buckets: int) -> Span:
        density = self._history.density(buckets)
        return Span(
            density.oldest, density.newest, density.start, density.end, tuple(density.writes), tuple(density.actions)
        )

    def revision_at(self, cluster_time: int) -> int:
        return self._history.revision_at(Micros(cluster_time))

    def moments(self, before: int | None, after: int | None, limit: int, only: MomentFilter) -> list[Moment]:
        return timeline.moments(
            self._history,
            before=Revision(before) if before is not None else None,
            after=Revision(after) if after is not None else None,
            limit=limit,
            only=only,
        )

    def changes_between(self, one: int, other: int) -> list[ObjectChange]:
        return between.changes(self._history, Revision(one), Revision(other))

    def intents(self, limit: int) -> list[Intent]:
        return undo.intents(self._history, limit)

    def deeds(self, intent: str | None) -> undo.Deeds | None:
        """What an action did; the last one that is not undone with None. None if there is no such action."""
        history = self._history
        if intent is None:
            wanted = undo.last_undoable(history)
        else:
            wanted = next((each for each in undo.intents(history, 1_000_000) if each.id == intent), None)
        return undo.deeds_of(history, wanted, self._store.committed) if wanted is not None else None

    def snapshots(self) -> list[SnapshotInfo]:
        return [SnapshotInfo(*snapshot) for snapshot in self._store.snapshots()]

    def drop_snapshot(self, name: str) -> None:
        self._store.drop_snapshot(name).result()

    def fork(self, path: str, name: str | None) -> None:
        self._store.fork(Path(path).expanduser().absolute())
        if name is not None:
            kept.go_back(path, name)

    # -- the present (the engine's thread) -------------------------------------------------------------------------

    def view(self, query: Query, mailbox: Mailbox) -> PastMoment:
        kind = self._api.kind_of(Resource.parse(query.resource))
        scrub = AsOf(self._history, kind.stored_as, self._store.list(kind.stored_as))
        return PastMoment(scrub, query.namespace, matcher(kind, query.labels, query.fields), mailbox)

    def undo_plan(self, deeds: undo.Deeds) -> UndoPlan:
        return undo.Undoing(self._api, self._loop, deeds).plan()

    def undo(self, deeds: undo.Deeds, intent: str) -> UndoResult:
        return undo.Undoing(self._api, self._loop, deeds).perform(self._caller(intent))

    def snapshot(self, name: str) -> Future[Snapshot]:
        return self._store.snapshot(name, restore.LEFT_ALONE)

    def restore_plan(self, name: str) -> list[ObjectChange]:
        return list(restore.planned(self._store, self._store.difference(name, restore.LEFT_ALONE)))

    def restore(self, name: str, intent: str) -> int:
        return restore.restore(self._store, self._api.clock, self._caller(intent), name)

    def _caller(self, intent: str) -> Caller:
        return Caller(self._user, intent, ("system:masters", "system:authenticated"))


def _changes(before: dict[str, object], after: dict[str, object]) -> Iterator[FieldChange]:
    for change in differences(before, after):
        if change.path != "metadata.resourceVersion":
            yield change
