"""The containers of one pod, as k9s shows them: its columns, and the runs that went before.

A row is a `tui.rows.ContainerItem`. Init containers, sidecars and ephemeral ones stand with the others, in the order
in which they start; IDX tells the list of the pod's spec and the place in it (`I1`, `M1`, `E1`).
"""

from __future__ import annotations

from typing import Any, Final

from engine.client import Item
from tui.kinds.pods import USAGE_COLUMNS
from tui.kinds.podstatus import container_faulty, container_tone, container_word
from tui.kinds.spec import AGE, Cell, Column, Facts, KindView
from tui.rows import ContainerItem, ContainerRole
from tui.theme import GLYPHS
from tui.times import human_duration, parse_time

_LISTS: Final[dict[ContainerRole, str]] = {"init": "I", "sidecar": "I", "main": "M", "ephemeral": "E"}


def _of(item: Item) -> ContainerItem:
    assert isinstance(item, ContainerItem)
    return item


def _index(item: Item, facts: Facts) -> str:
    return f"{_LISTS[_of(item).role]}{_of(item).place}"


def _order(item: Item, facts: Facts) -> tuple[int, int]:
    return ("IME".index(_LISTS[_of(item).role]), _of(item).place)


def _ready(item: Item, facts: Facts) -> Cell:
    container = _of(item)
    ready = bool(container.status.get("ready"))
    late = container_faulty(container.role, container.status)
    return Cell(str(ready).lower(), "warn" if late else "")


def _state(item: Item, facts: Facts) -> Cell:
    container = _of(item)
    tone = container_tone(container.role, container.status)
    return Cell(f"{GLYPHS.get(tone, '?')} {container_word(container.status)}", tone)


def _restarts(item: Item, facts: Facts) -> Cell:
    count = _of(item).status.get("restartCount", 0)
    return Cell(str(count), "warn" if count else "")


def _last(item: Item, facts: Facts) -> str:
    """How the run before ended: `OOMKilled 137, 3m ago`."""
    ended = (_of(item).status.get("lastState") or {}).get("terminated")
    if not ended:
        return ""
    text = f"{ended.get('reason') or 'ended'} {ended.get('exitCode', 0)}"
    at = parse_time(ended.get("finishedAt"))
    return text if at is None else f"{text}, {human_duration(facts.now() - at)} ago"


def _probes(item: Item, facts: Facts) -> str:
    spec = _of(item).spec
    kinds = ("livenessProbe", "readinessProbe", "startupProbe")
    return ":".join("on" if spec.get(kind) is not None else "off" for kind in kinds)


def _port(port: dict[str, Any]) -> str:
    name = f"{port['name']}:" if port.get("name") else ""
    protocol = port.get("protocol", "TCP")
    return f"{name}{port.get('containerPort')}{'' if protocol == 'TCP' else f'/{protocol}'}"


def _ports(item: Item, facts: Facts) -> str:
    return ",".join(_port(port) for port in _of(item).spec.get("ports") or ())


CONTAINERS: Final = KindView(
    resource="containers",
    columns=(
        Column("IDX", _index, _order, rank=3),
        Column("NAME", lambda item, facts: item.name, min=12, grow=True, search=True),
        Column("IMAGE", lambda item, facts: str(_of(item).spec.get("image", "")), min=28, rank=2, search=True),
        Column("READY", _ready, rank=1),
        Column("STATE", _state, search=True),
        Column("RESTARTS", _restarts, lambda item, facts: _of(item).status.get("restartCount", 0), align="right",
               descending=True),
        Column("LAST STATE", _last, wide=True, live=True),
        Column("PROBES(L:R:S)", _probes, rank=6),
        *USAGE_COLUMNS,
        Column("PORTS", _ports, rank=7, max=60),
        Column("KIND", lambda item, facts: _of(item).role, wide=True, search=True),
        AGE,
    ),
    fault=lambda item, facts: container_faulty(_of(item).role, _of(item).status),
    order=_order,
    tabs=("describe", "yaml", "events", "logs", "why"),
    enter_tab="logs",
    empty="The pod is gone, and its containers with it. esc goes back.",
)  # fmt: skip
