"""Watches: what was there, then what happens, as lines of JSON until the client has enough.

Each watcher has a cursor on the ring of committed events; one commit wakes all of them at once (`WatchHub`), and the
line of an event is made once for all who see it in its own shape. Nobody waits for a slow watcher: one that fell behind
the ring gets an ERROR event with status 410 and is cut, as is one whose socket takes nothing for too long.

resourceVersion: none or "0" begins with everything there is; N continues after revision N. Bookmarks tell the revision
up to which a quiet watcher has seen everything (source: k8s.io/apiserver/pkg/storage/cacher).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson

from engine.api.errors import ApiError
from engine.api.read import Watch
from store.store import Store
from store.types import Envelope, EventType, Revision

_BATCH: Final = 500
"""Events written in one piece."""
BOOKMARK_EVERY: Final = 60.0
"""Wall seconds between bookmarks of a watcher that asked for them (cacher's defaultBookmarkFrequency)."""
_BEFORE_END: Final = 2.0
"""Wall seconds before its end in which a watch gets a last bookmark, if it lasts that long."""
_KEPT_LINES: Final = 2_000

Renderer = Callable[[EventType, Envelope], bytes]
"""The JSON of an event's object."""


class WatchHub:
    """Wakes all watchers after a commit; made and used on the HTTP loop."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._pending = loop, False
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._lines: dict[tuple[int, EventType], tuple[Envelope, bytes]] = {}
        self.stopped = False
        self._forget = store.on_commit(self._committed)

    def close(self) -> None:
        """End all watches."""
        self.stopped = True
        self._forget()
        self._wake()

    async def news(self, timeout: float) -> None:
        """Return after the next commit, or after `timeout` seconds."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting[waiter] = None
        timer = self._loop.call_later(timeout, _done, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiting.pop(waiter, None)

    def line(self, type_: EventType, env: Envelope) -> bytes:
        """An event as it goes to everyone who watches the thing itself."""
        key = (id(env), type_)
        known = self._lines.get(key)
        if known is not None and known[0] is env:
            return known[1]
        line = b'{"type":"%b","object":%b}\n' % (type_.encode(), env.raw)
        if len(self._lines) >= _KEPT_LINES:
            self._lines.clear()
        self._lines[key] = (env, line)
        return line

    def _committed(self) -> None:
        """Writer's thread: one wake-up for the commits that the loop has not looked at yet."""
        if not self._pending:
            self._pending = True
            with suppress(RuntimeError):  # the loop is closed: nobody watches any more
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._pending = False
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting:
            _done(waiter)


def _done(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How one watch goes on."""

    bookmarks: bool
    timeout: float
    """Wall seconds until it ends by itself."""
    initial_end: bool
    """Say with a bookmark where what was there ends (sendInitialEvents)."""
    api_version: str
    kind: str


async def watch_lines(
    hub: WatchHub, watch: Watch, initial: Iterable[Envelope], options: WatchOptions, render: Renderer | None,
    bookmark: Callable[[Revision, bool], bytes],
) -> AsyncIterator[bytes]:  # fmt: skip
    """The lines of one watch. `render` None: the objects as they are. `bookmark(revision, initial_end)`: its object."""

    def lines(events: Iterable[tuple[EventType, Envelope]]) -> bytes:
        if render is None:
            return b"".join([hub.line(type_, env) for type_, env in events])
        return b"".join([event_line(type_, render(type_, env)) for type_, env in events])

    def bookmark_line(initial_end: bool) -> bytes:
        return event_line("BOOKMARK", bookmark(watch.revision, initial_end))

    loop = asyncio.get_running_loop()
    end = loop.time() + options.timeout
    part: list[tuple[EventType, Envelope]] = []
    for env in initial:
        part.append(("ADDED", env))
        if len(part) >= _BATCH:
            yield lines(part)
            part = []
    if part:
        yield lines(part)
    if options.initial_end:
        yield bookmark_line(True)
    said, start = watch.revision, loop.time()
    due = _next_bookmark(start, start, end) if options.bookmarks else end
    while not hub.stopped:
        try:
            found = watch.poll(_BATCH)
        except ApiError as error:
            yield event_line("ERROR", orjson.dumps(error.status()))
            return
        if found:
            yield lines((notice.type, notice.now) for notice in found)
            said = found[-1].revision
            await asyncio.sleep(0)
        now = loop.time()
        if now >= end:
            return
        if found:
            continue
        if options.bookmarks and now >= due:
            due = _next_bookmark(now, start, end)
            if watch.revision != said:
                said = watch.revision
                yield bookmark_line(False)
        await hub.news(max(0.0, min(due, end) - now))


def _next_bookmark(now: float, start: float, end: float) -> float:
    """When a watch says next up to where it has seen everything: now and then, and once shortly before its end."""
    regular = start + BOOKMARK_EVERY * (int((now - start) / BOOKMARK_EVERY) + 1)
    last = end - _BEFORE_END
    return min(regular, last) if now < last else regular


def event_line(type_: str, obj: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (type_.encode(), obj)
