"""How fast the nodes of a zone may be tainted NoExecute, depending on how much of it is down.

A failing network looks like failing nodes, so evictions slow down when many nodes of a zone fall silent at once, and
stop altogether when no node of the cluster is heard of any more: then it is probably the controller that is cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from engine.clock import SECOND
from engine.controllers.node_lifecycle.config import NodeLifecycleConfig
from store.types import Envelope


class ZoneState(Enum):
    INITIAL = "Initial"
    NORMAL = "Normal"
    PARTIAL_DISRUPTION = "PartialDisruption"
    FULL_DISRUPTION = "FullDisruption"


class ZoneKey(NamedTuple):
    region: str
    zone: str


def zone_of(env: Envelope) -> ZoneKey:
    labels = env.labels
    return ZoneKey(labels.get("topology.kubernetes.io/region", ""), labels.get("topology.kubernetes.io/zone", ""))


def state_of(ready: int, not_ready: int, config: NodeLifecycleConfig) -> ZoneState:
    """ComputeZoneState."""
    if ready == 0 and not_ready > 0:
        return ZoneState.FULL_DISRUPTION
    if not_ready > 2 and not_ready / (not_ready + ready) >= config.unhealthy_zone_threshold:
        return ZoneState.PARTIAL_DISRUPTION
    return ZoneState.NORMAL


def rate_in(state: ZoneState, size: int, config: NodeLifecycleConfig) -> float:
    """Nodes per second that may be tainted in a zone of this state and size; 0 is none."""
    if state is ZoneState.PARTIAL_DISRUPTION:
        return config.secondary_eviction_rate if size > config.large_cluster_size_threshold else 0.0
    return config.eviction_rate


class Zone:
    """One zone: its state, and the queue of nodes to be tainted (RateLimitedTimedQueue with a burst of one)."""

    def __init__(self, rate: float, now: int) -> None:
        self.state = ZoneState.INITIAL
        self._rate = rate
        self._free_from = now
        """The limiter lets one node through from this instant on."""
        self._known: dict[str, None] = {}
        """Nodes that were queued and not removed since: they are queued no second time."""
        self._queue: dict[str, None] = {}

    def add(self, node: str) -> bool:
        """Queue a node. False when it was queued already, or was dealt with and not removed since."""
        if node in self._known:
            return False
        self._known[node] = None
        self._queue[node] = None
        return True

    def remove(self, node: str) -> None:
        """The node needs no taint, or may be queued again."""
        self._known.pop(node, None)
        self._queue.pop(node, None)

    def take(self, now: int) -> str | None:
        """The next node, if there is one and the rate allows it."""
        if not self._queue or not self._accept(now):
            return None
        node = next(iter(self._queue))
        del self._queue[node]
        return node

    def next_free(self) -> int | None:
        """When the next queued node may be taken; None when there is none or the zone's evictions are stopped."""
        return self._free_from if self._queue and self._rate > 0 else None

    def set_rate(self, rate: float, now: int) -> None:
        """SwapLimiter: a new rate starts with an empty bucket if the old one was empty."""
        if rate == self._rate:
            return
        was_free = self._accept(now)
        self._rate = rate
        self._free_from = now
        if not was_free:
            self._accept(now)

    def _accept(self, now: int) -> bool:
        if self._rate <= 0 or now < self._free_from:
            return False
        self._free_from = now + round(SECOND / self._rate)
        return True


class Outage(Enum):
    """What a look at all zones says about the cluster as a whole."""

    NONE = "none"
    """At least one zone lives, before and now; or none did, and none does."""
    BEGAN = "began"
    """No node is ready any more: evictions have been stopped everywhere."""
    ENDED = "ended"
    """Some nodes are ready again: every silent node is to be given its time anew."""


class Zones:
    """All zones that have nodes."""

    def __init__(self, config: NodeLifecycleConfig) -> None:
        self._config = config
        self._zones: dict[ZoneKey, Zone] = {}

    @property
    def states(self) -> dict[ZoneKey, ZoneState]:
        return {key: zone.state for key, zone in self._zones.items()}

    def all(self) -> Sequence[Zone]:
        return list(self._zones.values())

    def of(self, key: ZoneKey, now: int) -> Zone:
        """The zone, begun if there was none."""
        zone = self._zones.get(key)
        if zone is None:
            zone = self._zones[key] = Zone(self._config.eviction_rate, now)
        return zone

    def update(self, counts: Mapping[ZoneKey, Sequence[int]], now: int) -> Outage:
        """handleDisruption: new states from [ready, not ready] by zone, and the rates that follow from them."""
        states = {key: state_of(ready, not_ready, self._config) for key, (ready, not_ready) in counts.items()}
        for key in states:
            self.of(key, now)
        for key in [key for key in self._zones if key not in states]:
            del self._zones[key]
        all_down = all(state is ZoneState.FULL_DISRUPTION for state in states.values())
        all_were_down = all(zone.state is ZoneState.FULL_DISRUPTION for zone in self._zones.values())
        if all_down and all_were_down:
            return Outage.NONE
        if all_down:
            for zone in self._zones.values():
                zone.set_rate(0, now)
                zone.state = ZoneState.FULL_DISRUPTION
            return Outage.BEGAN
        for key, zone in self._zones.items():
            if all_were_down or zone.state is not states[key]:
                zone.set_rate(rate_in(states[key], sum(counts[key]), self._config), now)
                zone.state = states[key]
        return Outage.ENDED if all_were_down else Outage.NONE

    def next_free(self) -> int | None:
        """When the next queued node of any zone may be tainted."""
        return min((free for zone in self._zones.values() if (free := zone.next_free()) is not None), default=None)
