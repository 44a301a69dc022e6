"""The ring and its cursors."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from store.store import Store, StoreOptions
from store.types import Expired, FutureRevision, Micros, Revision
from tests.store.store_objects import AUTHOR, key, put


def test_watchers_see_committed_events_only(path: Path) -> None:
    """In revision order, each once, after the commit and not before."""
    store = Store.open(path, options=StoreOptions(commit_interval=3600.0))
    cursor = store.watch(Revision(0))
    put(store, "a")
    assert cursor.poll() == []
    store.flush()
    put(store, "b")
    assert [(e.type, e.now.name) for e in cursor.poll()] == [("ADDED", "a")]
    put(store, "a", phase="Running")
    store.delete(key("b"), AUTHOR, Micros(0))
    store.flush()
    assert [(e.type, e.now.name) for e in cursor.poll()] == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    assert cursor.poll() == []
    store.close()


def test_a_watch_begins_where_it_is_told(store: Store) -> None:
    """After a revision, and in portions of the limit."""
    for number in range(10):
        put(store, f"pod-{number}")
    store.flush()
    cursor = store.watch(Revision(4))
    assert [e.revision for e in cursor.poll(limit=3)] == [5, 6, 7]
    assert cursor.position == 7
    assert [e.revision for e in cursor.poll(limit=50)] == [8, 9, 10]


def test_a_watch_from_the_future_is_refused(store: Store) -> None:
    """With the API server's words."""
    put(store, "a")
    with pytest.raises(FutureRevision, match="Too large resource version: 9, current: 1"):
        store.watch(Revision(9))


def test_who_falls_behind_expires(path: Path) -> None:
    """The tail moves on whoever watches: by number of events, and by bytes."""
    for options in (StoreOptions(ring_events=8), StoreOptions(ring_bytes=8 * 650)):
        store = Store.open(None, options=options)
        slow, quick = store.watch(Revision(0)), store.watch(Revision(0))
        for number in range(20):
            put(store, f"pod-{number}")
            store.flush()
            assert [e.revision for e in quick.poll()] == [number + 1]
        with pytest.raises(Expired, match=r"too old resource version: 0 \(12\)"):
            slow.poll()
        with pytest.raises(Expired):
            store.watch(Revision(11))
        assert len(store.watch(Revision(12)).poll()) == 8
        store.close()


def test_one_event_larger_than_the_ring_is_still_seen() -> None:
    """The newest event stays, whatever its size."""
    store = Store(StoreOptions(ring_bytes=1000))
    put(store, "a")
    put(store, "big", data="x" * 5000)
    store.flush()
    assert [e.now.name for e in store.watch(Revision(1)).poll()] == ["big"]


def test_after_reopening_only_the_new_can_be_watched(path: Path) -> None:
    """The ring is memory: older revisions are relisted, the present one can be watched from."""
    store = Store.open(path)
    put(store, "a")
    store.close()
    store = Store.open(path)
    with pytest.raises(Expired):
        store.watch(Revision(0))
    cursor = store.watch(Revision(1))
    put(store, "b")
    store.flush()
    assert [e.now.name for e in cursor.poll()] == ["b"]
    store.close()


def test_many_watchers_on_other_threads_miss_nothing(store: Store) -> None:
    """End to end: cursors on threads, woken once per commit, see every revision in order."""
    total = 3000
    seen: list[list[int]] = [[] for _ in range(4)]

    def follow(revisions: list[int]) -> None:
        cursor = store.watch(Revision(0))
        woken = threading.Event()
        remove = store.on_commit(woken.set)
        while len(revisions) < total:
            events = cursor.poll()
            revisions.extend(event.revision for event in events)
            if not events:
                woken.wait(0.05)
                woken.clear()
        remove()

    threads = [threading.Thread(target=follow, args=(revisions,)) for revisions in seen]
    for thread in threads:
        thread.start()
    for number in range(total):
        put(store, f"pod-{number % 50}", number=number)
    for thread in threads:
        thread.join(timeout=60)
    assert seen == [list(range(1, total + 1))] * 4
