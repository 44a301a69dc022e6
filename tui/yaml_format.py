"""A manifest laid out evenly: two columns a level, one space behind a dash, no blanks at the ends of lines.

Line by line, so that comments, blank lines, quoting and the order of keys stay as they were written. What goes over
several lines (block scalars, flow collections, quoted texts) moves as one piece. Before the result is handed out it is
compared with the text: the same values in the same order and every comment. If anything differs, nothing is changed.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml
from yaml.events import MappingStartEvent, ScalarEvent, SequenceStartEvent

from tui.yaml_text import STEP, is_separator

_DASHES: Final = re.compile(r"- +(?=\S)")


class FormatError(Exception):
    """The text cannot be laid out; the text says why."""


def format_text(text: str) -> str:
    """The text laid out. Raises FormatError when it is no YAML, or when the result would mean something else."""
    before = _meaning(text)
    lines = text.split("\n")
    inside = _continuations(text, len(lines))
    result: list[str] = []
    waiting: list[int] = []
    """Rows of `result` that hold comments, to be set at the column of the line that follows."""
    levels: list[tuple[int, int]] = [(0, 0)]
    """(column, column in the result) of the open levels."""
    shift = 0
    for row, line in enumerate(lines):
        if row in inside:
            result.append(_moved(line, shift))
            continue
        body = line.strip(" \t")
        if not body:
            result.append("")
        elif is_separator(line) or line.startswith(("%", "...")):
            _settle(result, waiting, levels)
            levels = [(0, 0)]
            result.append(line.rstrip())
        elif body.startswith("#"):
            waiting.append(len(result))
            result.append(line.rstrip())
        else:
            column = len(line) - len(line.lstrip(" "))
            while len(levels) > 1 and levels[-1][0] > column:
                levels.pop()
            if levels[-1][0] < column:
                levels.append((column, levels[-1][1] + STEP))
            target = levels[-1][1]
            _settle(result, waiting, levels)
            body, rest = "", line.lstrip(" ")
            at, end = column, target
            while match := _DASHES.match(rest):
                body, rest = body + "- ", rest[match.end() :]
                at, end = at + match.end(), end + STEP
                levels.append((at, end))
            ends_open = row + 1 in inside
            result.append(" " * target + body + (rest if ends_open else rest.rstrip(" \t")))
            shift = target - column
    _settle(result, waiting, [(0, 0)])
    laid_out = "\n".join(result).rstrip("\n") + "\n" if text.strip() and not inside & {len(lines) - 1} else text
    if _comments(laid_out) != _comments(text) or _meaning(laid_out) != before:
        raise FormatError("laid out it would mean something else: nothing was changed")
    return laid_out


def _settle(result: list[str], waiting: list[int], levels: list[tuple[int, int]]) -> None:
    """Comments stand where the line behind them stands, or the level that they were written at."""
    for row in waiting:
        comment = result[row].lstrip(" \t")
        column = len(result[row]) - len(comment)
        target = next((new for old, new in reversed(levels) if old <= column), 0)
        result[row] = " " * target + comment
    waiting.clear()


def _moved(line: str, shift: int) -> str:
    if shift >= 0:
        return " " * shift + line if line.strip() else line
    blanks = len(line) - len(line.lstrip(" "))
    return line[min(-shift, blanks) :]


def _events(text: str) -> list[Any]:
    try:
        return list(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise FormatError(f"this is no YAML yet: {getattr(error, 'problem', None) or error}{where}") from error


def _meaning(text: str) -> list[tuple[Any, ...]]:
    """What a reader of the text gets, without places and styles."""
    return [
        (type(event).__name__, *(getattr(event, name, None) for name in ("anchor", "tag", "implicit", "value")))
        for event in _events(text)
    ]


def _continuations(text: str, count: int) -> set[int]:
    """Rows that belong to something that began in an earlier row: block scalars, long texts, flow collections."""
    rows: set[int] = set()
    flow: list[int] = []
    for event in _events(text):
        first, last = event.start_mark.line, event.end_mark.line
        if isinstance(event, ScalarEvent) and last > first:
            # A block scalar's end is the start of the next line.
            whole = event.style in ("|", ">") and not getattr(event.end_mark, "column", 1)
            stop = last if whole else last + 1
            rows.update(range(first + 1, min(stop, count)))
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            flow.append(first if event.flow_style else -1)
        elif type(event).__name__ in ("MappingEndEvent", "SequenceEndEvent"):
            began = flow.pop()
            if began >= 0:
                rows.update(range(began + 1, last + 1))
    return rows


def _comments(text: str) -> list[str]:
    """Everything behind a `#`: more than the comments, but the same more in both texts."""
    return [line[line.index("#") :].rstrip() for line in text.split("\n") if "#" in line]
