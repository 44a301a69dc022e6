"""Defaults of scheduling.k8s.io: priority classes."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import filled
from store.types import JsonObject


def _class(obj: JsonObject) -> JsonObject:
    return filled(obj, {"preemptionPolicy": "PreemptLowerPriority", "value": 0})


DEFAULTERS: Final = {"priorityclasses": _class}
