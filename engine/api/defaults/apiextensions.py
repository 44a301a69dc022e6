"""Defaults of apiextensions.k8s.io: custom resource definitions."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import changed, filled
from store.types import JsonObject


def _definition(obj: JsonObject) -> JsonObject:
    spec = filled(obj.get("spec") or {}, {"conversion": {"strategy": "None"}, "names": {}})
    names = spec["names"]
    kind = names.get("kind") or ""
    if kind:
        filled_names = names if names.get("singular") else {**names, "singular": kind.lower()}
        if not filled_names.get("listKind"):
            filled_names = {**filled_names, "listKind": f"{kind}List"}
        spec = changed(spec, "names", filled_names)
    return changed(obj, "spec", spec)


DEFAULTERS: Final = {"customresourcedefinitions": _definition}
