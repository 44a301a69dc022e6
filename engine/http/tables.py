"""The same objects in another shape: a Table for `kubectl get`, PartialObjectMetadata for those who need no more.

Made on the HTTP loop from immutable envelopes, a few at a time. Source: apiserver/pkg/endpoints/handlers/response.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from engine.api import errors
from engine.api.kinds import Kind
from engine.clock import parse_time
from store.types import Envelope, JsonObject

PARTIAL: Final = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
_INCLUDE: Final = ("Metadata", "Object", "None")


def include_object(text: str) -> str:
    """The includeObject parameter. BadRequest for what there is not."""
    if text and text not in _INCLUDE:
        raise errors.BadRequest(f'unrecognized includeObject value: "{text}"')
    return text or "Metadata"


def table(
    kind: Kind, shown: Sequence[tuple[Envelope, JsonObject]], now: int, include: str, meta: JsonObject, *,
    version: str = "v1", columns: bool = True,
) -> JsonObject:  # fmt: skip
    """metav1.Table. `shown`: each envelope with its object in the version asked for."""
    definitions, rows = table_rows(kind, [obj for _, obj in shown], now)
    for row, (env, obj) in zip(rows, shown, strict=True):
        if include == "Object":
            row["object"] = orjson.Fragment(env.raw) if obj is env.obj else obj
        elif include == "Metadata":
            row["object"] = {**PARTIAL, "apiVersion": f"meta.k8s.io/{version}", "metadata": obj.get("metadata", {})}
    found: JsonObject = {"kind": "Table", "apiVersion": f"meta.k8s.io/{version}", "metadata": meta}
    found["columnDefinitions"] = definitions if columns else None
    found["rows"] = rows
    return found


def partial(obj: JsonObject, version: str = "v1") -> JsonObject:
    """PartialObjectMetadata of an object."""
    return {**PARTIAL, "apiVersion": f"meta.k8s.io/{version}", "metadata": obj.get("metadata", {})}


def table_rows(kind: Kind, objects: Sequence[JsonObject], now: int) -> tuple[list[JsonObject], list[JsonObject]]:
    """(columnDefinitions, rows with cells) of objects of one kind."""
    definitions = [
        {"name": name, "type": type_, "format": form, "description": text, "priority": 0}
        for name, type_, form, text, _ in _DEFAULT
    ]
    rows: list[JsonObject] = [{"cells": [cell(obj, now) for *_, cell in _DEFAULT]} for obj in objects]
    return definitions, rows


def _name(obj: JsonObject, now: int) -> Any:
    return obj["metadata"].get("name", "")


def _created(obj: JsonObject, now: int) -> Any:
    created = obj["metadata"].get("creationTimestamp")
    return "<unknown>" if not created else _age(max(0, now - parse_time(created)) // 1_000_000)


def _age(seconds: int) -> str:
    """apimachinery's duration.HumanDuration."""
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = seconds // 3600
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    years = days // 365
    return f"{years}y{days % 365}d" if years < 8 and days % 365 else f"{years}y"


_Cell = Callable[[JsonObject, int], Any]
_DEFAULT: Final[tuple[tuple[str, str, str, str, _Cell], ...]] = (
    ("Name", "string", "name", "Name must be unique within a namespace.", _name),
    ("Age", "string", "", "Time since the object was created.", _created),
)
