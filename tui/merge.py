"""Three-way merge of texts by lines: what we typed, what somebody else wrote, and what both began with.

Changes in different places are taken from both; the same change is taken once. Where both changed the same or touching
lines otherwise, it is a conflict, and both versions stand in the result between marks. Nothing is ever left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

OURS: Final = "<<<<<<< yours"
MIDDLE: Final = "======="
THEIRS: Final = ">>>>>>>"

_Hunk = tuple[int, int, list[str]]
"""Lines [first, last) of the base become these."""


class Merged(NamedTuple):
    text: str
    conflicts: int


def merge(base: str, ours: str, theirs: str, *, ours_wins: bool = False, where: str = "on disk") -> Merged:
    """Texts with `\\n` between their lines. `ours_wins`: where both changed the same lines, ours stand alone.

    `where` theirs come from, for the marks.
    """
    origin = base.split("\n")
    mine, other = _hunks(origin, ours.split("\n")), _hunks(origin, theirs.split("\n"))
    result: list[str] = []
    at = conflicts = 0
    while mine or other:
        first = min(side[0][0] for side in (mine, other) if side)
        last = first
        taken: tuple[list[_Hunk], list[_Hunk]] = ([], [])
        grew = True
        while grew:
            grew = False
            for side, into in zip((mine, other), taken, strict=True):
                while side and side[0][0] <= last:
                    last = max(last, side[0][1])
                    into.append(side.pop(0))
                    grew = True
        result += origin[at:first]
        yours, others = (_applied(origin, first, last, hunks) for hunks in taken)
        if not taken[1] or yours == others:
            result += yours
        elif not taken[0]:
            result += others
        else:
            conflicts += 1
            result += yours if ours_wins else [OURS, *yours, MIDDLE, *others, f"{THEIRS} {where}"]
        at = last
    return Merged("\n".join(result + origin[at:]), conflicts)


def _applied(origin: Sequence[str], first: int, last: int, hunks: Sequence[_Hunk]) -> list[str]:
    lines: list[str] = []
    at = first
    for start, stop, new in hunks:
        lines += [*origin[at:start], *new]
        at = stop
    return [*lines, *origin[at:last]]


def _hunks(before: list[str], after: list[str]) -> list[_Hunk]:
    """What changed, in order. Equal beginnings and ends are cut off first: an edit of a long text is short."""
    shortest = min(len(before), len(after))
    head = 0
    while head < shortest and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shortest - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        (head + i1, head + i2, new[j1:j2]) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"
    ]  # fmt: skip
