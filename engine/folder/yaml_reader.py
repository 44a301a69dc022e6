"""One YAML document as a value, with the line and column of every key and value, in a single pass.

libyaml's events are turned into JSON values by go-yaml's rules (yaml_scalars.py) and into a tree of marks beside them.
Aliases share their value instead of copying it, but what they would expand to is counted, since everything behind
this module writes values out in full: a document that grows too much is refused, as is one nested too deeply.
Duplicate keys are errors; merge keys (`<<`) are honoured, explicit keys win over merged ones.

Any fault raises `YamlError` with its place; nothing else is raised, whatever the text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import yaml
from yaml._yaml import CParser
from yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent

from engine.folder.yaml_scalars import Scalar, key_text, resolve, tagged

MAX_DEPTH: Final = 200
"""Nesting of maps and lists. JSON writers stop at about 250."""
MAX_ALIASED: Final = 400_000
"""What all aliases of a document may expand to, in units of a node or 32 characters."""
_TAG: Final = "tag:yaml.org,2002:"


class Mark(NamedTuple):
    """Where a key and its value stand, counted from 0; `children` holds the same for what is inside."""

    key_line: int
    key_column: int
    line: int
    column: int
    children: Marks | None


Marks = dict[str | int, Mark]
"""By key of a map or index of a list."""


class Tree(NamedTuple):
    """A document's value and its marks."""

    value: Any
    line: int
    """Line of the first key or value, from 0."""
    column: int
    marks: Marks | None


class YamlError(Exception):
    """A document that cannot be read. `line` and `column` count from 0."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(problem)
        self.problem, self.line, self.column = problem, line, column


_BUILDING: Final = object()


def read_document(text: str) -> Tree | None:
    """The document in `text`; None when there is none (empty, or comments only)."""
    try:
        return _Reader(text).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if error.problem == "found unexpected end of stream" and error.context_mark is not None:
            mark = error.context_mark  # the quote that was never closed tells more than the end of the text
        line, column = (mark.line, mark.column) if mark else (0, 0)
        raise YamlError(_explained(error.problem or "unknown problem parsing YAML content", text, line, column),
                        line, column) from error  # fmt: skip
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="replace")  # libyaml counts it in bytes
        raise YamlError(error.reason, before.count("\n"), len(before) - before.rfind("\n") - 1) from error
    except UnicodeError as error:
        raise YamlError("invalid Unicode character", 0, 0) from error


def _explained(problem: str, text: str, line: int, column: int) -> str:
    if problem == "found character that cannot start any token":
        rows = text.split("\n", line + 1)
        if len(rows) > line and rows[line][column : column + 1] == "\t":
            return f"{problem}: a tab; YAML is indented with spaces"
    return problem


class _Reader:
    def __init__(self, text: str) -> None:
        self._next: Callable[[], Any] = CParser(text).get_event
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._size = 0
        self._aliased = 0

    def read(self) -> Tree | None:
        self._next()  # stream start
        start = self._next()
        if start is None or not isinstance(start, yaml.DocumentStartEvent):
            return None
        event = self._next()
        line, column = event.start_mark.line, event.start_mark.column
        value, marks = self._node(event, 0)
        self._next()  # document end
        if not isinstance(following := self._next(), yaml.StreamEndEvent):
            raise _at(following, "more than one document without a --- line between them")
        return Tree(value, line, column, marks)

    def _node(self, event: Any, depth: int) -> tuple[Any, Marks | None]:
        if isinstance(event, AliasEvent):
            return self._alias(event), None
        anchor = event.anchor
        size = self._size
        if anchor is not None:
            self._anchors[anchor] = (_BUILDING, 0)
        marks: Marks | None = None
        value: Any
        if isinstance(event, ScalarEvent):
            value = self._scalar(event)
        else:
            if depth >= MAX_DEPTH:
                raise _at(event, f"exceeded max depth of {MAX_DEPTH}")
            if isinstance(event, MappingStartEvent):
                value, marks = self._mapping(depth)
            else:
                value, marks = self._sequence(depth)
            self._size += 1
        if anchor is not None:
            self._anchors[anchor] = (value, self._size - size)
        return value, marks

    def _alias(self, event: Any) -> Any:
        found = self._anchors.get(event.anchor)
        if found is None:
            raise _at(event, f"unknown anchor '{event.anchor}' referenced")
        value, size = found
        if value is _BUILDING:
            raise _at(event, f"anchor '{event.anchor}' value contains itself")
        self._size += size
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise _at(event, "document contains excessive aliasing")
        return value

    def _scalar(self, event: Any) -> Scalar:
        text: str = event.value
        self._size += 1 + (len(text) >> 5)
        tag = event.tag
        try:
            if tag is None:
                return resolve(text) if event.implicit[0] else text
            if not tag.startswith(_TAG):
                return text
            kind = tag[len(_TAG) :]
            if kind == "binary":
                return base64.b64decode(text, validate=False).decode("utf-8", "replace")
            return tagged(kind, text) if kind in ("null", "bool", "int", "float") else text
        except binascii.Error as error:
            raise _at(event, "!!binary value contains invalid base64 data") from error
        except ValueError as error:
            raise _at(event, str(error)) from error

    def _sequence(self, depth: int) -> tuple[list[Any], Marks]:
        values: list[Any] = []
        marks: Marks = {}
        while not isinstance(event := self._next(), SequenceEndEvent):
            value, children = self._node(event, depth + 1)
            mark = event.start_mark
            marks[len(values)] = Mark(mark.line, mark.column, mark.line, mark.column, children)
            values.append(value)
        return values, marks

    def _mapping(self, depth: int) -> tuple[dict[str, Any], Marks]:
        values: dict[str, Any] = {}
        marks: Marks = {}
        merged: list[dict[str, Any]] = []
        while not isinstance(event := self._next(), MappingEndEvent):
            if event.__class__ is ScalarEvent and event.value == "<<" and event.implicit[0]:
                merged.extend(self._merge(depth))
                continue
            key = self._key(event)
            if key in marks:
                raise _at(event, f'key "{key}" already set in map')
            item = self._next()
            at, where = event.start_mark, item.start_mark
            value, children = self._node(item, depth + 1)
            marks[key] = Mark(at.line, at.column, where.line, where.column, children)
            values[key] = value
        for source in merged:
            for key, value in source.items():
                values.setdefault(key, value)
        return values, marks

    def _key(self, event: Any) -> str:
        if isinstance(event, AliasEvent):
            value = self._alias(event)
        elif isinstance(event, ScalarEvent):
            value, _ = self._node(event, 0)
        else:
            raise _at(event, "invalid map key: maps and lists cannot be keys")
        if isinstance(value, (dict, list)):
            raise _at(event, "invalid map key: maps and lists cannot be keys")
        try:
            return key_text(value)
        except ValueError as error:
            raise _at(event, str(error)) from error

    def _merge(self, depth: int) -> list[dict[str, Any]]:
        event = self._next()
        value, _ = self._node(event, depth + 1)
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise _at(event, "map merge requires map or sequence of maps as the value")
        return sources


def _at(event: Any, problem: str) -> YamlError:
    return YamlError(problem, event.start_mark.line, event.start_mark.column)
