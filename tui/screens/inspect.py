"""One object over the whole screen: describe, YAML, events, logs, why; it stays live and says when it is deleted."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from engine.client import Item, Query
from tui.feed import Feed
from tui.keymap import Keymap
from tui.kinds.spec import KindView
from tui.mailbox import News
from tui.screens.base import BaseScreen
from tui.session import Session
from tui.widgets.inspector import Inspector


class InspectScreen(BaseScreen):
    """The inspector, over everything."""

    DEFAULT_CSS = """
    InspectScreen > Inspector { height: 1fr; }
    """

    def __init__(
        self,
        session: Session,
        keymap: Keymap,
        view: KindView,
        item: Item,
        tab: str,
        previous: bool = False,
        container: str = "",
    ) -> None:
        """`previous`, `container`: which of its logs; "": those of all containers."""
        super().__init__(session, keymap)
        self.NAME = item.name
        self._view, self._item, self._tab, self._container = view, item, tab, container
        self.inspector = Inspector(session)
        self.inspector.log_options = self.inspector.log_options.with_previous(previous)
        self._feed: Feed | None = None

    def compose_body(self) -> Iterable[Widget]:
        yield self.inspector

    def on_mount(self) -> None:
        self.header.namespace = lambda: self._item.namespace or None
        self.inspector.on_full = self.console.go_back
        self.inspector.on_edit = self.console.edit_object
        self.inspector.show(self._view, self._item, self._tab, self._container)
        self.inspector.text.focus()
        self._feed = Feed(self.session.client, self, self._receive)
        self._feed.open(
            Query(self._view.resource, self._item.namespace or None, fields=f"metadata.name={self._item.name}")
        )

    def on_unmount(self) -> None:
        if self._feed is not None:
            self._feed.pause()

    def on_screen_suspend(self) -> None:
        self.inspector.pause()
        if self._feed is not None:
            self._feed.pause()

    def on_screen_resume(self) -> None:
        self.inspector.resume()
        if self._feed is not None:
            self._feed.resume()

    def _receive(self, news: News) -> None:
        items = [*(news.relist or ()), *(c.item for c in news.changes.values() if c.type != "DELETED")]
        mine = [item for item in items if item.uid == self._item.uid]
        if mine:
            self._item = mine[-1]
            self.inspector.show(self._view, self._item)
        elif news.relist is not None or self._item.uid in news.changes:
            self.inspector.gone()

    def do_inspect(self, tab: str) -> None:
        self.inspector.open_tab(tab)
        self.refresh_keys()
