"""Topology aware hints: which zone is to use an endpoint, so that traffic stays in its zone where the shares allow it
(`service.kubernetes.io/topology-mode: Auto`; endpointslice/topologycache).

Each zone is to have endpoints in proportion to the allocatable CPU of its ready nodes. Every endpoint begins with a
hint at its own zone; zones that have more than their share then give some away to zones that have less. Slices whose
hints still serve stay as they are: what matters is that no zone is overloaded by more than a fifth. Where that cannot
be, no endpoint of the Service has a hint, and an event says why.

Nodes of the control plane do not count. One ready node without a zone or without CPU is enough for no hints anywhere.
Ties, which Kubernetes leaves to chance, go by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from engine.api.kinds import NODES
from engine.api.quantity import milli
from engine.controllers.controller import Key
from engine.controllers.endpointslice.packing import Endpoints
from store.store import Store
from store.types import DELETED, Envelope, JsonObject, WatchEvent

_OVERLOAD: Final = 0.2
"""How much more than its share of the traffic an endpoint may get (overloadThreshold)."""
_ZONE: Final = "topology.kubernetes.io/zone"
_NOT_COUNTED: Final = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_NO_NODE_INFO: Final = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
"""Also where all nodes are in one zone."""
_NO_ZONE: Final = "One or more endpoints do not have a zone specified"
_TOO_FEW: Final = "Insufficient number of endpoints"
_OVERLOADED: Final = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"


class Note(NamedTuple):
    """An event about the Service."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


class Hinted(NamedTuple):
    """The slices with their hints."""

    create: list[Endpoints]
    update: dict[str, Endpoints]
    """Those that were to be written anyway, and such as only change their hints."""
    note: Note | None


class Share(NamedTuple):
    """How many endpoints a zone is to have."""

    least: int
    most: int
    wanted: float


class TopologyHints:
    """What is known of nodes and of the hints that were given, for one controller."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ratios: dict[str, float] | None = None
        self._stale = True
        self._given: dict[Key, dict[str, dict[str, int]]] = {}
        """Service → address type → zone → hints."""

    def clear(self) -> None:
        """Forget everything."""
        self._stale = True
        self._given.clear()

    def forget(self, key: Key) -> None:
        """The Service is gone."""
        self._given.pop(key, None)

    def node_event(self, event: WatchEvent) -> list[Key]:
        """Services of which a zone has too few endpoints, now that a node changed."""
        before = event.before
        if self._given and before is not None and event.type != DELETED and _says(before) == _says(event.now):
            return []
        self._stale = True
        if not self._given:
            return []
        ratios = self._shares_of_cpu()
        return [
            key for key, given in self._given.items() if any(_is_overloaded(zones, ratios) for zones in given.values())
        ]

    def disabled(self, key: Key, family: str) -> Note | None:
        """The Service does not ask for hints; an event if it did before."""
        if self._drop(key, family):
            return _note(family, "Topology Aware Hints has been disabled")
        return None

    def add(
        self, key: Key, family: str, create: list[Endpoints], update: Mapping[str, Endpoints],
        unchanged: Mapping[str, Endpoints],
    ) -> Hinted:  # fmt: skip
        """Give hints to the endpoints of one Service and address type. Nothing that is given is modified.

        `create`, `update`: slices that are written anyway; `unchanged`: all others, as they are stored.
        """
        everything = [*create, *update.values(), *unchanged.values()]
        shares = self._shares(sum(_is_ready(each) for endpoints in everything for each in endpoints.values()))
        if isinstance(shares, str):
            return self._without(key, family, create, update, unchanged, shares)
        kept, redone = _sort_out(unchanged, shares)
        created, updated = [dict(s) for s in create], {n: dict(s) for n, s in {**update, **redone}.items()}
        writing = [*created, *updated.values()]
        for endpoints in writing:
            for pod, endpoint in endpoints.items():
                if not _is_ready(endpoint):
                    continue
                zone = endpoint.get("zone")
                if not zone:
                    return self._without(key, family, create, update, unchanged, _NO_ZONE)
                kept[zone] = kept.get(zone, 0) + 1
                endpoints[pod] = _at(endpoint, zone)
        giving, receiving = _exchange(shares, kept)
        for zone, change in _hand_over(writing, giving, receiving).items():
            kept[zone] = kept.get(zone, 0) + change
        was_on = key in self._given
        self._given.setdefault(key, {})[family] = kept
        note = None if was_on else _note(family, "Topology Aware Hints has been enabled", "Enabled", "Normal")
        return Hinted(created, _really_changed(updated, update, unchanged), note)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _without(
        self, key: Key, family: str, create: list[Endpoints], update: Mapping[str, Endpoints],
        unchanged: Mapping[str, Endpoints], why: str,
    ) -> Hinted:  # fmt: skip
        self._drop(key, family)
        updated = {name: _plain(s) for name, s in {**update, **unchanged}.items()}
        return Hinted(
            [_plain(s) for s in create], _really_changed(updated, update, unchanged), _note(family, why)
        )  # fmt: skip

    def _drop(self, key: Key, family: str) -> bool:
        given = self._given.get(key)
        if given is None:
            return False
        given.pop(family, None)
        if not given:
            del self._given[key]
        return True

    def _shares(self, endpoints: int) -> dict[str, Share] | str:
        """Each zone's; or why there are none (getAllocations)."""
        ratios = self._shares_of_cpu()
        if ratios is None:
            return _NO_NODE_INFO
        if len(ratios) > endpoints:
            return f"{_TOO_FEW} ({endpoints} endpoints, {len(ratios)} zones)"
        least = {zone: math.ceil(ratio * endpoints * (1 / (1 + _OVERLOAD))) for zone, ratio in ratios.items()}
        spare = endpoints - sum(least.values())
        if spare < 0:
            return f"{_OVERLOADED} ({endpoints} endpoints, {len(ratios)} zones)"
        return {
            zone: Share(least[zone], least[zone] + spare, max(ratio * endpoints, float(least[zone])))
            for zone, ratio in ratios.items()
        }

    def _shares_of_cpu(self) -> dict[str, float] | None:
        if self._stale:
            self._stale = False
            self._ratios = cpu_ratios(self._store.list(NODES))
        return self._ratios


def cpu_ratios(nodes: Iterable[Envelope]) -> dict[str, float] | None:
    """Zone → its part of the allocatable CPU; None when too little is known, or all is in one zone (SetNodes)."""
    cpu: dict[str, int] = {}
    for node in nodes:
        counted, zone, amount = _says(node)
        if not counted:
            continue
        if not zone or not amount:
            return None
        cpu[zone] = cpu.get(zone, 0) + amount
    total = sum(cpu.values())
    return {zone: amount / total for zone, amount in sorted(cpu.items())} if len(cpu) > 1 else None


def _says(node: Envelope) -> tuple[bool, str, int]:
    """(it counts, zone, allocatable milli-CPU)"""
    status: JsonObject = node.obj.get("status") or {}
    ready = next((c["status"] for c in status.get("conditions") or () if c["type"] == "Ready"), "")
    counted = ready == "True" and not any(label in node.labels for label in _NOT_COUNTED)
    return counted, node.labels.get(_ZONE, ""), milli((status.get("allocatable") or {}).get("cpu", 0))


def _note(family: str, text: str, what: str = "Disabled", type_: Literal["Normal", "Warning"] = "Warning") -> Note:
    return Note(type_, f"TopologyAwareHints{what}", f"{text}, addressType: {family}")


def _is_ready(endpoint: JsonObject) -> bool:
    return bool(endpoint["conditions"].get("ready"))


def _at(endpoint: JsonObject, zone: str) -> JsonObject:
    return {**endpoint, "hints": {"forZones": [{"name": zone}]}}


def _plain(endpoints: Endpoints) -> Endpoints:
    return {pod: {k: v for k, v in endpoint.items() if k != "hints"} for pod, endpoint in endpoints.items()}


def _really_changed(
    updated: dict[str, Endpoints], update: Mapping[str, Endpoints], unchanged: Mapping[str, Endpoints]
) -> dict[str, Endpoints]:
    return {name: each for name, each in updated.items() if name in update or each != unchanged[name]}


def _sort_out(
    unchanged: Mapping[str, Endpoints], shares: Mapping[str, Share]
) -> tuple[dict[str, int], dict[str, Endpoints]]:
    """Hints by zone of the slices that may stay; the slices that may not (getAllocatedHintsByZone)."""
    kept: dict[str, int] = {}
    redone: dict[str, Endpoints] = {}
    for name, endpoints in unchanged.items():
        hints = _hints_of(endpoints, shares)
        if hints is None or any(kept.get(zone, 0) + count > shares[zone].most for zone, count in hints.items()):
            redone[name] = endpoints
            continue
        for zone, count in hints.items():
            kept[zone] = kept.get(zone, 0) + count
    return kept, redone


def _hints_of(endpoints: Endpoints, shares: Mapping[str, Share]) -> dict[str, int] | None:
    """None when a ready endpoint has no hint, or one at a zone that needs none."""
    found: dict[str, int] = {}
    for endpoint in endpoints.values():
        if not _is_ready(endpoint):
            continue
        zones = [zone["name"] for zone in (endpoint.get("hints") or {}).get("forZones") or ()]
        if not zones or any(zone not in shares for zone in zones):
            return None
        for zone in zones:
            found[zone] = found.get(zone, 0) + 1
    return found


def _exchange(shares: Mapping[str, Share], kept: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """How many endpoints each zone gives to others, and gets from them (getGivingAndReceivingZones)."""
    over = {zone: kept.get(zone, 0) - share.wanted for zone, share in shares.items()}
    more = {zone: amount for zone, amount in over.items() if amount > 0}
    less = {zone: -amount for zone, amount in over.items() if amount < 0}
    giving: dict[str, int] = {}
    receiving: dict[str, int] = {}
    while more and less:
        giver, taker = max(more, key=lambda zone: more[zone]), max(less, key=lambda zone: less[zone])
        if (more[giver] < 1.0 and less[taker] < 1.0) or more[giver] < 0.5 or less[taker] < 0.5:
            break
        giving[giver] = giving.get(giver, 0) + 1
        receiving[taker] = receiving.get(taker, 0) + 1
        more[giver] -= 1
        less[taker] -= 1
    return giving, receiving


def _hand_over(
    slices: Iterable[Endpoints], giving: dict[str, int], receiving: dict[str, int]
) -> dict[str, int]:  # fmt: skip
    """Point endpoints of giving zones at receiving ones. By how much each zone's number changed."""
    changes: dict[str, int] = {}
    for endpoints in slices:
        for pod, endpoint in endpoints.items():
            zone = endpoint.get("zone", "")
            if not _is_ready(endpoint) or not giving.get(zone):
                continue
            taker = next((name for name, count in receiving.items() if count), None)
            if taker is None:
                return changes
            endpoints[pod] = _at(endpoint, taker)
            giving[zone] -= 1
            receiving[taker] -= 1
            changes[taker] = changes.get(taker, 0) + 1
            changes[zone] = changes.get(zone, 0) - 1
    return changes


def _is_overloaded(given: Mapping[str, int], ratios: Mapping[str, float] | None) -> bool:
    """A zone has too few endpoints for its nodes (serviceOverloaded)."""
    if not given:
        return False
    if not ratios:
        return True
    total = sum(given.values())
    return any(
        zone not in given or given[zone] < math.ceil(total * ratio * (1 / (1 + _OVERLOAD)))
        for zone, ratio in ratios.items()
    )
