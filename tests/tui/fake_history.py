"""A past without a cluster: what tests put in, answered at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from engine.client import (
    ClusterSummary,
    Intent,
    Item,
    Mailbox,
    Moment,
    MomentFilter,
    ObjectChange,
    PastRevision,
    PastView,
    Query,
    Relist,
    SnapshotInfo,
    Span,
    UndoPlan,
    UndoResult,
)

_T = TypeVar("_T")


def done(value: _T) -> Future[_T]:
    future: Future[_T] = Future()
    future.set_result(value)
    return future


@dataclass
class FakeHistory:
    """Answers of `HistoryClient`; what was asked for is kept in `asked`."""

    revisions: list[PastRevision] = field(default_factory=list)
    news: list[Moment] = field(default_factory=list)
    actions: list[Intent] = field(default_factory=list)
    plan: UndoPlan | None = None
    kept: dict[str, SnapshotInfo] = field(default_factory=dict)
    differences: list[ObjectChange] = field(default_factory=list)
    then: dict[str, list[Item]] = field(default_factory=dict)
    """Resource → objects of the past."""
    summary: ClusterSummary = field(default_factory=ClusterSummary)
    density: Span = field(default_factory=lambda: Span(1, 100, 0, 100_000_000, (1,) * 10, (0,) * 10))
    asked: list[tuple[str, object]] = field(default_factory=list)

    def history(
        self, resource: str, namespace: str, name: str, *, limit: int = 100
    ) -> Future[Sequence[PastRevision]]:  # fmt: skip
        return done(self.revisions[:limit])

    def object_at(self, resource: str, namespace: str, name: str, revision: int) -> Future[Item | None]:
        items = self.then.get(resource, [])
        return done(next((i for i in items if (i.namespace, i.name) == (namespace, name)), None))

    def list_at(self, query: Query, revision: int) -> Future[Sequence[Item]]:
        return done(self.then.get(query.resource, []))

    def open_past(self, query: Query, mailbox: Mailbox, revision: int) -> PastView:
        self.asked.append(("open_past", (query, revision)))
        return _FakeView(self, query, mailbox)

    def summary_at(self, revision: int) -> Future[ClusterSummary]:
        return done(self.summary)

    def span(self, buckets: int = 60) -> Future[Span]:
        return done(self.density)

    def revision_at(self, cluster_time: int) -> Future[int]:
        return done(self.density.newest)

    def moments(
        self, *, before: int | None = None, after: int | None = None, limit: int = 200,
        only: MomentFilter = MomentFilter(),
    ) -> Future[Sequence[Moment]]:  # fmt: skip
        if after is not None:
            return done([m for m in self.news if m.revision > after][:limit])
        return done([m for m in reversed(self.news) if before is None or m.revision <= before][:limit])

    def changes_between(self, one: int, other: int) -> Future[Sequence[ObjectChange]]:
        return done(self.differences)

    def intents(self, limit: int = 50) -> Future[Sequence[Intent]]:
        return done(self.actions[:limit])

    def undo_plan(self, intent: str | None = None) -> Future[UndoPlan | None]:
        return done(self.plan)

    def undo(self, intent: str) -> Future[UndoResult]:
        self.asked.append(("undo", intent))
        return done(UndoResult(f"1 undo {intent}", 1, 0, ()))

    def snapshots(self) -> Future[Sequence[SnapshotInfo]]:
        return done(list(self.kept.values()))

    def snapshot(self, name: str) -> Future[SnapshotInfo]:
        self.kept[name] = SnapshotInfo(name, self.density.newest, 0, 0, 10)
        return done(self.kept[name])

    def drop_snapshot(self, name: str) -> Future[None]:
        self.kept.pop(name, None)
        return done(None)

    def restore_plan(self, name: str) -> Future[Sequence[ObjectChange]]:
        return done(self.differences)

    def restore(self, name: str, *, intent: str) -> Future[int]:
        self.asked.append(("restore", name))
        return done(len(self.differences))

    def fork(self, path: str, name: str | None = None) -> Future[None]:
        self.asked.append(("fork", (path, name)))
        return done(None)


class _FakeView:
    def __init__(self, history: FakeHistory, query: Query, mailbox: Mailbox) -> None:
        self._history, self._query, self._mailbox = history, query, mailbox
        self._tell()

    def move(self, revision: int) -> Future[None]:
        self._history.asked.append(("move", revision))
        self._tell()
        return done(None)

    def close(self) -> None:
        self._history.asked.append(("close", self._query.resource))

    def _tell(self) -> None:
        self._mailbox.deliver(Relist(self._history.then.get(self._query.resource, [])))
