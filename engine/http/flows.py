"""Shares: how much of the server one client may take, so that a bad one never harms another.

A flow is who asks with which program: credentials and user agent, as they are shown. Requests in flight are bounded in
all and for each flow; so are streams (watches, followed logs, exec, port-forward), by user. Beyond, a client is told to
come back (429, Retry-After). Source: max-requests-inflight and the isolation that API Priority and Fairness gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Final

from engine.api.errors import TooManyRequests

MAX_IN_FLIGHT: Final = 400
"""Requests at a time, those that go on for long not counted (--max-requests-inflight)."""
MAX_OF_FLOW: Final = 300
"""The same for one flow: a quarter is always left to others."""
MAX_STREAMS: Final = 1_500
"""Watches and other streams that are open at a time."""
MAX_STREAMS_OF_USER: Final = 1_000


class Shares:
    """Counts what is taken, in all and by whom. One thread."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._taken: Counter[Hashable] = Counter()
        self.total = 0

    def take(self, who: Hashable) -> Callable[[], None]:
        """A place; call what is returned, once, to give it back. TooManyRequests when there is none."""
        if self.total >= self._most or self._taken[who] >= self._most_of_one:
            if not self._taken[who]:
                del self._taken[who]
            raise TooManyRequests("Too many requests, please try again later.", retry_after=1)
        self.total += 1
        self._taken[who] += 1
        given_back = [False]

        def give_back() -> None:
            if not given_back[0]:
                given_back[0] = True
                self.total -= 1
                self._taken[who] -= 1
                if not self._taken[who]:
                    del self._taken[who]

        return give_back
