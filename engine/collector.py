"""Python's cyclic garbage collector, set for an engine: what was loaded is left alone, the rest taken in small bites.

The cluster is some hundred containers a pod that live long and form no cycles, so each look at them is for nothing.
A bite of the youngest generation is one pause for all threads: 3,000 new containers take about 2 ms, the 100,000 that
cost no less in sum would take 70 ms. The older generations wait until millions have gathered.
"""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (3_000, 1_500, 1_000)


def set_collector() -> None:
    """Call once everything is loaded, for the whole process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
