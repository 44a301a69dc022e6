"""Columns of custom resources: what a definition's additionalPrinterColumns say, by simple JSONPaths.

Understood are fields, indexes, `[*]`, quoted keys and one-condition filters, as definitions use them:
`.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`, `.metadata.labels['app']`. Of several
results the first prints, none prints nothing. Source: apiextensions-apiserver tableconvertor.go (cellForJSONValue).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from engine.api.table.columns import Cell, Column
from engine.api.table.times import age

_STEP: Final = re.compile(
    r"""\.?\[\?\(\s*@\.?(?P<left>[\w./-]*)\s*(?P<sign>==|!=)\s*(?P<right>"[^"]*"|'[^']*'|[\w.-]+)\s*\)\]"""
    r"""|\.?\[(?P<index>-?\d+|\*)\]|\.?\[['"](?P<quoted>[^'"]+)['"]\]|\.(?P<name>(?:\\.|[^.\[\]\\])+)"""
)
_TEXT: Final = "Custom resource definition column (in JSONPath format): "


def custom_columns(declared: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Columns of additionalPrinterColumns."""
    return tuple(
        Column(
            column["name"], _cell(column["jsonPath"], column.get("type", "string")),
            column.get("description") or _TEXT + column["jsonPath"],
            column.get("type", "string"), column.get("format", ""), column.get("priority", 0),
        )
        for column in declared
    )  # fmt: skip


def results(obj: Any, path: str) -> list[Any]:
    """All values that a JSONPath finds."""
    found = [obj]
    for step in _steps(path):
        found = [part for value in found for part in _children(value, step)]
    return found


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[Mapping[str, str | None], ...]:
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    if text and text[0] not in ".[":
        text = "." + text
    return tuple(match.groupdict() for match in _STEP.finditer(text))


def _children(value: Any, step: Mapping[str, str | None]) -> Iterator[Any]:
    name, index, sign = step["name"] or step["quoted"], step["index"], step["sign"]
    if name is not None:
        key = name.replace("\\.", ".")
        if isinstance(value, dict) and value.get(key) is not None:
            yield value[key]
    elif index == "*":
        yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    elif index is not None:
        if isinstance(value, list) and -len(value) <= int(index) < len(value):
            yield value[int(index)]
    elif sign is not None and isinstance(value, list):
        right = (step["right"] or "").strip("'\"")
        for part in value:
            left = results(part, step["left"] or "")
            if left and (_text(left[0]) == right) is (sign == "=="):
                yield part


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _cell(path: str, type_: str) -> Cell:
    def cell(obj: dict[str, Any], now: int) -> Any:
        found = results(obj, path)
        if not found:
            return None
        value = found[0]
        if type_ == "integer":
            return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        if type_ == "number":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        if type_ == "boolean":
            return value if isinstance(value, bool) else None
        if type_ == "date":
            return age(value, now, "<invalid>") if isinstance(value, str) else None
        return (
            orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
            if isinstance(value, dict | list)
            else _text(value)
        )

    return cell
