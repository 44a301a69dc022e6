"""A file's bytes as Kubernetes documents: each with its values, its marks, and the faults found on the way.

The text is split at `---` lines as kubectl does, and each piece is read by itself: one bad document never takes its
neighbours with it. `List`s are unfolded, JSON is read as the YAML that it is (several objects may follow each other).
Pieces whose text did not change since the last reading are taken over, so a save of a large file costs what changed.

Reading never raises. Text of faults is kubectl's where it has one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from engine.client import Diagnostic
from engine.folder.fields import Path, find_mark, path_text
from engine.folder.yaml_reader import Marks, Tree, YamlError, read_document

_SEPARATOR: Final = re.compile(r"^---([^\n]*)(?:\n|\Z)", re.MULTILINE)
_JSON_SEAM: Final = re.compile(r"\}\s*\{")
_ONLY_DIRECTIVES: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n|%[^\n]*(?:\n|\Z))*", re.MULTILINE)
_SURROGATES: Final = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


@dataclass(slots=True)
class Document:
    """One object that a file declares."""

    index: int
    """Of the YAML document in the file, from 0; items of a List share it."""
    obj: dict[str, Any]
    api_version: str
    kind: str
    namespace: str
    """As written: "" where none is given."""
    name: str
    path: Path
    """Of the object in its document: () or ("items", 3)."""
    _line: int
    _column: int
    _marks: Marks | None
    _offset: int = 0

    @property
    def line(self) -> int:
        """Line of its first key, from 1."""
        return self._line + self._offset + 1

    @property
    def column(self) -> int:
        return self._column + 1

    @property
    def offset(self) -> int:
        """Lines of the file before the piece (between two `---`) that holds it."""
        return self._offset

    def place(self, path: Path, *, value: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the field at `path`, or of the nearest field around it."""
        mark, missing = find_mark(self._marks, path)
        if mark is None:
            return self.line, self.column
        if value and not missing:
            return mark.line + self._offset + 1, mark.column + 1
        return mark.key_line + self._offset + 1, mark.key_column + 1

    def moved(self, index: int, offset: int) -> Document:
        """The same document elsewhere in the file."""
        if index == self.index and offset == self._offset:
            return self
        return Document(index, self.obj, self.api_version, self.kind, self.namespace, self.name, self.path,
                        self._line, self._column, self._marks, offset)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one `---` piece of a file holds, with lines relative to its own start."""

    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]
    empty: bool


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file as read."""

    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]
    broken: bool
    """Something in it could not be read, so what it no longer declares may just be unreadable: prune nothing."""
    pieces: dict[str, _Piece]
    """By text, for the next reading."""


def read_bytes(data: bytes, before: ParsedFile | None = None) -> ParsedFile:
    """Documents of a file's bytes (UTF-8, with or without a byte order mark)."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        why = "the file is UTF-16; save it as UTF-8" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else error.reason
        message = f"yaml: invalid UTF-8: byte 0x{data[error.start]:02x} at offset {error.start} ({why})"
        return ParsedFile((), (Diagnostic(line, column, "error", "", message),), True, {})
    return read_text(text, before)


def read_text(text: str, before: ParsedFile | None = None) -> ParsedFile:
    """Documents of a text, as of a file or as it stands in an editor."""
    known = before.pieces if before is not None else {}
    pieces: dict[str, _Piece] = {}
    documents: list[Document] = []
    diagnostics: list[Diagnostic] = []
    index = 0
    for piece_text, offset, fault in _split(text):
        if fault:
            diagnostics.append(Diagnostic(offset + 1, 1, "error", "", fault, index))
        piece = known.get(piece_text) or pieces.get(piece_text) or _read_piece(piece_text)
        pieces[piece_text] = piece
        documents.extend(document.moved(index, offset) for document in piece.documents)
        diagnostics.extend(d._replace(line=d.line + offset, document=index) for d in piece.diagnostics)
        index += not piece.empty
    broken = any(diagnostic.severity == "error" for diagnostic in diagnostics)
    return ParsedFile(tuple(documents), tuple(diagnostics), broken, pieces)


def pieces_of(text: str) -> list[tuple[str, int]]:
    """The pieces that documents stand in, and how many lines of the text are before each."""
    return [(piece, offset) for piece, offset, _ in _split(text)]


def _split(text: str) -> Iterator[tuple[str, int, str]]:
    """(text, line offset, complaint about the separator before it) of each piece."""
    if text.lstrip()[:1] == "{" and (_begins_with_json(text) or not _SEPARATOR.search(text)):
        yield from _split_json(text)
        return
    start, offset, fault = 0, 0, ""
    for match in _SEPARATOR.finditer(text):
        piece = text[start : match.start()]
        if not fault and _ONLY_DIRECTIVES.fullmatch(piece) and "%" in piece:
            piece = ""  # `%YAML 1.2` before the first document
        if piece or fault:
            yield piece, offset, fault
        offset += text.count("\n", start, match.end())
        start = match.end()
        rest = match.group(1).strip()
        fault = f"invalid Yaml document separator: {rest}" if rest and rest[0] != "#" else ""
        if fault:
            offset -= match.group(0).endswith("\n")
            start -= match.group(0).endswith("\n")
    if text[start:] or fault:
        yield text[start:], offset, fault


def _begins_with_json(text: str) -> bool:
    """Whether the first thing in the text is a JSON object; else it is YAML that begins with a flow mapping."""
    try:
        json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return False
    return True


def _split_json(text: str) -> Iterator[tuple[str, int, str]]:
    start, offset = 0, 0
    if _JSON_SEAM.search(text):  # several objects, one behind the other
        decoder = json.JSONDecoder()
        while text[start:].strip():
            try:
                _, length = decoder.raw_decode(text[start:].lstrip())
            except (ValueError, RecursionError):
                break  # the YAML reader tells what is wrong
            end = start + len(text[start:]) - len(text[start:].lstrip()) + length
            yield _SURROGATES.sub(_surrogate_pair, text[start:end]), offset, ""
            offset += text.count("\n", start, end)
            start = end
    if text[start:].strip():
        yield _SURROGATES.sub(_surrogate_pair, text[start:]), offset, ""


def _surrogate_pair(match: re.Match[str]) -> str:
    """JSON writes characters outside the BMP as two escapes, YAML as one."""
    high, low = (int(part, 16) for part in match.groups())
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"


def _read_piece(text: str) -> _Piece:
    try:
        tree = read_document(text)
    except YamlError as error:
        line, column = error.line, error.column
        if line and line >= len(text.splitlines()):  # the end of the text: point at its last line
            line, column = max(text.rstrip("\r\n").count("\n"), 0), 0
        return _Piece((), (Diagnostic(line + 1, column + 1, "error", "", f"yaml: {error.problem}"),), False)
    if tree is None or tree.value is None:
        return _Piece((), (), True)
    documents: list[Document] = []
    diagnostics: list[Diagnostic] = []
    for found in _objects(tree):
        if isinstance(found, Document):
            documents.append(found)
        else:
            diagnostics.append(found)
    return _Piece(tuple(documents), tuple(diagnostics), False)


def _objects(tree: Tree) -> Iterator[Document | Diagnostic]:
    if not isinstance(tree.value, dict):
        kind = {list: "array", str: "string", bool: "bool"}.get(type(tree.value), "number")
        text = f"couldn't get version/kind; json parse error: cannot unmarshal {kind} into an object"
        yield Diagnostic(tree.line + 1, tree.column + 1, "error", "", text)
        return
    yield from _unfold(tree.value, (), tree.line, tree.column, tree.marks, 0)


def _unfold(
    value: dict[str, Any], path: Path, line: int, column: int, marks: Marks | None, depth: int
) -> Iterator[Document | Diagnostic]:
    kind = value.get("kind")
    items = value.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list) and depth < 10:
        item_marks = marks["items"].children if marks and "items" in marks else None
        for index, item in enumerate(items):
            mark = item_marks.get(index) if item_marks else None
            at = (mark.line, mark.column) if mark else (line, column)
            if not isinstance(item, dict):
                yield Diagnostic(at[0] + 1, at[1] + 1, "error", path_text((*path, "items", index)),
                                 "an item of a List must be an object")  # fmt: skip
                continue
            if kind != "List" and "kind" not in item:
                item = {"apiVersion": value.get("apiVersion"), "kind": kind[:-4], **item}
            yield from _unfold(item, (*path, "items", index), *at, mark.children if mark else None, depth + 1)
        return
    yield _identified(value, path, line, column, marks)


def _identified(
    value: dict[str, Any], path: Path, line: int, column: int, marks: Marks | None
) -> Document | Diagnostic:
    meta = value.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    version, kind, namespace, name = (
        str(source.get(field) or "")
        for source, field in ((value, "apiVersion"), (value, "kind"), (meta, "namespace"), (meta, "name"))
    )
    document = Document(0, value, version, kind, namespace, name, path, line, column, marks)
    for field in ("apiVersion", "kind"):
        if not value.get(field):
            return _fault(document, (field,), f"error validating data: {field} not set")
        if not isinstance(value[field], str):
            return _fault(document, (field,), f"error validating data: {field} must be a string")
    if value.get("metadata") is not None and not isinstance(value["metadata"], dict):
        return _fault(document, ("metadata",), "error validating data: metadata must be an object")
    if not document.name:
        if meta.get("generateName"):
            text = f"from {meta['generateName']}: cannot use generate name with apply"
            return _fault(document, ("metadata", "generateName"), text)
        return _fault(document, ("metadata", "name"), "resource name may not be empty")
    for field in ("name", "namespace"):
        if meta.get(field) is not None and not isinstance(meta[field], str):
            shown = {bool: "bool", dict: "object", list: "array"}.get(type(meta[field]), "number")
            text = f"json: cannot unmarshal {shown} into Go struct field ObjectMeta.metadata.{field} of type string"
            return _fault(document, ("metadata", field), text)
    return document


def _fault(document: Document, path: Path, message: str) -> Diagnostic:
    line, column = document.place(path, value=True)
    return Diagnostic(line, column, "error", path_text((*document.path, *path)), message)
