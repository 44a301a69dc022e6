"""Ends of lines: kept as a file has them, line by line where it mixes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file has besides its text."""

    newline: str = "\n"
    """The end that most lines have; new lines get it."""
    bom: bool = False
    """It begins with a byte order mark."""
    mixed: str = ""
    """The text with its own ends, when they are not all the same."""


def dominant(text: str) -> str:
    """`\\r\\n` when more lines end with it than without."""
    crlf = text.count("\r\n")
    return "\r\n" if crlf * 2 > text.count("\n") else "\n"


def with_line_ends(text: str, layout: Layout) -> str:
    """A text whose lines end with `\\n`, as the file wants it. Lines that were there before keep their own end."""
    if not layout.mixed:
        return text.replace("\n", layout.newline)
    known = layout.mixed.split("\n")
    before = [line.removesuffix("\r") for line in known]
    lines = text.split("\n")
    ends = [layout.newline] * len(lines)
    for was, now in _kept(before, lines):
        ends[now] = "\r\n" if known[was].endswith("\r") else "\n"
    return "".join(line + end for line, end in zip(lines[:-1], ends[:-1], strict=True)) + lines[-1]


def _kept(before: list[str], now: list[str]) -> Iterator[tuple[int, int]]:
    """(line before, line now) of the lines that an edit kept, or changed in place.

    What is alike at both ends is taken first: among equal lines, blank ones above all, that says which stayed.
    """
    start, most = 0, min(len(before), len(now))
    while start < most and before[start] == now[start]:
        start += 1
    tail = 0
    while tail < most - start and before[-1 - tail] == now[-1 - tail]:
        tail += 1
    yield from ((at, at) for at in range(start))
    yield from ((len(before) - 1 - at, len(now) - 1 - at) for at in range(tail))
    old, new = before[start : len(before) - tail], now[start : len(now) - tail]
    if len(old) == len(new):
        yield from ((start + at, start + at) for at in range(len(old)))
        return
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        yield from ((start + block.a + at, start + block.b + at) for at in range(block.size))
