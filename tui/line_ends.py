"""Ends of lines: kept as a file has them, line by line where it mixes them."""

from __future__ import annotations

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
    for block in SequenceMatcher(None, before, lines, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            ends[block.b + step] = "\r\n" if known[block.a + step].endswith("\r") else "\n"
    return "".join(line + end for line, end in zip(lines[:-1], ends[:-1], strict=True)) + lines[-1]
