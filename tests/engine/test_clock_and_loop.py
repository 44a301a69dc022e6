"""Cluster time and the loop: timers, pace, requests, crashes."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import MINUTE, SECOND, Clock, parse_time, rfc3339, rfc3339_micro
from engine.loop import Loop
from engine.seed import Seed

START = parse_time("2026-11-23T09:00:00Z")


def make() -> tuple[Clock, Loop]:
    clock = Clock(START)
    return clock, Loop(clock)


def test_time_moves_only_between_timers() -> None:
    """A timer sees exactly the instant it asked for, and ready work happens before time moves."""
    clock, loop = make()
    seen: list[tuple[str, int]] = []
    clock.call_later(3 * SECOND, lambda: seen.append(("timer", clock.now() - START)))
    loop.call_soon(lambda: loop.call_soon(lambda: seen.append(("soon", clock.now() - START))))
    loop.run_until(START + MINUTE)
    assert seen == [("soon", 0), ("timer", 3 * SECOND)]
    assert clock.now() == START + MINUTE


def test_timers_of_one_instant_fire_in_the_order_they_were_set() -> None:
    """Order never depends on anything but the order of setting."""
    clock, loop = make()
    seen: list[int] = []
    for number in range(20):
        clock.call_at(START + SECOND, lambda number=number: seen.append(number))  # type: ignore[misc]
    loop.run_until(START + SECOND)
    assert seen == list(range(20))


def test_cancelled_timer_does_not_fire() -> None:
    """Cancelling is final and leaves others alone."""
    clock, loop = make()
    seen: list[str] = []
    clock.call_later(SECOND, lambda: seen.append("a")).cancel()
    clock.call_later(SECOND, lambda: seen.append("b"))
    loop.run_until(START + 2 * SECOND)
    assert seen == ["b"]


def test_timer_in_the_past_fires_now() -> None:
    """Time never runs backwards."""
    clock, loop = make()
    loop.run_until(START + MINUTE)
    seen: list[int] = []
    clock.call_at(START, lambda: seen.append(clock.now()))
    loop.run_until(START + MINUTE)
    assert seen == [START + MINUTE]


def test_crash_of_a_callback_leaves_the_others_running() -> None:
    """One component's exception is reported, the loop goes on."""
    clock = Clock(START)
    crashes: list[BaseException] = []
    loop = Loop(clock, crashes.append)
    seen: list[str] = []
    loop.call_soon(lambda: 1 / 0)  # type: ignore[arg-type]
    clock.call_later(SECOND, lambda: 1 / 0)  # type: ignore[arg-type]
    clock.call_later(2 * SECOND, lambda: seen.append("later"))
    loop.run_until(START + MINUTE)
    assert seen == ["later"]
    assert len(crashes) == 2


def test_requests_of_other_threads_are_answered_while_running_and_while_paused() -> None:
    """A future carries the result or the exception; pausing cluster time does not stop requests."""
    clock = Clock(START, speed=1.0)
    loop = Loop(clock)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        assert loop.submit(lambda: 42).result(5) == 42
        loop.submit(lambda: clock.set_speed(0)).result(5)
        stood = loop.submit(clock.now).result(5)
        assert loop.submit(clock.now).result(5) == stood
        with pytest.raises(ZeroDivisionError):
            loop.submit(lambda: 1 / 0).result(5)
        fired = threading.Event()
        loop.submit(lambda: clock.call_later(MINUTE, fired.set)).result(5)
        loop.submit(lambda: clock.set_speed(1000)).result(5)
        assert fired.wait(5)
    finally:
        loop.stop()
        thread.join(5)
    assert not thread.is_alive()


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_times_round_trip(instant: int) -> None:
    """Kubernetes' micro time keeps every microsecond, its second time the second."""
    assert parse_time(rfc3339_micro(instant)) == instant
    assert parse_time(rfc3339(instant)) == instant - instant % SECOND


def test_same_seed_same_names() -> None:
    """Chance is repeatable, and another after a reopening."""
    one, two, later = Seed(7), Seed(7), Seed(7, revision=10)
    names = [(one.uid(), one.suffix()) for _ in range(50)]
    assert names == [(two.uid(), two.suffix()) for _ in range(50)]
    assert names != [(later.uid(), later.suffix()) for _ in range(50)]
    assert len(set(names)) == 50
    assert all(uid[14] == "4" and len(uid) == 36 and len(suffix) == 5 for uid, suffix in names)


def test_a_request_happens_now_and_not_when_the_last_timer_fired(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet cluster's clock stands between timers; a request from outside brings it up to the wall first."""
    clock = Clock(START, speed=1.0)
    loop = Loop(clock)
    wall = time.monotonic()
    clock.set_speed(1.0)
    clock.call_later(MINUTE, loop.stop)
    monkeypatch.setattr(time, "monotonic", lambda: wall + 10)
    asked = loop.submit(clock.now)
    loop.submit(loop.stop)
    loop.run()
    assert 9 * SECOND < asked.result() - START <= 10 * SECOND
