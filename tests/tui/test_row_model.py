"""The rows behind a table stay in order, whatever happens to them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.fake_client import FakeItem
from tui.model import GROUP, RowModel

NAMES = st.sampled_from([f"pod-{i}" for i in range(12)])
VALUES = st.integers(0, 4)
STEPS = st.lists(st.tuples(st.sampled_from(["put", "put", "put", "drop"]), NAMES, VALUES), max_size=60)


def item(name: str, value: int) -> FakeItem:
    return FakeItem("pods", value, {"metadata": {"name": name, "namespace": "shop", "uid": name}, "value": value})


def value_of(found: Any) -> int:
    return int(found.obj["value"])


def zone_of(found: Any) -> str:
    return f"zone-{found.obj['value'] % 2}"


def shown(model: RowModel) -> list[tuple[str, int]]:
    return [(uid, value_of(model.rows[uid].item)) for uid in model.shown_uids()]


@given(STEPS, st.booleans(), st.integers(0, 4))
def test_order_is_that_of_a_plain_sort(steps: list[tuple[str, str, int]], descending: bool, least: int) -> None:
    """After any upserts and removals the view is what sorting all rows that pass the filter gives."""
    model = RowModel()
    model.sort_by(value_of, descending)
    model.set_filter(lambda row: value_of(row.item) >= least)
    known: dict[str, int] = {}
    for verb, name, value in steps:
        if verb == "put":
            known[name] = value
            model.upsert(item(name, value))
        else:
            known.pop(name, None)
            model.remove(name)
        wanted = sorted((v, n) for n, v in known.items() if v >= least)
        assert shown(model) == [(n, v) for v, n in (reversed(wanted) if descending else wanted)]
        for index in range(len(model)):
            assert model.index_of(model.uid_at(index)) == index


@given(STEPS)
def test_groups_head_their_rows(steps: list[tuple[str, str, int]]) -> None:
    """A group line stands before its rows, exactly while it has some."""
    model = RowModel(value_of, zone_of)
    known: dict[str, int] = {}
    for verb, name, value in steps:
        if verb == "put":
            known[name] = value
            model.upsert(item(name, value))
        else:
            known.pop(name, None)
            model.remove(name)
        wanted: list[str] = []
        for zone in sorted({f"zone-{v % 2}" for v in known.values()}):
            wanted.append(GROUP + zone)
            wanted += [n for v, n in sorted((v, n) for n, v in known.items()) if f"zone-{v % 2}" == zone]
        assert [model.uid_at(i) for i in range(len(model))] == wanted
        assert all(model.index_of(uid) == i for i, uid in enumerate(wanted))


@given(st.lists(st.tuples(NAMES, VALUES), max_size=40), st.lists(NAMES, max_size=20))
def test_many_changes_at_once_are_the_same_as_one_by_one(puts: list[tuple[str, int]], drops: list[str]) -> None:
    """The bulk path of `apply` ends where single steps end."""
    one, other = RowModel(value_of), RowModel(value_of)
    last = {name: item(name, value) for name, value in puts}
    for name in dict.fromkeys(drops):
        one.remove(name)
    for each in last.values():
        one.upsert(each)
    other._apply_many(list(last.values()), drops)
    assert shown(one) == shown(other)


def test_marks_go_with_their_rows() -> None:
    """A removed row takes its mark along; a reset keeps marks of rows that stayed."""
    model = RowModel()
    model.reset([item("a", 1), item("b", 1), item("c", 1)])
    model.mark_range(0, 2)
    model.remove("b")
    model.reset([item("a", 2)])
    assert model.marks == {"a"}


def test_a_change_that_moves_nothing_says_so() -> None:
    """Only cells changed: the table repaints one line instead of all."""
    model = RowModel(value_of)
    model.reset([item("a", 1), item("b", 2)])
    assert model.upsert(item("a", 1)) is False
    assert model.upsert(item("a", 3)) is True
