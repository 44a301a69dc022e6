"""A screen about one object, which it follows: it hears of each change, and of the object's end."""

from __future__ import annotations

from engine.client import Item, Query
from tui.feed import Feed
from tui.keymap import Keymap
from tui.mailbox import News
from tui.screens.base import BaseScreen
from tui.session import Session


class FollowedScreen(BaseScreen):
    """Keeps `item` as it is now. A covered screen follows nothing and catches up when it is seen again."""

    def __init__(self, session: Session, keymap: Keymap, resource: str, item: Item) -> None:
        super().__init__(session, keymap)
        self.resource, self.item = resource, item

    def item_changed(self) -> None:
        """`item` is another state; also called with the first one."""
        raise NotImplementedError

    def item_gone(self) -> None:
        """The object was deleted; `item` is its last state."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.header.namespace = lambda: self.item.namespace or None
        feed = Feed(self.session.client, self, self._receive)
        feed.open(Query(self.resource, self.item.namespace or None, fields=f"metadata.name={self.item.name}"))
        self.feeds.append(feed)

    def _receive(self, news: News) -> None:
        items = [*(news.relist or ()), *(c.item for c in news.changes.values() if c.type != "DELETED")]
        if items:
            self.item = items[-1]
            self.item_changed()
        elif news.changes or news.relist is not None:
            self.item_gone()
