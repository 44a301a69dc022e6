"""Snapshots: named moments to go back to, or to copy the cluster from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.widget import Widget

from engine.client import ClientError, Item, SnapshotInfo
from tui.keymap import KeyContext, Keymap
from tui.kinds.spec import Column, KindView
from tui.model import RowModel
from tui.rows import PlainRow, value_of
from tui.screens.base import BaseScreen
from tui.session import Session, answer
from tui.times import clock_text, human_duration
from tui.widgets.virtual_table import VirtualTable


def _snapshot(item: Item) -> SnapshotInfo:
    return value_of(item, SnapshotInfo)


VIEW: Final = KindView(
    resource="snapshots",
    columns=(
        Column("NAME", lambda item, facts: item.name, min=20, grow=True, search=True),
        Column("CLUSTER TIME", lambda item, facts: clock_text(_snapshot(item).cluster_time)),
        Column("AGO", lambda item, facts: human_duration(facts.now() - _snapshot(item).cluster_time), live=True,
               align="right"),
        Column("OBJECTS", lambda item, facts: str(_snapshot(item).objects), align="right", rank=2),
        Column("REV", lambda item, facts: str(item.revision), align="right", rank=3),
    ),
    empty="No snapshot yet: n gives the present a name.",
)  # fmt: skip


class SnapshotsScreen(BaseScreen):
    """All snapshots."""

    NAME = "snapshots"
    DEFAULT_CSS = """
    SnapshotsScreen VirtualTable { height: 1fr; }
    """

    def __init__(self, session: Session, keymap: Keymap) -> None:
        super().__init__(session, keymap)
        self._model = RowModel(lambda item: -item.revision)
        self._table = VirtualTable(VIEW, self._model, session)

    def compose_body(self) -> Iterable[Widget]:
        yield self._table

    def on_mount(self) -> None:
        self._table.empty_text = VIEW.empty
        self._table.focus()
        self.do_refresh()

    def key_context(self) -> KeyContext:
        return KeyContext(("list", "snapshots"))

    def do_refresh(self) -> None:
        self.run_worker(self._fill(), exclusive=True, group="snapshots", exit_on_error=False)

    async def _fill(self) -> None:
        try:
            found = await answer(self.session.client.past.snapshots())
        except ClientError as error:
            self.notify(error.message, severity="error")
            return
        self._model.reset([PlainRow(each, each.name, each.name, revision=each.revision) for each in found])
        self._table.model_changed()

    # -- actions -----------------------------------------------------------------------------------------------------

    def _chosen(self) -> SnapshotInfo | None:
        row = self._table.cursor_row
        if row is None:
            self.notify("No snapshot is chosen: n takes one", severity="warning")
            return None
        return _snapshot(row.item)

    def do_snapshot_new(self) -> None:
        from tui.screens.prompt import PromptDialog

        def named(name: str | None) -> None:
            if name and name.strip():
                self.console.take_snapshot(name.strip())
                self.set_timer(0.3, self.do_refresh)

        self.app.push_screen(PromptDialog("Name of the snapshot", "before-the-upgrade"), named)

    def do_snapshot_restore(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.console.restore_snapshot(chosen.name)

    def do_snapshot_fork(self) -> None:
        from tui.screens.prompt import PromptDialog

        chosen = self._chosen()
        if chosen is None:
            return

        def named(path: str | None) -> None:
            if path and path.strip():
                self.console.fork_cluster(path.strip(), chosen.name)

        self.app.push_screen(PromptDialog(f"Fork {chosen.name} into the file", "~/fork.db"), named)

    def do_snapshot_drop(self) -> None:
        chosen = self._chosen()
        if chosen is None:
            return

        async def drop() -> None:
            try:
                await answer(self.session.client.past.drop_snapshot(chosen.name))
            except ClientError as error:
                self.notify(error.message, severity="error")
            self.do_refresh()

        self.run_worker(drop(), group="writes", exit_on_error=False)

    async def on_virtual_table_entered(self, event: VirtualTable.Entered) -> None:
        event.stop()
        await self.do_enter()

    async def do_enter(self) -> None:
        """Look at the cluster as the snapshot has it, without changing anything."""
        chosen = self._chosen()
        if chosen is not None and await self.console.go_to(chosen.revision):
            self.console.go_home()
