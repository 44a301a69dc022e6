"""Defaults of rbac.authorization.k8s.io: the API groups of roleRefs and subjects."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import changed, each
from store.types import JsonObject

GROUP: Final = "rbac.authorization.k8s.io"


def _binding(obj: JsonObject) -> JsonObject:
    reference = obj.get("roleRef") or {}
    if not reference.get("apiGroup"):
        obj = changed(obj, "roleRef", {**reference, "apiGroup": GROUP})
    return each(obj, "subjects", _subject)


def _subject(subject: JsonObject) -> JsonObject:
    if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
        return {**subject, "apiGroup": GROUP}
    return subject


DEFAULTERS: Final = {"rolebindings": _binding, "clusterrolebindings": _binding}
