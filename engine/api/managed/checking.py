"""Whether an applied configuration fits its schema, said in the words of structured-merge-diff.

Server-side apply does not decode as other writes do: it looks at the configuration through the schema first, and what
does not fit ends it before anything else is asked: `.spec.foo: field not declared in schema`, `.data.a: expected
string, got &value.valueUnstructured{Value:1}`, `.spec.ports: duplicate entries for key [port=80,protocol="TCP"]`.
Source: structured-merge-diff typed/validate.go and helpers.go, apimachinery managedfields/internal/structuredmerge.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from engine.api import errors
from engine.api.go_types import go_text
from engine.api.kinds import Kind
from engine.api.managed.fields import Path, text
from engine.api.managed.typed import KEY_DEFAULTS, Node, item_key
from engine.api.schema import Field, TypeInfo
from store.types import JsonObject

_SCALARS: Final = {
    "string": "string", "bytes": "string", "bool": "boolean", "int32": "numeric", "int64": "numeric",
    "float64": "numeric", "quantity": "scalar", "time": "scalar", "microtime": "scalar", "int-or-string": "scalar",
}  # fmt: skip
"""What the schema of a form says of its values; forms that are not here take anything."""


def require_fit(kind: Kind, namespace: str, name: str, config: JsonObject, node: Node) -> None:
    """ServerError when the configuration does not fit its schema."""
    found = [f"{where}: {what}" if where else what for where, what in misfits(config, node)]
    if found:
        said = found[0] if len(found) == 1 else "errors:\n" + "\n".join(f"  {each}" for each in found)
        raise errors.ServerError(f"failed to create typed patch object ({_place(kind, namespace, name)}): {said}")


def unconvertible(kind: Kind, namespace: str, name: str, why: str) -> errors.ServerError:
    """What fits the schema and is no value of its type all the same: a quantity or a time that cannot be read."""
    return errors.ServerError(
        f"failed to convert new object ({_place(kind, namespace, name)}) to proper version: "
        f"unable to convert unstructured object to {_gvk(kind)}: {why}"
    )


def _place(kind: Kind, namespace: str, name: str) -> str:
    return f"{namespace}/{name}; {_gvk(kind)}"


def _gvk(kind: Kind) -> str:
    version = kind.api_version if "/" in kind.api_version else f"/{kind.api_version}"
    return f"{version}, Kind={kind.kind}"


def misfits(value: Any, node: Node) -> list[tuple[str, str]]:
    """(path as conflicts name it, what is wrong there), in the order of the fields' names."""
    found: list[tuple[str, str]] = []
    _check(value, node, (), found)
    return found


def _check(value: Any, node: Node, path: Path, found: list[tuple[str, str]]) -> None:
    if value is None or node is None:
        return
    if isinstance(node, TypeInfo):
        _check_struct(value, node, path, found)
    elif node.form == "struct":
        _check_struct(value, node.type, path, found)
    elif node.form == "map":
        if not isinstance(value, dict):
            found.append((text(path), f"expected map, got &{{{go_text(value)}}}"))
            return
        for key in sorted(value):
            _check(value[key], node.item, (*path, f"f:{key}"), found)
    elif node.form == "list":
        _check_list(value, node, path, found)
    else:
        wrong = _wrong_scalar(value, _SCALARS.get(node.form, ""))
        if wrong:
            found.append((text(path), wrong))


def _check_struct(value: Any, info: TypeInfo, path: Path, found: list[tuple[str, str]]) -> None:
    if not isinstance(value, dict):
        found.append((text(path), f"expected map, got &{{{go_text(value)}}}"))
        return
    for key in sorted(value):
        inner = (*path, f"f:{key}")
        field = info.fields.get(key)
        if field is not None:
            _check(value[key], field, inner, found)
        elif not info.preserve:
            found.append((text(inner), "field not declared in schema"))


def _check_list(value: Any, node: Field, path: Path, found: list[tuple[str, str]]) -> None:
    if not isinstance(value, list):
        found.append((text(path), f"expected list, got &{{{go_text(value)}}}"))
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        element = f"i:{index}"
        if node.list_type in ("map", "set"):
            why = _no_key(item, node.map_keys if node.list_type == "map" else None)
            if why:
                found.append((text(path), f"element {index}: {why}"))
                return
            element = item_key(item, node)
            if element in seen:
                found.append((text(path), f"duplicate entries for key {text((element,))}"))
            seen.add(element)
        _check(item, node.item, (*path, element), found)


def _no_key(item: Any, keys: Sequence[str] | None) -> str:
    """Why an item cannot be told from the others: by its keys, or (None) by itself; "" when it can."""
    if keys is None:
        if isinstance(item, dict):
            return "associative list without keys has an element that's a map type"
        if isinstance(item, list):
            return "not supported: associative list with lists as elements"
        return "associative list without keys has an element that's an explicit null" if item is None else ""
    if item is None:
        return "associative list with keys may not have a null element"
    if not isinstance(item, dict):
        return "associative list with keys may not have non-map elements"
    if any(key in item or key in KEY_DEFAULTS for key in keys):
        return ""
    names = " ".join(f'"{key}"' for key in keys)
    return (
        f"associative list with keys has an element that omits all key fields [{names}] "
        "(and doesn't have default values for any key fields)"
    )


def _wrong_scalar(value: Any, wanted: str) -> str:
    if wanted == "numeric":
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"expected numeric (int or float), got {_go_type(value)}"
        return ""
    fits = {
        "": True, "string": isinstance(value, str), "boolean": isinstance(value, bool),
        "scalar": not isinstance(value, dict | list),
    }[wanted]  # fmt: skip
    name = "any scalar" if wanted == "scalar" else wanted
    return "" if fits else f"expected {name}, got &value.valueUnstructured{{Value:{_go_value(value)}}}"


def _go_type(value: Any) -> str:
    names = {str: "string", bool: "bool", dict: "map[string]interface {}", list: "[]interface {}"}
    return names.get(type(value), "float64")


def _go_value(value: Any) -> str:
    """A JSON value as Go's %#v prints it."""
    if isinstance(value, dict):
        return "map[string]interface {}{" + ", ".join(f'"{k}":{_go_value(value[k])}' for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(_go_value, value)) + "}"
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return orjson.dumps(value).decode()
