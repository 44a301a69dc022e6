"""What a table is declared with, and the cells that many kinds share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.api.table.times import age

Cell = Callable[[dict[str, Any], int], Any]
"""(object, now) → a JSON scalar."""
Cells = list[Any]
NONE: Final = "<none>"
UNSET: Final = "<unset>"


class Column(NamedTuple):
    """One column of a kind."""

    name: str
    cell: Cell
    doc: str = ""
    """Its description; one that begins with a dot is the path of the field whose documentation it is."""
    type: str = "string"
    format: str = ""
    priority: int = 0
    """0: always shown, 1: `-o wide`."""


class Printer(NamedTuple):
    """The table of a kind."""

    columns: tuple[Column, ...]
    row: Callable[[dict[str, Any], int], Cells] | None = None
    """All cells at once, where that is cheaper than one by one. None: each column's own."""
    conditions: Callable[[dict[str, Any]], list[dict[str, str]] | None] | None = None
    """TableRow.conditions of an object (a pod that is done)."""

    def cells(self, obj: dict[str, Any], now: int) -> Cells:
        """The row of an object."""
        if self.row is not None:
            return self.row(obj, now)
        return [column.cell(obj, now) for column in self.columns]


# -- reaching into objects -------------------------------------------------------------------------------------------


def at(obj: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None when there is none."""
    value: Any = obj
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def field(path: str, missing: Any = "") -> Cell:
    """Cell of one field; `missing` where it is not set, or empty."""
    steps = path.split(".")

    def cell(obj: dict[str, Any], now: int) -> Any:
        value: Any = obj
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        return missing if value is None or value == "" else value

    return cell


def number(path: str) -> Cell:
    """Cell of an integer field that is 0 when not set."""
    return field(path, 0)


def count(path: str) -> Cell:
    """Cell with the number of entries."""
    return lambda obj, now: len(at(obj, path) or ())


def age_of(path: str, missing: str = "<unknown>") -> Cell:
    """Cell with the span since an instant."""
    get = field(path)
    return lambda obj, now: age(get(obj, now), now, missing)


# -- texts -----------------------------------------------------------------------------------------------------------


def labels_text(labels: Mapping[str, str] | None) -> str:
    """labels.FormatLabels: `a=b,c=d`, or <none>."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) if labels else NONE


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """metav1.FormatLabelSelector: `app=web,tier in (a,b),!old`, or <none>."""
    if not selector:
        return NONE
    wanted = selector.get("matchLabels") or {}
    parts = [(key, f"{key}={value}") for key, value in wanted.items()]
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression["key"], expression["operator"]
        values = ",".join(sorted(expression.get("values") or ()))
        known = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append((key, known.get(operator, f"!{key}")))
    return ",".join(text for _, text in sorted(parts)) or NONE


def limited(texts: Sequence[str], most: int = 3, joint: str = ",") -> str:
    """The first few, and how many more there are."""
    shown = joint.join(texts[:most])
    return f"{shown} + {len(texts) - most} more..." if len(texts) > most else shown


# -- columns of many kinds -------------------------------------------------------------------------------------------

_NAME_DOC: Final = ".metadata.name"
_CREATED_DOC: Final = ".metadata.creationTimestamp"
NAME: Final = Column("Name", field("metadata.name"), _NAME_DOC, format="name")
AGE: Final = Column("Age", age_of("metadata.creationTimestamp"), _CREATED_DOC)
CREATED_AT: Final = Column("Created At", field("metadata.creationTimestamp"), _CREATED_DOC, "date")


def _containers(obj: dict[str, Any], path: str) -> list[dict[str, Any]]:
    return at(obj, f"{path}.spec.containers") or []


def container_columns(template: str = "spec.template", priority: int = 1) -> tuple[Column, Column]:
    """Containers and Images of the pod template at `template`."""
    return (
        Column(
            "Containers", lambda obj, now: ",".join(c["name"] for c in _containers(obj, template)),
            "Names of each container in the template.", priority=priority,
        ),
        Column(
            "Images", lambda obj, now: ",".join(c.get("image", "") for c in _containers(obj, template)),
            "Images referenced by each container in the template.", priority=priority,
        ),
    )  # fmt: skip


def selector_column(path: str = "spec.selector") -> Column:
    """Selector of a workload, wide."""
    return Column("Selector", lambda obj, now: selector_text(at(obj, path)), f".{path}", priority=1)
