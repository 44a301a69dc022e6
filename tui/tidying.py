"""What the console is done with is given back to memory soon.

Closed screens, and what widgets' styles were worked out with, hold each other in circles: only the cyclic collector
frees them. That looks at anything but the youngest objects very seldom, because the cluster in the same process has
millions that are no garbage. So the console asks it every few seconds to go through what came since the last look; a
look at 60,000 objects takes some 20 ms. What the cluster takes up when it begins stays for as long as it does: it is
left out of all looks.
"""

from __future__ import annotations

import gc
from typing import Final

from textual.message_pump import MessagePump

_BEGUN: Final = 10.0
"""Seconds in which a cluster has begun."""
_EVERY: Final = 5.0
"""Seconds between two looks."""
_FEW, _BUSY = 10, 150
"""Collections of the youngest, each after 3,000 new objects, since the last look: for fewer it is not worth while, and
more would be felt (0.1 s). Then the cluster is doing much, and the collector comes by itself before long."""


def begin(owner: MessagePump) -> None:
    """The cluster answers: tidy up from now on, as long as the owner lives."""

    def follow() -> None:
        gc.freeze()
        owner.set_interval(_EVERY, look)

    owner.set_timer(_BEGUN, follow)


def look() -> None:
    """Free what came since the last look and is used no more, if that is little enough not to be felt."""
    if _FEW <= gc.get_count()[1] < _BUSY:
        gc.collect(1)
