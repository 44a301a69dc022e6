"""Screens with tables: opening, inspecting, namespaces, ages."""

from __future__ import annotations

from typing import Final

from engine.client import Query
from tui.screens.base import BaseScreen
from tui.widgets.inspector import Inspector
from tui.widgets.pane import ResourcePane
from tui.widgets.virtual_table import VirtualTable

WIDE: Final = 160
"""Columns from which the inspector stands beside the table instead of over it."""

AGE_FILTER_SECONDS: Final = 5
"""How often rows are tried again that are filtered by age."""


class TableScreen(BaseScreen):
    """A screen with one or more live tables and an inspector."""

    inspector: Inspector
    _odd_second = False
    _seconds = 0

    def table_panes(self) -> list[ResourcePane]:
        """The tables, in the order of tab."""
        raise NotImplementedError

    @property
    def focused_pane(self) -> ResourcePane:
        raise NotImplementedError

    def on_mount(self) -> None:
        self.inspector.on_full = self._inspect_full
        self.inspector.on_edit = self.console.edit_object

    def tick(self) -> None:
        """Ages go on, in what can be seen: every other second, at higher speeds each."""
        super().tick()
        self._odd_second = not self._odd_second
        if self._odd_second or self.session.summary.speed > 1:
            for pane in self.table_panes():
                pane.table.tick()
        self._seconds += 1
        if not self._seconds % AGE_FILTER_SECONDS:
            for pane in self.table_panes():
                pane.age_filter()

    def _each_second(self) -> None:
        super()._each_second()
        if self.is_active and self.session.ready:
            for pane in self.table_panes():
                if pane.wants_usage:
                    self.session.usage.ask(pane.resource)

    def on_screen_suspend(self) -> None:
        for pane in self.table_panes():
            pane.pause()
        self.inspector.pause()

    def on_screen_resume(self) -> None:
        # A command goes home and on from there at once: home is not filled for that.
        if self.session.ready and self.app.screen is self:
            for pane in self.table_panes():
                pane.resume()
            self.inspector.resume()

    def panes(self) -> list[VirtualTable | object]:  # type: ignore[override]
        tables: list[VirtualTable | object] = [pane.table for pane in self.table_panes()]
        return [*tables, self.inspector.text] if self.inspector.display else tables

    # -- actions -----------------------------------------------------------------------------------------------------

    async def on_virtual_table_entered(self, event: VirtualTable.Entered) -> None:
        event.stop()
        self.do_enter()

    def do_enter(self) -> None:
        """Go in: what the kind's enter lists, else the inspector."""
        pane = self.focused_pane
        item = pane.current
        if item is None:
            return
        query = pane.view.enter(item)
        if query is not None:
            if pane.resource == "namespaces":
                self.session.favour(item.name)
            self.console.open_query(query, f"{item.name}")
        else:
            self.do_inspect(pane.view.enter_tab)

    def do_inspect(self, tab: str) -> None:
        pane = self.focused_pane
        view = self.session.view_of(pane.resource)
        if pane.current is None:
            return
        if tab not in view.tabs:
            self.notify(f"{pane.title} have no {tab}", severity="warning")
            return
        if self.app.size.width >= WIDE:
            self.inspector.display = True
            self.inspector.show(view, pane.current, tab, pane.container)
        else:
            self.console.open_inspector(view, pane.current, tab, container=pane.container)

    def do_previous_logs(self) -> None:
        self.inspector.log_options = self.inspector.log_options.with_previous(True)
        pane = self.focused_pane
        if pane.current is not None:
            view = self.session.view_of(pane.resource)
            self.console.open_inspector(view, pane.current, "logs", previous=True, container=pane.container)

    def _inspect_full(self) -> None:
        inspector = self.inspector
        if inspector.view is not None and inspector.item is not None:
            container = inspector.log_options.container
            self.console.open_inspector(inspector.view, inspector.item, inspector.tab, container=container)

    def do_refresh(self) -> None:
        for pane in self.table_panes():
            pane.relist()

    def do_namespace(self, key: str) -> None:
        """0: all namespaces; 1-9: those chosen before."""
        number = int(key)
        names = self.session.favourites
        if number > len(names):
            self.notify(f"No namespace behind {number} yet; `:ns NAME` puts one there", severity="warning")
            return
        self.show_namespace(None if number == 0 else names[number - 1])

    def show_namespace(self, namespace: str | None) -> None:
        """Narrow the focused table to a namespace."""
        self.console.open_query(Query(self.focused_pane.resource, namespace), "")
