"""The thread that looks after the directory: it waits for events, scans, parses, and hands parsed news to the engine.

Events only say that something happened: the scan says what. The whole tree is watched (a watch on a file dies at the
first atomic replace), the scan follows every burst of events (files in directories that were made a moment ago come
without one), and a root that was removed or replaced is watched anew when it is back. Where the system's
notifications are not to be had, the tree is polled.

When a file shrank, emptied or went, the tree is looked at again, a moment apart, until it stands still: editors save by
truncating or by moving the old file away, and nothing must be pruned for that.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from watchfiles._rust_notify import RustNotify

from engine.folder.documents import ParsedFile, read_bytes
from engine.folder.scan import News, Scanner
from engine.loop import Loop

_log = logging.getLogger(__name__)
_STEP: Final = 15
"""Milliseconds without events that end a burst."""
_DEBOUNCE: Final = 50
"""Milliseconds after which a burst is looked at even if it goes on."""
_SECOND_LOOK: Final = 0.03
"""Seconds until a file that shrank is looked at again."""
_REPLACED_LOOK: Final = 0.4
"""The same for a root that was replaced: a checkout or a copy may still be filling it."""
_LOOKS: Final = 20
"""Looks at most until the files stand still."""
_POLL: Final = 0.3
"""Seconds between looks where there are no notifications (out of inotify watches, network file systems)."""
_ROOT_WAIT: Final = 0.5
"""Seconds between looks for a root that is not there."""


class FileNews(NamedTuple):
    """One file's change as the engine sees it. Without any of the others set, it was saved with what it held."""

    path: str
    parsed: ParsedFile | None = None
    fault: str = ""
    note: str = ""
    gone: bool = False

    @property
    def saved_as_it_was(self) -> bool:
        return self.parsed is None and not (self.fault or self.note or self.gone)


class _Poller:
    """Stands in for notifications: says that something may have happened, again and again.

    Not watchfiles' own polling, which compares times by the second and misses the second write within one.
    """

    def __enter__(self) -> _Poller:
        return self

    def __exit__(self, *exception: object) -> None:
        return

    def watch(self, debounce: int, step: int, timeout: int, stop: threading.Event) -> str:
        return "stop" if stop.wait(_POLL) else "timeout"


class Watcher:
    """Owns the thread and what it knows of the files."""

    def __init__(self, path: str, loop: Loop, receive: Callable[[Sequence[FileNews], bool], None]) -> None:
        """`receive(news, first)` is called on the engine thread; `first` at the load after the start."""
        self._root = os.path.abspath(path)
        self._loop, self._receive = loop, receive
        self._scanner = Scanner(self._root)
        self._parsed: dict[str, ParsedFile] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._missing = False

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="folder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None

    def read_all(self) -> list[FileNews]:
        """Everything that changed since the last look, parsed, on the calling thread."""
        return [*self._root_news(), *(self._parse(item) for item in self._scanner.scan())]

    # -- on the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        first = True
        while not self._stop.is_set():
            try:
                first = self._follow(first)
            except Exception as error:  # noqa: BLE001  the folder must go on being watched
                _log.error("watching %s failed", self._root, exc_info=error)
                self._stop.wait(_ROOT_WAIT)

    def _follow(self, first: bool) -> bool:
        """Watch the root until it is replaced or the watcher stops. Returns whether the first load is still to come."""
        if self._scanner.missing():
            self._send(self._root_news(), False)
            self._stop.wait(_ROOT_WAIT)
            return first
        identity = self._identity()
        with self._arm() as notify:
            self._look(first, _REPLACED_LOOK)
            while not self._stop.is_set():
                events = notify.watch(_DEBOUNCE, _STEP, 0, self._stop)
                if events in ("stop", "signal"):
                    break
                self._look(False)
                if self._identity() != identity:
                    break
        return False

    def _arm(self) -> RustNotify | _Poller:
        """Watch from now on, so that nothing is missed between the scan that follows and the first wait."""
        if os.environ.get("WATCHFILES_FORCE_POLLING", "").lower() not in ("1", "true", "enable", "enabled"):
            try:
                return RustNotify([self._root], False, False, 0, True, True)
            except OSError as error:
                _log.warning("no notifications for %s (%s): looking every %s s instead", self._root, error, _POLL)
        return _Poller()

    def _look(self, first: bool, pause: float = _SECOND_LOOK) -> None:
        memory = self._scanner.memory()
        news = {item.path: item for item in self._scanner.scan()}
        if not first and any(item.shrank for item in news.values()):
            for _ in range(_LOOKS):
                self._stop.wait(pause)
                more = self._scanner.scan()
                for item in more:
                    if item.path not in news or item.data is not None or item.fault or item.note or item.gone:
                        news[item.path] = item  # one that was only written anew holds what is known already
                if not more:
                    break
        if self._scanner.missing():  # it went while we looked: nothing in it counts as gone
            self._scanner.recall(memory)
            news = {}
        parsed = [self._parse(news[path]) for path in sorted(news)]
        self._send([*self._root_news(), *parsed], first)

    def _send(self, news: list[FileNews], first: bool) -> None:
        if (news or first) and not self._stop.is_set():
            self._loop.submit(lambda: self._receive(news, first))

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._root)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    # -- parsing -----------------------------------------------------------------------------------------------------

    def _parse(self, item: News) -> FileNews:
        if item.data is None:
            if item.gone:
                self._parsed.pop(item.path, None)
            return FileNews(item.path, None, item.fault, item.note, item.gone)
        parsed = read_bytes(item.data, self._parsed.get(item.path))
        self._parsed[item.path] = parsed
        return FileNews(item.path, parsed)

    def _root_news(self) -> list[FileNews]:
        """The folder itself as a file that cannot be read, while it is not there. Nothing is pruned for that."""
        missing = self._scanner.missing()
        if missing == self._missing:
            return []
        self._missing = missing
        if missing:
            return [FileNews(".", fault=f"the folder {self._root} does not exist")]
        return [FileNews(".", gone=True)]
