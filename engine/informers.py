"""Informers: events of the store, delivered on the loop to whoever asked for a resource, in revision order.

The cache itself is the store (everything is in one process and one thread), so an informer is only the delivery:
applied revisions gather, one callback per burst hands them out. Handlers only enqueue. A handler that raises is
logged and misses that event; the other handlers and the next events are not touched by it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from engine.loop import Loop
from store.store import Store
from store.types import Resource, WatchEvent

Handler = Callable[[WatchEvent], None]
_log = logging.getLogger(__name__)
_BURST: Final = 200
"""Events handed out in one callback of the loop."""


class Informers:
    """One per cluster."""

    def __init__(self, store: Store, loop: Loop) -> None:
        self._loop = loop
        self._handlers: dict[tuple[str, ...], list[Handler]] = {}
        """By `ObjectKey[:2]`, which is equal to the key's `resource` and costs no construction."""
        self._any: list[Handler] = []
        self._pending: deque[WatchEvent] = deque()
        self._scheduled = False
        store.listen(self._gather)

    def on_event(self, resource: Resource, handler: Handler) -> None:
        """Call with every event of a resource from now on."""
        self._handlers.setdefault(resource, []).append(handler)

    def on_any(self, handler: Handler) -> None:
        """Call with every event of every resource, also of those that come into being later."""
        self._any.append(handler)

    def _gather(self, event: WatchEvent) -> None:
        if self._any or event.now.key[:2] in self._handlers:
            self._pending.append(event)
            if not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        pending, handlers, wide = self._pending, self._handlers, self._any
        for _ in range(min(len(pending), _BURST)):
            event = pending.popleft()
            for handler in (*handlers.get(event.now.key[:2], ()), *wide):
                try:
                    handler(event)
                except Exception:  # noqa: BLE001  one component's crash must not cost the others their events
                    _log.exception("a handler failed on %s", event.now.key)
        self._scheduled = bool(pending)
        if self._scheduled:
            self._loop.call_soon(self._deliver)
