"""The store: the present in memory, every revision on its way to SQLite, and a ring of events for watchers.

A write changes memory and is numbered at once, so the engine sees what it did; the row goes to the writer thread,
which commits it with its group (store/writer.py). `committed` follows `revision` by some 25 ms, or less when somebody
waits with `when_committed`. Watchers outside the engine read the ring up to `committed` (store/watch.py); history is
read from the file (store/history.py). Without a path the log is a temporary file that is made when it is needed.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from store.attempts import AttemptLog
from store.group import CREATE, DELETE, UPDATE
from store.options import StoreOptions
from store.present import IndexFunction, Present
from store.types import (
    ADDED,
    DELETED,
    MODIFIED,
    Attempt,
    Author,
    Envelope,
    FutureRevision,
    JsonObject,
    Micros,
    ObjectKey,
    Resource,
    Revision,
    Snapshot,
    ThinEnvelope,
    Uid,
    WatchEvent,
    WriteFailed,
    encode,
)
from store.watch import Cursor, Ring
from store.writer import Writer

if TYPE_CHECKING:
    from store.branches import Difference
    from store.database import Database
    from store.history import History
    from store.loading import Loaded

__all__ = ["IndexFunction", "Store", "StoreOptions"]


class Store:
    """Owned by the engine thread. Any thread may use envelopes it was given, cursors, history and acknowledgements."""

    def __init__(self, options: StoreOptions = StoreOptions()) -> None:
        """An empty store that lasts as long as this object. `Store.open` is the one that lasts."""
        self._begin(options, Present(), None, _temporary)

    @classmethod
    def open(cls, path: str | Path | None, *, durable: bool = False, options: StoreOptions = StoreOptions()) -> Store:
        """Open the store at `path`, or create it there; with None, a store without a file of its own.

        `durable`: acknowledged writes survive a power cut too, not only a killed process (PRAGMA synchronous=FULL).
        Raises CannotOpen, InUse, Damaged, NewerFormat; the file is then as it was.
        """
        if path is None:
            return cls(options)
        # Here and not at the top: a store without a file does without SQLAlchemy until it writes (0.5 s to import).
        from store.database import Database
        from store.loading import load

        database = Database.open(Path(path), durable=durable)
        present = Present()
        try:
            loaded = load(database, present, options)
        except BaseException:
            database.close()
            raise
        store = cls.__new__(cls)
        store._begin(options, present, loaded, lambda: database)
        store._writer.start()
        return store

    def _begin(
        self, options: StoreOptions, present: Present, loaded: Loaded | None, source: Callable[[], Database]
    ) -> None:
        self._options, self._present = options, present
        self._head = loaded.head if loaded else Revision(0)
        self._cluster_time = loaded.cluster_time if loaded else None
        self._meta = dict(loaded.meta) if loaded else {}
        self._writer = writer = Writer(source, options, self._head)
        self._ring = Ring(self._head, options.ring_events, options.ring_bytes, lambda: writer.committed)
        self._attempts = AttemptLog(
            options.attempts_in_memory,
            loaded.attempts if loaded else (),
            lambda *which: _older_attempts(writer, *which),
        )
        self._listeners: list[tuple[Callable[[WatchEvent], None], Sequence[Resource]]] = []
        self._listening: dict[tuple[str, ...], tuple[Callable[[WatchEvent], None], ...]] = {}
        """(group, plural) → who is called for that kind, made when the kind is first written."""
        self._thin = options.thin
        self._finalizer = weakref.finalize(self, writer.close)

    def close(self) -> None:
        """Commit everything and give the file back. Harmless when repeated; also done when the process ends."""
        self._finalizer()

    # -- where the log stands --------------------------------------------------------------------------------------

    @property
    def revision(self) -> Revision:
        """The newest revision, committed or not: what the engine itself sees."""
        return self._head

    @property
    def committed(self) -> Revision:
        """The newest revision that is in the file: what the outside may be told."""
        return self._writer.committed

    @property
    def cluster_time(self) -> Micros | None:
        """The instant of the newest write, where a reopened cluster goes on; None in a new store."""
        return self._cluster_time

    @property
    def failure(self) -> WriteFailed | None:
        """Why nothing is acknowledged any more; None while all is well."""
        return self._writer.failure

    def when_committed(self, revision: Revision) -> Future[None]:
        """Done when `revision` is safe; fails with WriteFailed or FutureRevision. Makes the writer hurry.

        Callbacks of the future run on the writer thread: only wake somebody there.
        """
        if revision > self._head:
            future: Future[None] = Future()
            future.set_exception(FutureRevision(revision, self._head))
            return future
        return self._writer.when_committed(revision)

    def flush(self) -> None:
        """Return when everything is in the file. Raises WriteFailed."""
        self._writer.barrier(self._head).result()

    def on_commit(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back once per commit, on the writer thread: only wake somebody there. Returns how to end it."""
        return self._writer.on_commit(callback)

    def on_failure(self, callback: Callable[[WriteFailed], None]) -> None:
        """Call back, on the writer thread, when a commit failed; at once if one did already."""
        self._writer.on_failure(callback)

    # -- reads of the present --------------------------------------------------------------------------------------

    def get(self, key: ObjectKey) -> Envelope | None:
        """The object of that name, None without one."""
        return self._present.get(key)

    def list(self, resource: Resource, namespace: str | None = None) -> Sequence[Envelope]:
        """Objects of one kind ordered by (namespace, name); all namespaces with None."""
        return self._present.list(resource, namespace)

    def count(self, resource: Resource) -> int:
        return self._present.count(resource)

    def owned_by(self, uid: Uid) -> Sequence[Envelope]:
        """Objects with an ownerReference to `uid`, controlling or not, oldest first."""
        return self._present.owned_by(uid)

    def add_index(self, resource: Resource, name: str, function: IndexFunction) -> None:
        """Keep objects findable by the values that `function` yields.

        Each who needs an index may add it: one of that name that is there already stays as it is.
        """
        self._present.add_index(resource, name, function)

    def by_index(self, resource: Resource, name: str, value: str) -> Sequence[Envelope]:
        """Objects whose index function yielded `value`, in the order in which they came to it."""
        return self._present.by_index(resource, name, value)

    # -- writes ----------------------------------------------------------------------------------------------------

    def put(self, key: ObjectKey, obj: JsonObject, author: Author, at: Micros) -> Envelope:
        """Create or replace. `obj` and `obj["metadata"]` must be fresh dicts; they belong to the store from now on.

        Raises TypeError if `obj` is no JSON, ValueError if its uid is another than that of the object it replaces;
        nothing is changed then.
        """
        revision = Revision(self._head + 1)
        obj["metadata"]["resourceVersion"] = str(revision)
        raw = encode(obj)
        before = self._present.get(key)
        thin = key[:2] in self._thin
        kind = ThinEnvelope if thin else Envelope
        if before is None:
            env = kind(key, revision, raw, obj)
            self._apply(WatchEvent(ADDED, env, None, revision), CREATE, author, at)
        else:
            env = kind(key, revision, raw, obj, before.created)
            if env.uid != before.uid:
                raise ValueError(f"{key} has uid {before.uid}: delete it before another takes its name")
            self._apply(WatchEvent(MODIFIED, env, before, revision), UPDATE, author, at)
        if isinstance(env, ThinEnvelope):
            env.drop_obj()
        return env

    def delete(self, key: ObjectKey, author: Author, at: Micros) -> Envelope:
        """Remove. Returns the last state, stamped with the deleting revision. KeyError if there is none."""
        before = self._present.get(key)
        if before is None:
            raise KeyError(key)
        revision = Revision(self._head + 1)
        last = before.obj
        obj = {**last, "metadata": {**last["metadata"], "resourceVersion": str(revision)}}
        kind = ThinEnvelope if key[:2] in self._thin else Envelope
        env = kind(key, revision, encode(obj), obj, before.created)
        self._apply(WatchEvent(DELETED, env, before, revision), DELETE, author, at)
        if isinstance(env, ThinEnvelope):
            env.drop_obj()
        return env

    def _apply(self, event: WatchEvent, op: int, author: Author, at: Micros) -> None:
        _, env, before, revision = event
        self._present.change(before, None if op == DELETE else env)
        self._head, self._cluster_time = revision, at
        previous = before.revision if before is not None else None
        self._ring.append(event)
        self._writer.queue((env, op, previous, author, at, Micros(time.time_ns() // 1000)))
        kind = env.key[:2]
        listening = self._listening.get(kind)
        if listening is None:
            listening = tuple([listener for listener, wanted in self._listeners if not wanted or kind in wanted])
            self._listening[kind] = listening
        for listener in listening:
            listener(event)

    # -- watching --------------------------------------------------------------------------------------------------

    def listen(self, listener: Callable[[WatchEvent], None], *resources: Resource) -> Callable[[], None]:
        """Call with every event of these resources, or of all, as it is applied (on the engine thread, before commit).

        Listeners only enqueue. They are called in the order in which they came. Returns how to end it.
        """
        entry = (listener, resources)
        self._listeners.append(entry)
        self._listening.clear()

        def remove() -> None:
            if entry in self._listeners:
                self._listeners.remove(entry)
                self._listening.clear()

        return remove

    def watch(self, since: Revision) -> Cursor:
        """A cursor over committed events after `since`. Raises Expired or FutureRevision. Any thread."""
        self._writer.start()
        return self._ring.cursor(since)

    # -- history ---------------------------------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """What was. Any thread, best another than the engine's."""
        from store.history import History  # it needs SQLAlchemy

        return History(self._writer.database, self._settle)

    def compact(self, target: Revision) -> Future[Revision]:
        """Forget what only moments before `target` need, in the background; the newest `keep_newest` stay.

        Done with the oldest revision whose state can be told; asking for older ones raises Expired.
        """
        return self._writer.compact(min(target, Revision(self._head - self._options.keep_newest)))

    def retain(self, keep: int) -> Future[Revision]:
        """Compact so that the newest `keep` revisions stay: what a timer calls to bound the file."""
        return self.compact(Revision(self._head - keep))

    # -- branches --------------------------------------------------------------------------------------------------

    def snapshot(self, name: str, leaving: Collection[Resource] = ()) -> Future[Snapshot]:
        """Give the present a name; kinds of `leaving` are no part of it. Fails with SnapshotExists or WriteFailed."""
        from store import branches  # it needs SQLAlchemy

        pins = [(env.created, env.revision) for env in self._present.all(leaving)]
        moment = branches.moment(name, self._head, self._cluster_time or Micros(0), len(pins))
        return self._writer.run(lambda connection: branches.take(connection, name, moment, pins), self._head)

    def drop_snapshot(self, name: str) -> Future[None]:
        """Forget a snapshot. The future fails with NoSnapshot or WriteFailed."""
        from store import branches  # it needs SQLAlchemy

        return self._writer.run(lambda connection: branches.drop(connection, name), Revision(0))

    def snapshots(self) -> Sequence[Snapshot]:
        """All snapshots, oldest first. Any thread."""
        from store import branches  # it needs SQLAlchemy

        with self._writer.database().reading() as connection:
            return branches.snapshots(connection)

    def difference(self, name: str, leaving: Collection[Resource] = ()) -> Difference:
        """What going back to a snapshot would do to the present; kinds of `leaving` are let be. Raises NoSnapshot."""
        from store import branches  # it needs SQLAlchemy

        living: dict[int, Envelope] = {env.created: env for env in self._present.all(leaving)}
        with self._writer.database().reading() as connection:
            return branches.difference(connection, name, living, leaving)

    def fork(self, path: Path) -> None:
        """Copy everything up to now into a new store at `path`. Raises CannotOpen. Any thread."""
        from store import branches  # it needs SQLAlchemy

        self._settle(None)
        branches.copy(self._writer.database(), path)

    def _settle(self, revision: Revision | None) -> None:
        self.when_committed(self._head if revision is None else revision).result()

    # -- scheduling attempts and meta ------------------------------------------------------------------------------

    def record_attempts(self, rows: Iterable[Attempt]) -> None:
        """Keep rows of a scheduling attempt. They can be read at once; the oldest leave when there are too many."""
        self._writer.queue_attempts(self._attempts.record(rows))

    def attempts(self, pod_uid: Uid, limit: int = 100) -> Sequence[Attempt]:
        """A pod's rows, newest first."""
        return self._attempts.of(pod_uid, limit)

    def get_meta(self, key: str) -> str | None:
        """A small durable value; None if it was never set."""
        return self._meta.get(key)

    def set_meta(self, key: str, value: str) -> None:
        """Set a small durable value (the seed, the console's last namespace). Safe after the next commit."""
        self._meta[key] = value
        self._writer.set_meta(key, value)

    # -- for tests -------------------------------------------------------------------------------------------------

    def assert_unmutated(self) -> None:
        """Raise AssertionError if somebody changed a stored dict in place (client-go's mutation detector)."""
        for env in self._present.all():
            assert env.is_unmutated(), f"{env} was changed in place"


def _temporary() -> Database:
    from store.database import Database  # it needs SQLAlchemy

    return Database.temporary()


def _older_attempts(writer: Writer, pod_uid: Uid, before: int, limit: int) -> Sequence[Attempt]:
    from store import sql  # it needs SQLAlchemy

    with writer.database().reading() as connection:
        rows = connection.execute(sql.ATTEMPTS_OF_POD, {"pod_uid": pod_uid, "before": before, "limit": limit}).all()
    return [Attempt(*row[1:]) for row in rows]
