"""Taking one change back without touching what others changed since.

In: an object's declared state before and after an action, and its present one. Out: the present one in which every
place that still has what the action put there has again what was there before, and the places that somebody else
changed in the meantime, which are kept.
"""

from __future__ import annotations

from typing import Any, Final

from engine.folder.fields import Path, path_text

_ABSENT: Final = object()


def reversed_in(present: Any, before: Any, after: Any) -> tuple[Any, list[str]]:
    """(the present with the change from `before` to `after` taken back, paths that were left as they are)."""
    kept: list[str] = []
    return _take_back(present, before, after, (), kept), kept


def _take_back(present: Any, before: Any, after: Any, path: Path, kept: list[str]) -> Any:
    if before == after:
        return present
    if present == after:
        return before
    if isinstance(before, dict) and isinstance(after, dict) and isinstance(present, dict):
        return _take_back_map(present, before, after, path, kept)
    if (
        isinstance(before, list) and isinstance(after, list) and isinstance(present, list)
        and len(before) == len(after) == len(present)
    ):  # fmt: skip
        return [
            _take_back(now, was, became, (*path, index), kept)
            for index, (now, was, became) in enumerate(zip(present, before, after, strict=True))
        ]
    if present != before:
        kept.append(path_text(path))
    return present


def _take_back_map(
    present: dict[str, Any], before: dict[str, Any], after: dict[str, Any], path: Path, kept: list[str]
) -> dict[str, Any]:
    result = dict(present)
    for name in {**before, **after}:
        was, became = before.get(name, _ABSENT), after.get(name, _ABSENT)
        now = _take_back(result.get(name, _ABSENT), was, became, (*path, name), kept)
        if now is _ABSENT:
            result.pop(name, None)
        else:
            result[name] = now
    return result
