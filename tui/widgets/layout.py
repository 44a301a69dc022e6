"""How wide columns are: from what their content needs, never with a truncated heading.

A column claims what the widest cell seen so far needs (so columns grow but do not jump while rows change), at least its
heading. Where room is short, growing columns give way down to their minimum, then columns of the highest rank go. In
the wide layout nothing goes; the table scrolls sideways instead.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        while len(shown) > 1 and sum(map(least, shown)) + GAP * (len(shown) - 1) > free:
            victim = max(shown, key=lambda i: (columns[i].rank, i))
            if columns[victim].rank == 0:
                break
            shown.remove(victim)
    widths = {i: needs[i] for i in shown}
    spare = free - sum(widths.values()) - GAP * (len(shown) - 1)
    if spare < 0 and not wide:
        # Those that may give way do so, the growing ones first.
        for index in sorted(shown, key=lambda i: not columns[i].grow):
            give = min(-spare, widths[index] - least(index))
            if give > 0:
                widths[index] -= give
                spare += give
        # Still too wide, and nothing may go: the growing ones shrink to their headings.
        for index in (i for i in shown if columns[i].grow):
            give = max(0, min(-spare, widths[index] - len(columns[index].header)))
            widths[index] -= give
            spare += give
    growing = [i for i in shown if columns[i].grow]
    if spare > 0 and growing:
        # A name column takes a share of the room and no more: eyes should not have to cross an empty plain.
        last = columns[growing[-1]]
        widths[growing[-1]] += spare if last.max > 253 else min(spare, max(4, spare // 3))
    return [(i, widths[i]) for i in shown]
