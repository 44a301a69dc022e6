"""What an editor does to lines of YAML: comment, indent, shift; and the outline of a text.

Pure: lines come in, lines go out. Nothing here needs the text to be valid YAML, since most of the time it is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from tui.yaml_place import parse_line

STEP: Final = 2
"""Columns of one level."""
_BLOCK: Final = re.compile(r"^(?:[&!]\S+\s+)*[|>][0-9+-]*(?:\s+#.*)?$")


class Entry(NamedTuple):
    """One line of an outline."""

    row: int
    """From 0."""
    depth: int
    """0: a document."""
    label: str


def toggle_comment(lines: Sequence[str]) -> list[str]:
    """Comment the lines out at their common column; where all of them are comments, take one `# ` off each."""
    full = [line for line in lines if line.strip()]
    if full and all(line.lstrip(" ").startswith("#") for line in full):
        return [_uncomment(line) for line in lines]
    column = min((_indent(line) for line in full), default=0)
    return [f"{line[:column]}# {line[column:]}" if line.strip() else line for line in lines]


def indent(lines: Sequence[str]) -> list[str]:
    """One level deeper; blank lines stay."""
    return [" " * STEP + line if line.strip() else line for line in lines]


def dedent(lines: Sequence[str]) -> list[str]:
    """One level back, each line as far as it can."""
    return [line[min(STEP, _indent(line)) :] for line in lines]


def without_tabs(line: str) -> str:
    """Tabs at the beginning as blanks, one level each: YAML is not indented by tabs."""
    rest = line.lstrip("\t")
    return " " * STEP * (len(line) - len(rest)) + rest


def line_break(before: str) -> str:
    """What the new line begins with after enter behind `before`: two deeper after `key:`, at the key in a list item,
    at the dash where the item is no mapping."""
    body = before.lstrip(" ")
    column = dash = len(before) - len(body)
    while body.startswith("- "):
        rest = body[2:].lstrip(" ")
        dash, column, body = column, column + len(body) - len(rest), rest
    line = parse_line(body)
    if body.rstrip().endswith(":") or _BLOCK.match(line.value):
        column += STEP
    elif body and not line.key and body[0] not in "{[" and (body[0] not in "\"'" or body[-1] == body[0]):
        column = dash
    return " " * column


def backspace_column(before: str) -> int:
    """Where backspace leads from behind `before`: within the indentation to the level before."""
    if before and not before.strip(" "):
        return (len(before) - 1) // STEP * STEP
    return len(before) - 1


def document_rows(lines: Sequence[str], row: int) -> tuple[int, int]:
    """First row and the row after the last of the document that holds `row`, without its `---`."""
    first = row + 1 if row < len(lines) and is_separator(lines[row]) else row
    while first > 0 and not is_separator(lines[first - 1]):
        first -= 1
    last = first
    while last < len(lines) and not is_separator(lines[last]):
        last += 1
    return first, last


def is_separator(line: str) -> bool:
    return line == "---" or line.startswith(("--- ", "---\t"))


def outline(lines: Sequence[str], deepest: int = 4) -> list[Entry]:
    """Documents (`Deployment shop/web`) and their fields down to `deepest` levels, in the order of the text."""
    found: list[Entry] = []
    for first, last in _documents(lines):
        fields = list(_fields(lines, first, last, deepest))
        if fields:
            found.append(Entry(fields[0].row, 0, document_title(lines, first, last)))
            found += fields
    return found


def _documents(lines: Sequence[str]) -> list[tuple[int, int]]:
    seams = [row for row, line in enumerate(lines) if is_separator(line)]
    return list(zip([0, *(row + 1 for row in seams)], [*seams, len(lines)], strict=True))


def _fields(lines: Sequence[str], first: int, last: int, deepest: int) -> list[Entry]:
    found: list[Entry] = []
    open_columns: list[int] = []
    scalar: int | None = None
    """Column of the key whose block scalar goes on: deeper lines are its text."""
    for row in range(first, last):
        text = lines[row]
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if scalar is not None and _indent(text) > scalar:
            continue
        scalar = None
        line = parse_line(text)
        if _BLOCK.match(line.value):
            scalar = line.dashes[-1] if line.dashes else line.column
        if not line.key:
            continue
        while open_columns and open_columns[-1] >= line.column:
            open_columns.pop()
        open_columns.append(line.column)
        if len(open_columns) <= deepest:
            value = "" if _BLOCK.match(line.value) else line.value
            label = f"{'- ' if line.dashes else ''}{line.key}" + (f": {value}" if value else "")
            found.append(Entry(row, len(open_columns), label))
    return found


def document_title(lines: Sequence[str], first: int, last: int) -> str:
    """`Deployment shop/web`: what the rows [first, last) declare."""
    kind, meta, inside = "", {"name": "", "namespace": ""}, False
    for row in range(first, last):
        line = parse_line(lines[row])
        if line.column == 0 and line.key:
            inside = line.key == "metadata"
            if line.key == "kind":
                kind = line.value.strip("\"' ")
            elif inside:  # metadata: {name: x}
                for key in meta:
                    match = re.search(rf"\b{key}:\s*([^,}}\s]+)", line.value)
                    meta[key] = match[1] if match else meta[key]
        elif inside and line.key in meta and not line.dashes and not meta[line.key]:
            meta[line.key] = line.value.split(" #")[0].strip("\"' ")
    name = f"{meta['namespace']}/{meta['name']}" if meta["namespace"] else meta["name"]
    return f"{kind or 'Document'} {name}".rstrip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _uncomment(line: str) -> str:
    if not line.strip():
        return line
    column = _indent(line)
    rest = line[column + 1 :]
    return line[:column] + (rest[1:] if rest.startswith(" ") else rest)
