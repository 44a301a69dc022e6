"""Columns: headings are never cut, the room is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.kinds.registry import VIEWS
from tui.kinds.spec import Column
from tui.widgets.layout import GAP, GUTTER, lay_out
from tui.widgets.virtual_table import fit, wrap


@given(st.sampled_from(sorted(VIEWS)), st.lists(st.integers(0, 60), min_size=40, max_size=40), st.integers(60, 240))
def test_headings_are_never_truncated(resource: str, contents: list[int], room: int) -> None:
    """Whatever the content and the width, a column that is shown is at least as wide as its heading."""
    columns = VIEWS[resource].columns
    needs = [max(len(c.header), min(contents[i], c.max)) for i, c in enumerate(columns)]
    for index, width in lay_out(columns, needs, room, wide=False):
        assert width >= len(columns[index].header)


@given(st.sampled_from(sorted(VIEWS)), st.lists(st.integers(0, 60), min_size=40, max_size=40), st.integers(60, 240))
def test_columns_never_run_out_of_the_room(resource: str, contents: list[int], room: int) -> None:
    """However wide the content is, what is shown ends where the table ends."""
    columns = VIEWS[resource].columns
    needs = [max(len(c.header), min(contents[i], c.max)) for i, c in enumerate(columns)]
    widths = [width for _, width in lay_out(columns, needs, room, wide=False)]
    assert GUTTER + sum(widths) + GAP * (len(widths) - 1) <= room


def test_the_widest_column_gives_way_first() -> None:
    """A long role does not take the room of the name beside it."""
    columns = [Column("NAME", lambda i, f: "", grow=True), Column("ROLE", lambda i, f: "", min=10)]
    assert [width for _, width in lay_out(columns, [30, 50], GUTTER + GAP + 50, wide=False)] == [25, 25]


def test_what_matters_least_goes_first() -> None:
    """Where room is short the highest rank goes, and a column without rank stays."""
    columns = [
        Column("A", lambda i, f: "", rank=0),
        Column("B", lambda i, f: "", rank=1),
        Column("C", lambda i, f: "", rank=2),
    ]
    assert [i for i, _ in lay_out(columns, [10, 10, 10], 26, wide=False)] == [0, 1]
    assert [i for i, _ in lay_out(columns, [10, 10, 10], 5, wide=False)] == [0]


def test_room_that_a_wide_column_left_is_used() -> None:
    """Where the widest of the unimportant ones had to go, narrower ones that went before it come back."""
    columns = [
        Column("A", lambda i, f: "", rank=0),
        Column("B", lambda i, f: "", rank=1),
        Column("C", lambda i, f: "", rank=2),
    ]
    assert [i for i, _ in lay_out(columns, [10, 30, 5], 26, wide=False)] == [0, 2]


def test_the_wide_layout_keeps_everything() -> None:
    """ctrl-w shows all columns; the table scrolls sideways then."""
    columns = [Column("A", lambda i, f: ""), Column("B", lambda i, f: "", wide=True)]
    assert len(lay_out(columns, [30, 30], 20, wide=True)) == 2
    assert len(lay_out(columns, [30, 30], 20, wide=False)) == 1


@given(st.text(alphabet="ab日本語🚀é", max_size=20), st.integers(1, 12), st.sampled_from(["left", "right"]))
def test_cells_are_as_wide_as_they_look(text: str, width: int, align: str) -> None:
    """CJK and emoji count two cells; a cell is always exactly its width."""
    assert cell_len(fit(text, width, align)) == width


def test_the_gutter_and_gaps_are_counted() -> None:
    """The widths fill the room at most."""
    columns = [Column("NAME", lambda i, f: "", grow=True), Column("AGE", lambda i, f: "")]
    widths = lay_out(columns, [50, 4], 40, wide=False)
    assert GUTTER + GAP + sum(width for _, width in widths) == 40


def test_words_are_wrapped() -> None:
    """Empty-state texts break at words."""
    assert wrap("one two three", 7) == ["one two", "three"]
