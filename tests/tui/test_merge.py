"""Two people change one text: what both did stays."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.merge import MIDDLE, OURS, THEIRS, merge

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=9).map("\n".join)


def test_changes_in_different_places_are_both_taken() -> None:
    """No marks where nothing is in dispute."""
    base = "a\nb\nc\nd\ne"
    assert merge(base, "A\nb\nc\nd\ne", "a\nb\nc\nd\ne\nf") == ("A\nb\nc\nd\ne\nf", 0)
    assert merge(base, "a\nc\nd\ne", "a\nb\nc\nd\nE") == ("a\nc\nd\nE", 0)
    assert merge(base, "a\nb\nX\nd\ne", "a\nb\nX\nd\ne") == ("a\nb\nX\nd\ne", 0)


def test_a_dispute_shows_both_versions() -> None:
    """Between marks, ours first; theirs say where they come from. Or ours alone, where that is wished."""
    assert merge("a\nb", "a\nours", "a\ntheirs") == (f"a\n{OURS}\nours\n{MIDDLE}\ntheirs\n{THEIRS} on disk", 1)
    assert merge("a\nb", "a\nours", "new\na\ntheirs", ours_wins=True).text == "new\na\nours"


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS)
def test_one_side_alone_is_taken_as_it_is(base: str, changed: str) -> None:
    """Whichever side it is."""
    assert merge(base, changed, base) == (changed, 0)
    assert merge(base, base, changed) == (changed, 0)
    assert merge(base, changed, changed) == (changed, 0)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(st.sampled_from(["x", "y"]), max_size=4), st.data())
def test_lines_that_we_typed_are_never_lost(base: str, new: list[str], data: st.DataObject) -> None:
    """Whatever the others did, each line of ours is in the result as often as we typed it."""
    lines = base.split("\n")
    at = data.draw(st.integers(0, len(lines)))
    ours = "\n".join([*lines[:at], *new, *lines[at:]])
    merged = merge(base, ours, data.draw(TEXTS)).text.split("\n")
    for word in ("x", "y"):
        assert merged.count(word) >= new.count(word)
