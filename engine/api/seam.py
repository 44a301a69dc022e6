"""Temporary joint: modules that are being written beside this one, or the least that stands in for them."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any


def _load(name: str, otherwise: Any) -> Any:
    try:
        return importlib.import_module(f"engine.api.{name}")
    except ImportError:
        return otherwise


class _Labels:
    def __init__(self, wanted: dict[str, str]) -> None:
        self._wanted = wanted

    def matches(self, labels: Any) -> bool:
        return all(labels.get(key) == value for key, value in self._wanted.items())

    def __str__(self) -> str:
        return ",".join(f"{key}={value}" for key, value in sorted(self._wanted.items()))


class _Fields(_Labels):
    def matches(self, env: Any) -> bool:
        def value(path: str) -> Any:
            at = env.obj
            for step in path.split("."):
                at = at.get(step, "") if isinstance(at, dict) else ""
            return at

        return all(str(value(path)) == wanted for path, wanted in self._wanted.items())


def _pairs(text: str) -> dict[str, str]:
    return dict(part.replace("==", "=").split("=", 1) for part in text.split(",") if "=" in part)


def _merge(obj: Any, patch: Any, _schema: Any = None) -> Any:
    if not isinstance(patch, dict):
        return patch
    out = dict(obj) if isinstance(obj, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = _merge(out.get(key), value)
    return out


def _three_way(original: Any, modified: Any, current: Any, kind: Any = None, schema: Any = None) -> Any:
    out: dict[str, Any] = {}
    for key, value in modified.items():
        have = current.get(key)
        if isinstance(value, dict) and isinstance(have, dict):
            part = _three_way((original or {}).get(key) or {}, value, have)
            if part:
                out[key] = part
        elif value != have:
            out[key] = value
    for key in original or {}:
        if key not in modified and key in current:
            out[key] = None
    return out


selectors: Any = _load(
    "selectors",
    SimpleNamespace(
        parse_labels=lambda text: _Labels(_pairs(text)),
        parse_fields=lambda text, kind: _Fields(_pairs(text)),
        from_spec=lambda spec: _Labels(spec.get("matchLabels") or {}),
    ),
)
patch: Any = _load("patch", SimpleNamespace(merge_patch=_merge, strategic_merge=_merge, json_patch=None))
applying: Any = _load("apply", SimpleNamespace(three_way=_three_way))
