"""Structural schemas of custom resources (openAPIV3Schema): pruning, defaulting, validation, and their types.

The texts are those of Kubernetes' go-openapi validation (`spec.size in body must be of type integer: "string"`). The
rules that a schema has beside (x-kubernetes-validations) are in engine.api.rules.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from engine.api.decode import OBJECT_META, Path, Problem, path_text
from engine.api.errors import Cause
from engine.api.rules import MISSING, item_key, items_by_key

OpenApi = Mapping[str, Any]
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
}  # fmt: skip


# -- types for completion, explain and merging -----------------------------------------------------------------------
_MARKS: Final = (
    ("x-kubernetes-list-type", "lt"), ("x-kubernetes-list-map-keys", "lk"), ("x-kubernetes-map-type", "mt"),
    ("enum", "e"),
)  # fmt: skip
"""What a field's schema says of it, and how the data file does."""


def types_of(root: str, kind: str, schema: OpenApi) -> dict[str, dict[str, Any]]:
    """Types in the data file's shape: `root` and one `root.field…` for each nested object."""
    types: dict[str, dict[str, Any]] = {}
    _add_type(root, kind, {**schema, "properties": {**(schema.get("properties") or {})}}, types)
    fields = types[root]["f"]
    fields.setdefault("apiVersion", {"t": "string"})
    fields.setdefault("kind", {"t": "string"})
    fields["metadata"] = {"r": OBJECT_META}
    return types


def _add_type(name: str, go: str, schema: OpenApi, types: dict[str, dict[str, Any]]) -> None:
    docs = {"": schema.get("description", "")}
    entry: dict[str, Any] = {
        "f": {}, "q": list(schema.get("required") or ()), "go": go, "docs": docs,
        "p": bool(schema.get("x-kubernetes-preserve-unknown-fields")),
    }  # fmt: skip
    types[name] = entry
    for key, value in (schema.get("properties") or {}).items():
        entry["f"][key] = _field(f"{name}.{key}", key, value, types)
        docs[key] = value.get("description", "")


def _field(name: str, key: str, schema: OpenApi, types: dict[str, dict[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        out["t"] = "int-or-string"
    elif schema.get("x-kubernetes-embedded-resource"):
        out["t"] = "raw"
    elif kind == "object" and schema.get("properties"):
        _add_type(name, key[:1].upper() + key[1:], schema, types)
        out["r"] = name
    elif kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        out["t"], out["i"] = "map", _field(name, key, schema["additionalProperties"], types)
    elif kind == "array":
        out["t"], out["i"] = "list", _field(name, key, schema.get("items") or {}, types)
    else:
        simple = {"string": "string", "boolean": "bool", "number": "float64", "object": "raw"}
        out["t"] = schema.get("format", "int64") if kind == "integer" else simple.get(str(kind), "any")
        if out["t"] not in ("string", "bool", "float64", "raw", "any", "int32", "int64"):
            out["t"] = "int64"
    for long, short in _MARKS:
        if schema.get(long):
            out[short] = schema[long]
    return out


# -- pruning and defaulting ------------------------------------------------------------------------------------------


def prune(schema: OpenApi, value: Any, path: Path = ()) -> tuple[Any, list[Problem]]:
    """(the value without unknown fields, a problem for each of them). Shares what stays."""
    problems: list[Problem] = []
    return _prune(schema, value, path, problems, not path), problems


def _prune(schema: OpenApi, value: Any, path: Path, problems: list[Problem], root: bool) -> Any:
    if isinstance(value, list):
        items = schema.get("items")
        if not isinstance(items, Mapping):
            return value
        pruned = [_prune(items, each, (*path, i), problems, False) for i, each in enumerate(value)]
        return pruned if any(a is not b for a, b in zip(pruned, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    keep = schema.get("x-kubernetes-preserve-unknown-fields") or extra is True
    system = root or schema.get("x-kubernetes-embedded-resource")
    out: dict[str, Any] = {}
    for key, part in value.items():
        if system and key in ("apiVersion", "kind", "metadata"):
            out[key] = part
        elif key in properties:
            out[key] = _prune(properties[key], part, (*path, key), problems, False)
        elif isinstance(extra, Mapping):
            out[key] = _prune(extra, part, (*path, key), problems, False)
        elif keep:
            out[key] = part
        else:
            where = (*path, key)
            problems.append(Problem(where, f'unknown field "{path_text(where)}"', True))
    same = len(out) == len(value) and all(out[key] is value[key] for key in out)
    return value if same else out


def default(schema: OpenApi, value: Any) -> Any:
    """The value with the schema's defaults filled in. Shares what stays."""
    if isinstance(value, list):
        items = schema.get("items")
        if not isinstance(items, Mapping):
            return value
        filled = [default(items, each) for each in value]
        return filled if any(a is not b for a, b in zip(filled, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    out = value
    for key, part in (schema.get("properties") or {}).items():
        if key in value and not (value[key] is None and "default" in part and not part.get("nullable")):
            new = default(part, value[key])
        elif "default" in part:
            new = default(part, orjson.loads(orjson.dumps(part["default"])))
        else:
            continue
        if key not in value or new is not value[key]:
            out = {**out, key: new}
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        for key, part in value.items():
            if key not in (schema.get("properties") or {}):
                new = default(extra, part)
                if new is not part:
                    out = {**out, key: new}
    return out


# -- validation ------------------------------------------------------------------------------------------------------


def validate(schema: OpenApi, value: Any, path: Path = (), old: Any = MISSING) -> list[Cause]:
    """What is wrong with a custom resource, in Kubernetes' words.

    `old`: the object before an update; what is wrong in it already and has not changed is let pass.
    """
    causes: list[Cause] = []
    _validate(schema, value, path, causes, old)
    _embedded(schema, value, path, causes)
    _duplicates(schema, value, path, causes, old)
    return causes


def _validate(schema: OpenApi, value: Any, path: Path, causes: list[Cause], old: Any = MISSING) -> None:
    at = path_text(path)
    if (value is None and (schema.get("nullable") or not path)) or _unchanged(value, old):
        return
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, int | str):
            _wrong_type(at, "integer,string", value, causes)
        return
    if kind and not _is(kind, value):
        _wrong_type(at, kind, value, causes)
        causes.extend(_not_among(schema, value, at))
        return
    _validate_combined(schema, value, path, causes)
    causes.extend(_complaints(schema, value, at))
    if isinstance(value, dict):
        _validate_object(schema, value, path, causes, old)
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, Mapping):
            known = items_by_key(schema, old)
            for index, each in enumerate(value):
                _validate(items, each, (*path, index), causes, known.get(item_key(schema, each), MISSING))


def _unchanged(value: Any, old: Any) -> bool:
    return old is not MISSING and bool(value == old)


def _validate_object(schema: OpenApi, value: dict[str, Any], path: Path, causes: list[Cause], old: Any) -> None:
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    before = old if isinstance(old, dict) else {}
    for key in sorted(value):
        if key in properties and not (not path and key == "metadata"):
            _validate(properties[key], value[key], (*path, key), causes, before.get(key, MISSING))
        elif key not in properties and isinstance(extra, Mapping):
            _validate(extra, value[key], (*path, key), causes, before.get(key, MISSING))
    for name in schema.get("required") or ():
        if name not in value:
            causes.append(Cause("FieldValueRequired", path_text((*path, name)), "Required value"))


def _validate_combined(schema: OpenApi, value: Any, path: Path, causes: list[Cause]) -> None:
    """allOf, anyOf, oneOf and not. Of options that all fail, the first one's complaints are told."""

    def failing(options: Sequence[OpenApi]) -> list[list[Cause]]:
        found: list[list[Cause]] = []
        for option in options:
            wrong: list[Cause] = []
            _validate(option, value, path, wrong)
            found.append(wrong)
        return found

    def refuse(why: str) -> None:
        causes.append(Cause("FieldValueInvalid", "<nil>", f'Invalid value: "": "{path_text(path)}" must {why}'))

    any_of, one_of, all_of = (failing(schema.get(name) or ()) for name in ("anyOf", "oneOf", "allOf"))
    if any_of and all(any_of):
        refuse("validate at least one schema (anyOf)")
        causes.extend(any_of[0])
    if one_of and (count := sum(not each for each in one_of)) != 1:
        found = f"Found {count} valid alternatives" if count else "Found none valid"
        refuse(f"validate one and only one schema (oneOf). {found}")
        causes.extend(() if count else one_of[0])
    for each in all_of:
        causes.extend(each)
    if any(all_of):
        refuse(f"validate all the schemas (allOf){'. None validated' if all(all_of) else ''}")
    if schema.get("not") and not failing([schema["not"]])[0]:
        refuse("not validate the schema (not)")


def _not_among(schema: OpenApi, value: Any, at: str) -> list[Cause]:
    """The complaint about a value that is none of an enumeration's."""
    if "enum" not in schema or value in schema["enum"]:
        return []
    options = ", ".join(_quoted(option if isinstance(option, str) else _quoted(option)) for option in schema["enum"])
    shown = _quoted(value)
    return [Cause("FieldValueNotSupported", at, f"Unsupported value: {shown}: supported values: {options}")]


def _complaints(schema: OpenApi, value: Any, at: str) -> list[Cause]:
    found: list[Cause] = []
    if isinstance(value, str):
        found.extend(_string_complaints(schema, value, at))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found.extend(_number_complaints(schema, value, at))
    elif isinstance(value, list | dict):
        what, low, high = ("items", "minItems", "maxItems") if isinstance(value, list) else _PROPERTIES
        if len(value) < schema.get(low, 0):
            found.append(_invalid(at, value, f"should have at least {schema[low]} {what}"))
        if high in schema and len(value) > schema[high]:
            text = f"Too many: {len(value)}: must have at most {schema[high]} items"
            found.append(Cause("FieldValueTooMany", at, text))
    return found + _not_among(schema, value, at)


_PROPERTIES: Final = ("properties", "minProperties", "maxProperties")


def _string_complaints(schema: OpenApi, value: str, at: str) -> list[Cause]:
    found = []
    if len(value) < schema.get("minLength", 0):
        found.append(_invalid(at, value, f"should be at least {schema['minLength']} chars long"))
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        found.append(Cause("FieldValueTooLong", at, f"Too long: may not be more than {schema['maxLength']} bytes"))
    if "pattern" in schema and not _matches(schema["pattern"], value):
        found.append(_invalid(at, value, f"should match '{schema['pattern']}'"))
    check = _FORMATS.get(schema.get("format", ""))
    if check is not None and not check(value):
        text = f"Invalid value: {_quoted(value)}: {at} in body must be of type {schema['format']}: {_quoted(value)}"
        found.append(Cause("FieldValueTypeInvalid", at, text))
    return found


def _number_complaints(schema: OpenApi, value: float, at: str) -> list[Cause]:
    found = []
    if "minimum" in schema:
        low, strict = schema["minimum"], schema.get("exclusiveMinimum")
        if value < low or (strict and value == low):
            found.append(_invalid(at, value, f"should be greater than {'' if strict else 'or equal to '}{low}"))
    if "maximum" in schema:
        high, strict = schema["maximum"], schema.get("exclusiveMaximum")
        if value > high or (strict and value == high):
            found.append(_invalid(at, value, f"should be less than {'' if strict else 'or equal to '}{high}"))
    if schema.get("multipleOf") and value % schema["multipleOf"]:
        found.append(_invalid(at, value, f"should be a multiple of {schema['multipleOf']}"))
    limits = {"int32": 2**31, "int64": 2**63}.get(schema.get("format", ""))
    if limits is not None and schema.get("type") == "integer" and not -limits <= value < limits:
        found.append(_invalid(at, value, f"must be of type {schema['format']}: {_quoted(value)}"))
    return found


def _embedded(schema: OpenApi, value: Any, path: Path, causes: list[Cause]) -> None:
    """Objects within the object say what they are."""
    if schema.get("x-kubernetes-embedded-resource") and isinstance(value, dict):
        for name in ("apiVersion", "kind"):
            if not value.get(name):
                causes.append(
                    Cause("FieldValueRequired", path_text((*path, name)), "Required value: must not be empty")
                )
    if isinstance(value, dict):
        properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
        for key in sorted(value):
            inner = properties.get(key, extra)
            if isinstance(inner, Mapping):
                _embedded(inner, value[key], (*path, key), causes)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, each in enumerate(value):
            _embedded(schema["items"], each, (*path, index), causes)


def _duplicates(schema: OpenApi, value: Any, path: Path, causes: list[Cause], old: Any) -> None:
    """Items that are there twice, of sets and keyed lists, after all other complaints."""
    if _unchanged(value, old):
        return
    if isinstance(value, dict):
        properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
        before = old if isinstance(old, dict) else {}
        for key in sorted(value):
            inner = properties.get(key, extra)
            if isinstance(inner, Mapping):
                _duplicates(inner, value[key], (*path, key), causes, before.get(key, MISSING))
    if not isinstance(value, list):
        return
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    seen: set[bytes] = set()
    for index, each in enumerate(value if kind in ("set", "map") else ()):
        identity = {k: each.get(k) for k in keys if k in each} if kind == "map" and isinstance(each, dict) else each
        text = orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)
        if text in seen:
            found = f"Duplicate value: {text.decode()}"
            causes.append(Cause("FieldValueDuplicate", f"{path_text(path)}[{index}]", found))
        seen.add(text)
    if isinstance(schema.get("items"), Mapping):
        for index, each in enumerate(value):
            _duplicates(schema["items"], each, (*path, index), causes, MISSING)


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    wanted = _TYPES.get(kind)
    return wanted is None or isinstance(value, wanted)


def _wrong_type(at: str, kind: str, value: Any, causes: list[Cause]) -> None:
    got = "null" if value is None else next(
        (name for name in ("boolean", "integer", "number", "string", "array", "object") if _is(name, value)), "object"
    )  # fmt: skip
    text = f'Invalid value: "{got}": {at} in body must be of type {kind}: "{got}"'
    causes.append(Cause("FieldValueTypeInvalid", at, text))


def _invalid(at: str, value: Any, why: str) -> Cause:
    shown = _quoted(value) if not isinstance(value, dict | list) else orjson.dumps(value).decode()
    return Cause("FieldValueInvalid", at, f"Invalid value: {shown}: {at} in body {why}")


def _quoted(value: Any) -> str:
    return orjson.dumps(value).decode()


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True


def _like(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(rf"(?:{pattern})\Z")
    return lambda value: compiled.match(value) is not None


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            parse(value)
        except ValueError:
            return False
        return True

    return check


def _is_uri(value: str) -> bool:
    """What Go's url.ParseRequestURI takes: a path, or a scheme and what follows."""
    return re.match(r"(?:/|[A-Za-z][A-Za-z0-9+.-]*:)[^\s]*\Z", value) is not None


_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_UNITS: Final = "ns|us|µs|ms|s|m|h|d|w|(?:nano|micro|milli)?s(?:ec|econd)s?|min(?:ute)?s?|hr?s?|hours?|days?|weeks?"
_FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "date-time": _like(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"),
    "date": _like(r"\d{4}-\d\d-\d\d"),
    "uuid": _like(r"(?i:[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})"),
    "ipv4": _parses(ipaddress.IPv4Address), "ipv6": _parses(ipaddress.IPv6Address),
    "cidr": lambda value: "/" in value and _parses(ipaddress.ip_interface)(value),
    "byte": _like(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
    "mac": _like("(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"),
    "hostname": _like(rf"{_LABEL}(?:\.{_LABEL})*"),
    "email": _like(r"[^@\s<>]+@[^@\s<>]+"),
    "uri": _is_uri,
    "duration": _like(rf"[+-]?(?:\d+(?:\.\d*)?\s*(?:{_UNITS})\s*)+|0"),
}  # fmt: skip
"""Formats that are checked, of those that Kubernetes supports."""
