"""One ring of events for all watchers, and a cursor for each.

The engine appends every revision once, whatever the number of watchers. A watcher polls its cursor (from any thread)
after the one wake-up per commit and sees committed revisions only, in order, none twice. The ring is bounded in
events and bytes; a watcher that falls behind its tail gets Expired and lists again. Nobody ever waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from store.types import Expired, FutureRevision, Revision, WatchEvent

_OVERHEAD: Final = 512
"""Bytes of an event beside its JSON, about: envelope, tuple, keys."""


class Ring:
    """The newest events. Each revision is one event, so a revision's slot is its number modulo the capacity."""

    def __init__(self, head: Revision, capacity: int, max_bytes: int, committed: Callable[[], Revision]) -> None:
        self._slots: list[WatchEvent | None] = [None] * capacity
        self._capacity, self._max_bytes = capacity, max_bytes
        self._bytes = 0
        self._tail = head + 1
        self._head = head
        self._committed = committed

    @property
    def head(self) -> Revision:
        """The newest revision, committed or not."""
        return self._head

    @property
    def oldest(self) -> Revision:
        """The oldest revision after which a watch may begin."""
        return Revision(self._tail - 1)

    def append(self, event: WatchEvent) -> None:
        """Engine thread only."""
        revision = event.revision
        if revision - self._tail >= self._capacity:
            self._evict()
        self._slots[revision % self._capacity] = event
        self._head = revision
        self._bytes += len(event.now.raw) + _OVERHEAD
        while self._bytes > self._max_bytes and self._tail < revision:
            self._evict()

    def _evict(self) -> None:
        slot = self._tail % self._capacity
        # First the tail, then the slot: a reader who finds an empty slot will also find that the tail has passed it.
        self._tail += 1
        event = self._slots[slot]
        self._slots[slot] = None
        if event is not None:
            self._bytes -= len(event.now.raw) + _OVERHEAD

    def read(self, after: Revision, limit: int) -> list[WatchEvent]:
        """Up to `limit` committed events after a revision. Raises Expired. Any thread."""
        first = after + 1
        if first < self._tail:
            raise Expired(after, self.oldest)
        last = min(self._committed(), self._head, after + limit)
        events = [self._slots[revision % self._capacity] for revision in range(first, last + 1)]
        if first < self._tail:
            raise Expired(after, self.oldest)
        return cast(list[WatchEvent], events)

    def cursor(self, since: Revision) -> Cursor:
        """A cursor that begins after `since`. Raises Expired or FutureRevision."""
        if since > self._head:
            raise FutureRevision(since, self._head)
        if since < self.oldest:
            raise Expired(since, self.oldest)
        return Cursor(self, since)


class Cursor:
    """One watcher's place in the ring. Used by one thread at a time."""

    __slots__ = ("_ring", "position")

    def __init__(self, ring: Ring, position: Revision) -> None:
        self._ring = ring
        self.position = position
        """The newest revision that was handed out (or that the watch began after)."""

    def poll(self, limit: int = 500) -> list[WatchEvent]:
        """The next committed events, at most `limit`; none when the watcher is up to date. Raises Expired."""
        events = self._ring.read(self.position, limit)
        if events:
            self.position = events[-1].revision
        return events
