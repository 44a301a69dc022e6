"""The mailbox between engine and view."""

from __future__ import annotations

import threading

from engine.client import Change, Relist
from tests.tui.fake_client import FakeItem
from tui.mailbox import ViewMailbox


def item(name: str, revision: int = 1) -> FakeItem:
    return FakeItem("pods", revision, {"metadata": {"name": name, "uid": name}})


def test_the_last_change_per_object_wins_and_the_app_is_woken_once() -> None:
    """A burst costs one wake-up; only the newest state of each object is handed over."""
    wakes: list[int] = []
    box = ViewMailbox(lambda: wakes.append(1))
    for revision in range(100):
        box.deliver([Change("MODIFIED", item("a", revision)), Change("MODIFIED", item("b", revision))])
    news = box.drain()
    assert len(wakes) == 1
    assert {uid: change.item.revision for uid, change in news.changes.items()} == {"a": 99, "b": 99}
    box.deliver([Change("DELETED", item("a"))])
    assert len(wakes) == 2


def test_a_relist_forgets_what_was_before() -> None:
    """Changes before a relist are part of it; those after it come on top."""
    box = ViewMailbox(lambda: None)
    box.deliver([Change("MODIFIED", item("old"))])
    box.deliver(Relist([item("a")]))
    box.deliver([Change("ADDED", item("b"))])
    news = box.drain()
    assert news.relist is not None
    assert [i.uid for i in news.relist] == ["a"]
    assert list(news.changes) == ["b"]


def test_too_much_news_asks_for_a_relist() -> None:
    """The box does not grow without bound."""
    box = ViewMailbox(lambda: None, limit=10)
    box.deliver([Change("MODIFIED", item(str(i))) for i in range(20)])
    news = box.drain()
    assert news.overflowed
    assert not news.changes


def test_a_closed_box_stays_silent() -> None:
    """A view that is gone is not woken by what was on its way."""
    wakes: list[int] = []
    box = ViewMailbox(lambda: wakes.append(1))
    box.close()
    box.deliver([Change("MODIFIED", item("a"))])
    assert not wakes


def test_no_change_is_lost_between_threads() -> None:
    """Delivering while draining loses nothing: the last state of each object arrives."""
    box, seen = ViewMailbox(lambda: None), dict[str, int]()

    def produce() -> None:
        for revision in range(2000):
            box.deliver([Change("MODIFIED", item(f"p{revision % 7}", revision))])

    thread = threading.Thread(target=produce)
    thread.start()
    while thread.is_alive():
        seen |= {uid: c.item.revision for uid, c in box.drain().changes.items()}
    seen |= {uid: c.item.revision for uid, c in box.drain().changes.items()}
    assert seen == {f"p{i % 7}": i for i in range(1993, 2000)}
