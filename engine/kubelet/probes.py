"""Probing one container: startup, readiness and liveness, by thresholds, at no cost while nothing can change.

The first probe comes `initialDelaySeconds` after the container's start, the next ones every `periodSeconds`. A
container tells with each answer until when it holds; once a passing probe has settled, the prober sleeps until the
first of its ticks at which the answer can be another. A failing one goes on ticking, since each failure is an event.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.clock import Clock, Timer
from engine.kubelet.facts import ProbeFacts
from engine.kubelet.runtime import Handle


class Prober:
    """Runs one probe of one run of a container."""

    __slots__ = ("_clock", "_count", "_failed", "_first", "_handle", "_last", "_timer", "_turned", "probe", "result")

    def __init__(
        self, clock: Clock, probe: ProbeFacts, handle: Handle, failed: Callable[[Prober, str], None],
        turned: Callable[[Prober], None],
    ) -> None:  # fmt: skip
        """`failed` is told of each failed probe, `turned` when thresholds make the result another."""
        self._clock, self.probe, self._handle = clock, probe, handle
        self._failed, self._turned = failed, turned
        self.result: bool | None = None
        """By thresholds: passed, failed, or None while undecided."""
        self._last: bool | None = None
        self._count = 0
        self._first = max(clock.now(), handle.started_at + probe.delay)
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Start probing: at once when the first probe is due."""
        if self._first <= self._clock.now():
            self._tick()
        else:
            self._timer = self._clock.call_at(self._first, self._tick)

    def assume(self, result: bool) -> None:
        """Take over a result from before, instead of `begin`; the next tick is one of the container's own."""
        self.result = self._last = result
        self._count = self.probe.successes if result else self.probe.failures
        self._first = self._handle.started_at + self.probe.delay
        self._sleep_until(self._clock.now())

    def refresh(self) -> None:
        """The container behaves otherwise from now on: look at its next tick."""
        self._sleep_until(self._clock.now())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        now = self._clock.now()
        answer = self._handle.answer(self.probe, now)
        self._count = self._count + 1 if answer.ok == self._last else 1
        self._last = answer.ok
        settled = self._count >= (self.probe.successes if answer.ok else self.probe.failures)
        self._timer = None
        if answer.ok and settled:
            if answer.until is not None:
                self._sleep_until(answer.until)
        else:
            self._timer = self._clock.call_at(now + self.probe.period, self._tick)
        if not answer.ok:
            self._failed(self, answer.message)
        if settled and self.result is not answer.ok:
            self.result = answer.ok
            self._turned(self)

    def _sleep_until(self, instant: int) -> None:
        periods = max(0, -(-(instant - self._first) // self.probe.period))
        self.stop()
        self._timer = self._clock.call_at(self._first + periods * self.probe.period, self._tick)
