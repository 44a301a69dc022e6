"""The scheduling queue on virtual time: order, back-off, moves by events, the flush after five minutes."""

from __future__ import annotations

import pytest

from engine.clock import MINUTE, SECOND, Clock
from engine.scheduler.config import SchedulerConfig
from engine.scheduler.podclass import PodClass
from engine.scheduler.queue import QueuedPod, SchedulingQueue
from store.types import Uid

CLASS = PodClass(1, {"containers": []})
OTHER = PodClass(2, {"containers": []})


class Setup:
    """A queue that waits for back-offs, as with the gate SchedulerPopFromBackoffQ off."""

    def __init__(self, pop_from_backoff: bool = False) -> None:
        self.clock = Clock(0)
        self.woken = 0
        self.queue = SchedulingQueue(self.clock, SchedulerConfig(pop_from_backoff=pop_from_backoff), self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def add(self, name: str, priority: int = 0, gated: bool = False) -> QueuedPod:
        return self.queue.add(Uid(name), "ns", name, priority, gated)

    def pop(self) -> str:
        pod = self.queue.pop()
        return pod.name if pod is not None else ""

    def fail(self, name: str, rejectors: tuple[str, ...] = ("Fit",), pod_class: PodClass = CLASS) -> None:
        """Try the next pod, which must be `name`, in vain."""
        pod = self.queue.pop()
        assert pod is not None
        assert pod.name == name
        self.queue.unschedulable(pod, pod_class, rejectors)

    def play(self, span: int) -> None:
        until = self.clock.now() + span
        while self.clock.advance(until):
            pass


@pytest.fixture
def setup() -> Setup:
    return Setup()


def test_order(setup: Setup) -> None:
    """Higher priority first, then who came first."""
    setup.add("a")
    setup.add("b", priority=10)
    setup.add("c", priority=10)
    setup.add("d")
    assert [setup.pop() for _ in range(5)] == ["b", "c", "a", "d", ""]


def test_adding_twice_is_adding_once(setup: Setup) -> None:
    """A pod is in the queue once."""
    setup.add("a")
    setup.add("a")
    assert [setup.pop(), setup.pop()] == ["a", ""]


def test_removed_is_never_given(setup: Setup) -> None:
    """A removed pod's entry in the heap is void."""
    setup.add("a")
    setup.add("b")
    setup.queue.remove(Uid("a"))
    assert [setup.pop(), setup.pop()] == ["b", ""]
    assert len(setup.queue) == 1


def test_event_moves_only_whom_it_helps(setup: Setup) -> None:
    """A hint is asked by plugin and class; the other pods stay."""
    setup.add("a")
    setup.add("b")
    setup.fail("a", ("Fit",), CLASS)
    setup.fail("b", ("Fit", "Ports"), OTHER)
    setup.play(20 * SECOND)
    asked: list[tuple[str, PodClass]] = []

    def helps(plugin: str, pod_class: PodClass) -> bool:
        asked.append((plugin, pod_class))
        return plugin == "Ports"

    assert setup.queue.move(helps) == 1
    assert asked == [("Fit", CLASS), ("Fit", OTHER), ("Ports", OTHER)]
    assert [setup.pop(), setup.pop()] == ["b", ""]


def test_hint_is_asked_once_per_group(setup: Setup) -> None:
    """A thousand equal pods cost one question."""
    for number in range(1000):
        setup.add(f"p{number:04d}")
        setup.fail(f"p{number:04d}")
    asked = 0

    def helps(plugin: str, pod_class: PodClass) -> bool:
        nonlocal asked
        asked += 1
        return True

    setup.play(10 * SECOND)
    assert setup.queue.move(helps) == 1000
    assert asked == 1
    assert setup.pop() == "p0000"


def test_backoff_doubles_to_ten_seconds(setup: Setup) -> None:
    """1, 2, 4, 8, 10, 10 s from the failure, though events come all the time."""
    setup.add("a")
    waits = []
    for _ in range(6):
        setup.fail("a")
        failed_at = setup.clock.now()
        setup.queue.move(lambda plugin, pod_class: True)
        while not setup.queue.ready:
            setup.play(100_000)
        waits.append((setup.clock.now() - failed_at) // SECOND)
    assert waits == [1, 2, 4, 8, 10, 10]


def test_event_after_the_backoff_is_at_once(setup: Setup) -> None:
    """Who has waited long enough is active right away."""
    setup.add("a")
    setup.fail("a")
    setup.play(1 * SECOND)
    setup.queue.move(lambda plugin, pod_class: True)
    assert setup.pop() == "a"


def test_an_idle_scheduler_pops_from_backoff() -> None:
    """With SchedulerPopFromBackoffQ a backing-off pod is tried by an idle scheduler, a moment after the event."""
    setup = Setup(pop_from_backoff=True)
    setup.add("a")
    setup.fail("a")
    setup.add("b")
    setup.queue.move(lambda plugin, pod_class: True)
    assert [setup.pop(), setup.pop()] == ["b", ""]
    setup.play(SECOND // 10)
    assert [setup.pop(), setup.pop()] == ["a", ""]


def test_few_are_tried_early() -> None:
    """100 at once and 50 a second before their back-off ends; the others when it ends."""
    setup = Setup(pop_from_backoff=True)
    for number in range(300):
        setup.add(f"p{number:03d}")
        setup.fail(f"p{number:03d}")
    setup.play(SECOND // 2)
    setup.queue.move(lambda plugin, pod_class: True)
    setup.play(SECOND // 10)
    assert setup.queue.counts()["active"] == 100
    setup.play(SECOND * 4 // 10 - 1)
    assert setup.queue.counts()["active"] == 100
    setup.play(1)
    assert setup.queue.counts()["active"] == 300


def test_errors_always_wait() -> None:
    """A pod whose attempt ended in an error backs off even when the scheduler is idle."""
    setup = Setup(pop_from_backoff=True)
    setup.add("a")
    pod = setup.queue.pop()
    assert pod is not None
    setup.queue.failed(pod)
    assert setup.pop() == ""
    setup.play(SECOND - 1)
    assert setup.pop() == ""
    setup.play(1)
    assert setup.pop() == "a"


def test_an_error_after_the_refusal_counts_as_one() -> None:
    """Trouble while the refusal is being reported: the pod is in one place only, and backs off."""
    setup = Setup()
    pod = setup.add("a")
    setup.fail("a")
    setup.queue.failed(pod)
    assert setup.queue.counts() == {"active": 0, "backoff": 1, "unschedulable": 0, "gated": 0}
    assert setup.queue.move(lambda plugin, pod_class: True) == 0
    setup.play(SECOND)
    assert [setup.pop(), setup.pop()] == ["a", ""]


def test_flush_after_five_minutes(setup: Setup) -> None:
    """Without any event the pod is tried again after --pod-max-in-unschedulable-pods-duration."""
    setup.add("a")
    setup.fail("a")
    setup.play(2 * MINUTE)
    setup.add("b")
    setup.fail("b")
    setup.play(3 * MINUTE - 1)
    assert setup.pop() == ""
    setup.play(1)
    assert [setup.pop(), setup.pop()] == ["a", ""]
    setup.play(2 * MINUTE)
    assert setup.pop() == "b"


def test_nothing_waiting_means_no_timer(setup: Setup) -> None:
    """An idle queue keeps no clock running."""
    setup.add("a")
    setup.fail("a")
    setup.queue.remove(Uid("a"))
    setup.play(10 * MINUTE)
    assert setup.clock.next_due() is None


def test_gates(setup: Setup) -> None:
    """A gated pod is out of all queues until its gates go; its place in the order counts from then."""
    setup.add("gated", gated=True)
    setup.play(SECOND)
    setup.add("a")
    assert setup.queue.counts() == {"active": 1, "backoff": 0, "unschedulable": 0, "gated": 1}
    setup.play(SECOND)
    setup.add("gated", gated=False)
    assert [setup.pop(), setup.pop(), setup.pop()] == ["a", "gated", ""]


def test_a_changed_pod_is_tried_again(setup: Setup) -> None:
    """`touched` moves it out of the unschedulable ones."""
    setup.add("a")
    setup.fail("a")
    setup.play(SECOND)
    setup.queue.touched(Uid("a"))
    assert setup.pop() == "a"


def test_attempts_are_counted(setup: Setup) -> None:
    """Each pop is an attempt."""
    pod = setup.add("a")
    setup.fail("a")
    setup.play(SECOND)
    setup.queue.touched(Uid("a"))
    setup.pop()
    assert pod.attempts == 2


def test_wakes_the_scheduler(setup: Setup) -> None:
    """`on_ready` is called for a new pod and at the end of a back-off."""
    setup.add("a")
    assert setup.woken == 1
    setup.fail("a")
    setup.queue.move(lambda plugin, pod_class: True)
    assert setup.woken == 1
    setup.play(SECOND)
    assert setup.woken == 2
