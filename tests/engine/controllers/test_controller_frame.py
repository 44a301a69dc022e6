"""The frame: outcomes of a reconcile, restart after a crash, and that one controller's trouble stays its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from engine.api.errors import Conflict
from engine.api.kinds import CONFIGMAPS, EVENTS
from engine.clock import SECOND
from engine.controllers.controller import ControllerRunner, Key, Queue, Terminal, Watch, own_key
from store.types import JsonObject
from tests.engine.controllers.world import World


class Fake:
    """A controller whose reconcile is the test's."""

    name = "fake-controller"

    def __init__(self, reconcile: Callable[[Key], int | None]) -> None:
        self._reconcile = reconcile
        self.starts = 0
        self.seen: list[tuple[float, Key]] = []

    def watches(self) -> Sequence[Watch]:
        return (Watch(CONFIGMAPS, own_key),)

    def start(self, queue: Queue) -> None:
        self.starts += 1

    def reconcile(self, key: Key) -> int | None:
        return self._reconcile(key)


def run(reconcile: Callable[[Key], int | None], *names: str) -> tuple[World, Fake, ControllerRunner]:
    """A world with ConfigMaps of these names, and the fake controller started on it."""
    world = World([])
    for name in names:
        world.create(CONFIGMAPS, config_map(name))
    controller = Fake(reconcile)
    runner = ControllerRunner(controller, world.api, world.clock, world.loop, world.informers)
    runner.start()
    return world, controller, runner


def config_map(name: str) -> JsonObject:
    return {"metadata": {"name": name}, "data": {}}


def test_everything_that_exists_is_reconciled_at_the_start() -> None:
    """No event is needed for what was there before."""
    seen: list[Key] = []
    world, _, _ = run(seen.append, "a", "b")
    world.settle()
    assert seen == [("default", "a"), ("default", "b")]


def test_a_span_asks_for_another_look() -> None:
    """A returned span is waited for in cluster time."""
    times: list[float] = []

    def reconcile(key: Key) -> int:
        times.append(world.elapsed)
        return 30 * SECOND

    world, _, _ = run(reconcile, "a")
    world.run(100)
    assert times == [0, 30, 60, 90]


def test_a_refusal_backs_off() -> None:
    """A conflict is tried again after 5 ms, 10 ms, …, and is no crash."""
    times: list[float] = []

    def reconcile(key: Key) -> None:
        times.append(world.elapsed)
        if len(times) < 4:
            raise Conflict("changed")

    world, _, runner = run(reconcile, "a")
    world.run(10)
    assert times == [0, 0.005, 0.015, 0.035]
    assert runner.crashes == 0


def test_terminal_is_not_tried_again() -> None:
    """Only a change of the object brings another try."""
    tries: list[Key] = []

    def reconcile(key: Key) -> None:
        tries.append(key)
        raise Terminal("this can never work")

    world, _, _ = run(reconcile, "a")
    world.run(5000)
    assert len(tries) == 1
    world.edit(CONFIGMAPS, "a", lambda obj: {**obj, "data": {"k": "v"}})
    world.run(5000)
    assert len(tries) == 2


def test_terminal_event() -> None:
    """The event carries the reason and the message."""

    def reconcile(key: Key) -> None:
        raise Terminal("this can never work", world.api.get(CONFIGMAPS, *key), "Hopeless")

    world, _, _ = run(reconcile, "a")
    world.run(1)
    assert world.events() == [("Warning", "Hopeless", "this can never work", 1)]


def test_a_crash_restarts_the_controller() -> None:
    """A crash is counted and told, the controller starts anew from a fresh list, the bad key backs off."""
    bad = {"a"}
    done: list[Key] = []

    def reconcile(key: Key) -> None:
        if key[1] in bad:
            raise KeyError("spec")
        done.append(key)

    world, controller, runner = run(reconcile, "a", "b")
    world.run(0.02)
    assert runner.crashes == 3
    assert controller.starts == 4
    assert ("default", "b") in done
    text = "fake-controller crashed on default/a: KeyError: 'spec'; starting anew"
    assert world.events("ControllerRestarted") == [("Warning", "ControllerRestarted", text, 3)]
    bad.clear()
    world.run(10)
    assert ("default", "a") in done
    assert runner.crashes == 3


def test_a_restart_is_no_way_around_the_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that crashes its controller backs off also where start and handlers queue it themselves."""

    def crash(key: Key) -> None:
        raise KeyError(key)

    def start(controller: Fake, queue: Queue) -> None:
        queue.add(("default", "a"))
        queue.add_after(("default", "a"), 1)

    monkeypatch.setattr(Fake, "start", start)
    world, _, runner = run(crash, "a")
    world.settle()
    assert runner.crashes == 1
    world.run(1)
    assert runner.crashes == 8  # after 5, 10, … 640 ms


def test_a_crash_leaves_other_controllers_alone() -> None:
    """Two controllers on the same resource: one crashes on everything, the other sees all."""

    def crash(key: Key) -> None:
        raise RuntimeError("always")

    world, _, _ = run(crash, "a")
    seen: list[Key] = []
    other = ControllerRunner(Fake(seen.append), world.api, world.clock, world.loop, world.informers)
    other.start()
    world.create(CONFIGMAPS, config_map("b"))
    world.run(1)
    assert seen == [("default", "a"), ("default", "b")]


def test_a_handler_that_crashes_loses_only_its_own_event() -> None:
    """An exception while an event is turned into keys touches neither the writer nor later events."""
    seen: list[Key] = []
    world, controller, runner = run(seen.append)

    def keys(event: object) -> Sequence[Key]:
        raise ValueError("no key")

    broken = Fake(seen.append)
    broken.watches = lambda: (Watch(CONFIGMAPS, keys),)  # type: ignore[method-assign]
    broken_runner = ControllerRunner(broken, world.api, world.clock, world.loop, world.informers)
    world.create(CONFIGMAPS, config_map("a"))
    world.create(CONFIGMAPS, config_map("b"))
    world.settle()
    assert seen == [("default", "a"), ("default", "b")]
    assert (runner.crashes, broken_runner.crashes) == (0, 2)
    assert controller.starts == 1
    assert world.store.count(EVENTS) > 0
