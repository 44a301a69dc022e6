"""A pod's logs as they are written: one stream per container, merged by time, narrowed by a filter.

The streams deliver on the engine's thread into a box; the view is woken at most ten times a second and reads what came.
What is kept is bounded; older lines go first. Which lines are shown: a regular expression, `!` for those without it,
`-f` for letters in order. Logs are simulated, as the containers that write them are.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Final, NamedTuple

from textual.message_pump import MessagePump

from engine.client import ClusterClient, Item, LogLine, LogQuery, Subscription
from tui.rows import container_items
from tui.times import rfc3339

KEPT: Final = 20_000
"""Lines kept per pod."""
TAIL: Final = 1000
HEAD: Final = 200
_INTERVAL: Final = 0.1


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which lines of a pod's logs, and how."""

    previous: bool = False
    times: bool = False
    head: bool = False
    since: int | None = None
    """Seconds of cluster time; None: the newest lines, whatever their age."""
    container: str = ""
    """"": all of them."""
    filter: str = ""

    def with_range(self, since: int | None, head: bool) -> LogOptions:
        return replace(self, since=since, head=head)

    def with_times(self, times: bool) -> LogOptions:
        return replace(self, times=times)

    def with_previous(self, previous: bool) -> LogOptions:
        return replace(self, previous=previous)

    def told(self) -> str:
        """What differs from all lines of the present run: `web · since 5m · previous run`."""
        parts = [self.container] if self.container else []
        if self.head:
            parts.append("head")
        if self.since is not None:
            parts.append(f"since {self.since // 60}m" if self.since < 3600 else f"since {self.since // 3600}h")
        if self.previous:
            parts.append("the run before")
        if self.filter:
            parts.append(f"/{self.filter}")
        return " · ".join(parts)


def line_test(text: str) -> Callable[[str], bool] | None:
    """The test of a log filter; None lets every line through."""
    text = text.strip()
    if text.startswith("-f"):
        letters = text[2:].strip()
        fuzzy = re.compile(".*?".join(map(re.escape, letters)), re.IGNORECASE)
        return (lambda line: fuzzy.search(line) is not None) if letters else None
    inverse, text = text.startswith("!"), text.removeprefix("!").strip()
    if not text:
        return None
    flags = 0 if any(char.isupper() for char in text) else re.IGNORECASE
    try:
        pattern = re.compile(text, flags)
    except re.error:
        pattern = re.compile(re.escape(text), flags)
    return lambda line: (pattern.search(line) is not None) is not inverse


def containers_of(pod: Item) -> list[str]:
    """Names of its containers, init containers first, ephemeral ones last."""
    return [container.name for container in container_items(pod)]


class _Key(NamedTuple):
    """What the open streams show; another one opens them anew."""

    uid: str
    containers: tuple[str, ...]
    runs: tuple[object, ...]
    """Ids of the runs: a container that started again writes a new log."""
    previous: bool
    head: bool
    since: int | None


class LogFollower:
    """The logs of one pod for one view. Belongs to the app's thread."""

    def __init__(self, client: ClusterClient, owner: MessagePump, changed: Callable[[], None]) -> None:
        self._client, self._owner, self._changed = client, owner, changed
        self._key: _Key | None = None
        self._boxes: list[_Box] = []
        self._subscriptions: list[Subscription] = []
        self._lines: list[tuple[int, int, str]] = []
        self._complaints: list[str] = []
        self._names: tuple[str, ...] = ()
        self._last = 0.0
        self._timer_set = False

    def open(self, pod: Item, options: LogOptions) -> None:
        """Follow what these options show of a pod; nothing happens when that is followed already."""
        names = containers_of(pod)
        chosen = tuple(name for name in names if options.container in ("", name)) or tuple(names)
        key = _Key(pod.uid, chosen, _runs(pod, chosen), options.previous, options.head, options.since)
        if key == self._key:
            return
        self.close()
        self._key, self._names = key, chosen
        tail = None if options.head or options.since is not None else TAIL
        for place, name in enumerate(chosen):
            box = _Box(place, self._wake)
            self._boxes.append(box)
            query = LogQuery(pod.namespace, pod.name, name, options.previous, tail, options.since)
            self._subscriptions.append(self._client.follow_logs(query, box))

    def close(self) -> None:
        """Follow no longer."""
        for box in self._boxes:
            box.closed = True
        for subscription in self._subscriptions:
            subscription.close()
        self._key = None
        self._boxes, self._subscriptions, self._lines, self._complaints = [], [], [], []

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the app's loop is closed: nobody is left to tell
            self._owner.call_later(self._woken)

    def _woken(self) -> None:
        wait = self._last + _INTERVAL - monotonic()
        if wait <= 0:
            self._take()
        elif not self._timer_set:
            self._timer_set = True
            self._owner.set_timer(wait, self._take)

    def _take(self) -> None:
        self._timer_set, self._last = False, monotonic()
        came: list[tuple[int, int, str]] = []
        for box in self._boxes:
            lines, complaint = box.drain()
            came += [(time, box.place, text) for time, text in lines]
            if complaint:
                self._complaints.append(complaint)
        if came:
            came.sort(key=lambda line: line[:2])
            if self._lines and came[0][:2] < self._lines[-1][:2]:
                came = sorted([*self._lines, *came], key=lambda line: line[:2])
                self._lines = []
            self._lines += came
            del self._lines[:-KEPT]
        self._changed()

    def text(self, options: LogOptions) -> list[str]:
        """The lines to show, oldest first; without any, why."""
        test = line_test(options.filter)
        lines: Sequence[tuple[int, int, str]] = self._lines
        if test is not None:
            lines = [line for line in lines if test(line[2])]
        if options.head:
            lines = lines[:HEAD]
        if not lines:
            if self._lines:
                return [f"None of {len(self._lines)} lines passes the filter; esc clears it."]
            return self._complaints or [
                "No log lines yet. Logs are simulated: an image's catalogue entry says what it writes."
            ]
        several = len(self._names) > 1
        return [
            (f"{rfc3339(time)} " if options.times else "") + (f"[{self._names[place]}] " if several else "") + text
            for time, place, text in lines
        ]


def _runs(pod: Item, names: Sequence[str]) -> tuple[object, ...]:
    status: dict[str, Any] = pod.obj.get("status") or {}
    entries = {
        entry["name"]: entry
        for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
        for entry in status.get(field) or ()
    }
    return tuple(
        (entry.get("containerID"), entry.get("restartCount")) if (entry := entries.get(name)) else None
        for name in names
    )  # fmt: skip


class _Box:
    """Implements `LogReceiver`: keeps what came until the app's thread takes it."""

    def __init__(self, place: int, wake: Callable[[], None]) -> None:
        self.place = place
        self.closed = False
        self._wake = wake
        self._lock = threading.Lock()
        self._lines: list[LogLine] = []
        self._complaint = ""
        self._armed = False

    def lines(self, lines: Sequence[LogLine]) -> None:
        with self._lock:
            self._lines += lines
            del self._lines[:-KEPT]
            wake, self._armed = not self._armed, True
        if wake and not self.closed:
            self._wake()

    def ended(self, why: Exception | None) -> None:
        with self._lock:
            self._complaint = "" if why is None else str(why)
            wake, self._armed = not self._armed, True
        if wake and not self.closed:
            self._wake()

    def drain(self) -> tuple[list[LogLine], str]:
        with self._lock:
            lines, complaint = self._lines, self._complaint
            self._lines, self._complaint, self._armed = [], "", False
        return lines, complaint
