"""Paths of fields and sets of them, in the notation of FieldsV1.

A path is a tuple of elements: `f:spec` a field, `k:{"name":"web"}` a list item by its keys, `v:"x"` one of a set's
values. A set holds the paths that are owned; FieldsV1 is the same as a tree, in which "." stands for the node itself.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from store.types import JsonObject

Path = tuple[str, ...]
FieldSet = frozenset[Path]
NOTHING: Final[FieldSet] = frozenset()


def encoded(paths: FieldSet) -> JsonObject:
    """FieldsV1 of a set."""
    root: JsonObject = {}
    for path in sorted(paths):
        node = root
        for depth, element in enumerate(path):
            if depth and not node and path[:depth] in paths:
                node["."] = {}
            node = node.setdefault(element, {})
    return root


def decoded(tree: Any) -> FieldSet:
    """The set of a FieldsV1 tree."""
    found: set[Path] = set()

    def walk(node: Any, path: Path) -> None:
        if not isinstance(node, dict):
            return
        if path and (not node or "." in node):
            found.add(path)
        for element, inner in node.items():
            if element != ".":
                walk(inner, (*path, element))

    walk(tree, ())
    return frozenset(found)


def text(path: Path) -> str:
    """`.spec.containers[name="web"].image`, as conflicts name fields."""
    out = []
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            out.append(f".{rest}")
        elif kind == "k":
            keys = orjson.loads(rest)
            out.append("[" + ",".join(f"{key}={orjson.dumps(keys[key]).decode()}" for key in sorted(keys)) + "]")
        elif kind == "v":
            out.append(f"[={rest}]")
        else:
            out.append(f"[{rest}]")
    return "".join(out)
