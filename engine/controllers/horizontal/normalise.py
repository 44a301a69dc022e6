"""Holding a recommended replica count within bounds, rates and windows (normalizeDesiredReplicas*).

Without `behavior` in the spec: the highest recommendation of the last five minutes holds against scaling down, and one
step up at most doubles the count (or makes it 4). With `behavior`: each direction has its window, in which the most
careful recommendation wins, and its policies, which say how much may change in how many seconds.

What was recommended and what was done is remembered here, for as long as the controller lives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from engine.clock import SECOND
from store.types import JsonObject

_HIGH: Final = "recent recommendations were higher than current one, applying the highest recent recommendation"
_LOW: Final = "recent recommendations were lower than current one, applying the lowest recent recommendation"
_IN_RANGE: Final = ("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_MANY: Final = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_TOO_FEW: Final = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
_UP_LIMIT: Final = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_DOWN_LIMIT: Final = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")


@dataclass(slots=True)
class Memory:
    """Of one autoscaler: (instant, recommended count), and (instant, pods added or removed)."""

    recommendations: list[tuple[int, int]] = field(default_factory=list)
    ups: list[tuple[int, int]] = field(default_factory=list)
    downs: list[tuple[int, int]] = field(default_factory=list)

    def scaled(self, now: int, before: int, after: int, behavior: JsonObject | None) -> None:
        """Remember a rescale, and forget those that no policy asks for any more."""
        if behavior is None:
            return
        up = after > before
        policies = behavior["scaleUp" if up else "scaleDown"].get("policies") or ()
        longest = max((policy["periodSeconds"] for policy in policies), default=0) * SECOND
        events = [one for one in (self.ups if up else self.downs) if one[0] >= now - longest]
        events.append((now, abs(after - before)))
        if up:
            self.ups = events
        else:
            self.downs = events


class Bounds(NamedTuple):
    """Replica counts that are given."""

    current: int
    least: int
    most: int


class Normalised(NamedTuple):
    replicas: int
    able: tuple[str, str]
    """Reason and message of AbleToScale."""
    limited: bool
    limit: tuple[str, str]
    """Reason and message of ScalingLimited."""


def normalise(
    memory: Memory, behavior: JsonObject | None, bounds: Bounds, desired: int, now: int, down_window: int
) -> Normalised:
    """The count to be set. `down_window`: microseconds of stabilisation where the spec says nothing about it."""
    if behavior is None:
        stable, stabilised = _stabilise_down(memory, desired, now, down_window), ("ScaleDownStabilized", _HIGH)
        replicas, limit = _within_rules(bounds, stable)
    else:
        stable, stabilised = _stabilise(memory, behavior, bounds.current, desired, now, down_window)
        replicas, limit = _within_rates(memory, behavior, bounds, stable, now)
    able = stabilised if stable != desired else ("ReadyForNewScale", "recommended size matches current size")
    return Normalised(replicas, able, replicas != stable, limit)


def _stabilise_down(memory: Memory, desired: int, now: int, window: int) -> int:
    recent = [one for one in memory.recommendations if one[0] >= now - window]
    memory.recommendations = [*recent, (now, desired)]
    return max((count for _, count in memory.recommendations), default=desired)


def _stabilise(
    memory: Memory, behavior: JsonObject, current: int, desired: int, now: int, down_window: int
) -> tuple[int, tuple[str, str]]:
    up_window = (behavior["scaleUp"].get("stabilizationWindowSeconds") or 0) * SECOND
    seconds = behavior["scaleDown"].get("stabilizationWindowSeconds")
    if seconds is not None:
        down_window = seconds * SECOND
    low = min([desired, *(count for when, count in memory.recommendations if when > now - up_window)])
    high = max([desired, *(count for when, count in memory.recommendations if when > now - down_window)])
    oldest = now - max(up_window, down_window)
    memory.recommendations = [*(one for one in memory.recommendations if one[0] >= oldest), (now, desired)]
    stable = min(max(current, low), high)
    return stable, ("ScaleUpStabilized", _LOW) if desired >= current else ("ScaleDownStabilized", _HIGH)


def _within_rules(bounds: Bounds, desired: int) -> tuple[int, tuple[str, str]]:
    step = max(2 * bounds.current, 4)
    if desired < bounds.least:
        return bounds.least, _TOO_FEW
    if desired > min(bounds.most, step):
        return min(bounds.most, step), _UP_LIMIT if bounds.most > step else _TOO_MANY
    return desired, _IN_RANGE


def _within_rates(
    memory: Memory, behavior: JsonObject, bounds: Bounds, desired: int, now: int
) -> tuple[int, tuple[str, str]]:
    current = bounds.current
    if desired > current:
        limit = max(_limit(memory, behavior["scaleUp"], current, now, up=True), current)
        if desired > min(bounds.most, limit):
            return min(bounds.most, limit), _UP_LIMIT if bounds.most > limit else _TOO_MANY
    elif desired < current:
        limit = min(_limit(memory, behavior["scaleDown"], current, now, up=False), current)
        if desired < max(bounds.least, limit):
            return max(bounds.least, limit), _DOWN_LIMIT if bounds.least < limit else _TOO_FEW
    return desired, _IN_RANGE


def _limit(memory: Memory, rules: JsonObject, current: int, now: int, *, up: bool) -> int:
    """How far the policies allow to go now: as far as the boldest of them, or the most careful (`Min`)."""
    select = rules.get("selectPolicy") or "Max"
    if select == "Disabled":
        return current
    proposals: list[int] = []
    for policy in rules.get("policies") or ():
        since = now - policy["periodSeconds"] * SECOND
        added = sum(count for when, count in memory.ups if when > since)
        removed = sum(count for when, count in memory.downs if when > since)
        start = current - added + removed
        value: int = policy["value"]
        if policy["type"] == "Pods":
            proposals.append(start + value if up else start - value)
        elif up:
            # Rounded up: else a small count would never grow.
            proposals.append(math.ceil(start * (1 + value / 100)))
        else:
            proposals.append(int(start * (1 - value / 100)))
    if not proposals:
        return current
    return max(proposals) if up == (select == "Max") else min(proposals)
