"""The same objects in another shape: a Table for `kubectl get`, PartialObjectMetadata for those who need no more.

Made on the HTTP loop from immutable envelopes, a few at a time. Source: apiserver/pkg/endpoints/handlers/response.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from engine.api import errors
from engine.api.table.served import ServedTable
from store.types import Envelope, JsonObject

PARTIAL: Final = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
_INCLUDE: Final = ("Metadata", "Object", "None")


def include_object(text: str) -> str:
    """The includeObject parameter. BadRequest for what there is not."""
    if text and text not in _INCLUDE:
        raise errors.BadRequest(f'unrecognized includeObject value: "{text}"')
    return text or "Metadata"


def table(
    printed: ServedTable, shown: Sequence[tuple[Envelope, JsonObject]], now: int, include: str, meta: JsonObject, *,
    version: str = "v1", columns: bool = True,
) -> JsonObject:  # fmt: skip
    """metav1.Table. `shown`: each envelope with its object in the version asked for; `now`: cluster time.

    Each row is encoded by itself, so that a long table is no long call.
    """
    rows: list[Any] = []
    for env, obj in shown:
        row = printed.row(obj, now)
        if include == "Object":
            row["object"] = orjson.Fragment(env.raw) if obj is env.obj else obj
        elif include == "Metadata":
            row["object"] = {**PARTIAL, "apiVersion": f"meta.k8s.io/{version}", "metadata": obj.get("metadata", {})}
        else:
            row["object"] = None
        rows.append(orjson.Fragment(orjson.dumps(row)))
    found: JsonObject = {"kind": "Table", "apiVersion": f"meta.k8s.io/{version}", "metadata": meta}
    found["columnDefinitions"] = printed.definitions if columns else None
    found["rows"] = rows
    return found


def partial(obj: JsonObject, version: str = "v1") -> JsonObject:
    """PartialObjectMetadata of an object."""
    return {**PARTIAL, "apiVersion": f"meta.k8s.io/{version}", "metadata": obj.get("metadata", {})}
