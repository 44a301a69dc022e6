"""The work queue: every key once, never twice at a time, back-off and delays in cluster time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.clock import SECOND, Clock
from engine.controllers.workqueue import WorkQueue


class Harness:
    """A queue on a clock of its own, drained as soon as it is ready."""

    def __init__(self) -> None:
        self.clock = Clock(0)
        self.ready = 0
        self.queue: WorkQueue[str] = WorkQueue(self.clock, self._on_ready)

    def _on_ready(self) -> None:
        self.ready += 1

    def drain(self) -> list[str]:
        taken = []
        while (key := self.queue.take()) is not None:
            taken.append(key)
            self.queue.done(key)
        return taken

    def until(self, instant: int) -> None:
        while self.clock.advance(instant):
            pass


def test_a_key_is_queued_once() -> None:
    """Added thrice before it is taken, it comes out once, in the order of first addition."""
    h = Harness()
    for key in ("a", "b", "a", "a"):
        h.queue.add(key)
    assert h.ready == 1
    assert h.drain() == ["a", "b"]


def test_added_while_processed_comes_again_afterwards() -> None:
    """A change during the reconcile is not lost, and the key is never handed out twice at a time."""
    h = Harness()
    h.queue.add("a")
    assert h.queue.take() == "a"
    h.queue.add("a")
    h.queue.add("a")
    assert h.queue.take() is None
    h.queue.done("a")
    assert h.drain() == ["a"]


def test_the_earliest_of_several_waits_wins() -> None:
    """A later wait does not postpone an earlier one, and an earlier one replaces a later one."""
    h = Harness()
    h.queue.add_after("a", 10 * SECOND)
    h.queue.add_after("a", 3 * SECOND)
    h.queue.add_after("a", 5 * SECOND)
    h.until(2 * SECOND)
    assert h.drain() == []
    h.until(3 * SECOND)
    assert h.drain() == ["a"]
    h.until(60 * SECOND)
    assert h.drain() == []


def test_back_off_doubles_up_to_a_thousand_seconds() -> None:
    """5 ms, 10 ms, 20 ms … 1000 s; forgetting starts it over."""
    h = Harness()
    waits = []
    for _ in range(20):
        before = h.clock.now()
        h.queue.add_rate_limited("a")
        due = h.clock.next_due()
        assert due is not None
        waits.append(due - before)
        h.until(due)
        h.drain()
    assert waits[:4] == [5_000, 10_000, 20_000, 40_000]
    assert waits[17] == 655_360_000
    assert waits[18:] == [1000 * SECOND, 1000 * SECOND]
    h.queue.forget("a")
    assert h.queue.failures("a") == 0
    h.queue.add_rate_limited("a")
    assert h.clock.next_due() == h.clock.now() + 5_000


def test_clear_forgets_keys_but_not_failures() -> None:
    """After a restart nothing old is queued or waits, but a key that kept failing goes on backing off."""
    h = Harness()
    h.queue.add("a")
    h.queue.add_after("b", SECOND)
    h.queue.add_rate_limited("c")
    h.queue.take()
    h.queue.clear()
    h.queue.done("a")
    h.until(60 * SECOND)
    assert h.drain() == []
    assert h.queue.failures("c") == 1
    assert h.queue.waiting == 0


_OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["add", "after", "take", "done", "time"]), st.sampled_from("abc"), st.integers(0, 50))
)


@given(_OPERATIONS)
def test_nothing_is_lost_and_nothing_runs_twice_at_a_time(operations: list[tuple[str, str, int]]) -> None:
    """Whatever the order of additions and reconciles: each addition is followed by a reconcile that starts later."""
    h = Harness()
    owed: set[str] = set()
    processing: list[str] = []
    for operation, key, span in operations:
        if operation == "add":
            h.queue.add(key)
            owed.add(key)
        elif operation == "after":
            h.queue.add_after(key, span)
            owed.add(key)
        elif operation == "time":
            h.until(h.clock.now() + span)
        elif operation == "take":
            taken = h.queue.take()
            if taken is not None:
                assert taken not in processing
                processing.append(taken)
                owed.discard(taken)
        elif processing:
            h.queue.done(processing.pop(0))
    for key in processing:
        h.queue.done(key)
    h.until(h.clock.now() + 100)
    assert owed <= set(h.drain())
