"""What a kind's table is made of: columns, faults, where enter leads. Data, not code paths.

A `Column` has a getter (item, facts) → text or `Cell`, and, where text does not sort right, a sort key. `Facts` is
what cells may know beyond their object: cluster time, and what the pods add up to per node and namespace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from engine.client import Item, Query, Usage
from tui.theme import Tone
from tui.times import age, parse_time


class Cell(NamedTuple):
    """Text with a meaning."""

    text: str
    tone: Tone = ""


class Load(NamedTuple):
    """What pods ask for, added up: for a node, a namespace."""

    pods: int = 0
    """Pods that are not finished."""
    cpu: int = 0
    """Millicores requested."""
    memory: int = 0
    """Bytes requested."""


class Facts(Protocol):
    """What cells may know beyond their object."""

    def now(self) -> int:
        """Cluster time, microseconds since the epoch."""

    def node_load(self, node: str) -> Load: ...
    def namespace_load(self, namespace: str) -> Load: ...
    def pod_usage(self, namespace: str, name: str) -> Usage | None:
        """What a pod uses now; None: nothing runs, or it is not known (yet)."""

    def container_usage(self, namespace: str, pod: str, name: str) -> Usage | None:
        """The same of one container of a pod."""

    def node_usage(self, node: str) -> Usage | None: ...


Getter = Callable[[Item, Facts], "str | Cell"]
Key = Callable[[Item, Facts], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    header: str
    get: Getter
    sort: Key | None = None
    """None: by text. All keys of a column must compare with each other."""
    wide: bool = False
    """Shown in the wide layout only."""
    align: Literal["left", "right"] = "left"
    min: int = 0
    """Cells that it keeps when room is short; 0: as wide as its content."""
    max: int = 253
    """Cells that its content may claim."""
    grow: bool = False
    """Takes the room that is left, and gives room first."""
    rank: int = 0
    """Where room is short, columns of the highest rank go first; 0 never goes."""
    live: bool = False
    """Depends on cluster time: formatted anew at each paint."""
    search: bool = False
    """Filters search in it."""
    descending: bool = False
    """First sort is from the top (restarts, ages of events)."""
    usage: bool = False
    """Tells what is used now: its order changes when new figures come."""


@dataclass(frozen=True, slots=True)
class KindView:
    """How a kind is shown."""

    resource: str
    """As kubectl writes it: `pods`, `deployments.apps`."""
    columns: tuple[Column, ...]
    namespaced: bool = True
    fault: Callable[[Item, Facts], bool] = lambda item, facts: False
    """Needs a person's attention (ctrl-z shows only these)."""
    sort: str = ""
    """Header of the column it is sorted by at first; "" is namespace and name."""
    descending: bool = False
    order: Key | None = None
    """Order while no column is chosen, before namespace and name."""
    tabs: tuple[str, ...] = ("describe", "yaml", "events")
    """What the inspector offers."""
    enter: Callable[[Item], Query | None] = lambda item: None
    """What enter lists; None: enter opens the inspector."""
    enter_tab: str = "describe"
    """The inspector's tab that enter opens where it lists nothing."""
    newest: int = 0
    """Only so many are listed, those written last; 0: all."""
    empty: str = "Nothing here yet. Apply a manifest that declares one, or clear the filter with esc."
    """What would fill the table."""


def text_of(value: str | Cell) -> str:
    return value.text if isinstance(value, Cell) else value


def name_of(item: Item, facts: Facts) -> str:
    return item.name


def namespace_of(item: Item, facts: Facts) -> str:
    return item.namespace


def age_of(item: Item, facts: Facts) -> str:
    return age(item.obj["metadata"].get("creationTimestamp"), facts.now())


def youth_of(item: Item, facts: Facts) -> int:
    """Sort key of AGE: the youngest first."""
    return -(parse_time(item.obj["metadata"].get("creationTimestamp")) or 0)


def labels_of(item: Item, facts: Facts) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(item.labels.items())) or "<none>"


NAMESPACE = Column("NAMESPACE", namespace_of, min=15, max=40, search=True, rank=2)
NAME = Column("NAME", name_of, min=36, grow=True, search=True)
AGE = Column("AGE", age_of, youth_of, live=True, rank=3)
LABELS = Column("LABELS", labels_of, wide=True, max=80)


def spec(item: Item) -> dict[str, Any]:
    return item.obj.get("spec") or {}


def status(item: Item) -> dict[str, Any]:
    return item.obj.get("status") or {}


def selector_text(selector: Any) -> str:
    """A LabelSelector (or a plain map) as `-l` takes it: `app=web,tier in (a,b)`; "" selects everything."""
    if not selector:
        return ""
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression["key"], expression["operator"]
        values = ",".join(sorted(expression.get("values") or ()))
        parts.append(
            {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}.get(operator, f"!{key}")
        )
    return ",".join(parts)
