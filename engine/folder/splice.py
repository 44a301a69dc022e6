"""One field of a manifest set, added or removed in its text, everything else left as it was written.

Only the characters of the value change (a whole entry when it comes or goes): comments, order, quoting and blank lines
around it stay. The result is read again and compared with what was meant; where a text is too unusual to be changed
this way (anchors, merge keys, tabs), nothing is returned instead of something wrong.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from engine.folder.documents import Document, pieces_of, read_text
from engine.folder.fields import Path
from engine.folder.yaml_scalars import resolve

_NOTHING: Final = object()


def splice(text: str, document: Document, path: Path, value: Any) -> str | None:
    """`text` with the field at `path` of `document` (read from this very text) set to `value`; None removes it.

    None when the text cannot be changed that way.
    """
    place = next((piece for piece in pieces_of(text) if piece[1] == document.offset), None)
    wanted = _with(document.obj, path, value)
    if place is None or wanted is _NOTHING:
        return None
    piece, offset = place
    try:
        root = yaml.compose(piece, Loader=yaml.CSafeLoader)
        if root is None:
            return None
        changed = _Splicer(piece).change(root, (*document.path, *path), value)
    except (yaml.YAMLError, LookupError, ValueError):
        return None
    start = _line_starts(text)[offset]
    result = text[:start] + changed + text[start + len(piece) :]
    after = [d.obj for d in read_text(result).documents]
    before = [d.obj for d in read_text(text).documents]
    at = next((i for i, d in enumerate(read_text(text).documents) if (d.offset, d.path) == (offset, document.path)), -1)
    if at < 0 or len(after) != len(before) or after[at] != wanted:
        return None
    return result if after[:at] == before[:at] and after[at + 1 :] == before[at + 1 :] else None


def _with(obj: Any, path: Path, value: Any) -> Any:
    """A copy of the object with the field set; `_NOTHING` when there is no such place."""
    obj = copy.deepcopy(obj)
    at = obj
    for step, following in pairwise(path):
        if isinstance(at, dict):
            if at.get(str(step)) is None:
                if isinstance(following, int) or value is None:
                    return _NOTHING
                at[str(step)] = {}
            at = at[str(step)]
        elif isinstance(at, list) and isinstance(step, int) and step < len(at):
            at = at[step]
        else:
            return _NOTHING
    last = path[-1]
    if isinstance(at, dict):
        if value is None:
            at.pop(str(last), None)
        else:
            at[str(last)] = value
    elif isinstance(at, list) and isinstance(last, int) and last <= len(at):
        at[last : last + 1] = [] if value is None else [value]
    else:
        return _NOTHING
    return obj


class _Splicer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = _line_starts(text)

    def change(self, root: Node, path: Path, value: Any) -> str:
        """The text with the change. Raises LookupError or ValueError when there is no place for it."""
        at: Node = root
        for depth, step in enumerate(path):
            entry = _entry(at, step)
            if entry is None:
                return self._add(at, path[depth:], value)
            if depth == len(path) - 1:
                if value is None:
                    return self._remove(at, step)
                return self._replace(at, entry[0], entry[1], value)
            at = entry[1]
        raise ValueError("no path")

    # -- the three ways ----------------------------------------------------------------------------------------------

    def _replace(self, parent: Node, key: Node | None, node: Node, value: Any) -> str:
        start, end = self._span(node)
        block = isinstance(node, ScalarNode) and node.style in ("|", ">")
        if not isinstance(value, dict | list) and not block:
            style = node.style if isinstance(node, ScalarNode) else None
            return self._put(start, end, _scalar(value, style), key)
        if _flow(parent) or _flow(node) or not value or not isinstance(value, dict | list):
            return self._put(start, end, _inline(value), key)
        column = parent.start_mark.column if key is not None else parent.start_mark.column + 2
        if key is None:
            return self._put(start, end, _block(value, column).lstrip(" "), None)
        after = self._at(key.end_mark)
        colon = self._text.index(":", after) + 1
        dashed = isinstance(value, list) and (not isinstance(node, SequenceNode) or _column(node) == column)
        return self._put(colon, end, "\n" + _block(value, column if dashed else column + 2), None)

    def _put(self, start: int, end: int, new: str, key: Node | None) -> str:
        if start == end and key is not None:  # `key:` with nothing behind it
            start = end = self._text.index(":", self._at(key.end_mark)) + 1
            new = f" {new}"
        return self._text[:start] + new + self._text[end:]

    def _add(self, parent: Node, steps: Path, value: Any) -> str:
        for step in reversed(steps[1:]):
            if isinstance(step, int):
                raise LookupError(step)
            value = {step: value}
        if value is None:
            return self._text
        step = steps[0]
        if isinstance(parent, ScalarNode) or not parent.value:  # `labels:` or `labels: {}`
            raise LookupError(step)
        if not isinstance(parent, CollectionNode) or isinstance(step, int) != isinstance(parent, SequenceNode):
            raise LookupError(step)
        new: Any = [value] if isinstance(parent, SequenceNode) else {step: value}
        last = parent.value[-1] if isinstance(parent, SequenceNode) else parent.value[-1][1]
        end = self._span(last)[1]
        if _flow(parent):
            return self._text[:end] + ", " + _inline(new)[1:-1] + self._text[end:]
        column = _column(parent)
        line_end = self._text.find("\n", max(0, end - (self._text[end - 1 : end] == "\n")))
        line_end = len(self._text) if line_end < 0 else line_end
        return self._text[:line_end] + "\n" + _block(new, column) + self._text[line_end:]

    def _remove(self, parent: Node, step: str | int) -> str:
        items = parent.value
        index = step if isinstance(step, int) else next(i for i, (key, _) in enumerate(items) if key.value == step)
        if len(items) == 1 or _flow(parent):
            raise LookupError(step) if len(items) > 1 else ValueError("the last one")
        assert isinstance(index, int)
        node = items[index] if isinstance(parent, SequenceNode) else items[index][0]
        end = self._span(items[index] if isinstance(parent, SequenceNode) else items[index][1])[1]
        start = self._at(node.start_mark)
        line_end = self._text.find("\n", max(0, end - (self._text[end - 1 : end] == "\n")))
        line_end = len(self._text) if line_end < 0 else line_end
        line_start = self._text.rfind("\n", 0, start) + 1
        if isinstance(parent, SequenceNode):
            start = self._text.rindex("-", line_start, start)
        if not self._text[line_start:start].strip(" "):
            return self._text[:line_start] + self._text[line_end + 1 :]
        rest = self._text[line_end + 1 :]  # the first field of a list item: the next one takes its place
        return self._text[:start] + rest.lstrip(" ")

    # -- places ------------------------------------------------------------------------------------------------------

    def _at(self, mark: Any) -> int:
        return int(self._starts[mark.line] + mark.column)

    def _span(self, node: Node) -> tuple[int, int]:
        """Of the value itself: a block collection ends with its last value, not with the comments behind it."""
        start = self._at(node.start_mark)
        if isinstance(node, CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return start, self._span(last[1] if isinstance(node, MappingNode) else last)[1]
        end = self._at(node.end_mark)
        if isinstance(node, ScalarNode) and node.style in ("|", ">"):
            while end > start and self._text[end - 1] in "\n ":
                end -= 1
        return start, end


def _entry(node: Node, step: str | int) -> tuple[Node | None, Node] | None:
    if isinstance(node, MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


def _flow(node: Node) -> bool:
    return isinstance(node, CollectionNode) and bool(node.flow_style)


def _column(node: Node) -> int:
    """Where the entries of a block collection begin."""
    return int(node.start_mark.column)


def _line_starts(text: str) -> list[int]:
    starts = [0]
    while (found := text.find("\n", starts[-1])) >= 0:
        starts.append(found + 1)
    return starts


class _Writer(yaml.SafeDumper):
    """Quotes what kubectl would read as something else than a text (`1e3`, `on`)."""


def _represent_text(writer: yaml.SafeDumper, text: str) -> ScalarNode:
    try:
        plain = isinstance(resolve(text), str) and "\n" not in text
    except ValueError:
        plain = False
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Writer.add_representer(str, _represent_text)


def _scalar(value: Any, style: str | None) -> str:
    if isinstance(value, str) and style == '"':
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and (style == "'" or "\n" in value):
        return json.dumps(value, ensure_ascii=False) if "\n" in value else "'" + value.replace("'", "''") + "'"
    return _inline(value)


def _inline(value: Any) -> str:
    text = yaml.dump(value, Dumper=_Writer, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _block(value: Any, column: int) -> str:
    text = yaml.dump(value, Dumper=_Writer, default_flow_style=False, allow_unicode=True, width=10**9, sort_keys=False)
    lines: Sequence[str] = text.removesuffix("\n").split("\n")
    return "\n".join(" " * column + line if line else line for line in lines)
