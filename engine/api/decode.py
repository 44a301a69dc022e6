"""Structural decoding: does a manifest have the form of its type, said in the words of Kubernetes' decoder.

One pass finds everything: fields that do not exist, values of the wrong JSON type (Go's `json: cannot unmarshal …`),
quantities, times and base64 that cannot be read. Each `Problem` has the machine path, so that a place in a file can be
found. The same pass notices what Go would drop (nulls, empty lists and maps, unknown fields); `decode` then returns an
object without it, sharing all parts that stay.

Source of the texts: encoding/json (UnmarshalTypeError), sigs.k8s.io/json (strict errors), apimachinery's resource,
intstr and metav1.Time.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from engine.api.schema import Field, TypeInfo

_QUANTITY: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?\Z")
QUANTITY_TEXT: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_TIME: Final = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)\Z"
)
_INT32: Final = (-(2**31), 2**31 - 1)
_INT64: Final = (-(2**63), 2**63 - 1)

Path = tuple[str | int, ...]
OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class Problem(NamedTuple):
    """One complaint about the form of a manifest."""

    path: Path
    """Keys and list indexes from the root."""
    message: str
    """Kubernetes' text: `unknown field "spec.foo"`, `json: cannot unmarshal string into Go struct field …`."""
    unknown: bool
    """An unknown field: an error when strict, else a warning. Everything else is always an error."""
    hard: bool = False
    """Go stops decoding here: this one is reported before the others."""

    @property
    def field(self) -> str:
        return path_text(self.path)


def path_text(path: Sequence[str | int]) -> str:
    """`("spec", "containers", 0, "image")` → `spec.containers[0].image`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text[1:] if text.startswith(".") else text


class _Walk:
    """State of one pass."""

    __slots__ = ("problems", "untidy")

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.untidy = False
        """Something was met that Go would not keep as it is."""


def decode(info: TypeInfo, obj: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """(what Go would have made of `obj`, problems in the order in which kubectl's JSON shows them)."""
    walk = _Walk()
    _struct(info, obj, None, info.go, walk)
    problems = walk.problems
    if problems:
        problems.sort(key=lambda p: (not p.hard, tuple((isinstance(s, int), s) for s in p.path)))
    if walk.untidy or problems:
        obj = _tidy_struct(info, obj)
    return obj, problems


def decode_error(kind: str, version: str, problems: Sequence[Problem], strict: bool) -> str | None:
    """The text of the BadRequest that the API answers, None when there is nothing to refuse."""
    for problem in problems:
        if not problem.unknown:
            return f'{kind} in version "{version}" cannot be handled as a {kind}: {problem.message}'
    if strict and problems:
        texts = ", ".join(dict.fromkeys(problem.message for problem in problems))
        return f'{kind} in version "{version}" cannot be handled as a {kind}: strict decoding error: {texts}'
    return None


# -- the pass ------------------------------------------------------------------------------------------------------

_At = tuple[Any, str | int] | None
"""A path as a chain of (parent, step): cheap to make at every step, spelled out only for a problem."""


def _struct(info: TypeInfo, value: dict[str, Any], at: _At, owner: str, walk: _Walk) -> None:
    fields = info.fields
    if info.go.endswith(_CONDITION) and _unsaid(info, value):
        walk.untidy = True
    for name, part in value.items():
        entry = fields.get(name)
        if entry is None:
            if not info.preserve:
                path = _path((at, name))
                walk.problems.append(Problem(path, f'unknown field "{path_text(path)}"', True))
            continue
        kind = type(part)
        if kind is entry.leaf:
            continue
        if kind is dict and entry.form == "struct":
            _struct(entry.target or entry.type, part, (at, name), entry.type.go, walk)
        elif part is None:
            walk.untidy = True
        else:
            _value(entry, part, (at, name), owner, walk)


def _value(entry: Field, part: Any, at: _At, owner: str, walk: _Walk) -> None:
    form, kind = entry.form, type(part)
    if kind is entry.leaf:
        return
    if part is None:
        walk.untidy = True
    elif form == "struct":
        if kind is dict:
            _struct(entry.target or entry.type, part, at, entry.type.go, walk)
        else:
            _mismatch(entry, part, at, owner, walk)
    elif form == "list":
        if kind is not list:
            _mismatch(entry, part, at, owner, walk)
        elif part:
            item = entry.item
            assert item is not None
            leaf = item.leaf
            for index, each in enumerate(part):
                if type(each) is not leaf:
                    _value(item, each, (at, index), owner, walk)
        else:
            walk.untidy = True
    elif form == "map":
        if kind is not dict:
            _mismatch(entry, part, at, owner, walk)
        elif part:
            item = entry.item
            assert item is not None
            leaf = item.leaf
            for key, each in part.items():
                if type(each) is not leaf:
                    _value(item, each, (at, key), owner, walk)
        else:
            walk.untidy = True
    elif form in _CHECKS:
        _CHECKS[form](entry, part, at, owner, walk)
    elif form == "any":
        return
    elif form == "raw":
        if kind is not dict:
            _mismatch(entry, part, at, owner, walk)
    else:
        _mismatch(entry, part, at, owner, walk)


def _integer(entry: Field, part: Any, at: _At, owner: str, walk: _Walk) -> None:
    low, high = _INT32 if entry.form == "int32" else _INT64
    if type(part) is float and part.is_integer():
        walk.untidy = True
        part = int(part)
    if type(part) is not int or not low <= part <= high:
        _mismatch(entry, part, at, owner, walk, exact=True)


def _number(entry: Field, part: Any, at: _At, owner: str, walk: _Walk) -> None:
    if type(part) not in (int, float):
        _mismatch(entry, part, at, owner, walk)


def _quantity(entry: Field, part: Any, at: _At, owner: str, walk: _Walk) -> None:
    if type(part) in (int, float):
        walk.untidy = True
    elif type(part) is not str or not _QUANTITY.match(part):
        walk.problems.append(Problem(_path(at), QUANTITY_TEXT, False, True))


def _int_or_string(entry: Field, part: Any, at: _At, owner: str, walk: _Walk) -> None:
    if type(part) is str:
        return
    if type(part) is not int or not _INT32[0] <= part <= _INT32[1]:
        _mismatch(entry, part, at, owner, walk, exact=True, go="int32", hard=True)


def _time(entry: Field, part: Any, at: _At, owner: str, walk: _Walk) -> None:
    if type(part) is not str:
        _mismatch(entry, part, at, owner, walk, go="string", hard=True)
    elif not _TIME.match(part):
        layout = "2006-01-02T15:04:05.000000Z07:00" if entry.form == "microtime" else "2006-01-02T15:04:05Z07:00"
        year = "2006" if not re.match(r"\d{4}", part) else "-" if len(part) < 5 or part[4] != "-" else ""
        rest = part if year == "2006" else part[4:]
        text = f'parsing time "{part}" as "{layout}": cannot parse "{rest}" as "{year or "2006"}"'
        walk.problems.append(Problem(_path(at), text, False, True))


def _bytes(entry: Field, part: Any, at: _At, owner: str, walk: _Walk) -> None:
    if type(part) is not str:
        _mismatch(entry, part, at, owner, walk)
        return
    text = part.replace("\n", "").replace("\r", "")
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        wrong = re.search(r"[^A-Za-z0-9+/]", text)
        offset = wrong.start() if wrong else len(text) - len(text) % 4
        walk.problems.append(Problem(_path(at), f"illegal base64 data at input byte {offset}", False))


_CHECKS: Final = {
    "int32": _integer, "int64": _integer, "float64": _number, "quantity": _quantity, "int-or-string": _int_or_string,
    "time": _time, "microtime": _time, "bytes": _bytes,
}  # fmt: skip


def _mismatch(
    entry: Field, part: Any, at: _At, owner: str, walk: _Walk, *, exact: bool = False, go: str = "", hard: bool = False
) -> None:
    """Go's UnmarshalTypeError. `exact`: an integer was wanted, so a number is quoted."""
    kind = type(part)
    if kind is str:
        what = "string"
    elif kind is bool:
        what = "bool"
    elif kind is list:
        what = "array"
    elif kind is dict:
        what = "object"
    else:
        what = f"number {part}" if exact else "number"
    path = _path(at)
    stack = ".".join(_go_stack(path, entry))
    text = f"json: cannot unmarshal {what} into Go struct field {owner}.{stack} of type {go or entry.go}"
    walk.problems.append(Problem(path, text, False, hard))


def _go_stack(path: Path, entry: Field) -> list[str]:
    """Go names struct fields only: list indexes are left out, and the key of a map's scalar."""
    steps = [step for step in path if isinstance(step, str)]
    return steps[:-1] if entry.name == "" and path and isinstance(path[-1], str) else steps


def _path(at: _At) -> Path:
    steps: list[str | int] = []
    while at is not None:
        at, step = at
        steps.append(step)
    return tuple(reversed(steps))


# -- tidying -------------------------------------------------------------------------------------------------------


def _tidy_struct(info: TypeInfo, value: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    changed = False
    for name, part in value.items():
        entry = info.fields.get(name)
        if entry is None:
            if info.preserve:
                out[name] = part
            else:
                changed = True
            continue
        if part is None and not (entry.required or (entry.form == "time" and name in _KEPT_NULL)):
            changed = True
            continue
        if part is None and entry.form in _ZEROS:
            part, changed = _ZEROS[entry.form], True
        new = _tidy(entry, part)
        if not new and type(new) in (list, dict) and entry.form in ("list", "map") and not entry.required:
            changed = True
            continue
        changed = changed or new is not part
        out[name] = new
    if info.go.endswith(_CONDITION):
        for name in _unsaid(info, out):
            out[name], changed = "", True
    return out if changed else value


def _unsaid(info: TypeInfo, value: dict[str, Any]) -> list[str]:
    """Texts that Go writes also when they are empty: a condition's type and status are looked at by everybody."""
    return [name for name in info.required if name not in value and info.fields[name].form == "string"]


_CONDITION: Final = "Condition"
_KEPT_NULL: Final = frozenset({"lastProbeTime"})
"""Times without omitempty: Go writes them as null."""


def _tidy(entry: Field, part: Any) -> Any:
    if entry.form == "struct" and isinstance(part, dict):
        return _tidy_struct(entry.type, part)
    if entry.form == "list" and isinstance(part, list) and entry.item is not None:
        items = [_tidy_item(entry.item, each) for each in part]
        return items if any(a is not b for a, b in zip(items, part, strict=True)) else part
    if entry.form == "map" and isinstance(part, dict) and entry.item is not None:
        item = entry.item
        values = {key: _tidy_item(item, each) for key, each in part.items()}
        return values if any(values[key] is not part[key] for key in part) else part
    if entry.form == "quantity" and isinstance(part, int | float) and not isinstance(part, bool):
        return str(part)
    if entry.form in ("int32", "int64") and isinstance(part, float) and part.is_integer():
        return int(part)
    return part


def _tidy_item(entry: Field, part: Any) -> Any:
    """A null in a list or map is Go's zero value."""
    if part is not None:
        return _tidy(entry, part)
    return {} if entry.form == "struct" else _ZEROS.get(entry.form)


_ZEROS: Final = {
    "string": "", "bytes": "", "bool": False, "int32": 0, "int64": 0, "float64": 0, "quantity": "0",
    "int-or-string": 0,
}  # fmt: skip
