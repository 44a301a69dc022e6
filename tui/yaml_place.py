"""Where the cursor stands in a manifest that is being typed: document kind, field path, key or value.

Reads lines by indentation, not by a YAML parser: the text is broken most of the time while somebody types. Block style
only (flow style `{…}` gives the place of the line that opens it).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_LINE: Final = re.compile(r"^(?P<indent> *)(?P<dashes>(?:- +)*)(?P<rest>.*)$")
_KEY: Final = re.compile(r"""^(?P<key>"[^"]*"|'[^']*'|[^\s#'"\[\]{},:][^:#]*?)\s*:(?:\s+(?P<value>.*))?$""")
_FLOW_PAIR: Final = re.compile(r"""["']?([\w./-]+)["']?\s*:\s*("[^"]*"|'[^']*'|[^,{}\s]+)""")
_VALUE: Final = re.compile(r""":\s*["']?([^"'\s]*)$""")
"""What is typed of a value: images hold colons."""
_WORD: Final = re.compile(r"[\w./-]*$")


class Place(NamedTuple):
    """What a completion or a hover needs to know."""

    api_version: str
    kind: str
    path: tuple[str, ...]
    """The mapping that the cursor is in; list items are `[]`. With `key` set: the field whose value is typed."""
    word: str
    """What is typed already, up to the cursor."""
    key: str
    """The key on the cursor's line when the cursor stands behind its colon, else ""."""
    siblings: frozenset[str]
    """Keys that the mapping has already."""


class Line(NamedTuple):
    """One line's parts."""

    column: int
    """Where the key begins."""
    dashes: tuple[int, ...]
    """Columns of the list markers before it."""
    key: str
    value: str


def place_at(lines: Sequence[str], row: int, column: int) -> Place:
    """The place at (row, column), counted from 0."""
    first, last = _document(lines, row)
    before = lines[row][:column] if row < len(lines) else ""
    here = parse_line(before)
    word_match = _WORD.search(before)
    word = word_match.group() if word_match else ""
    in_value = _parse_colon(before)
    if in_value and (value := _VALUE.search(before)):
        word = value[1]
    path, siblings = _walk(lines, row, first, last, here)
    header = _header(lines, first, last)
    key = here.key if in_value else ""
    return Place(
        header.get("apiVersion", ""), header.get("kind", ""), (*path, key) if key else path, word, key, siblings
    )


def field_at(lines: Sequence[str], row: int) -> tuple[str, str, tuple[str, ...]]:
    """(apiVersion, kind, path of the field that the line declares): what a hover explains."""
    line = lines[row] if row < len(lines) else ""
    first, last = _document(lines, row)
    here = parse_line(line)
    path, _ = _walk(lines, row, first, last, here)
    header = _header(lines, first, last)
    return header.get("apiVersion", ""), header.get("kind", ""), (*path, here.key) if here.key else path


def _document(lines: Sequence[str], row: int) -> tuple[int, int]:
    first = row
    while first > 0 and not lines[first - 1].startswith("---"):
        first -= 1
    last = row
    while last < len(lines) and not lines[last].startswith("---"):
        last += 1
    return first, max(last, row + 1)


def _header(lines: Sequence[str], first: int, last: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines[first:last]:
        if line[:1] not in (" ", "-", "#") and (match := _KEY.match(line)) and match["value"]:
            found.setdefault(match["key"], match["value"].split(" #")[0].strip("\"' "))
    return found


def parse_line(line: str) -> Line:
    """Dashes, key and value of a line of block style; a line without a key is all value."""
    match = _LINE.match(line)
    assert match is not None  # the pattern matches any line
    column, dashes = len(match["indent"]), []
    for part in re.findall(r"- +", match["dashes"]):
        dashes.append(column)
        column += len(part)
    rest = match["rest"]
    if rest == "-":
        dashes.append(column)
        column, rest = column + 2, ""
    key = _KEY.match(rest)
    if key is None:
        return Line(column, tuple(dashes), "", rest)
    return Line(column, tuple(dashes), key["key"].strip("\"'"), key["value"] or "")


def _parse_colon(before: str) -> bool:
    match = _LINE.match(before)
    return bool(match and re.match(r"""^("[^"]*"|'[^']*'|[^\s#:]+):\s""", match["rest"] + " "))


def _blank(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith("#")


def _walk(lines: Sequence[str], row: int, first: int, last: int, here: Line) -> tuple[tuple[str, ...], frozenset[str]]:
    """Path of the mapping that the line `here` belongs to, and the keys beside it."""
    path: list[str] = []
    siblings = _below(lines, row, last, here.column)
    column, lists_too = here.column, False
    """A key is a parent when it begins left of `column`; after a list marker also at the marker's own column."""
    for dash in reversed(here.dashes):
        path.append("[]")
        column, lists_too = dash, True
    for number in range(row - 1, first - 1, -1):
        if _blank(lines[number]):
            continue
        line = parse_line(lines[number])
        if line.column == column and not lists_too:  # beside us in the same mapping
            if line.key and not path:
                siblings.add(line.key)
            for dash in reversed(line.dashes):
                path.append("[]")
                column, lists_too = dash, True
            continue
        if lists_too and line.dashes and line.dashes[0] == column:  # another item of the list
            continue
        parent = line.column < column or (lists_too and line.column == column)
        if not parent or not line.key:
            continue
        path.append(line.key)
        column, lists_too = line.column, False
        for dash in reversed(line.dashes):
            path.append("[]")
            column, lists_too = dash, True
    return tuple(reversed(path)), frozenset(siblings)


def _below(lines: Sequence[str], row: int, last: int, column: int) -> set[str]:
    found: set[str] = set()
    for number in range(row + 1, last):
        if _blank(lines[number]):
            continue
        line = parse_line(lines[number])
        if line.column < column or line.dashes:
            if line.column <= column or not line.dashes:
                break
            continue
        if line.column == column and line.key:
            found.add(line.key)
    return found


def namespace_of(lines: Sequence[str], row: int) -> str:
    """`metadata.namespace` of the document at `row`; "" when it gives none."""
    first, last = _document(lines, row)
    inside = False
    for line in map(parse_line, lines[first:last]):
        if line.column == 0 and line.key:
            inside = line.key == "metadata"
            flow = re.search(r"\bnamespace:\s*([^,}\s]+)", line.value) if inside else None
            if flow is not None:
                return flow[1].strip("\"'")
        elif inside and line.key == "namespace" and not line.dashes:
            return scalar(line.value)
    return ""


class Declared(NamedTuple):
    """One document of a text, as far as it can be told while it is typed."""

    kind: str
    namespace: str
    name: str
    first: int
    last: int
    """Rows [first, last)."""


def declared(lines: Sequence[str]) -> list[Declared]:
    """The objects that a text declares, in its order."""
    found = []
    first = 0
    for row in range(len(lines) + 1):
        if row == len(lines) or lines[row].startswith("---"):
            kind, meta = _declared(lines, first, row)
            if kind:
                found.append(Declared(kind, meta.get("namespace", ""), meta.get("name", ""), first, row))
            first = row + 1
    return found


def _declared(lines: Sequence[str], first: int, last: int) -> tuple[str, dict[str, str]]:
    kind, meta, column = "", dict[str, str](), -1
    for row in range(first, last):
        text = lines[row]
        if text[:1] not in (" ", "#", ""):
            line = parse_line(text)
            column = -1
            if line.key == "kind":
                kind = scalar(line.value)
            elif line.key == "metadata":
                column = 0
                for key, value in _FLOW_PAIR.findall(line.value):
                    meta.setdefault(key, scalar(value))
        elif column >= 0 and not _blank(text):
            line = parse_line(text)
            column = column or line.column
            if line.column == column and line.key and not line.dashes:
                meta.setdefault(line.key, scalar(line.value))
    return kind, meta


def keys_under(lines: Sequence[str], first: int, last: int, field: str) -> list[str]:
    """Keys of the mapping that the document of the rows [first, last) has as its top field `field`."""
    keys: list[str] = []
    inside, column = False, 0
    for row in range(first, last):
        text = lines[row]
        if text[:1] not in (" ", "#", ""):
            line = parse_line(text)
            inside, column = line.key == field, 0
            if inside:
                keys += [key for key, _ in _FLOW_PAIR.findall(line.value)]
        elif inside and not _blank(text):
            line = parse_line(text)
            column = column or line.column
            if line.column == column and line.key:
                keys.append(line.key)
    return keys


def mappings_around(lines: Sequence[str], row: int) -> list[dict[str, str]]:
    """Keys and scalars of the mapping that the line belongs to, then of the one around it, and so on outwards."""
    first, last = _document(lines, row)
    found: list[dict[str, str]] = []
    number: int | None = row
    while number is not None and number < len(lines):
        values, number = _mapping(lines, number, first, last)
        found.append(values)
    return found


def scalar(value: str) -> str:
    """A value as written, without comment and quotes."""
    return value.split(" #")[0].strip("\"' ")


def _mapping(lines: Sequence[str], row: int, first: int, last: int) -> tuple[dict[str, str], int | None]:
    """The mapping of one line, and the row of the key that holds it."""
    here = parse_line(lines[row])
    values = {here.key: scalar(here.value)} if here.key else {}
    for number in range(row + 1, last):
        if _blank(lines[number]):
            continue
        line = parse_line(lines[number])
        if min(line.column, *line.dashes[:1], line.column) < here.column:
            break
        if line.column == here.column and line.key and not line.dashes:
            values.setdefault(line.key, scalar(line.value))
    dash = here.dashes[0] if here.dashes else None
    for number in range(row - 1, first - 1, -1):
        if _blank(lines[number]):
            continue
        line = parse_line(lines[number])
        start = line.dashes[0] if line.dashes else line.column
        if dash is not None:
            if line.key and (start < dash or (start == dash and not line.dashes)):
                return values, number
        elif line.column == here.column:
            if line.key:
                values.setdefault(line.key, scalar(line.value))
            dash = start if line.dashes else None
        elif line.column < here.column and line.key:
            return values, number
    return values, None
