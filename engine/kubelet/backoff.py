"""Exponential waits as client-go's flowcontrol.Backoff has them, for crashed containers and failed pulls.

The first failure waits not at all (a crash) or `start` (a pull); each further one twice as long, up to `limit`. After
twice `limit` without a failure it starts over.
"""

from __future__ import annotations


class Backoff:
    """The waits of one container, or of one pod's image. Spans and instants in microseconds."""

    __slots__ = ("_limit", "_start", "delay", "updated")

    def __init__(self, start: int, limit: int) -> None:
        self._start, self._limit = start, limit
        self.delay = 0
        """The present wait; 0: none yet."""
        self.updated = 0

    def until(self, since: int) -> int:
        """The instant before which nothing is tried again, after a failure at `since`."""
        if not self.delay or since - self.updated > 2 * self._limit:
            return since
        return since + self.delay

    def advance(self, at: int) -> None:
        """A try is made (crash) or has failed (pull): the next failure waits longer."""
        if not self.delay or at - self.updated > 2 * self._limit:
            self.delay = self._start
        else:
            self.delay = min(2 * self.delay, self._limit)
        self.updated = at
