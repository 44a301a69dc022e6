"""How wide columns are: from what their content needs, never with a truncated heading.

A column claims what the widest cell seen so far needs (so columns grow but do not jump while rows change), at least its
heading. Where room is short, columns of the highest rank go, and the widest of those that may give way do so down to
their minimum. In the wide layout nothing goes; the table scrolls sideways instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tui.kinds.spec import Column

GAP: Final = 2
"""Cells between columns."""
GUTTER: Final = 2
"""Cells at the left for cursor and mark."""


def lay_out(columns: Sequence[Column], needs: Sequence[int], room: int, wide: bool) -> list[tuple[int, int]]:
    """(index, width) of each column shown.

    `needs`: cells that each column's content and heading need. `room`: width of the table. `wide`: all columns.
    """
    shown = [i for i, column in enumerate(columns) if wide or not column.wide]
    free = room - GUTTER

    def least(index: int) -> int:
        column, need = columns[index], needs[index]
        return min(need, max(column.min, len(column.header))) if column.grow or column.min else need

    if not wide:
        gone = []
        while len(shown) > 1 and sum(map(least, shown)) + GAP * (len(shown) - 1) > free:
            victim = max(shown, key=lambda i: (columns[i].rank, i))
            if columns[victim].rank == 0:
                break
            shown.remove(victim)
            gone.append(victim)
        # A wide one made room for narrower ones that had to go before it.
        for index in reversed(gone):
            if sum(map(least, shown)) + GAP * len(shown) + least(index) <= free:
                shown = sorted((*shown, index))
    widths = {i: needs[i] for i in shown}
    spare = free - sum(widths.values()) - GAP * (len(shown) - 1)
    if spare < 0 and not wide:
        # Those that may give way do so; if nothing else helps, all shrink to their headings, and the last ones go.
        spare += _give(widths, {i: least(i) for i in shown}, -spare)
        spare += _give(widths, {i: len(columns[i].header) for i in shown if columns[i].grow}, -spare)
        spare += _give(widths, {i: len(columns[i].header) for i in shown}, -spare)
        while spare < 0 and len(shown) > 1:
            spare += widths.pop(shown.pop()) + GAP
    growing = [i for i in shown if columns[i].grow]
    if spare > 0 and growing:
        # A name column takes a share of the room and no more: eyes should not have to cross an empty plain.
        last = columns[growing[-1]]
        widths[growing[-1]] += spare if last.max > 253 else min(spare, max(4, spare // 3))
    return [(i, widths[i]) for i in shown]


def _give(widths: dict[int, int], floors: Mapping[int, int], wanted: int) -> int:
    """Take `wanted` cells from the columns of `floors`, the widest first, none below its floor. Returns how many."""
    given = 0
    while given < wanted:
        able = sorted((i for i, floor in floors.items() if widths[i] > floor), key=lambda i: widths[i])
        if not able:
            break
        widest = able[-1]
        level = max(floors[widest], widths[able[-2]] if len(able) > 1 else 0)
        step = min(wanted - given, max(1, widths[widest] - level))
        widths[widest] -= step
        given += step
    return given
