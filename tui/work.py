"""Long work under way: a drain, an action on many objects, going back to a snapshot.

It goes on in the background whatever screen is open; the header tells how far it is, and which key stops it. Stopping
is asked for between two steps, so nothing is left half done: whoever does the work looks at `stopped`, and tells at
the end what was done and what was not. What is one step of the engine's cannot be stopped, only left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple


class WorkState(NamedTuple):
    """How far a piece of work is."""

    what: str
    done: int
    total: int
    """0: it cannot be counted."""
    remark: str
    stoppable: bool

    @property
    def shown(self) -> bool:
        """One short step is over before it could be read."""
        return self.total != 1 or bool(self.remark)


class Work:
    """One piece of work."""

    def __init__(self, what: str, total: int, stoppable: bool, tell: Callable[[], None]) -> None:
        self.what, self.total, self.stoppable = what, total, stoppable
        self.done = 0
        self.remark = ""
        """What it waits for."""
        self._tell = tell
        self._stop = asyncio.Event()

    @property
    def stopped(self) -> bool:
        """Somebody wants no further step."""
        return self._stop.is_set()

    def stop(self) -> None:
        self._stop.set()

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        self._tell()

    def waits_for(self, remark: str) -> None:
        self.remark = remark
        self._tell()

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until it is stopped."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    @property
    def state(self) -> WorkState:
        return WorkState(self.what, self.done, self.total, self.remark, self.stoppable)


class WorkBoard:
    """All that is under way, in the order in which it began. Belongs to the app's thread."""

    def __init__(self, tell: Callable[[], None]) -> None:
        """`tell` is called at each change."""
        self._tell = tell
        self._running: list[Work] = []

    @property
    def running(self) -> tuple[Work, ...]:
        return tuple(self._running)

    @property
    def states(self) -> tuple[WorkState, ...]:
        return tuple(work.state for work in self._running)

    @contextmanager
    def begin(self, what: str, total: int = 0, stoppable: bool = True) -> Iterator[Work]:
        """Show a piece of work while it goes on. `total`: its steps, 0 when they cannot be counted."""
        work = Work(what, total, stoppable, self._tell)
        self._running.append(work)
        self._tell()
        try:
            yield work
        finally:
            self._running.remove(work)
            self._tell()
