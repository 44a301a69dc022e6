"""A timer wheel: members that each want a call once per period, at their own phase, for the price of one timer.

A thousand leases renewed every 10 s are a thousand phases on one wheel; the clock carries only its next spoke.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable

from engine.clock import Clock, Timer


class Wheel:
    """Calls `turn(member)` for each member once per period."""

    def __init__(self, clock: Clock, period: int, turn: Callable[[str], None]) -> None:
        self._clock, self._period, self._turn = clock, period, turn
        self._spokes: list[tuple[int, str]] = []
        self._members: dict[str, int] = {}
        self._timer: Timer | None = None

    def add(self, member: str, phase: int) -> None:
        """Call for `member` at every instant whose remainder by the period is `phase`."""
        self.remove(member)
        phase %= self._period
        insort(self._spokes, (phase, member))
        self._members[member] = phase
        self._arm(self._clock.now())

    def remove(self, member: str) -> None:
        phase = self._members.pop(member, None)
        if phase is not None:
            del self._spokes[bisect_right(self._spokes, (phase, member)) - 1]

    def _arm(self, after: int) -> None:
        """Set the timer for the first spoke later than `after`."""
        if not self._spokes:
            return
        position = bisect_right(self._spokes, (after % self._period, "\U0010ffff"))
        base = after - after % self._period
        if position == len(self._spokes):
            when = base + self._period + self._spokes[0][0]
        else:
            when = base + self._spokes[position][0]
        if self._timer is not None:
            if self._timer.active and self._timer.when == when:
                return
            self._timer.cancel()
        self._timer = self._clock.call_at(when, self._fire)

    def _fire(self) -> None:
        now = self._clock.now()
        phase = now % self._period
        low = bisect_right(self._spokes, (phase, ""))
        due = self._spokes[low : bisect_right(self._spokes, (phase, "\U0010ffff"))]
        self._arm(now)
        for _, member in due:
            if member in self._members:
                self._turn(member)
