"""Work of the simulated drivers that takes its time: begun with the first look, done when its span has passed."""

from __future__ import annotations

from collections.abc import Hashable

from engine.clock import Clock


class SlowWork:
    """Jobs under way, by whatever names them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[Hashable, int] = {}

    def wait(self, job: Hashable, takes: int) -> int:
        """Microseconds until the job is done; 0 when it is, and then it is forgotten."""
        now = self._clock.now()
        due = self._due.setdefault(job, now + takes)
        if now < due:
            return due - now
        del self._due[job]
        return 0

    def clear(self) -> None:
        self._due.clear()
