"""What screens share whose one table holds things that are no objects of the cluster: verdicts, trees, users, rights.

A screen says which view it has and fills its model; filter, cursor and empty texts are the same for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.widget import Widget
from textual.widgets import Static

from engine.client import Item
from tui.filters import FilterError, parse_filter
from tui.keymap import KeyContext, Keymap
from tui.kinds.spec import KindView, text_of
from tui.model import Row, RowModel
from tui.screens.base import BaseScreen
from tui.session import Session
from tui.widgets.virtual_table import VirtualTable


class ListScreen(BaseScreen):
    """One table under a line that says what it shows."""

    VIEW: ClassVar[KindView]
    PLACE: ClassVar[str] = "listing"
    """The view of its own actions."""
    DEFAULT_CSS = """
    ListScreen {
        & VirtualTable { height: 1fr; }
        & .about { height: auto; max-height: 4; padding: 0 2; background: $surface; color: $foreground; }
    }
    """

    def __init__(self, session: Session, keymap: Keymap) -> None:
        super().__init__(session, keymap)
        self.model = RowModel(lambda item: item.revision)
        self.table = VirtualTable(self.VIEW, self.model, session)
        self.about = Static("", classes="about", markup=False)
        self._text = ""

    def compose_body(self) -> Iterable[Widget]:
        yield self.about
        yield self.table

    def on_mount(self) -> None:
        self.table.empty_text = "Loading …"
        self.table.focus()
        self.do_refresh()

    def key_context(self) -> KeyContext:
        return KeyContext(("list", self.PLACE))

    def put(self, rows: Sequence[Item], about: str = "") -> None:
        """Show these, in their order; `about` over them."""
        self.model.reset(rows)
        self.about.update(about)
        self.about.display = bool(about)
        self.table.empty_text = "No row matches the filter. esc clears it." if self._text else self.VIEW.empty
        self.table.model_changed()

    @property
    def chosen(self) -> Item | None:
        row = self.table.cursor_row
        return None if row is None else row.item

    # -- filter ------------------------------------------------------------------------------------------------------

    def apply_filter(self, text: str) -> str | None:
        columns = self.VIEW.columns

        def haystack(row: Row) -> str:
            return " ".join(text_of(c.get(row.item, self.session)) for c in columns if c.search)

        try:
            self.model.set_filter(parse_filter(text, haystack, self.session, columns))
        except FilterError as error:
            return str(error)
        self._text = self.header.filter_text = text
        self.header.refresh()
        self.table.empty_text = "No row matches the filter. esc clears it." if text else self.VIEW.empty
        self.table.model_changed()
        return None

    def do_filter(self) -> None:
        self._open_line("filter", self._text)

    def refresh_keys(self) -> None:
        self.key_bar.show([each for each in self.keymap.available(self.key_context()) if each.id != "pane.next"])

    def do_back(self) -> None:
        if self._text:
            self.apply_filter("")
        else:
            self.console.go_back()

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_refresh(self) -> None:
        """List anew."""

    async def on_virtual_table_entered(self, event: VirtualTable.Entered) -> None:
        event.stop()
        self.do_enter()

    def do_enter(self) -> None:
        """Go to what the row is about."""
