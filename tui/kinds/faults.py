"""Faults: what is broken on purpose, and for how long."""

from __future__ import annotations

from typing import Any, Final

from engine.client import Item
from engine.client.faults import TARGETS
from tui.kinds.spec import AGE, NAME, Cell, Column, Facts, KindView, selector_text, spec, status
from tui.times import human_duration, parse_time


def target_text(target: dict[str, Any]) -> str:
    """`node/worker-1`, `pod/shop/cart-1`, `selector/shop/app=cart`."""
    name = next((name for name in TARGETS if target.get(name) is not None), "")
    shown = selector_text(target[name]) if name == "selector" else target.get(name, "")
    where = f"{target['namespace']}/" if target.get("namespace") else ""
    return f"{name}/{where}{shown}"


def _phase(item: Item, facts: Facts) -> Cell:
    phase = str(status(item).get("phase") or "")
    return Cell(phase, "warn" if phase == "Active" else "bad" if phase == "Failed" else "dim")


def _left(item: Item, facts: Facts) -> str:
    found = status(item)
    if found.get("phase") != "Active":
        return ""
    end = parse_time(found.get("endTime"))
    return "∞" if end is None else human_duration(max(0, end - facts.now()))


def _end(item: Item, facts: Facts) -> int:
    return parse_time(status(item).get("endTime")) or 1 << 62


FAULTS: Final = KindView(
    resource="faults.kubarium.dev",
    columns=(
        NAME,
        Column("ACTION", lambda item, facts: str(spec(item).get("action") or ""), search=True),
        Column("TARGET", lambda item, facts: target_text(spec(item).get("target") or {}), search=True, max=60),
        Column("PHASE", _phase),
        Column("LEFT", _left, _end, live=True),
        Column("AFFECTED", lambda item, facts: str(status(item).get("affectedCount") or ""), align="right", rank=2),
        Column("MESSAGE", lambda item, facts: str(status(item).get("message") or ""), wide=True, max=80),
        AGE,
    ),
    namespaced=False,
    fault=lambda item, facts: status(item).get("phase") in ("Active", "Failed"),
    order=lambda item, facts: status(item).get("phase") != "Active",
    empty="Nothing is broken on purpose. x on a node, a zone, a pod or a workload breaks something; here x ends it.",
)
