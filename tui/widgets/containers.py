"""The pane of one pod's containers, live: the pod is watched, its containers are the rows.

Moving, sorting, filtering and marking are those of any table. What acts on an object acts on the pod; logs and the
shell are those of the container under the cursor.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.client import Item, Query
from tui.keymap import KeyContext
from tui.mailbox import News
from tui.rows import container_items
from tui.widgets.pane import ResourcePane


class ContainersPane(ResourcePane):
    """The containers of one pod."""

    pod: Item | None = None
    """As it is now; None: not listed yet, or gone."""

    def key_context(self) -> KeyContext:
        return KeyContext(("table",), self.view.resource)

    @property
    def resource(self) -> str:
        return "pods"

    @property
    def current(self) -> Item | None:
        return self.pod

    @property
    def container(self) -> str:
        row = self.table.cursor_row
        return "" if row is None else row.item.name

    def targets(self) -> list[Item]:
        return [] if self.pod is None else [self.pod]

    def watch_query(self, query: Query, hide: Iterable[str] = ()) -> None:
        """`query`: of the pod by its name, with `containers` for the resource."""
        super().watch_query(Query("pods", query.namespace, fields=query.fields), hide)

    def _receive(self, news: News) -> None:
        if news.relist is not None:
            self.pod = next(iter(news.relist), None)
        for change in news.changes.values():
            if change.type != "DELETED":
                self.pod = change.item
            elif self.pod is not None and change.item.uid == self.pod.uid:
                self.pod = None
        self.table.empty_text = self._nothing
        self.model.reset(() if self.pod is None else container_items(self.pod))
        self._changed()
        self._select_wanted()

    def do_copy(self) -> None:
        """Copy the names of the marked containers, else of the one under the cursor."""
        marks = self.model.marks
        rows = [self.model.rows[uid].item.name for uid in self.model.shown_uids() if uid in marks]
        names = rows or [name for name in (self.container,) if name]
        if names:
            self.copy_names(names)
