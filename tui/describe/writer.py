"""The elastic tabs behind kubectl's describe: Go's `text/tabwriter` with padding 2, and indentation by levels.

A cell ends with a tab; cells of neighbouring lines that stand over each other form a column, as wide as its widest cell
plus two. The last cell of a line belongs to no column. A line without the tab ends the column, which is why each
section of describe aligns by itself.
"""

from __future__ import annotations

from typing import Final

PADDING: Final = 2


class DescribeWriter:
    """Collects lines with tabs; `text()` aligns them."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def line(self, text: str = "", level: int = 0) -> None:
        """One line (or several, in `text`), indented by two spaces per level."""
        self._lines += [("  " * level) + part for part in text.split("\n")]

    def field(self, name: str, value: object, level: int = 0) -> None:
        """`Name:<tab>value`."""
        self.line(f"{name}:\t{value}", level)

    def text(self) -> str:
        return "\n".join(align([line.split("\t") for line in self._lines]))


def align(lines: list[list[str]]) -> list[str]:
    """Cells per line → aligned lines."""
    out: list[str] = []
    _format(lines, 0, len(lines), [], out)
    return out


def _format(lines: list[list[str]], start: int, end: int, widths: list[int], out: list[str]) -> None:
    """Go's tabwriter.format: recursive over column blocks, `widths` those of the columns to the left."""
    column, first, at = len(widths), start, start
    while at < end:
        if column >= len(lines[at]) - 1:
            at += 1
            continue
        _write(lines, first, at, widths, out)
        first, width = at, 0
        while at < end and column < len(lines[at]) - 1:
            width = max(width, len(lines[at][column]) + PADDING)
            at += 1
        _format(lines, first, at, [*widths, width], out)
        first = at
    _write(lines, first, end, widths, out)


def _write(lines: list[list[str]], start: int, end: int, widths: list[int], out: list[str]) -> None:
    for cells in lines[start:end]:
        padded = [cell.ljust(widths[i]) if i < len(widths) else cell for i, cell in enumerate(cells[:-1])]
        out.append("".join(padded) + cells[-1])
