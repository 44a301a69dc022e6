"""What saving a manifest will do, as lines of text: problems first, then the objects with the fields that change.

Pure: a `Plan` comes in, lines and their tones go out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from engine.client import DriftedObject, FieldChange, Plan, PlannedObject
from tui.theme import Tone

_SIGNS: Final[dict[str, tuple[str, str, Tone]]] = {
    "create": ("+", "create", "ok"),
    "change": ("~", "change", "busy"),
    "prune": ("-", "delete", "bad"),
    "error": ("✗", "refused", "bad"),
}
_LONGEST: Final = 60


def plan_lines(plan: Plan) -> list[str]:
    """One line per problem, object and changed field; unchanged objects are counted."""
    lines = [
        f"{'✗' if d.severity == 'error' else '▲'} {d.line}:{d.column} {f'{d.path}: ' if d.path else ''}{d.message}"
        for d in plan.diagnostics
    ]
    for planned in plan.objects:
        if planned.action in _SIGNS and not _said(planned, plan):
            lines += _object_lines(planned)
    unchanged = sum(planned.action == "unchanged" for planned in plan.objects)
    if unchanged:
        lines.append(f"= {unchanged} unchanged")
    return lines or ["Nothing to apply: the file declares no object."]


def drift_lines(objects: Sequence[DriftedObject], take: str, push: str) -> list[str]:
    """What somebody changed in the cluster, and the keys that `take` it into the file or `push` the file again."""
    lines = []
    for drifted in objects:
        name = f"{drifted.namespace}/{drifted.name}" if drifted.namespace else drifted.name
        said = "in the cluster it is not as the file says" if drifted.changes else drifted.message
        lines.append(f"▲ drifted {drifted.resource} {name}: {said}")
        lines += [
            f"    {c.path}: the file says {value_text(c.after)}, it is {value_text(c.before)}" for c in drifted.changes
        ]
    if any(drifted.changes for drifted in objects):
        lines.append(f"  {take}: the file follows the cluster (takes the live values into the text)")
    if any(not drifted.changes for drifted in objects):
        lines.append("  taken out of the text, what is gone stays gone")
    return [*lines, f"  {push}: the cluster follows the file (applies it again)"] if lines else []


def plan_title(plan: Plan) -> str:
    """`1 to create · 2 to change · 1 error`"""
    counts = Counter(planned.action for planned in plan.objects)
    errors = sum(d.severity == "error" for d in plan.diagnostics)
    parts = [f"{counts[action]} to {_SIGNS[action][1]}" for action in ("create", "change", "prune") if counts[action]]
    if errors:
        parts.append(f"{errors} error{'s' * (errors != 1)}")
    return " · ".join(parts) or ("nothing changes" if plan.objects else "nothing to apply")


def highlight(line: str) -> list[tuple[str, Tone]]:
    """Tones for a line of `plan_lines`."""
    tones: dict[str, Tone] = {"+": "ok", "~": "busy", "-": "bad", "✗": "bad", "▲": "warn", "=": "dim"}
    if line.startswith("    "):
        path, separator, values = line.partition(": ")
        before, arrow, after = values.partition(" → ")
        if arrow:
            return [(path + separator, "dim"), (before, "bad"), (arrow, "dim"), (after, "ok")]
        return [(line, "dim")]
    return [(line[:1], tones.get(line[:1], "")), (line[1:], "dim" if line[:1] == "=" else "")]


def _said(planned: PlannedObject, plan: Plan) -> bool:
    """An object refused for a reason that stands among the problems already."""
    return planned.action == "error" and any(d.message in planned.message for d in plan.diagnostics)


def _object_lines(planned: PlannedObject) -> list[str]:
    sign, word, _ = _SIGNS[planned.action]
    name = f"{planned.namespace}/{planned.name}" if planned.namespace else planned.name
    head = f"{sign} {word} {planned.resource} {name}"
    if planned.message:
        head += f": {planned.message}"
    return [head, *(f"    {c.path}: {value_text(c.before)} → {value_text(c.after)}" for c in planned.changes)]


def value_text(value: Any) -> str:
    """A field's value in one short line."""
    if value is None:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def change_lines(changes: Iterable[FieldChange]) -> list[str]:
    """One line a field, as the plan of a manifest shows them."""
    return [f"    {c.path}: {value_text(c.before)} → {value_text(c.after)}" for c in changes] or ["= nothing differs"]


def changed_fields(before: Any, after: Any, path: str = "") -> Iterator[FieldChange]:
    """Leaves that differ between two states."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from changed_fields(before.get(name), after.get(name), f"{path}.{name}" if path else str(name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from changed_fields(one, other, f"{path}[{index}]")
    elif path != "metadata.resourceVersion":
        yield FieldChange(path, before, after)
