"""The owners of pods that one controller looks after: their tallies, and when they are synced because pods changed.

Pods report in bursts. After a sync, further changes of an owner's pods wait for 50 ms (about what a controller
manager's client rate allows), so that ten thousand of them make some hundred syncs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic

from engine.clock import Clock
from engine.controllers.controller import Key, Queue
from engine.controllers.pod_tally import PodTallies, T
from store.store import Store
from store.types import Envelope, Uid

_PACE: Final = 50_000
"""Microseconds between two syncs of one owner that only follow its pods."""


class PodOwners(Generic[T]):
    """One per controller."""

    def __init__(
        self, store: Store, clock: Clock, begin: Callable[[Envelope], T], on_forget: Callable[[Key], None]
    ) -> None:  # fmt: skip
        """`begin` makes an owner's empty tally. `on_forget` drops what else is kept under an owner's key."""
        self._clock, self._on_forget = clock, on_forget
        self._queue: Queue | None = None
        self._tallies = PodTallies(store, begin, self._changed, self._orphan_seen)
        self._synced: dict[Key, int] = {}
        """Instant of each owner's last sync."""
        self._uids: dict[Key, Uid] = {}

    def start(self, queue: Queue) -> None:
        """Forget everything; from now on keys go to this queue."""
        self._queue = queue
        self._tallies.clear()
        self._synced.clear()
        self._uids.clear()

    def tally(self, key: Key, env: Envelope) -> T:
        """The owner's tally; what was kept about an earlier owner of the name is forgotten."""
        if self._uids.get(key) != env.uid:
            self.forget(key)
            self._uids[key] = env.uid
        return self._tallies.of(env)

    def forget(self, key: Key) -> None:
        """The owner is gone."""
        uid = self._uids.pop(key, None)
        if uid is not None:
            self._tallies.drop(uid)
        self._synced.pop(key, None)
        self._on_forget(key)

    def synced(self, key: Key) -> None:
        """A sync has come to its end now."""
        self._synced[key] = self._clock.now()

    def _changed(self, uid: Uid, tally: T) -> None:
        if self._queue is not None:
            key = tally.key
            self._queue.add_after(key, self._synced.get(key, 0) + _PACE - self._clock.now())

    def _orphan_seen(self, pod: Envelope) -> None:
        for tally in self._tallies.all().values():
            if tally.key[0] == pod.namespace and tally.matches(pod.labels):
                tally.claim_due = True
                if self._queue is not None:
                    self._queue.add(tally.key)
