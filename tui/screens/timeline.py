"""The timeline: what happened, newest first, over a strip that shows how much happened when.

enter looks at the whole cluster as it was right after the chosen moment: every screen then shows that time, until one
returns to now. The list is of news, not of routine (see engine's timeline); it can be narrowed to people's actions, to
an author, to words.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, log1p
from typing import Final

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.client import ClientError, Item, Moment, MomentFilter, Span
from tui.keymap import KeyContext, Keymap
from tui.kinds.spec import Cell, Column, Facts, KindView
from tui.model import RowModel
from tui.rows import PlainRow, value_of
from tui.screens.base import BaseScreen
from tui.session import Session, answer
from tui.theme import Tone
from tui.times import clock_text, human_duration
from tui.widgets.virtual_table import VirtualTable, wrap

_PAGE: Final = 300
_BARS: Final = " ▁▂▃▄▅▆▇█"
_KINDS: Final[dict[str, tuple[str, Tone]]] = {
    "action": ("◆ action", "accent"), "warning": ("▲ warning", "warn"), "node": ("■ node", "bad"),
    "pod": ("✗ pod", "bad"), "workload": ("◐ workload", "busy"), "object": ("○ object", "dim"),
}  # fmt: skip


def _moment(item: Item) -> Moment:
    return value_of(item, Moment)


def _kind(item: Item, facts: Facts) -> Cell:
    return Cell(*_KINDS[_moment(item).kind])


def who_text(who: str) -> str:
    """`deployment-controller`, `node worker-1`, `folder shop/web.yaml`; people as they are."""
    if who.startswith("system:serviceaccount:"):
        return who.rpartition(":")[2]
    if who.startswith("system:node:"):
        return f"node {who.removeprefix('system:node:')}"
    return who.replace("folder:", "folder ").removeprefix("system:")


VIEW: Final = KindView(
    resource="moments",
    columns=(
        Column("WHEN", lambda item, facts: clock_text(_moment(item).cluster_time)[11:], rank=1),
        Column("AGO", lambda item, facts: human_duration(facts.now() - _moment(item).cluster_time), rank=3, live=True,
               align="right"),
        Column("KIND", _kind, min=10),
        Column("WHAT", lambda item, facts: _moment(item).title, min=30, max=400, grow=True, search=True),
        Column("NAMESPACE", lambda item, facts: _moment(item).namespace, rank=4, search=True),
        Column("WHO", lambda item, facts: who_text(_moment(item).who), rank=2, search=True, max=22),
        Column("REV", lambda item, facts: str(_moment(item).revision), rank=5, align="right"),
    ),
    empty="Nothing worth telling is kept yet: what you change, warnings, and states that turn will stand here.",
)  # fmt: skip


class TimelineScreen(BaseScreen):
    """What happened."""

    NAME = "timeline"
    DEFAULT_CSS = """
    TimelineScreen {
        & .strip { height: 3; padding: 0 1; background: $surface; }
        & VirtualTable { height: 1fr; }
        & .whole { height: auto; max-height: 3; padding: 0 2; background: $surface; color: $foreground; }
    }
    """

    def __init__(self, session: Session, keymap: Keymap) -> None:
        super().__init__(session, keymap)
        self._strip = Static("", classes="strip")
        self._whole = Static("", classes="whole", markup=False)
        self._model = RowModel(lambda item: -item.revision)
        self._table = VirtualTable(VIEW, self._model, session)
        self._only = MomentFilter()
        self._span: Span | None = None
        self._oldest: int | None = None
        """The oldest revision that is listed; None: nothing is."""
        self._more = True

    def compose_body(self) -> Iterable[Widget]:
        yield self._strip
        yield self._table
        yield self._whole

    def on_mount(self) -> None:
        self._table.empty_text = "Reading the log …"
        self._table.focus()
        self.do_refresh()

    def key_context(self) -> KeyContext:
        return KeyContext(("list", "timeline"))

    # -- reading -----------------------------------------------------------------------------------------------------

    def do_refresh(self) -> None:
        self._oldest, self._more = None, True
        self.run_worker(self._fill(), exclusive=True, group="timeline", exit_on_error=False)

    async def _fill(self) -> None:
        past = self.session.client.past
        first = self._oldest is None
        try:
            self._span = await answer(past.span(max(20, self.size.width - 2)))
            before = self._oldest - 1 if self._oldest is not None else None
            found = await answer(past.moments(before=before, limit=_PAGE, only=self._only))
        except ClientError as error:
            self.notify(error.message, severity="error")
            return
        rows = [PlainRow(moment, str(moment.revision), revision=moment.revision) for moment in found]
        self._more = len(found) == _PAGE
        if found:
            self._oldest = found[-1].revision
        if first:
            self._model.reset(rows)
            self._table.empty_text = VIEW.empty
        else:
            self._model.apply(rows, ())
        self._table.model_changed()
        here = self.session.gate.moment
        if first and here is not None:
            self._table.select(str(here))
        self._draw()

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        event.stop()
        self._draw()
        if self._more and self._table.cursor_index > len(self._model) - 20:
            self._more = False
            self.run_worker(self._fill(), exclusive=True, group="timeline", exit_on_error=False)

    @property
    def chosen(self) -> Moment | None:
        row = self._table.cursor_row
        return _moment(row.item) if row is not None else None

    # -- the strip ---------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        # What happened in full: in the table it is cut where it is long.
        chosen = self.chosen.title if self.chosen else ""
        self._whole.update("\n".join(wrap(chosen, max(20, self.size.width - 4))[:3]))
        span = self._span
        if span is None or not span.newest:
            return
        width = len(span.writes)
        most = max(span.writes) or 1
        place = self._place(self.chosen.cluster_time if self.chosen else span.newest_time, width)
        bars = []
        for at, (writes, actions) in enumerate(zip(span.writes, span.actions, strict=True)):
            # A cluster's first seconds write more than hours do later: heights are logarithms.
            height = ceil(log1p(writes) / log1p(most) * (len(_BARS) - 1))
            style = "reverse $tone-strong" if at == place else "$tone-accent" if actions else "$tone-dim"
            bars.append((_BARS[height] if height or at != place else "·", style))
        left, right = clock_text(span.oldest_time), clock_text(span.newest_time)
        middle = self._title()
        gap = max(1, (width - len(left) - len(right) - len(middle)) // 2)
        scale = Content.assemble((left, "$tone-dim"), " " * gap, middle, " " * gap, (right, "$tone-dim"))
        # Actions have a mark as well as a colour, and the chosen moment its own.
        marks = Content.assemble(
            *(
                ("▲", "$tone-strong") if at == place else ("◆", "$tone-accent") if actions else " "
                for at, actions in enumerate(span.actions)
            )
        )
        self._strip.update(Content.assemble(Content.assemble(*bars), "\n", marks, "\n", scale))

    def _place(self, time: int, width: int) -> int:
        assert self._span is not None
        start, end = self._span.oldest_time, self._span.newest_time
        return min(width - 1, (time - start) * width // max(1, end - start + 1))

    def _title(self) -> str:
        parts = []
        if self._only.kinds:
            parts.append("actions only")
        if self._only.who:
            parts.append(f"by {self._only.who}")
        return " · ".join(parts) or "all that is worth telling, ◆ actions"

    # -- actions -----------------------------------------------------------------------------------------------------

    async def on_virtual_table_entered(self, event: VirtualTable.Entered) -> None:
        event.stop()
        await self.do_enter()

    async def do_enter(self) -> None:
        """Look at the cluster as it was then."""
        moment = self.chosen
        if moment is not None:
            await self.console.visit(moment)
            self.console.go_home()

    def do_actions_only(self) -> None:
        kinds = frozenset() if self._only.kinds else frozenset({"action"})
        self._only = MomentFilter(self._only.who, kinds=kinds)
        self.do_refresh()

    def do_by_author(self) -> None:
        """Only what the chosen moment's author did; again: everybody."""
        moment = self.chosen
        who = "" if self._only.who or moment is None else moment.who
        self._only = MomentFilter(who, kinds=self._only.kinds)
        self.do_refresh()

    def do_undo_this(self) -> None:
        moment = self.chosen
        if moment is None or not moment.intent:
            self.notify("Only actions can be undone", severity="warning")
        else:
            self.console.undo(moment.intent)
