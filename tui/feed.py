"""A view's subscription: opens a watch with a mailbox of its own, and hands the news over on the app's thread.

At most `FPS` deliveries a second; none while nothing changes. `pause` (the screen is covered) closes the watch,
`open` starts it anew with a relist, so a hidden view costs nothing and comes back whole. Several namespaces at once
(`shop,team`, which no namespace is called) are watched as all and narrowed here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Final

from textual.message_pump import MessagePump

from engine.client import ClusterClient, Query, Subscription
from tui.mailbox import News, ViewMailbox

FPS: Final = 20


class Feed:
    """News of one query for one owner (a widget, a screen or the app)."""

    def __init__(self, client: ClusterClient, owner: MessagePump, receive: Callable[[News], None]) -> None:
        self._client, self._owner, self._receive = client, owner, receive
        self._query: Query | None = None
        self._mailbox: ViewMailbox | None = None
        self._subscription: Subscription | None = None
        self._last = 0.0
        self.loaded = False
        """The first list of the present query has arrived."""

    @property
    def query(self) -> Query | None:
        return self._query

    @property
    def is_open(self) -> bool:
        return self._subscription is not None

    def open(self, query: Query) -> None:
        """Watch `query` from now on, instead of what was watched."""
        self.pause()
        if query != self._query:
            self.loaded = False
        self._query = query

        def wake() -> None:
            with suppress(RuntimeError):  # the app's loop is closed: nobody is left to tell
                self._owner.call_later(self._woken, mailbox)

        mailbox = self._mailbox = ViewMailbox(wake)
        asked = replace(query, namespace=None) if namespaces_of(query) else query
        self._subscription = self._client.watch(asked, mailbox)

    def pause(self) -> None:
        """Close the watch; `resume` starts it anew."""
        if self._mailbox is not None:
            self._mailbox.close()
            self._mailbox = None
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def resume(self) -> None:
        if self._query is not None and self._subscription is None:
            self.open(self._query)

    def _woken(self, mailbox: ViewMailbox) -> None:
        if mailbox is not self._mailbox:
            return
        wait = self._last + 1 / FPS - monotonic()
        if wait > 0:
            self._owner.set_timer(wait, lambda: self._drain(mailbox))
        else:
            self._drain(mailbox)

    def _drain(self, mailbox: ViewMailbox) -> None:
        if mailbox is not self._mailbox:
            return
        self._last = monotonic()
        news = mailbox.drain()
        if news.overflowed and self._query is not None:
            self.open(self._query)
            return
        if news.relist is not None:
            self.loaded = True
        wanted = namespaces_of(self._query)
        if wanted:
            relist = None if news.relist is None else [item for item in news.relist if item.namespace in wanted]
            changes = {uid: change for uid, change in news.changes.items() if change.item.namespace in wanted}
            news = News(relist, changes, False)
            if relist is None and not changes:
                return
        self._receive(news)


def namespaces_of(query: Query | None) -> frozenset[str]:
    """The namespaces of a query for several; empty: it is for one, or for all."""
    if query is None or query.namespace is None or "," not in query.namespace:
        return frozenset()
    return frozenset(filter(None, query.namespace.split(",")))
