"""A work queue of keys, as client-go's: a key is queued once, never reconciled twice at a time, and backs off.

- `add` while the key waits does nothing; while it is being reconciled it is queued again afterwards.
- `add_after` waits in cluster time; the earliest of several waits wins.
- `add_rate_limited` waits 5 ms · 2ⁿ, at most 1000 s, n the failures since `forget` (DefaultTypedControllerRateLimiter).

Keys come out in the order in which they became due. Nothing here costs anything while nothing is queued.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from engine.clock import SECOND, Clock, Timer

K = TypeVar("K", bound=Hashable)
_BASE: Final = 5_000
_MAX: Final = 1000 * SECOND
_MAX_SHIFT: Final = 28
"""5 ms · 2²⁸ is far above the maximum: no need to compute larger powers."""


class WorkQueue(Generic[K]):
    """Keys waiting for a reconcile. `on_ready` is called when the queue turns from empty to non-empty."""

    def __init__(self, clock: Clock, on_ready: Callable[[], None]) -> None:
        self._clock, self._on_ready = clock, on_ready
        self._queue: deque[K] = deque()
        self._dirty: set[K] = set()
        """Keys to reconcile: those in `_queue`, and those in `_processing` that changed meanwhile."""
        self._processing: set[K] = set()
        self._waiting: dict[K, Timer] = {}
        self._failures: dict[K, int] = {}

    def __len__(self) -> int:
        """Keys that are ready now."""
        return len(self._queue)

    @property
    def waiting(self) -> int:
        """Keys that wait for an instant to come."""
        return len(self._waiting)

    def add(self, key: K) -> None:
        """Queue for the present instant."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key in self._processing:
            return
        self._queue.append(key)
        if len(self._queue) == 1:
            self._on_ready()

    def add_after(self, key: K, span: int) -> None:
        """Add after `span` microseconds of cluster time; at once when it is 0 or less."""
        if span <= 0:
            self.add(key)
            return
        when = self._clock.now() + span
        timer = self._waiting.get(key)
        if timer is not None:
            if timer.when <= when:
                return
            timer.cancel()

        def due() -> None:
            self._waiting.pop(key, None)
            self.add(key)

        self._waiting[key] = self._clock.call_at(when, due)

    def add_rate_limited(self, key: K) -> None:
        """Add after the key's back-off, which doubles."""
        self._failures[key] = self._failures.get(key, 0) + 1
        self.add_after(key, self.back_off(key))

    def back_off(self, key: K) -> int:
        """Microseconds that the key waits after its last failure; 0 without one."""
        failures = self._failures.get(key, 0)
        return min(_BASE << min(failures - 1, _MAX_SHIFT), _MAX) if failures else 0

    def hold_back(self) -> None:
        """Keys that have failed and are queued wait as long as they did after their last failure."""
        failed = [key for key in self._failures if key in self._dirty or key in self._waiting]
        self._queue = deque(key for key in self._queue if key not in self._failures)
        for key in failed:
            self._dirty.discard(key)
            timer = self._waiting.pop(key, None)
            if timer is not None:
                timer.cancel()
            self.add_after(key, self.back_off(key))

    def forget(self, key: K) -> None:
        """The key was reconciled well: its back-off starts over."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """Failures since the key was last forgotten."""
        return self._failures.get(key, 0)

    def take(self) -> K | None:
        """The next key, marked as being processed; None when there is none. Call `done` afterwards."""
        if not self._queue:
            return None
        key = self._queue.popleft()
        self._dirty.discard(key)
        self._processing.add(key)
        return key

    def done(self, key: K) -> None:
        """The key's reconcile is over; it is queued again if it was added meanwhile."""
        if key not in self._processing:
            return
        self._processing.discard(key)
        if key in self._dirty:
            self._queue.append(key)
            if len(self._queue) == 1:
                self._on_ready()

    def clear(self) -> None:
        """Forget what is queued and what waits (the controller restarts). Failures are kept: back-off goes on."""
        for timer in self._waiting.values():
            timer.cancel()
        self._queue.clear()
        self._dirty.clear()
        self._processing.clear()
        self._waiting.clear()
