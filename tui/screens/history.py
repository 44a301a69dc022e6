"""The past of one object: its revisions, newest first, and what each changed; or the difference of any two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.widget import Widget

from engine.client import ClientError, Item, PastRevision
from tui.keymap import KeyContext, Keymap
from tui.kinds.spec import Cell, Column, Facts, KindView
from tui.model import RowModel
from tui.plan_text import change_lines, changed_fields, highlight
from tui.rows import PlainRow, value_of
from tui.screens.base import BaseScreen
from tui.screens.timeline import who_text
from tui.session import Session, answer
from tui.theme import Tone
from tui.times import clock_text, human_duration
from tui.widgets.text_view import TextView
from tui.widgets.virtual_table import VirtualTable

_OPS: Final[dict[str, tuple[str, Tone]]] = {
    "create": ("+ created", "ok"), "update": ("~ changed", "busy"), "delete": ("- deleted", "bad"),
}  # fmt: skip


def _revision(item: Item) -> PastRevision:
    return value_of(item, PastRevision)


def _what(item: Item, facts: Facts) -> str:
    revision = _revision(item)
    if revision.intent:
        return revision.intent.partition(" ")[2]
    return ", ".join(dict.fromkeys(_short(change.path) for change in revision.changes))


def _short(path: str) -> str:
    """`status.conditions[0].status` → `status.conditions`: enough to know what a write was about."""
    return ".".join(path.partition("[")[0].split(".")[:2])


VIEW: Final = KindView(
    resource="revisions",
    columns=(
        Column("REV", lambda item, facts: str(item.revision), align="right"),
        Column("WHEN", lambda item, facts: clock_text(_revision(item).cluster_time)[11:], rank=2),
        Column("AGO", lambda item, facts: human_duration(facts.now() - _revision(item).cluster_time), live=True,
               align="right", rank=3),
        Column("DID", lambda item, facts: Cell(*_OPS[_revision(item).op])),
        Column("WHO", lambda item, facts: who_text(_revision(item).who), max=22, search=True),
        Column("WHAT", _what, min=20, max=300, grow=True, search=True),
    ),
    empty="Nothing of its past is kept.",
)  # fmt: skip


class HistoryScreen(BaseScreen):
    """Revisions above, the difference below."""

    DEFAULT_CSS = """
    HistoryScreen {
        & VirtualTable { height: 1fr; }
        & TextView { height: 1fr; border-top: solid $rule; padding: 0 1; }
    }
    """

    def __init__(self, session: Session, keymap: Keymap, resource: str, item: Item) -> None:
        super().__init__(session, keymap)
        self.NAME = f"history {item.name}"
        self._resource, self._item = resource, item
        self._model = RowModel(lambda row: -row.revision)
        self._table = VirtualTable(VIEW, self._model, session)
        self._text = TextView()

    def compose_body(self) -> Iterable[Widget]:
        yield self._table
        yield self._text

    def on_mount(self) -> None:
        self.header.namespace = lambda: self._item.namespace or None
        self._table.empty_text = "Reading the log …"
        self._table.focus()
        self.do_refresh()

    def key_context(self) -> KeyContext:
        return KeyContext(("text",)) if self._text.has_focus else KeyContext(("list", "revisions"))

    def do_refresh(self) -> None:
        self.run_worker(self._fill(), exclusive=True, group="history", exit_on_error=False)

    async def _fill(self) -> None:
        item = self._item
        try:
            found = await answer(self.session.client.past.history(self._resource, item.namespace, item.name, limit=500))
        except ClientError as error:
            self._table.empty_text = error.message
            self._table.model_changed()
            return
        self._model.reset(
            [PlainRow(each, str(each.revision), item.name, item.namespace, each.revision) for each in found]
        )
        self._table.empty_text = VIEW.empty
        self._table.model_changed()
        self._show()

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        event.stop()
        self._show()

    @property
    def chosen(self) -> PastRevision | None:
        row = self._table.cursor_row
        return _revision(row.item) if row is not None else None

    def _base(self) -> PastRevision | None:
        """The marked revision, which the chosen one is compared with."""
        marked = [self._model.rows[uid] for uid in self._model.marks if uid in self._model.rows]
        return _revision(marked[0].item) if marked else None

    def _show(self) -> None:
        chosen, base = self.chosen, self._base()
        if chosen is None:
            self._text.show("")
        elif base is not None and base is not chosen:
            old, new = sorted((base, chosen), key=lambda each: each.revision)
            changes = tuple(changed_fields(old.obj, new.obj))
            self._text.show([f"= {old.revision} → {new.revision}", *change_lines(changes)], highlight, keep=False)
        elif chosen.op == "create":
            self._text.show(["+ the first revision of this object"], highlight, keep=False)
        else:
            self._text.show(change_lines(chosen.changes), highlight, keep=False)

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_mark(self) -> None:
        """Compare with this one from now on; again: with the one before."""
        uid = self._table.cursor_uid
        if uid is None:
            return
        for other in set(self._model.marks) - {uid}:
            self._model.toggle_mark(other)
        self._model.toggle_mark(uid)
        self._table.model_changed()
        self._show()

    async def on_virtual_table_entered(self, event: VirtualTable.Entered) -> None:
        event.stop()
        await self.do_enter()

    async def do_enter(self) -> None:
        """Look at the cluster as it was after this revision."""
        if self.chosen is not None and await self.console.go_to(self.chosen.revision):
            self.console.go_back()

    def do_undo_this(self) -> None:
        if self.chosen is None or not self.chosen.intent:
            self.notify("Only actions can be undone", severity="warning")
        else:
            self.console.undo(self.chosen.intent)
