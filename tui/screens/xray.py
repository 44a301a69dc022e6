"""`:xray KIND`: each object of a kind with all that stands under it, as a live tree."""

from __future__ import annotations

from time import monotonic
from typing import Final

from engine.client import Item, Query
from tui.feed import Feed
from tui.keymap import Keymap
from tui.kinds.spec import Cell, Column, KindView
from tui.mailbox import News
from tui.references import REFERRED
from tui.rows import PlainRow, value_of
from tui.screens.listing import ListScreen
from tui.session import Session
from tui.tree import MOST, OWNED, Branch, branches, world_of

_INTERVAL: Final = 0.5
"""Seconds between two drawings."""


def _branch(item: Item) -> Branch:
    return value_of(item, Branch)


VIEW: Final = KindView(
    resource="tree",
    columns=(
        Column("NAME", lambda item, facts: f"{_branch(item).stem}{_branch(item).name}", min=30, max=120, grow=True,
               search=True),
        Column("KIND", lambda item, facts: _branch(item).kind, search=True),
        Column("STATUS", lambda item, facts: Cell(_branch(item).status, _branch(item).tone), min=10, search=True),
        Column("NAMESPACE", lambda item, facts: item.namespace, rank=2, search=True),
    ),
    empty="No object of this kind is here.",
)  # fmt: skip


class XrayScreen(ListScreen):
    """The tree of one kind."""

    VIEW = VIEW
    PLACE = "tree"

    def __init__(self, session: Session, keymap: Keymap, resource: str, namespace: str | None) -> None:
        super().__init__(session, keymap)
        self.NAME = f"xray {resource.partition('.')[0]}"
        self._resource, self._namespace = resource, namespace
        self._found: dict[str, dict[str, Item]] = {}
        self._last = 0.0
        self._waiting = False

    def on_mount(self) -> None:
        self.header.namespace = lambda: self._namespace
        cluster_wide = self._resource in ("nodes", "namespaces")
        served = {kind.resource: kind for kind in self.session.kinds}
        for resource in dict.fromkeys((self._resource, *OWNED, *REFERRED)):
            kind = served.get(resource)
            if kind is None:
                continue
            namespace = self._namespace if kind.namespaced and not cluster_wide else None
            self._found[resource] = {}
            feed = Feed(self.session.client, self, lambda news, about=resource: self._came(about, news))  # type: ignore[misc]
            feed.open(Query(resource, namespace))
            self.feeds.append(feed)

    def _came(self, resource: str, news: News) -> None:
        known = self._found[resource]
        if news.relist is not None:
            known.clear()
            known.update((item.uid, item) for item in news.relist)
        for uid, change in news.changes.items():
            if change.type == "DELETED":
                known.pop(uid, None)
            else:
                known[uid] = change.item
        wait = self._last + _INTERVAL - monotonic()
        if wait <= 0:
            self._draw()
        elif not self._waiting:
            self._waiting = True
            self.set_timer(wait, self._draw)

    def _draw(self) -> None:
        self._waiting, self._last = False, monotonic()
        world = world_of({resource: items.values() for resource, items in self._found.items()})
        rows = branches(self._resource, list(self._found.get(self._resource, {}).values()), world, REFERRED)
        more = f"the first {MOST} rows; choose a namespace to see the rest" if len(rows) >= MOST else ""
        self.put([PlainRow(row, row.uid, row.name, row.namespace, place) for place, row in enumerate(rows)], more)

    def do_refresh(self) -> None:
        for feed in self.feeds:
            feed.pause()
            feed.resume()

    # -- actions -----------------------------------------------------------------------------------------------------

    def _object(self) -> tuple[str, Item] | None:
        """The object of the row under the cursor; for a container, its pod."""
        chosen = self.chosen
        if chosen is None:
            return None
        branch = _branch(chosen)
        path = branch.uid.split("/")
        uid = path[-1] if branch.resource and branch.resource not in REFERRED else path[-2] if len(path) > 1 else ""
        if branch.resource in REFERRED and len(path) > 1:
            for item in self._found.get(branch.resource, {}).values():
                if (item.namespace, item.name) == (branch.namespace, branch.name):
                    return branch.resource, item
            return None
        for resource, items in self._found.items():
            if uid in items:
                return resource, items[uid]
        return None

    def do_enter(self) -> None:
        found = self._object()
        if found is None:
            self.notify("It is not there", severity="warning")
            return
        resource, item = found
        if self.chosen is not None and not _branch(self.chosen).resource:  # a container: itself, among those of its pod
            asked = self.session.view_of(resource).enter(item)
            if asked is not None:
                self.console.open_query(asked, item.name, select=self.chosen.name)
            return
        self.console.open_resource(resource, item.namespace or None, select=item.name)

    def do_inspect(self, tab: str) -> None:
        found = self._object()
        if found is not None:
            self.console.open_inspector(self.session.view_of(found[0]), found[1], tab)

    def do_why(self) -> None:
        found = self._object()
        if found is not None:
            self.console.open_why(*found)
