"""What becomes of an event: a new one, one more of an earlier one, one of many similar ones, or nothing.

client-go's EventCorrelator (tools/record/events_cache.go) with its default options:

- the same message about the same object is counted on the event that there is already;
- from the 10th different message of one reason within 10 minutes on, events are combined into one whose message
  starts with `(combined from similar events): `;
- after 25 events about one object from one source, one more is let through every 5 minutes; the others are counted
  here but not written.

One instance per recorder. What it remembers is bounded: 4096 (object, reason)s, the least recently used go first.
"""

from __future__ import annotations

from typing import Final

from engine.clock import MINUTE
from store.types import Uid

CAPACITY: Final = 4096
"""maxLruCacheEntries."""
_SIMILAR: Final = 10
"""defaultAggregateMaxEvents."""
_SIMILAR_WINDOW: Final = 10 * MINUTE
"""defaultAggregateIntervalInSeconds."""
_BURST: Final = 25
"""defaultSpamBurst."""
_REFILL: Final = 5 * MINUTE
"""One token in this span (defaultSpamQPS = 1/300)."""
_MESSAGES: Final = 32
"""Different messages remembered per (object, reason): above any that the window of similar ones lets through."""
_COMBINED: Final = "\0combined"


class Observed:
    """One event as it was last recorded. The recorder keeps `name`; "" while it was never written."""

    __slots__ = ("count", "first", "message", "name")

    def __init__(self, message: str, first: str) -> None:
        self.message = message
        """What is to be written; it changes with each of the similar events that are combined."""
        self.first = first
        """RFC 3339, firstTimestamp."""
        self.count = 0
        self.name = ""


class _Reason:
    """All that is known of one object's events of one reason. Most have one message only, so that is cheap."""

    __slots__ = ("last", "recent", "seen")

    def __init__(self) -> None:
        self.last = 0
        self.recent: tuple[str, ...] = ()
        """Different messages within the window, at most _SIMILAR - 1."""
        self.seen: Observed | dict[str, Observed] | None = None


class Correlator:
    """Decides for one source of events."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[Uid, str, str], _Reason] = {}
        self._allowed_from: dict[Uid, int] = {}
        """Token bucket per object as one instant: the bucket holds (now + burst · refill - instant) / refill."""

    def observe(self, uid: Uid, type_: str, reason: str, message: str, now: int, stamp: str) -> Observed | None:
        """Count one more event; None when it is not to be written. `stamp` is `now` as RFC 3339."""
        key = (uid, type_, reason)
        known = self._reasons.pop(key, None)
        if known is None:
            known = _Reason()
            if len(self._reasons) >= CAPACITY:
                del self._reasons[next(iter(self._reasons))]
        self._reasons[key] = known
        if now - known.last > _SIMILAR_WINDOW:
            known.recent = ()
        known.last = now
        local = message
        if message not in known.recent:
            if len(known.recent) + 1 < _SIMILAR:
                known.recent += (message,)
            else:
                local = _COMBINED
        observed = _seen(known, local, message, stamp)
        if local is _COMBINED:
            observed.message = f"(combined from similar events): {message}"
        observed.count += 1
        return observed if self._let_through(uid, now) else None

    def _let_through(self, uid: Uid, now: int) -> bool:
        instant = max(self._allowed_from.pop(uid, 0), now)
        allowed = instant - now <= (_BURST - 1) * _REFILL
        if len(self._allowed_from) >= CAPACITY:
            del self._allowed_from[next(iter(self._allowed_from))]
        self._allowed_from[uid] = instant + _REFILL if allowed else instant
        return allowed


def _seen(known: _Reason, local: str, message: str, stamp: str) -> Observed:
    seen = known.seen
    if seen is None:
        known.seen = observed = Observed(message, stamp)
        return observed
    if isinstance(seen, Observed):
        if seen.message == local:
            return seen
        known.seen = seen = {seen.message: seen}
    found = seen.pop(local, None) or Observed(message, stamp)
    seen[local] = found
    if len(seen) > _MESSAGES:
        del seen[next(iter(seen))]
    return found
