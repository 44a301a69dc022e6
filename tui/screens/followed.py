"""A screen about one object, which it follows: it hears of each change, and of the object's end.

When a pod is gone and its workload made another in its place, as a mended manifest has it, the screen is about that one
from then on and says so.
"""

from __future__ import annotations

from engine.client import Item, Query
from tui.board import BoardNews
from tui.feed import Feed
from tui.keymap import Keymap
from tui.mailbox import News
from tui.screens.base import BaseScreen
from tui.session import Session
from tui.successor import successor


class FollowedScreen(BaseScreen):
    """Keeps `item` as it is now. A covered screen follows nothing and catches up when it is seen again."""

    def __init__(self, session: Session, keymap: Keymap, resource: str, item: Item) -> None:
        super().__init__(session, keymap)
        self.resource, self.item = resource, item
        self.NAME = f"why {item.name}"
        self.replaced = ""
        """Name of the pod in whose place `item` is; "" when it is the one that was asked about."""
        self.gone = False
        """The object was deleted, and nothing is in its place."""

    def item_changed(self) -> None:
        """`item` is another state; also called with the first one."""
        raise NotImplementedError

    def item_gone(self) -> None:
        """The object was deleted; `item` is its last state."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.header.namespace = lambda: self.item.namespace or None
        self._feed = Feed(self.session.client, self, self._receive)
        self.feeds.append(self._feed)
        self._unlisten_board = self.session.board.listen(self._board_changed)
        self._follow(self.item)

    def on_unmount(self) -> None:
        self._unlisten_board()

    def _follow(self, item: Item) -> None:
        self.item = item
        self._feed.open(Query(self.resource, item.namespace or None, fields=f"metadata.name={item.name}"))

    def _receive(self, news: News) -> None:
        items = [*(news.relist or ()), *(c.item for c in news.changes.values() if c.type != "DELETED")]
        if items:
            self.item, self.gone = items[-1], False
            self.item_changed()
        elif (news.changes or news.relist is not None) and not self._replace():
            self.gone = True
            self.item_gone()

    def _board_changed(self, news: BoardNews) -> None:
        if self.gone:
            self._replace()

    def _replace(self) -> bool:
        """Be about the pod in its place, if there is one."""
        heir = successor(self.session.board, self.item) if self.resource == "pods" else None
        if heir is None:
            return False
        self.replaced, self.gone = self.item.name, False
        self.NAME = f"why {heir.name}"
        self.header.crumbs = self.crumbs()
        self._follow(heir)
        return True
