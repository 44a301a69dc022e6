"""An object seen through its schema: what parts it has, which fields those are, what differs, merging and pruning.

A value is one whole (a scalar, an atomic list or map) or has parts: the fields of a struct, the entries of a map, the
items of a list that is a set or is keyed. What the schema does not know has parts when it is a map. Nulls count as
absent. Source: structured-merge-diff, typed/tofieldset.go, typed/merge.go, typed/remove.go.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from engine.api.managed.fields import FieldSet, Path
from engine.api.schema import Field, TypeInfo

Node = Field | TypeInfo | None
"""A place in the schema; None: it says nothing about this one."""
KEY_DEFAULTS: Final = {"protocol": "TCP"}
"""Keys that items may leave out, and what they are then."""


class Part(NamedTuple):
    """One part of a value."""

    value: Any
    node: Node
    entry: bool
    """It is an entry of a map or an item of a list, which somebody owns as such; else a field of a struct."""


def parts(value: Any, node: Node) -> dict[str, Part] | None:
    """Parts by path element, None for a value that is one whole."""
    if isinstance(value, dict):
        return _map_parts(value, node)
    if isinstance(value, list) and isinstance(node, Field) and node.form == "list":
        if node.list_type == "set":
            return {item_key(item, node): Part(item, None, True) for item in value}
        if node.list_type == "map" and all(isinstance(item, dict) for item in value):
            return {item_key(item, node): Part(item, node.item, True) for item in value}
    return None


def _map_parts(value: dict[str, Any], node: Node) -> dict[str, Part] | None:
    info, item = node if isinstance(node, TypeInfo) else None, None
    if isinstance(node, Field):
        if node.map_type == "atomic":
            return None
        if node.form == "struct":
            info = node.type
        elif node.form == "map":
            item = node.item
        elif node.form not in ("raw", "any"):
            return None
    if info is None:
        return {f"f:{key}": Part(part, item, True) for key, part in value.items() if part is not None}
    if info.map_type == "atomic":
        return None
    fields = info.fields
    return {
        f"f:{key}": Part(part, fields.get(key), key not in fields) for key, part in value.items() if part is not None
    }


def item_key(item: Any, node: Field) -> str:
    """The path element of an item of a set (`v:"x"`) or of a keyed list (`k:{"name":"web"}`)."""
    if node.list_type == "set":
        return f"v:{_json(item)}"
    keys = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in node.map_keys}
    return "k:" + _json({key: value for key, value in keys.items() if value is not None})


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


# -- which fields ----------------------------------------------------------------------------------------------------


def fields_of(value: Any, node: Node) -> FieldSet:
    """What an applied configuration owns: its leaves, entries and items."""
    found: set[Path] = set()

    def walk(value: Any, node: Node, path: Path) -> None:
        made = parts(value, node)
        if made is None:
            found.add(path)
            return
        for element, part in made.items():
            inner = (*path, element)
            if part.entry or part.value == {}:
                found.add(inner)
            walk(part.value, part.node, inner)

    walk(value, node, ())
    return frozenset(found)


def _nodes(value: Any, node: Node, path: Path, found: set[Path]) -> None:
    """Every path at and under one."""
    found.add(path)
    for element, part in (parts(value, node) or {}).items():
        _nodes(part.value, part.node, (*path, element), found)


def changes(old: Any, new: Any, node: Node) -> tuple[FieldSet, FieldSet]:
    """(paths that `new` adds or changes, paths that it removes)."""
    changed: set[Path] = set()
    removed: set[Path] = set()

    def walk(old: Any, new: Any, node: Node, path: Path) -> None:
        if old is new:
            return
        a, b = parts(old, node), parts(new, node)
        if a is None or b is None:
            if (a is None) is not (b is None):
                _nodes(old, node, path, removed)
                _nodes(new, node, path, changed)
            elif old != new:
                changed.add(path)
            return
        for element, part in b.items():
            before = a.get(element)
            inner = (*path, element)
            if before is None:
                _nodes(part.value, part.node, inner, changed)
            else:
                walk(before.value, part.value, part.node, inner)
        for element, part in a.items():
            if element not in b:
                _nodes(part.value, part.node, (*path, element), removed)

    walk(old, new, node, ())
    return frozenset(changed), frozenset(removed - changed)


# -- merging and pruning ---------------------------------------------------------------------------------------------


def merged(live: Any, config: Any, node: Node) -> Any:
    """`live` with what `config` says; lists follow the order of `config` where they have items in common."""
    a, b = parts(live, node), parts(config, node)
    if a is None or b is None:
        return config
    if isinstance(config, dict):
        out = dict(live)
        for element, part in b.items():
            before = a.get(element)
            out[element[2:]] = part.value if before is None else merged(before.value, part.value, part.node)
        return out
    return _merged_items(a, b)


def _merged_items(live: dict[str, Part], config: dict[str, Part]) -> list[Any]:
    out: list[Any] = []
    left = list(live)
    for element, part in config.items():
        while left and left[0] not in config:
            out.append(live[left.pop(0)].value)
        if element not in live:
            out.append(part.value)
            continue
        left.remove(element)
        out.append(merged(live[element].value, part.value, part.node))
    return out + [live[element].value for element in left if element not in config]


def pruned(value: Any, node: Node, lost: FieldSet, kept: FieldSet) -> Any:
    """The value without the paths `lost`; what is at or under a path of `kept` stays. Emptied maps and lists go."""
    holding = {path[:depth] for path in kept for depth in range(1, len(path) + 1)}

    def walk(value: Any, node: Node, path: Path) -> Any:
        made = parts(value, node)
        if made is None:
            return value
        out: dict[str, Any] = {}
        for element, part in made.items():
            inner = (*path, element)
            if inner in lost and inner not in holding:
                continue
            rest = walk(part.value, part.node, inner)
            if (
                rest in ({}, [])
                and part.value not in ({}, [])
                and inner not in kept
                and not part.entry
                and len(inner) > 1
            ):
                continue
            out[element] = rest
        return list(out.values()) if isinstance(value, list) else {element[2:]: part for element, part in out.items()}

    return walk(value, node, ())
