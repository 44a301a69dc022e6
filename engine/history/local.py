"""`HistoryClient` for a cluster in this process.

The log is read on a thread of its own, one question at a time, so neither the engine nor the console waits. Only what
compares with the present, or writes (undo, snapshots, restore), comes to the engine's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine.client.history import (
    Intent,
    Moment,
    MomentFilter,
    ObjectChange,
    PastRevision,
    PastView,
    SnapshotInfo,
    Span,
    UndoPlan,
    UndoResult,
)
from engine.client.values import ClientError, ClusterSummary, Item, Mailbox, Query, new_intent

if TYPE_CHECKING:
    from engine.history.past import PastMoment
    from engine.history.requests import HistoryRequests

_T = TypeVar("_T")
_PATIENCE = 60.0
"""Wall seconds that the history's thread waits for the engine's, so that it ends when the engine is gone."""


class Engine(Protocol):
    """What this needs of the engine's thread."""

    def ask_history(self, work: Callable[[HistoryRequests], _T]) -> Future[_T]:
        """Run on the engine's thread."""

    def write_history(self, work: Callable[[HistoryRequests], _T]) -> Future[_T]:
        """The same; done when what it wrote is committed."""


class LocalHistory:
    """See `engine.client.history.HistoryClient` for what each method promises."""

    def __init__(self, engine: Engine, as_client_error: Callable[[BaseException], BaseException]) -> None:
        self._engine, self._as_client_error = engine, as_client_error
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")

    def close(self) -> None:
        """End the thread; questions that wait are not answered any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # -- reads -----------------------------------------------------------------------------------------------------

    def history(
        self, resource: str, namespace: str, name: str, *, limit: int = 100
    ) -> Future[Sequence[PastRevision]]:  # fmt: skip
        return self._read(lambda requests: requests.past_of(resource, namespace, name, limit))

    def object_at(self, resource: str, namespace: str, name: str, revision: int) -> Future[Item | None]:
        return self._read(lambda requests: requests.object_at(resource, namespace, name, revision))

    def list_at(self, query: Query, revision: int) -> Future[Sequence[Item]]:
        return self._read(lambda requests: requests.list_at(query, revision))

    def open_past(self, query: Query, mailbox: Mailbox, revision: int) -> PastView:
        return _View(self, query, mailbox, revision)

    def summary_at(self, revision: int) -> Future[ClusterSummary]:
        return self._read(lambda requests: requests.summary_at(revision))

    def span(self, buckets: int = 60) -> Future[Span]:
        return self._read(lambda requests: requests.span(buckets))

    def revision_at(self, cluster_time: int) -> Future[int]:
        return self._read(lambda requests: requests.revision_at(cluster_time))

    def moments(
        self, *, before: int | None = None, after: int | None = None, limit: int = 200,
        only: MomentFilter = MomentFilter(),
    ) -> Future[Sequence[Moment]]:  # fmt: skip
        return self._read(lambda requests: requests.moments(before, after, limit, only))

    def changes_between(self, one: int, other: int) -> Future[Sequence[ObjectChange]]:
        return self._read(lambda requests: requests.changes_between(one, other))

    def intents(self, limit: int = 50) -> Future[Sequence[Intent]]:
        return self._read(lambda requests: requests.intents(limit))

    def snapshots(self) -> Future[Sequence[SnapshotInfo]]:
        return self._read(lambda requests: requests.snapshots())

    # -- undo ------------------------------------------------------------------------------------------------------

    def undo_plan(self, intent: str | None = None) -> Future[UndoPlan | None]:
        def read(requests: HistoryRequests) -> UndoPlan | None:
            deeds = requests.deeds(intent)
            return self._engine.ask_history(lambda there: there.undo_plan(deeds)).result(_PATIENCE) if deeds else None

        return self._read(read)

    def undo(self, intent: str) -> Future[UndoResult]:
        def read(requests: HistoryRequests) -> UndoResult:
            deeds = requests.deeds(intent)
            if deeds is None:
                raise ClientError(f"there is no action {intent!r} in what is kept of the past")
            name = new_intent(f"undo {intent}")
            return self._engine.write_history(lambda there: there.undo(deeds, name)).result(_PATIENCE)

        return self._read(read)

    # -- snapshots -------------------------------------------------------------------------------------------------

    def snapshot(self, name: str) -> Future[SnapshotInfo]:
        def read(_: HistoryRequests) -> SnapshotInfo:
            taken = self._engine.ask_history(lambda there: there.snapshot(name)).result(_PATIENCE).result(_PATIENCE)
            return SnapshotInfo(*taken)

        return self._read(read)

    def drop_snapshot(self, name: str) -> Future[None]:
        return self._read(lambda requests: requests.drop_snapshot(name))

    def restore_plan(self, name: str) -> Future[Sequence[ObjectChange]]:
        return self._engine.ask_history(lambda there: there.restore_plan(name))

    def restore(self, name: str, *, intent: str) -> Future[int]:
        return self._engine.write_history(lambda there: there.restore(name, intent))

    def fork(self, path: str, name: str | None = None) -> Future[None]:
        return self._read(lambda requests: requests.fork(path, name))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _read(self, work: Callable[[HistoryRequests], _T]) -> Future[_T]:
        """Run `work` on the history's thread, once the engine is up."""
        answer: Future[_T] = Future()

        def run(requests: HistoryRequests) -> None:
            try:
                answer.set_result(work(requests))
            except Exception as error:  # noqa: BLE001  handed to the caller, who raises it
                answer.set_exception(self._as_client_error(error))

        def found(future: Future[HistoryRequests]) -> None:
            error = future.exception()
            if error is not None:
                answer.set_exception(error)
                return
            try:
                self._thread.submit(run, future.result())
            except RuntimeError as closed:
                answer.set_exception(ClientError(f"the cluster is closed: {closed}"))

        self._engine.ask_history(lambda there: there).add_done_callback(found)
        return answer

    def start_view(self, query: Query, mailbox: Mailbox) -> Future[PastMoment]:
        """A view that shows no moment yet."""
        return self._engine.ask_history(lambda there: there.view(query, mailbox))

    def move_view(self, view: Future[PastMoment], revision: int) -> Future[None]:
        """Move it, on the history's thread."""
        return self._read(lambda requests: requests.move(view.result(), revision))


class _View:
    """A view of the past as its user holds it."""

    def __init__(self, history: LocalHistory, query: Query, mailbox: Mailbox, revision: int) -> None:
        self._history, self._mailbox = history, mailbox
        self._closed = False
        self._view = history.start_view(query, self)
        self.first = self.move(revision)

    def deliver(self, news: object) -> None:
        """Nothing is delivered to a view that was closed."""
        if not self._closed:
            self._mailbox.deliver(news)  # type: ignore[arg-type]

    def move(self, revision: int) -> Future[None]:
        return self._history.move_view(self._view, revision)

    def close(self) -> None:
        self._closed = True
