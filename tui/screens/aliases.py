"""All kinds that the cluster serves, with their short names: enter opens one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from textual.widget import Widget

from engine.client import ClientError, Item, Json, KindInfo
from tui.filters import FilterError, parse_filter
from tui.keymap import KeyContext, Keymap
from tui.kinds.spec import Column, KindView
from tui.model import Row, RowModel
from tui.screens.base import BaseScreen
from tui.session import Session
from tui.widgets.virtual_table import VirtualTable


@dataclass(frozen=True, slots=True)
class KindRow:
    """A kind as a table's item."""

    kind: KindInfo
    labels: dict[str, str] = field(default_factory=dict)
    obj: Json = field(default_factory=dict)
    revision: int = 0
    namespace: str = ""

    @property
    def uid(self) -> str:
        return self.kind.resource

    @property
    def name(self) -> str:
        return self.kind.resource


def _kind(item: Item) -> KindInfo:
    assert isinstance(item, KindRow)
    return item.kind


VIEW = KindView(
    resource="kinds",
    columns=(
        Column("RESOURCE", lambda item, facts: item.name, min=30, grow=True, search=True),
        Column("KIND", lambda item, facts: _kind(item).kind, min=20, search=True),
        Column("SHORT NAMES", lambda item, facts: ",".join(_kind(item).short_names), search=True),
        Column("API VERSION", lambda item, facts: _kind(item).api_version, rank=2, search=True),
        Column("NAMESPACED", lambda item, facts: str(_kind(item).namespaced).lower(), rank=3),
    ),
)


class AliasesScreen(BaseScreen):
    """Every kind."""

    NAME = "kinds"
    DEFAULT_CSS = """
    AliasesScreen > VirtualTable { height: 1fr; }
    """

    def __init__(self, session: Session, keymap: Keymap) -> None:
        super().__init__(session, keymap)
        self._model = RowModel()
        self._table = VirtualTable(VIEW, self._model, session)
        self._text = ""

    def compose_body(self) -> Iterable[Widget]:
        yield self._table

    def on_mount(self) -> None:
        self._table.focus()
        self._fill()
        self.run_worker(self._learn(), exit_on_error=False)

    async def _learn(self) -> None:
        """A CRD may have come since the start."""
        try:
            await self.session.learn_kinds()
        except ClientError as error:
            self.notify(error.message, severity="error")
        self._fill()

    def _fill(self) -> None:
        self._model.reset([KindRow(kind) for kind in self.session.kinds])
        self._table.empty_text = "No kind matches. esc clears the filter."
        self._table.model_changed()

    def key_context(self) -> KeyContext:
        return KeyContext(("links",), "kinds")

    def apply_filter(self, text: str) -> str | None:
        def haystack(row: Row) -> str:
            kind = _kind(row.item)
            return " ".join((kind.resource, kind.kind, *kind.short_names))

        try:
            self._model.set_filter(parse_filter(text, haystack, self.session))
        except FilterError as error:
            return str(error)
        self._text = text
        self.header.filter_text = text
        self.header.refresh()
        self._table.model_changed()
        return None

    def do_filter(self) -> None:
        self._open_line("filter", self._text)

    def do_back(self) -> None:
        if self._text:
            self.apply_filter("")
        else:
            self.console.go_back()

    def do_enter(self) -> None:
        if self._table.cursor_uid is not None:
            self.console.run_command(self._table.cursor_uid)
