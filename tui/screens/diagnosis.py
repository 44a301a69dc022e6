"""What is the matter with an object: sentences, the cause first, that lead to the objects they name.

enter goes to what a sentence is about and asks the same of it, so that one walks from a Service to the pod to the node.
It is asked anew whenever the object changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.client import ClientError, Diagnosis, Finding, Item
from tui.keymap import KeyContext, Keymap
from tui.kinds.spec import Cell, Column, Facts, KindView
from tui.model import RowModel
from tui.rows import PlainRow, value_of
from tui.screens.followed import FollowedScreen
from tui.session import Session, answer
from tui.theme import GLYPHS
from tui.widgets.virtual_table import VirtualTable, wrap

AGAIN: Final = 2.0
"""Seconds after which it is asked again while the screen is open: what it depends on are many objects."""


def _finding(item: Item) -> Finding:
    return value_of(item, Finding)


def _said(item: Item, facts: Facts) -> Cell:
    finding = _finding(item)
    return Cell(f"{GLYPHS.get(finding.tone, ' ')} {finding.text}" if finding.text else "", finding.tone)


def _leads_to(item: Item, facts: Facts) -> Cell:
    finding = _finding(item)
    return Cell(f"→ {finding.resource.partition('.')[0]} {finding.name}" if finding.resource else "", "accent")


VIEW: Final = KindView(
    resource="findings",
    columns=(
        Column("WHAT", _said, min=30, max=500, grow=True, search=True),
        Column("LEADS TO", _leads_to, max=44, rank=2),
    ),
    empty="Nothing is the matter.",
)


class DiagnosisScreen(FollowedScreen):
    """Why an object is as it is."""

    DEFAULT_CSS = """
    DiagnosisScreen {
        & .headline { height: auto; padding: 1 2; background: $surface; }
        & VirtualTable { height: 1fr; }
        & .whole { height: auto; max-height: 8; padding: 0 2; background: $surface; color: $foreground; }
    }
    """

    def __init__(self, session: Session, keymap: Keymap, resource: str, item: Item) -> None:
        super().__init__(session, keymap, resource, item)
        self._headline = Static("Looking at it …", classes="headline", markup=False)
        self._whole = Static("", classes="whole", markup=False)
        self._model = RowModel(lambda row: row.revision)
        self._table = VirtualTable(VIEW, self._model, session)

    def compose_body(self) -> Iterable[Widget]:
        yield self._headline
        yield self._table
        yield self._whole

    def on_mount(self) -> None:
        self._table.empty_text = "…"
        self._table.focus()
        self.set_interval(AGAIN, self._again)

    def key_context(self) -> KeyContext:
        return KeyContext(("list", "diagnosis"))

    def _again(self) -> None:
        if self.is_active and self.session.summary.speed and not self.gone:
            self._ask()

    def item_changed(self) -> None:
        self._ask()

    def item_gone(self) -> None:
        self._headline.update(Content.styled(f"✗ {self.item.name} was deleted", "bold $tone-bad"))
        self._model.reset([])
        self._table.empty_text = "It is no more, and nothing was made in its place."
        self._table.model_changed()
        self._tell_whole()

    def _ask(self) -> None:
        self.run_worker(self._fill(), exclusive=True, group="diagnosis", exit_on_error=False)

    async def _fill(self) -> None:
        item = self.item
        try:
            self._show(await answer(self.session.client.diagnose(self.resource, item.namespace, item.name)))
        except ClientError as error:
            self._headline.update(Content.styled(error.message, "$tone-bad"))

    def _show(self, found: Diagnosis) -> None:
        words = {"ok": "well", "warn": "needs a look", "bad": "not well"}
        name = f"{self.resource.partition('.')[0]} {self.item.name}"
        self._headline.update(
            Content.assemble(
                (f"{GLYPHS[found.tone]} {words[found.tone]}", f"bold $tone-{found.tone}"),
                f"  {name}",
                (f"  in place of {self.replaced}" if self.replaced else "", "$tone-dim"),
                "\n",
                (found.headline, "$foreground"),
            )
        )
        rows = [PlainRow(each, f"{at}", revision=at) for at, each in enumerate(found.findings)]
        self._model.reset(rows)
        self._table.empty_text = VIEW.empty
        self._table.model_changed()
        self._tell_whole()

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        event.stop()
        self._tell_whole()

    def _tell_whole(self) -> None:
        """The chosen sentence in full: in the table a long one is cut."""
        row = self._table.cursor_row
        text = _finding(row.item).text if row is not None else ""
        room = max(20, self.size.width - 6)
        self._whole.update("\n".join(wrap(text, room)[:6]) if len(text) > room - 30 else "")

    # -- actions -----------------------------------------------------------------------------------------------------

    async def on_virtual_table_entered(self, event: VirtualTable.Entered) -> None:
        event.stop()
        await self.do_enter()

    async def do_enter(self) -> None:
        """Ask the same of what the sentence is about."""
        found = await self._linked()
        if found is not None:
            self.console.open_why(*found)

    async def do_inspect(self, tab: str) -> None:
        """The linked object, or the one that was asked about."""
        row = self._table.cursor_row
        linked = await self._linked() if row is not None and _finding(row.item).resource else None
        resource, item = linked or (self.resource, self.item)
        self.console.open_inspector(self.session.view_of(resource), item, tab)

    def do_manifest(self) -> None:
        self.console.find_manifest(self.resource, self.item)

    async def _linked(self) -> tuple[str, Item] | None:
        row = self._table.cursor_row
        finding = _finding(row.item) if row is not None else None
        if finding is None or not finding.resource:
            self.notify("This leads nowhere", severity="warning")
            return None
        try:
            return finding.resource, await answer(
                self.session.client.get(finding.resource, finding.namespace, finding.name)
            )
        except ClientError as error:
            self.notify(error.message, severity="error")
            return None
