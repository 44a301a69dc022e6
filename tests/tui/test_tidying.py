"""What the console is done with does not stay in memory."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import pytest
from textual.message_pump import MessagePump

from tests.tui.console import console, settle
from tui import tidying


class Knot:
    """Garbage that only the cyclic collector frees."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture
def seldom() -> Iterator[None]:
    """The collector comes as seldom as beside a large cluster, and by hand in steps of its youngest."""
    was = gc.get_threshold()
    gc.collect()
    gc.set_threshold(1_000_000, 1_000, 1_000)
    yield
    gc.set_threshold(*was)


@pytest.mark.parametrize(("collections", "freed"), [(9, False), (10, True), (149, True), (150, False)])
def test_a_look_frees_what_came_since_the_last(seldom: None, collections: int, freed: bool) -> None:
    """Not for little, and not when there is so much that it would be felt."""
    knot = Knot()
    left = ref(knot)
    gc.collect(0)  # it is among the elders now
    del knot
    for _ in range(collections - 1):
        gc.collect(0)
    tidying.look()
    assert (left() is None) is freed


async def test_nothing_knows_a_closed_screen() -> None:
    """They are the collector's: all but the last, which Textual still knows."""
    async with console() as (app, pilot, _):
        closed = []
        for kind in ("pods", "nodes", "deploy", "svc", "pods"):
            await pilot.press(":", *kind, "enter")
            await settle(pilot, 1)
            closed.append(ref(app.screen))
        for _ in range(20):
            gc.collect()
            if not any(each() for each in closed[:3]):
                break
            await settle(pilot, 1)
        assert [each() is not None for each in closed[:3]] == [False] * 3
        assert closed[-1]() is app.screen


async def test_looks_begin_when_the_cluster_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it took up by then is left out of them."""
    steps: list[Any] = []

    class Owner(MessagePump):
        def set_timer(self, delay: float, callback: Any = None, **_: Any) -> Any:
            steps.append(("after", delay))
            callback()

        def set_interval(self, interval: float, callback: Any = None, **_: Any) -> Any:
            steps.append(("every", interval, callback))

    froze: Callable[[], None] = lambda: steps.append("freeze")  # noqa: E731
    monkeypatch.setattr(gc, "freeze", froze)
    tidying.begin(Owner())
    assert steps == [("after", 10.0), "freeze", ("every", 5.0, tidying.look)]
