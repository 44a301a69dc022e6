"""How long a Job waits before it replaces pods that failed (backoff_utils.go): 10 s · 2ⁿ, at most 10 minutes.

n counts the failures since the last success, and the wait begins when the last pod failed. The record is in memory
only, as in Kubernetes: a restarted controller begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.clock import MINUTE, SECOND
from engine.controllers.job.pods import finished_at
from store.types import Envelope

FIRST: Final = 10 * SECOND
MOST: Final = 10 * MINUTE


class Backoff(NamedTuple):
    """A Job's failures in a row."""

    failures: int = 0
    last_failure: int = 0
    """Instant; means nothing without failures."""

    def after(self, succeeded: Sequence[Envelope], failed: Sequence[Envelope]) -> Backoff:
        """The record when these pods have ended too."""
        if not succeeded and not failed:
            return self
        ends = sorted(finished_at(pod) for pod in failed)
        if not succeeded:
            return Backoff(self.failures + len(ends), ends[-1])
        last_success = max(finished_at(pod) for pod in succeeded)
        since = [end for end in ends if end > last_success]
        return Backoff(len(since), since[-1]) if since else Backoff()

    def remaining(self, now: int) -> int:
        """Microseconds until pods may be made; 0: now."""
        return remaining(self.failures, self.last_failure, now)


def remaining(failures: int, last_failure: int, now: int) -> int:
    """Microseconds until the pod after so many failures in a row may be made."""
    if not failures:
        return 0
    span = min(FIRST << min(failures - 1, 16), MOST)
    return max(0, last_failure + span - now)
