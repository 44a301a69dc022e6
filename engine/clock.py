"""Cluster time: one clock per cluster, handed to everything that asks what time it is or wants to be called later.

Time stands still while work is being done: only the engine loop moves `now`, and only when nothing is left to do
at the present instant, from one due timer to the next. So a timer always sees exactly the instant it asked for,
whatever the speed and however busy the machine; under load the cluster's clock lags behind its speed instead of
skipping. Timers due at the same instant fire in the order in which they were set.

`pace` says how cluster time follows the wall: "stepped" (as fast as the work allows, for `run` and tests) or a
speed (1.0 is real time, 0 is paused).
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from store.types import Micros

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE


def seconds(value: float) -> int:
    """Seconds as a span of cluster time (microseconds)."""
    return round(value * SECOND)


class Timer:
    """A call to come. `cancel()` may be called at any moment, also after it fired."""

    __slots__ = ("_callback", "when")

    def __init__(self, when: int, callback: Callable[[], None]) -> None:
        self.when = when
        """Instant of cluster time, microseconds since the epoch."""
        self._callback: Callable[[], None] | None = callback

    @property
    def active(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Clock:
    """Cluster time and its timers. Belongs to the engine thread."""

    def __init__(self, start: int, speed: float | None = None) -> None:
        """`start`: microseconds since the epoch. `speed` None: stepped; else cluster seconds per wall second."""
        self._now = start
        self._timers: list[tuple[int, int, Timer]] = []
        self._sequence = 0
        self._speed = speed
        self._anchor = (time.monotonic(), start)

    def now(self) -> Micros:
        return Micros(self._now)

    def call_at(self, when: int, callback: Callable[[], None]) -> Timer:
        """Call back at an instant; one in the past fires as soon as the present work is done."""
        timer = Timer(when, callback)
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, timer))
        return timer

    def call_later(self, span: int, callback: Callable[[], None]) -> Timer:
        """Call back after `span` microseconds of cluster time."""
        return self.call_at(self._now + span, callback)

    # -- speed ---------------------------------------------------------------------------------------------------

    @property
    def speed(self) -> float | None:
        """Cluster seconds per wall second; 0 is paused, None is stepped."""
        return self._speed

    def set_speed(self, speed: float | None) -> None:
        self._speed = speed
        self._anchor = (time.monotonic(), self._now)

    # -- for the loop ----------------------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """Instant of the next active timer, None without one."""
        while self._timers and not self._timers[0][2].active:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def wall_target(self) -> int:
        """The instant that cluster time should have reached by the wall clock (`now` when paused or stepped)."""
        if not self._speed:
            return self._now
        wall, cluster = self._anchor
        return cluster + round((time.monotonic() - wall) * self._speed * SECOND)

    def wall_delay(self, when: int) -> float | None:
        """Wall seconds until `when` is due at the present speed; None while paused."""
        if self._speed is None:
            return 0.0
        if not self._speed:
            return None
        return max(0.0, (when - self.wall_target()) / SECOND / self._speed)

    def advance(self, until: int) -> bool:
        """Move to the next timer due at or before `until` and fire it; with none, move to `until`. True: one fired."""
        due = self.next_due()
        if due is None or due > until:
            self._now = max(self._now, until)
            return False
        _, _, timer = heapq.heappop(self._timers)
        self._now = max(self._now, due)
        timer.fire()
        return True


@lru_cache(maxsize=1024)
def _to_the_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def rfc3339(instant: int) -> str:
    """`2026-11-23T09:02:05Z`: how metav1.Time is written."""
    return _to_the_second(instant // SECOND) + "Z"


def rfc3339_micro(instant: int) -> str:
    """`2026-11-23T09:02:05.267844Z`: how metav1.MicroTime is written."""
    return f"{_to_the_second(instant // SECOND)}.{instant % SECOND:06d}Z"


def parse_time(text: str) -> Micros:
    """Instant of an RFC 3339 time. Raises ValueError if it is none."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    span = parsed - _EPOCH
    return Micros((span.days * 86_400 + span.seconds) * SECOND + span.microseconds)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
