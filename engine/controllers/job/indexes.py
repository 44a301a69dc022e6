"""Sets of completion indexes as an Indexed Job's status writes them: `0,2-5,7`.

Kept as ordered intervals, so that a hundred thousand indexes cost what their text costs (indexed_job_utils.go). Two
neighbours are written with a comma, three and more with a hyphen. Text that is no number is passed over.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final


class Indexes:
    """An immutable set of indexes."""

    __slots__ = ("_firsts", "_lasts", "total")

    def __init__(self, intervals: Iterable[tuple[int, int]] = ()) -> None:
        """From (first, last) pairs ordered by their first; those that touch or overlap are joined."""
        firsts: list[int] = []
        lasts: list[int] = []
        for first, last in intervals:
            if lasts and first <= lasts[-1] + 1:
                lasts[-1] = max(lasts[-1], last)
            else:
                firsts.append(first)
                lasts.append(last)
        self._firsts, self._lasts = firsts, lasts
        self.total = sum(lasts) - sum(firsts) + len(firsts)
        """How many there are."""

    @property
    def intervals(self) -> list[tuple[int, int]]:
        return list(zip(self._firsts, self._lasts, strict=True))

    def __contains__(self, index: int) -> bool:
        at = bisect_left(self._lasts, index)
        return at < len(self._lasts) and self._firsts[at] <= index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Indexes) and self._firsts == other._firsts and self._lasts == other._lasts

    def __hash__(self) -> int:
        return hash((tuple(self._firsts), tuple(self._lasts)))

    def with_indexes(self, indexes: Iterable[int]) -> Indexes:
        """These and those."""
        more = [(index, index) for index in indexes]
        return Indexes(sorted([*self.intervals, *more])) if more else self

    def merged(self, other: Indexes) -> Indexes:
        """These and the other's."""
        return Indexes(sorted([*self.intervals, *other.intervals])) if other.total else self

    def common(self, other: Indexes) -> int:
        """How many are in both."""
        mine, theirs, count = self.intervals, other.intervals, 0
        i = j = 0
        while i < len(mine) and j < len(theirs):
            count += max(0, min(mine[i][1], theirs[j][1]) - max(mine[i][0], theirs[j][0]) + 1)
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return count

    def first_missing(self, count: int, below: int) -> list[int]:
        """The lowest `count` indexes under `below` that are not in here."""
        missing: list[int] = []
        candidate = 0
        for first, last in [*self.intervals, (below, below)]:
            stop = min(first, below, candidate + count - len(missing))
            missing.extend(range(candidate, stop))
            if len(missing) >= count:
                break
            candidate = max(candidate, last + 1)
        return missing

    def __str__(self) -> str:
        parts: list[str] = []
        for first, last in self.intervals:
            parts.append(str(first))
            if last > first:
                parts[-1] += f"{',' if last == first + 1 else '-'}{last}"
        return ",".join(parts)

    def __repr__(self) -> str:
        return f"Indexes({self})"


NONE: Final = Indexes()


def parse_indexes(text: str, below: int) -> Indexes:
    """From a status or a success policy; what is not under `below` (the completions) is cut off."""
    intervals: list[tuple[int, int]] = []
    for part in text.split(",") if text else ():
        first, hyphen, last = part.partition("-")
        try:
            low, high = int(first), int(last if hyphen else first)
        except ValueError:
            continue
        if low >= below:
            break
        intervals.append((low, min(high, below - 1)))
    return Indexes(intervals)
