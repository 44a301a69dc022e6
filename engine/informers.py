"""Informers: events of the store, delivered on the loop to whoever asked for a resource, in revision order.

The cache itself is the store (everything is in one process and one thread), so an informer is only the delivery:
applied revisions gather, one callback per burst hands them out. Handlers only enqueue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from engine.loop import Loop
from store.store import Store
from store.types import Resource, WatchEvent

Handler = Callable[[WatchEvent], None]


class Informers:
    """One per cluster."""

    def __init__(self, store: Store, loop: Loop) -> None:
        self._loop = loop
        self._handlers: dict[Resource, list[Handler]] = {}
        self._pending: deque[WatchEvent] = deque()
        store.listen(self._gather)

    def on_event(self, resource: Resource, handler: Handler) -> None:
        self._handlers.setdefault(resource, []).append(handler)

    def _gather(self, event: WatchEvent) -> None:
        if event.now.key.resource in self._handlers:
            self._pending.append(event)
            if len(self._pending) == 1:
                self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        for _ in range(min(len(self._pending), 500)):
            event = self._pending[0]
            try:
                for handler in self._handlers[event.now.key.resource]:
                    handler(event)
            finally:
                self._pending.popleft()
        if self._pending:
            self._loop.call_soon(self._deliver)
