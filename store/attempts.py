"""Scheduling attempts: every verdict of the scheduler's plugins, bounded.

The newest rows are in memory and readable at once; older ones are read from the file, which keeps more of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from store.group import PendingAttempt
from store.types import Attempt, Uid

OlderAttempts = Callable[[Uid, int, int], Sequence[Attempt]]
"""(pod uid, row number, limit) -> rows of the pod before that row, newest first, from the file."""


class AttemptLog:
    """Owned by the engine thread."""

    def __init__(self, kept: int, earlier: Iterable[PendingAttempt], older: OlderAttempts) -> None:
        """`kept`: rows in memory. `earlier`: the newest rows of the file, oldest first."""
        self._kept, self._older = kept, older
        self._rows: deque[PendingAttempt] = deque()
        self._by_pod: dict[Uid, deque[PendingAttempt]] = {}
        self._last = 0
        for number, row in earlier:
            self._last = number
            self._keep((number, row))

    def record(self, rows: Iterable[Attempt]) -> list[PendingAttempt]:
        """Keep rows; returns them numbered, for the writer."""
        numbered = []
        for row in rows:
            self._last += 1
            numbered.append((self._last, row))
            self._keep(numbered[-1])
        return numbered

    def of(self, pod_uid: Uid, limit: int) -> list[Attempt]:
        """A pod's rows, newest first."""
        in_memory = self._by_pod.get(pod_uid, ())
        found = [row for _, row in reversed(in_memory)][:limit]
        floor = self._rows[0][0] if self._rows else self._last + 1
        if len(found) < limit and floor > 1:
            found += self._older(pod_uid, floor, limit - len(found))
        return found

    def _keep(self, numbered: PendingAttempt) -> None:
        self._rows.append(numbered)
        self._by_pod.setdefault(numbered[1].pod_uid, deque()).append(numbered)
        if len(self._rows) > self._kept:
            _, dropped = self._rows.popleft()
            # The pod's oldest row is the one that leaves: both queues are in the order of recording.
            of_pod = self._by_pod[dropped.pod_uid]
            of_pod.popleft()
            if not of_pod:
                del self._by_pod[dropped.pod_uid]
