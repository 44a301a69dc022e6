"""What the editor does to lines, and the outline of a text."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tui.odd_yaml import odd_text, values_of
from tui.yaml_format import FormatError, format_text
from tui.yaml_place import mappings_around, namespace_of
from tui.yaml_text import backspace_column, dedent, document_rows, indent, line_break, outline, toggle_comment

SAMPLE = Path(__file__).parent.parent.parent / "sample-cluster"
LINES = st.lists(st.text("ab:-# \t'", max_size=8), min_size=1, max_size=6)


@settings(max_examples=200)
@given(LINES)
def test_commenting_twice_is_identity(lines: list[str]) -> None:
    """Lines that are not all comments already come back as they were."""
    full = [line for line in lines if line.strip()]
    if any(not line.lstrip(" ").startswith("#") for line in full):
        commented = toggle_comment(lines)
        assert all(line.lstrip(" ").startswith("#") for line in commented if line.strip())
        assert toggle_comment(commented) == lines


@settings(max_examples=100)
@given(LINES)
def test_indenting_can_be_taken_back(lines: list[str]) -> None:
    """One level deeper and back is where one was; going back never takes more than blanks."""
    assert dedent(indent(lines)) == [line if line.strip() else dedent([line])[0] for line in lines]
    assert [line.lstrip(" ") for line in dedent(lines)] == [line.lstrip(" ") for line in lines]


@pytest.mark.parametrize(
    ("before", "column"),
    [
        ("spec:", 2),
        ("  - name: web", 4),
        ("      - ports:", 10),
        ("a: 1", 0),
        ("  script: |", 4),
        ("- - x", 2),
        ("  - ReadWriteOnce", 2),
        ('  - "8080:80"', 2),
        ('  - "a": b', 4),
        ('  - "goes on', 4),
        ("", 0),
    ],
)
def test_enter_goes_on_where_yaml_does(before: str, column: int) -> None:
    """Deeper after a key without a value, at the key in a list item, at the dash of an item that is one value."""
    assert line_break(before) == " " * column


def test_backspace_goes_back_a_level() -> None:
    """Within the indentation; elsewhere one character."""
    assert [backspace_column(before) for before in ("    ", "   ", "  ", "  a")] == [2, 2, 0, 2]


def test_outline_names_documents_and_fields() -> None:
    """What stands in a block scalar or a comment is no field."""
    text = (
        "# kind: No\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: shop\ndata:\n  x: |\n"
        "    key: value\n---\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: i\n---\n"
    )
    entries = outline(text.split("\n"))
    assert [entry.label for entry in entries if entry.depth == 0] == ["ConfigMap shop/a", "Pod p"]
    assert [(entry.row, entry.depth, entry.label) for entry in entries][-4:] == [
        (12, 1, "spec"), (13, 2, "containers"), (14, 3, "- name: c"), (15, 3, "image: i"),
    ]  # fmt: skip
    assert not any("key" in entry.label for entry in entries)


def test_the_rows_of_a_document() -> None:
    """Between two separators, also asked from a separator."""
    lines = ["a: 1", "---", "b: 2", "c: 3", "---"]
    assert [document_rows(lines, row) for row in range(5)] == [(0, 1), (2, 4), (2, 4), (2, 4), (5, 5)]


def test_what_stands_around_a_line() -> None:
    """From the inside out; a list item is a mapping, its siblings are not."""
    lines = [
        "kind: X", "metadata:", "  namespace: shop", "spec:", "  - name: a", "    ref:", "      key: k",
        "      name: n # why", "  - name: b",
    ]  # fmt: skip
    assert mappings_around(lines, 6) == [
        {"key": "k", "name": "n"}, {"ref": "", "name": "a"}, {"spec": "", "metadata": "", "kind": "X"},
    ]  # fmt: skip
    assert namespace_of(lines, 6) == "shop"


# -- laying out ----------------------------------------------------------------------------------------------------

UNEVEN = """\
apiVersion: v1
kind: Pod
metadata:
    name: x   # the name
    # about labels
    labels:
          a: b
# end
spec:
      containers:
      -   name: a
          command: ["a",
            "b"]
          args:
            - |
                 text\x20\x20
                   more
          # trailing
      - name: b
"""
EVEN = """\
apiVersion: v1
kind: Pod
metadata:
  name: x   # the name
  # about labels
  labels:
    a: b
# end
spec:
  containers:
  - name: a
    command: ["a",
      "b"]
    args:
      - |
           text\x20\x20
             more
  # trailing
  - name: b
"""


def test_a_text_is_laid_out_with_all_its_comments() -> None:
    """Two columns a level; block scalars move as they are; a second time changes nothing."""
    assert format_text(UNEVEN) == EVEN
    assert format_text(EVEN) == EVEN


def test_what_is_laid_out_well_stays_byte_for_byte() -> None:
    """The sample cluster's manifests are."""
    for path in sorted(SAMPLE.rglob("*.yaml")):
        assert format_text(path.read_text()) == path.read_text(), path


def test_what_is_no_yaml_is_left_alone() -> None:
    """The reason names the line."""
    with pytest.raises(FormatError, match=r"no YAML yet: .* in line 3"):
        format_text("a: 1\nb: [\n")


def test_odd_texts_are_laid_out_or_left_alone() -> None:
    """Whatever is laid out says what it said, with its comments, and a second time nothing changes."""
    chance, changed = Random(2), 0
    for _ in range(600):
        text = odd_text(chance)
        try:
            result = format_text(text)
        except FormatError:
            continue
        changed += result != text
        assert values_of(result) == values_of(text)
        assert result.count("#") == text.count("#")
        assert format_text(result) == result
    assert changed > 100
