"""Eviction signals: what a machine has left, the thresholds that a kubelet is given, and when they are met.

In come the flags `--eviction-hard=memory.available<100Mi,nodefs.available<10%`, `--eviction-soft` with its grace
periods and `--eviction-minimum-reclaim`; out come `Threshold`s. Source: pkg/kubelet/eviction/helpers.go. The disk for
images and the disk for everything else are one here, as on most machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from engine.flags import parse_duration
from engine.kubelet.amounts import units

MEMORY: Final = "memory.available"
SIGNALS: Final[Mapping[str, tuple[str, str]]] = {
    MEMORY: ("memory", "MemoryPressure"),
    "nodefs.available": ("ephemeral-storage", "DiskPressure"),
    "imagefs.available": ("ephemeral-storage", "DiskPressure"),
    "nodefs.inodesFree": ("inodes", "DiskPressure"),
    "imagefs.inodesFree": ("inodes", "DiskPressure"),
    "pid.available": ("pids", "PIDPressure"),
}
"""Signal → (the resource that is reclaimed, the node condition), in the order in which resources are reclaimed."""
CONDITIONS: Final = ("MemoryPressure", "DiskPressure", "PIDPressure")


class Threshold(NamedTuple):
    """One line that is not to be crossed."""

    signal: str
    amount: int
    """What must be left at least, in bytes or numbers; 0 when `percent` says it."""
    percent: float
    """The same in hundredths of the capacity; 0 when `amount` says it."""
    grace: int
    """Microseconds for which a soft threshold may be crossed; -1: a hard one."""
    reclaim: int
    """What must be left beyond it before it counts as no longer met."""
    reclaim_percent: float

    @property
    def soft(self) -> bool:
        return self.grace >= 0

    def value(self, capacity: int) -> int:
        """What must be left, of this capacity."""
        return self.amount or int(capacity * self.percent / 100)

    def bound(self, capacity: int, with_reclaim: bool) -> int:
        """What must be left for the threshold not to be met."""
        value = self.value(capacity)
        if with_reclaim:
            value += self.reclaim or int(capacity * self.reclaim_percent / 100)
        return value


class Observation(NamedTuple):
    """One signal at one instant."""

    available: int
    capacity: int


Observations = Mapping[str, Observation]


def parse_thresholds(hard: str, soft: str = "", grace: str = "", reclaim: str = "") -> tuple[Threshold, ...]:
    """The thresholds of a kubelet's flags. Raises ValueError in the kubelet's words."""
    reclaims = {signal: _amount(text) for signal, text in _pairs(reclaim, "=")}
    graces = {signal: parse_duration(text) for signal, text in _pairs(grace, "=")}
    found: list[Threshold] = []
    for signal, text in _pairs(hard, "<"):
        amount, percent = _amount(text)
        if percent or amount:
            found.append(Threshold(signal, amount, percent, -1, *reclaims.get(signal, (0, 0.0))))
    for signal, text in _pairs(soft, "<"):
        if signal not in graces:
            raise ValueError(f"grace period must be specified for the soft eviction threshold {signal}")
        found.append(Threshold(signal, *_amount(text), graces[signal], *reclaims.get(signal, (0, 0.0))))
    return tuple(found)


def _pairs(text: str, between: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        signal, middle, value = part.partition(between)
        if not middle or not value:
            raise ValueError(f"invalid eviction threshold syntax {part}, expected <eviction-signal>{between}<value>")
        if signal not in SIGNALS:
            raise ValueError(f"unsupported eviction signal {signal}")
        if signal in found:
            raise ValueError(f"found duplicate eviction threshold for signal {signal}")
        found[signal] = value
    return list(found.items())


def _amount(text: str) -> tuple[int, float]:
    """(amount, percent) of `100Mi` or `10%`."""
    if not text.endswith("%"):
        amount = units(text)
        if amount < 0:
            raise ValueError(f"eviction threshold must be >= 0: {text}")
        return amount, 0.0
    percent = float(text[:-1])
    if not 0 <= percent <= 100:
        raise ValueError(f"eviction percentage threshold must be >= 0 and <= 100: {text}")
    return 0, percent
