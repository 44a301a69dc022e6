"""Views of outsiders: each a query, a cursor on committed revisions, and a mailbox that receives the changes.

A view starts with a `Relist` of what matches now and goes on with `Change`s. One that falls behind the ring's tail
is listed anew: slow watchers are cut, not waited for.
"""

from __future__ import annotations

from engine.api.errors import Gone
from engine.api.server import Api
from engine.client import Change, Mailbox, Query, Relist
from engine.loop import Loop
from store.types import Expired, Resource

_BATCH = 2_000
"""Events delivered to one view before others get their turn."""


class Views:
    """All open views; `pump` after each commit."""

    def __init__(self, api: Api, loop: Loop) -> None:
        self._api, self._loop = api, loop
        self._views: list[_View] = []
        self._pumping = False

    def open(self, query: Query, mailbox: Mailbox) -> _View:
        view = _View(self._api, query, mailbox, self._views)
        self._views.append(view)
        return view

    def pump(self) -> None:
        """Deliver what was committed. Views with more to come are pumped again after other work."""
        behind = [view for view in self._views if view.pump()]
        if behind and not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._again)

    def _again(self) -> None:
        self._pumping = False
        self.pump()


class _View:
    def __init__(self, api: Api, query: Query, mailbox: Mailbox, views: list[_View]) -> None:
        self._api, self._query, self._mailbox, self._views = api, query, mailbox, views
        self._resource = Resource.parse(query.resource)
        self._relist()

    def close(self) -> None:
        if self in self._views:
            self._views.remove(self)

    def pump(self) -> bool:
        """Deliver one batch. True if more waits."""
        try:
            events = self._watch.poll(_BATCH)
        except (Expired, Gone):
            self._relist()
            return False
        changes = [Change(event.type, event.now) for event in events]
        if changes:
            self._mailbox.deliver(changes)
        return len(events) == _BATCH

    def _relist(self) -> None:
        query = self._query
        found = self._api.list(self._resource, query.namespace, labels=query.labels, fields=query.fields)
        self._mailbox.deliver(Relist(found.items))
        self._watch = self._api.watch(
            self._resource, query.namespace, since=found.revision, labels=query.labels, fields=query.fields
        )
