"""`:pulses`: how the cluster is, kind by kind: how many, how many need a look, and how that went over time. Live."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from engine.client import Item, Query
from tui.feed import Feed
from tui.keymap import Keymap
from tui.kinds.spec import Cell, Column, KindView
from tui.mailbox import News
from tui.quantity import percent, short_bytes, short_cpu
from tui.rows import PlainRow, value_of
from tui.screens.listing import ListScreen
from tui.session import Session
from tui.theme import GLYPHS, bar

KINDS: Final = (
    "nodes", "pods", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps", "jobs.batch",
    "cronjobs.batch", "services", "persistentvolumeclaims", "horizontalpodautoscalers.autoscaling", "events",
)  # fmt: skip
"""Kinds that are watched here, those that the cluster serves."""
_SAMPLES: Final = 40
_BARS: Final = " ▁▂▃▄▅▆▇█"


class Pulse(NamedTuple):
    """One kind now."""

    resource: str
    total: int
    faults: int
    past: tuple[int, ...]
    """Faults at each of the last moments, oldest first."""


def trend(samples: tuple[int, ...]) -> str:
    """Numbers as a line of bars; the highest is the full one."""
    most = max(samples, default=0)
    return "".join(_BARS[-(-value * 8 // most) if most else 0] if value else "·" for value in samples)


def _pulse(item: Item) -> Pulse:
    return value_of(item, Pulse)


def _state(item: Item) -> Cell:
    pulse = _pulse(item)
    if not pulse.faults:
        return Cell(f"{GLYPHS['ok']} all well" if pulse.total else "○ none", "ok" if pulse.total else "dim")
    return Cell(f"{GLYPHS['warn']} {pulse.faults} need{'s' if pulse.faults == 1 else ''} a look", "warn")


VIEW: Final = KindView(
    resource="pulses",
    columns=(
        Column("KIND", lambda item, facts: item.name, max=40, search=True),
        Column("TOTAL", lambda item, facts: str(_pulse(item).total), align="right"),
        Column("STATE", lambda item, facts: _state(item), min=18, search=True),
        Column("WELL", lambda item, facts: bar(_pulse(item).total - _pulse(item).faults, _pulse(item).total, 16),
               rank=3),
        Column("FAULTS OVER TIME", lambda item, facts: trend(_pulse(item).past), rank=2, min=16, max=_SAMPLES),
    ),
    empty="The cluster serves none of these kinds.",
)  # fmt: skip


class PulsesScreen(ListScreen):
    """All kinds at a glance."""

    NAME = "pulses"
    VIEW = VIEW
    PLACE = "links"

    def __init__(self, session: Session, keymap: Keymap) -> None:
        super().__init__(session, keymap)
        self._faulty: dict[str, dict[str, bool]] = {}
        self._past: dict[str, deque[int]] = {}
        self._sampled = 0

    def on_mount(self) -> None:
        served = {kind.resource for kind in self.session.kinds}
        for resource in KINDS:
            if resource not in served:
                continue
            self._faulty[resource], self._past[resource] = {}, deque(maxlen=_SAMPLES)
            feed = Feed(self.session.client, self, lambda news, about=resource: self._came(about, news))  # type: ignore[misc]
            feed.open(Query(resource))
            self.feeds.append(feed)
        self._unlisten_usage = self.session.usage.listen(lambda _: self._draw())
        self._draw()

    def on_unmount(self) -> None:
        self._unlisten_usage()

    def _came(self, resource: str, news: News) -> None:
        fault, known = self.session.view_of(resource).fault, self._faulty[resource]
        if news.relist is not None:
            known.clear()
            known.update((item.uid, fault(item, self.session)) for item in news.relist)
        for uid, change in news.changes.items():
            if change.type == "DELETED":
                known.pop(uid, None)
            else:
                known[uid] = fault(change.item, self.session)
        self._draw()

    def _each_second(self) -> None:
        super()._each_second()
        if self.is_active:
            self.session.usage.ask("nodes")

    def tick(self) -> None:
        super().tick()
        for resource, known in self._faulty.items():
            self._past[resource].append(sum(known.values()))
        self._draw()

    def _draw(self) -> None:
        rows = []
        for place, (resource, known) in enumerate(self._faulty.items()):
            pulse = Pulse(
                resource, len(known), sum(known.values()), tuple(self._past[resource]) or (sum(known.values()),)
            )
            rows.append(PlainRow(pulse, resource, resource.partition(".")[0], revision=place))
        summary = self.session.summary
        cpu, memory = summary.cpu_allocatable, summary.memory_allocatable
        used = [u for name in self.session.usage.nodes() if (u := self.session.node_usage(name)) is not None]
        said = f"cpu requested {short_cpu(summary.cpu_requested)} of {short_cpu(cpu)}"
        said += f" ({percent(summary.cpu_requested, cpu)}%)"
        if used:
            said += f", used {short_cpu(sum(u.cpu for u in used))}"
        said += f" · memory requested {short_bytes(summary.memory_requested)} of {short_bytes(memory)}"
        said += f" ({percent(summary.memory_requested, memory)}%)"
        if used:
            said += f", used {short_bytes(sum(u.memory for u in used))}"
        self.put(rows, said)

    def do_refresh(self) -> None:
        for feed in self.feeds:
            feed.pause()
            feed.resume()

    def do_enter(self) -> None:
        """The kind's table; only what needs a look, when something does."""
        if self.chosen is not None:
            self.console.open_query(Query(self.chosen.uid), only_faults=_pulse(self.chosen).faults > 0)
