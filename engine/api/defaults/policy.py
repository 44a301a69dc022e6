"""Defaults of policy/v1. A budget without a spec has an empty one, as every struct of Go is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from store.types import JsonObject


def budget(obj: JsonObject) -> JsonObject:
    return obj if isinstance(obj.get("spec"), dict) else {**obj, "spec": {}}


DEFAULTERS: Final[Mapping[str, Callable[[JsonObject], JsonObject]]] = {"poddisruptionbudgets": budget}
