"""An API refusal as diagnostics at the lines of the document that caused it.

Causes name fields; a field that is in the document is pointed at, a field that is missing points at what it should
stand in. Texts without causes (strict decoding, Go's JSON errors) are read for the fields that they name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from engine.api.errors import ApiError
from engine.api.kinds import NAMESPACES
from engine.api.write import DecodeError
from engine.client import Diagnostic
from engine.folder.documents import Document
from engine.folder.fields import Path, parse_path, path_text, value_at

_STRICT: Final = re.compile(r'(?:unknown|duplicate) field "((?:[^"\\]|\\.)*)"')
_GO_FIELD: Final = re.compile(r"into Go (?:struct field|value of type) (\w+)\.([\w.\[\]-]+) of type")
_QUOTED: Final = re.compile(r'Invalid value: ("(?:[^"\\]|\\.)*")')
_STRING_MAPS: Final = frozenset({"labels", "annotations", "matchLabels", "nodeSelector", "selector"})


class _Complaint(NamedTuple):
    path: Path
    message: str
    at: Literal["key", "value"]


def diagnostics_of(error: ApiError, document: Document) -> tuple[Diagnostic, ...]:
    """At least one, in line order."""
    found = [
        Diagnostic(*document.place(complaint.path, value=complaint.at == "value"), "error",
                   path_text(complaint.path), complaint.message, document.index)
        for complaint in _complaints(error, document)
    ]  # fmt: skip
    return tuple(sorted(dict.fromkeys(found), key=lambda d: (d.line, d.column)))


def _complaints(error: ApiError, document: Document) -> Iterator[_Complaint]:
    text = error.message
    strict = list(_STRICT.finditer(text))
    if strict:
        for match in strict:
            yield _Complaint(parse_path(match.group(1)), f"strict decoding error: {match.group(0)}", "key")
        return
    if error.causes:
        for cause in error.causes:
            path = parse_path(cause.field)
            unknown = cause.message.startswith(("unknown field", "Unknown field")) or "Forbidden" in cause.reason
            path = _refined(path, cause.message, document)
            yield _Complaint(path, str(cause), "key" if unknown else "value")
        return
    if isinstance(error, DecodeError):
        for problem in error.problems:
            yield _Complaint(problem.path, problem.message, "key" if problem.unknown else "value")
        return
    go_field = _GO_FIELD.search(text)
    if go_field:
        path = parse_path(go_field.group(2))
        brief = text[text.find("json: ") :] if "json: " in text else text
        yield _Complaint(_culprit(path, text, document), brief, "value")
        return
    if error.resource == NAMESPACES and error.code == 404:
        yield _Complaint(("metadata", "namespace"), text, "value")
        return
    yield _Complaint((), text, "key")


def _refined(path: Path, message: str, document: Document) -> Path:
    """Complaints about a map of strings name the map: find the key or the value that is quoted."""
    if not path or path[-1] not in _STRING_MAPS:
        return path
    quoted = _QUOTED.search(message)
    if quoted is None:
        return path
    try:
        text = json.loads(quoted.group(1))
    except ValueError:
        return path
    present = value_at(document.obj, path)
    if not isinstance(present, dict):
        return path
    if text in present:
        return (*path, text)
    return next(((*path, key) for key, value in present.items() if value == text), path)


def _culprit(path: Path, message: str, document: Document) -> Path:
    """Go names the map or list when a member has the wrong type: find the first member that has it."""
    present = value_at(document.obj, path)
    wanted = re.search(r"cannot unmarshal (\w+)", message)
    if not isinstance(present, dict) or wanted is None:
        return path
    types: dict[str, type | tuple[type, ...]] = {
        "number": (int, float), "string": str, "bool": bool, "object": dict, "array": list,
    }  # fmt: skip
    kind = types.get(wanted.group(1))
    if kind is None or kind is dict:
        return path
    for key, value in present.items():
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return (*path, key)
    return path
