"""The engine thread's loop: ready work, timers of cluster time, and requests from other threads.

Everything the engine does is a callback: `call_soon` for the present instant (first come, first served), a timer
of the `Clock` for a later one, `submit` for a request from another thread. Cluster time moves only when no ready
work is left. Callbacks should take about 2 ms at most and re-queue themselves when there is more, so that requests
from the console are answered in between. The loop sleeps when there is nothing to do: it costs nothing idle.

An exception in a callback is logged and handed to `on_crash`; the loop goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

from engine.clock import Clock

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_SLICE: Final = 0.002
"""Wall seconds of work before the loop looks at requests again and lets other threads run."""


class Loop:
    """Runs callbacks on the thread that calls `run` (or `run_until`)."""

    def __init__(self, clock: Clock, on_crash: Callable[[BaseException], None] | None = None) -> None:
        self.clock = clock
        self._ready: deque[Callable[[], None]] = deque()
        self._inbox: deque[Callable[[], None]] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._on_crash = on_crash

    # -- on the engine thread --------------------------------------------------------------------------------------

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run at the present instant, after what is already queued."""
        self._ready.append(callback)

    @property
    def quiet(self) -> bool:
        """Nothing left to do at the present instant."""
        return not self._ready and not self._inbox

    def run_until(self, instant: int) -> None:
        """Play cluster time as fast as it goes, up to and including `instant`."""
        while True:
            self._drain_inbox()
            self._run_ready()
            if not self._ready and not self._inbox and not self._fire(instant):
                return

    def settle(self) -> None:
        """Do what is ready at the present instant; cluster time does not move."""
        while self._ready or self._inbox:
            self._drain_inbox()
            self._run_ready()

    def run(self) -> None:
        """Run at the clock's speed until `stop`."""
        while not self._stopping:
            if self._inbox and not self._ready:
                self._catch_up()
            self._drain_inbox()
            if self._ready:
                self._run_ready()
                time.sleep(0)
                continue
            target = self.clock.wall_target()
            due = self.clock.next_due()
            if due is not None and due <= target:
                self._fire(target)
                continue
            if self.clock.speed:
                self.clock.advance(target)
            delay = None if due is None else self.clock.wall_delay(due)
            if self._wake.wait(delay):
                self._wake.clear()

    # -- from any thread -------------------------------------------------------------------------------------------

    def submit(self, work: Callable[[], _T]) -> Future[_T]:
        """Run `work` on the engine thread; its result or exception arrives in the future."""
        future: Future[_T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001  handed to the caller, who raises it
                future.set_exception(error)

        self._inbox.append(run)
        self._wake.set()
        return future

    def stop(self) -> None:
        """Leave `run` after the present callback."""
        self._stopping = True
        self._wake.set()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """A request from outside happens now, not when the last timer fired; unless timers are due before it."""
        target, due = self.clock.wall_target(), self.clock.next_due()
        if self.clock.speed and (due is None or due > target):
            self.clock.advance(target)

    def _drain_inbox(self) -> None:
        while self._inbox:
            self._guard(self._inbox.popleft())

    def _run_ready(self) -> None:
        end = time.perf_counter() + _SLICE
        while self._ready:
            self._guard(self._ready.popleft())
            if time.perf_counter() > end:
                return

    def _fire(self, until: int) -> bool:
        try:
            return self.clock.advance(until)
        except Exception as error:  # noqa: BLE001  one timer's crash must not stop the cluster
            self._crashed(error)
            return True

    def _guard(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:  # noqa: BLE001  one component's crash must not stop the cluster
            self._crashed(error)

    def _crashed(self, error: Exception) -> None:
        _log.error("a callback failed", exc_info=error)
        if self._on_crash is not None:
            self._on_crash(error)
