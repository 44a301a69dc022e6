"""Why a pod is where it is: the scheduler's word on each node, and what would help.

The table is live: it is asked anew whenever the pod changes, so a pod that finds its place is seen to find it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from textual import events
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.client import ClientError, Item, Json, NodeVerdict, WhyReport
from tui.keymap import KeyContext, Keymap
from tui.kinds.podstatus import pod_status, pod_tone
from tui.kinds.spec import Cell, Column, Facts, KindView
from tui.model import RowModel
from tui.screens.followed import FollowedScreen
from tui.session import Session, answer
from tui.theme import GLYPHS
from tui.times import human_duration
from tui.widgets.virtual_table import VirtualTable

SHORT: Final = 34
"""Lines below which the sentences give room to the nodes."""


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A verdict as a table's item."""

    verdict: NodeVerdict
    labels: dict[str, str] = field(default_factory=dict)
    obj: Json = field(default_factory=dict)
    revision: int = 0
    namespace: str = ""

    @property
    def uid(self) -> str:
        return self.verdict.node

    @property
    def name(self) -> str:
        return self.verdict.node


def _verdict(item: Item) -> NodeVerdict:
    assert isinstance(item, VerdictRow)
    return item.verdict


def _fits(item: Item, facts: Facts) -> Cell:
    return Cell("✓ fits", "ok") if _verdict(item).fits else Cell("✗ no", "bad")


def _score(item: Item, facts: Facts) -> str:
    score = _verdict(item).score
    return "" if score is None else str(score)


def _said(item: Item, facts: Facts) -> str:
    verdict = _verdict(item)
    if verdict.fits:
        return ", ".join(f"{plugin} {score}" for plugin, score in verdict.scores.items())
    return "; ".join(verdict.details or verdict.reasons)


VIEW = KindView(
    resource="verdicts",
    columns=(
        Column("NODE", lambda item, facts: item.name, search=True),
        Column("VERDICT", _fits, lambda item, facts: not _verdict(item).fits),
        Column("SCORE", _score, lambda item, facts: -(_verdict(item).score or 0), align="right", rank=2),
        Column("WHY", _said, min=44, max=400, grow=True, search=True),
        Column("PLUGIN", lambda item, facts: _verdict(item).plugin, rank=3, search=True),
    ),
)


class WhyScreen(FollowedScreen):
    """Where a pod stands with the scheduler and the kubelet."""

    DEFAULT_CSS = """
    WhyScreen {
        & .headline { height: auto; padding: 1 2 0 2; background: $surface; }
        & .explanation { height: auto; max-height: 12; padding: 1 2; background: $surface; }
        & VirtualTable { height: 1fr; }
        &.short .headline { padding: 0 2; }
        &.short .explanation { padding: 0 2; max-height: 9; }
    }
    """

    def __init__(self, session: Session, keymap: Keymap, pod: Item) -> None:
        super().__init__(session, keymap, "pods", pod)
        self._headline = Static("Asking the scheduler …", classes="headline", markup=False)
        self._explanation = Static("", classes="explanation", markup=False)
        self._model = RowModel(lambda item: (not _verdict(item).fits, -(_verdict(item).score or 0)))
        self._table = VirtualTable(VIEW, self._model, session)

    def compose_body(self) -> Iterable[Widget]:
        yield self._headline
        yield self._explanation
        yield self._table

    def on_mount(self) -> None:
        self._table.focus()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < SHORT, "short")

    def key_context(self) -> KeyContext:
        return KeyContext(("why",))

    def item_changed(self) -> None:
        self.run_worker(self._ask(), exclusive=True, group="why", exit_on_error=False)

    def item_gone(self) -> None:
        self._headline.update(Content.styled(f"✗ {self.item.name} was deleted", "bold $tone-bad"))
        self._explanation.update("")
        self._model.reset([])
        self._table.empty_text = "It is no more, and nothing was made in its place."
        self._table.model_changed()

    async def _ask(self) -> None:
        try:
            report = await answer(self.session.client.why(self.item.namespace, self.item.name))
        except ClientError as error:
            self._headline.update(Content.styled(error.message, "$tone-bad"))
            return
        self._show(report)

    def _show(self, report: WhyReport) -> None:
        state = pod_status(self.item.obj)
        tone = pod_tone(self.item.obj, state)
        self._headline.update(
            Content.assemble(
                (f"{GLYPHS.get(tone, '?')} {state.word}", f"bold $tone-{tone}" if tone else "bold"),
                f"  {self.item.name}",
                (f"  in place of {self.replaced}" if self.replaced else "", "$tone-dim"),
                "\n",
                (report.headline, "$foreground"),
            )
        )
        lines = [Content.assemble(("→ ", "$tone-accent"), sentence) for sentence in report.explanation]
        attempts = () if self.has_class("short") else report.attempts[:3]
        for attempt in attempts:
            lines.append(Content.styled(self._attempt(attempt, report.headline), "$tone-dim"))
        self._explanation.update(Content("\n").join(lines))
        self._model.reset([VerdictRow(verdict) for verdict in report.nodes])
        self._table.empty_text = "No node is in question: the scheduler has placed it."
        self._table.model_changed()

    def _attempt(self, attempt: Mapping[str, Any], headline: str) -> str:
        """`attempt 4, 3s ago: Unschedulable`; its message only where it says something else than the headline."""
        time, message = attempt.get("time"), str(attempt.get("message") or "")
        since = f", {human_duration(self.session.now() - time)} ago" if isinstance(time, int) else ""
        node = f" → {attempt['node']}" if attempt.get("node") else ""
        figures = [sorted(re.findall(r"\d+ [\w() ]+", text)) for text in (message, headline)]
        said = f" {message}" if message and figures[0] != figures[1] else ""
        return f"  attempt {attempt.get('attempt', '?')}{since}: {attempt.get('result', '')}{node}{said}"

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_inspect(self, tab: str) -> None:
        self.console.open_inspector(self.session.view_of("pods"), self.item, tab)

    def do_manifest(self) -> None:
        self.console.find_manifest("pods", self.item)

    def do_enter(self) -> None:
        if self._table.cursor_uid is not None:
            self.console.open_resource("nodes", None, select=self._table.cursor_uid)
