"""How memory is looked after for an engine: the cyclic garbage collector, and one heap for all threads.

What was loaded is left alone by the collector, the rest taken in small bites.

The cluster is some hundred containers a pod that live long and form no cycles, so each look at them is for nothing.
A bite of the youngest generation is one pause for all threads: 3,000 new containers take about 2 ms, the 100,000 that
cost no less in sum would take 70 ms. The older generations wait until millions have gathered.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from typing import Final

THRESHOLDS: Final = (3_000, 1_500, 1_000)


_ARENA_MAX: Final = -8
"""M_ARENA_MAX of glibc's mallopt."""


def share_heap() -> None:
    """One heap of C memory for all threads, where the C library can be told so. Call before threads start.

    Else each thread has a heap of its own with its own slack, and the engine, its writer and the server take 5 MB more.
    Threads that hold the interpreter's lock in turns have nothing to gain from that.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def set_collector() -> None:
    """Call once everything is loaded, for the whole process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
