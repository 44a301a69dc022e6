"""The bridge from the engine thread to a view: the last write per object wins, one wake-up per frame, none while idle.

- `deliver` is called on the engine thread; it stores and returns.
- `wake` is called (on the engine thread) only when the box goes from empty to non-empty.
- Past `limit` changed objects the box forgets them and asks for a relist instead of growing.
- `drain` is called on the app's thread and empties the box.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.client import Change, Item, Relist


class News(NamedTuple):
    """What happened since the last drain."""

    relist: Sequence[Item] | None
    """Not None: forget everything and start with these; the changes come on top."""
    changes: dict[str, Change]
    """Last change by uid."""
    overflowed: bool
    """The box lost changes: subscribe anew."""


class ViewMailbox:
    """One per open view."""

    def __init__(self, wake: Callable[[], object], limit: int = 20_000) -> None:
        self._wake = wake
        self._limit = limit
        self._lock = threading.Lock()
        self._relist: Sequence[Item] | None = None
        self._changes: dict[str, Change] = {}
        self._overflowed = False
        self._armed = False
        self._closed = False

    def deliver(self, news: Relist | Sequence[Change]) -> None:
        with self._lock:
            if self._closed:
                return
            if isinstance(news, Relist):
                self._relist, self._changes, self._overflowed = news.items, {}, False
            elif not self._overflowed:
                changes = self._changes
                for change in news:
                    changes[change.item.uid] = change
                if len(changes) > self._limit:
                    self._changes, self._overflowed = {}, True
            wake, self._armed = not self._armed, True
        if wake:
            self._wake()

    def drain(self) -> News:
        with self._lock:
            news = News(self._relist, self._changes, self._overflowed)
            self._relist, self._changes, self._overflowed, self._armed = None, {}, False, False
        return news

    def close(self) -> None:
        """Nothing is delivered or woken any more."""
        with self._lock:
            self._closed = True
            self._relist, self._changes = None, {}
