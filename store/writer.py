"""The writer thread: takes what the engine did from queues and commits it in groups.

The engine thread only appends to the queues. The writer wakes at the first row, lets a group gather for
`commit_interval`, and commits it; somebody who waits for an acknowledgement, or a long queue, makes it commit at
once. It sleeps while there is nothing to do. A store without a file starts it when there is much to write, or when
somebody asks for what only the log can tell.

A commit that fails (disk full, I/O error) is the end of acknowledgements: who waits gets the error, `on_failure` is
called, later waiters get the error at once. Nothing is ever acknowledged that is not in the file.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

from store.group import Group, PendingAttempt, PendingRevision
from store.options import StoreOptions
from store.types import Revision, WriteFailed

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from store.commit import LogCommitter
    from store.database import Database

CLUSTER_TIME: Final = "cluster_time"
"""Key in `meta`: the instant of the newest commit, microseconds of cluster time."""
_CLOSED: Final = "the store is closed"
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Writer:
    """Queues and the thread that empties them. Queueing belongs to the engine thread, all else to any thread."""

    def __init__(self, source: Callable[[], Database], options: StoreOptions, head: Revision) -> None:
        """`source` opens the database, on the writer thread. `head`: the newest revision that it holds."""
        self.committed = head
        """The newest revision that is in the file."""
        self.failure: WriteFailed | None = None
        """Why nothing is acknowledged any more; None while all is well."""
        self._source, self._options = source, options
        self._revisions: deque[PendingRevision] = deque()
        self._attempts: deque[PendingAttempt] = deque()
        self._meta: dict[str, str] = {}
        self._waiters: list[tuple[Revision, Future[None]]] = []
        self._compactions: deque[tuple[Revision, Future[Revision]]] = deque()
        self._jobs: deque[tuple[Revision, Callable[[Connection], None], Future[Any]]] = deque()
        self._commit_listeners: tuple[Callable[[], None], ...] = ()
        self._failure_listeners: tuple[Callable[[WriteFailed], None], ...] = ()
        self._lock = threading.Lock()
        """Guards meta, waiters, compactions, jobs, listeners and the thread's start."""
        self._work = threading.Event()
        self._hurry = threading.Event()
        self._room = threading.Event()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._database: Database | None = None
        self._closing = False

    # -- queues (engine thread) ------------------------------------------------------------------------------------

    def queue(self, row: PendingRevision) -> None:
        """Hand a revision over. Returns at once, unless the writer is `queue_rows` behind."""
        if self.failure is not None:
            return
        self._revisions.append(row)
        waiting = len(self._revisions)
        if waiting == 1:
            self._work.set()
        elif waiting >= self._options.commit_rows:
            self._crowded(waiting)

    def queue_attempts(self, rows: list[PendingAttempt]) -> None:
        if self.failure is not None:
            return
        self._attempts.extend(rows)
        self._work.set()
        if len(self._attempts) >= self._options.commit_rows:
            self._crowded(0)

    def _crowded(self, waiting: int) -> None:
        if not self._hurry.is_set():
            self.start()
            self._hurry.set()
        if waiting >= self._options.queue_rows:
            while len(self._revisions) >= self._options.queue_rows and self.failure is None:
                self._room.clear()
                if len(self._revisions) >= self._options.queue_rows:
                    self._room.wait(0.1)

    def set_meta(self, key: str, value: str) -> None:
        with self._lock:
            self._meta[key] = value
        self._work.set()

    # -- acknowledgements ------------------------------------------------------------------------------------------

    def when_committed(self, revision: Revision) -> Future[None]:
        """Done when `revision` is in the file, with WriteFailed when it never will be."""
        if revision <= self.committed:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        return self.barrier(revision)

    def barrier(self, revision: Revision) -> Future[None]:
        """Done when `revision`, and all attempts and meta values queued up to now, are in the file."""
        future: Future[None] = Future()
        self.start()
        with self._lock:
            failure = self.failure
            if failure is None:
                self._waiters.append((revision, future))
        if failure is not None:
            future.set_exception(failure)
        self._hurry.set()
        self._work.set()
        return future

    def compact(self, target: Revision) -> Future[Revision]:
        """Compact up to `target`, a batch between any two groups. Done with the oldest revision that can be told."""
        future: Future[Revision] = Future()
        self.start()
        with self._lock:
            failure = self.failure
            if failure is None:
                self._compactions.append((target, future))
        if failure is not None:
            future.set_exception(failure)
        self._work.set()
        return future

    def run(self, job: Callable[[Connection], _T], after: Revision) -> Future[_T]:
        """Run `job` in a transaction of its own once `after` is committed; its result arrives in the future.

        What it raises arrives there too, and undoes what it did; the writer goes on.
        """
        future: Future[_T] = Future()

        def run(connection: Connection) -> None:
            try:
                with connection.begin():
                    result = job(connection)
            except Exception as error:  # noqa: BLE001 -- handed to who asked
                future.set_exception(error)
            else:
                future.set_result(result)

        self.start()
        with self._lock:
            failure = self.failure
            if failure is None:
                self._jobs.append((after, run, future))
        if failure is not None:
            future.set_exception(failure)
        self._hurry.set()
        self._work.set()
        return future

    def on_commit(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after every commit, on the writer thread: only wake somebody there. Returns how to end it."""
        self.start()
        with self._lock:
            self._commit_listeners = (*self._commit_listeners, callback)

        def remove() -> None:
            with self._lock:
                self._commit_listeners = tuple([other for other in self._commit_listeners if other is not callback])

        return remove

    def on_failure(self, callback: Callable[[WriteFailed], None]) -> None:
        """Call back, on the writer thread, when a commit failed; at once if one did already."""
        with self._lock:
            failure = self.failure
            self._failure_listeners = (*self._failure_listeners, callback)
        if failure is not None:
            callback(failure)

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread, unless it runs."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None and self.failure is None:
                thread = threading.Thread(target=self._run, name="kubarium-writer", daemon=True)
                thread.start()
                self._thread = thread

    def database(self) -> Database:
        """The file, for readers. Raises WriteFailed if it could not be opened."""
        self.start()
        if self._thread is not None:
            self._ready.wait()
        if self._database is None:
            raise self.failure or WriteFailed(_CLOSED)
        return self._database

    def close(self) -> None:
        """Commit what is queued, end the thread, close the file. Harmless when repeated."""
        self._closing = True
        self._hurry.set()
        self._work.set()
        if self._thread is threading.current_thread():
            # A forgotten store may be collected on any thread, also on its own: that one ends by itself.
            return
        if self._thread is not None:
            self._thread.join()
        self._refuse(self.failure or WriteFailed(_CLOSED))
        database, self._database = self._database, None
        if database is not None:
            database.close()

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._database = self._source()
            # Here and not at the top: a store that never writes does without SQLAlchemy (0.5 s to import).
            from store.commit import open_committer

            with self._database.connect() as connection:
                committer = open_committer(connection, self._options.attempts)
                self._ready.set()
                self._commit_until_closed(connection, committer)
        except Exception as error:  # noqa: BLE001 -- whatever it is, everybody who waits must hear of it
            self._fail(error)
        finally:
            self._ready.set()

    def _commit_until_closed(self, connection: Connection, committer: LogCommitter) -> None:
        while True:
            self._work.wait()
            if not self._closing:
                self._hurry.wait(self._options.commit_interval)
            self._work.clear()
            self._hurry.clear()
            closing = self._closing
            grown = self._commit_group(committer)
            while self._jobs and self._jobs[0][0] <= self.committed:
                _, job, future = self._jobs.popleft()
                if future.set_running_or_notify_cancel():
                    job(connection)
            if self._compactions:
                self._compact(connection, grown, closing)
            if self._revisions or self._compactions:
                self._work.set()
                if self._waiters or self._jobs or len(self._revisions) >= self._options.commit_rows:
                    self._hurry.set()
            elif closing:
                return

    def _commit_group(self, committer: LogCommitter) -> int:
        """Commit what is queued, a group at most. Returns the number of its revisions."""
        with self._lock:
            waiters = len(self._waiters)
            meta, self._meta = self._meta, {}
        group = Group(meta=meta)
        revisions, attempts = self._revisions, self._attempts
        while revisions and len(group.revisions) < self._options.commit_rows:
            group.revisions.append(revisions.popleft())
        while attempts and len(group.attempts) < self._options.commit_rows:
            group.attempts.append(attempts.popleft())
        self._room.set()
        if attempts:
            waiters = 0
            self._work.set()
        if group.revisions:
            group.meta[CLUSTER_TIME] = str(group.revisions[-1][4])
        committer.commit(group)
        if group.revisions:
            self.committed = group.revisions[-1][0].revision
        with self._lock:
            served = [waiter for waiter in self._waiters[:waiters] if waiter[0] <= self.committed]
            self._waiters = [
                waiter for at, waiter in enumerate(self._waiters) if at >= waiters or waiter[0] > self.committed
            ]
        for _, future in served:
            if future.set_running_or_notify_cancel():
                future.set_result(None)
        if group.revisions:
            for listener in self._commit_listeners:
                try:
                    listener()
                except Exception:  # noqa: BLE001 -- one listener's failure is not the log's
                    _log.exception("a commit listener failed")
        return len(group.revisions)

    def _compact(self, connection: Connection, grown: int, closing: bool) -> None:
        """A batch, or twice what the log has just `grown` by: a busy log must not outrun what keeps it bounded."""
        from store.compaction import BATCH, compact_batch

        owed = 2 * grown
        while self._compactions and owed >= 0:
            target, future = self._compactions[0]
            reached = compact_batch(connection, min(target, Revision(self.committed - self._options.keep_newest)))
            owed -= BATCH
            if reached >= target or (closing and owed < 0):
                self._compactions.popleft()
                if future.set_running_or_notify_cancel():
                    future.set_result(reached)

    def _fail(self, error: Exception) -> None:
        failure = WriteFailed(f"the store cannot write any more: {getattr(error, 'orig', None) or error}")
        failure.__cause__ = error
        self._refuse(failure)
        for listener in self._failure_listeners:
            try:
                listener(failure)
            except Exception:  # noqa: BLE001 -- the others must still be told
                _log.exception("a failure listener failed")

    def _refuse(self, failure: WriteFailed) -> None:
        """Acknowledge nothing any more, and tell everybody who waits."""
        with self._lock:
            self.failure = failure
            waiting: list[Future[None] | Future[Revision]] = [future for _, future in self._waiters]
            waiting += [future for _, future in self._compactions]
            waiting += [future for _, _, future in self._jobs]
            self._waiters = []
            self._compactions.clear()
            self._jobs.clear()
        self._revisions.clear()
        self._attempts.clear()
        self._room.set()
        for future in waiting:
            if future.set_running_or_notify_cancel():
                future.set_exception(failure)
