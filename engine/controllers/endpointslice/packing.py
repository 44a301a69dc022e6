"""Packing endpoints into slices so that a change touches few of them (reconciler.go's reconcileByPortMapping).

In come the slices of one set of ports and what changed, out comes what to write:

1. endpoints that went or changed are removed or replaced where they are; a slice that is empty then is deleted;
2. new endpoints fill up the slices that are written anyway, the fullest first;
3. what is left goes, if all of it fits, into the unchanged slice that it fills best, else into new slices.

So slices are never rebalanced: that would cost every watcher more than the room it saves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from store.types import JsonObject, ObjectKey

MOST: Final = 100
"""`--max-endpoints-per-slice`."""
Endpoints = dict[ObjectKey, JsonObject]
"""Endpoints of one slice by the pod they lead to, in the order in which they stand."""


@dataclass(slots=True)
class Plan:
    """What to write."""

    update: dict[str, Endpoints] = field(default_factory=dict)
    create: list[Endpoints] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)


def pack(
    slices: Mapping[str, Endpoints],
    homes: Mapping[ObjectKey, str],
    changes: Mapping[ObjectKey, JsonObject | None],
    most: int = MOST,
) -> Plan:
    """What to write. Nothing that is given is modified.

    `slices`: present ones by name. `homes`: the slice of each pod. `changes`: endpoints, new ones and such as may have
    changed; None for those that went.
    """
    touched: dict[str, Endpoints] = {}
    new: list[tuple[ObjectKey, JsonObject]] = []
    for pod, endpoint in changes.items():
        home = homes.get(pod)
        if home is None or home not in slices:
            if endpoint is not None:
                new.append((pod, endpoint))
            continue
        if endpoint is not None and slices[home][pod] == endpoint:
            continue
        mine = touched.get(home)
        if mine is None:
            mine = touched[home] = dict(slices[home])
        if endpoint is None:
            del mine[pod]
        else:
            mine[pod] = endpoint
    plan = Plan(delete=[name for name, endpoints in touched.items() if not endpoints])
    plan.update = {name: endpoints for name, endpoints in touched.items() if endpoints}
    new.reverse()
    for _, endpoints in sorted(plan.update.items(), key=lambda item: (-len(item[1]), item[0])):
        _fill(endpoints, new, most)
    while new:
        name = _best(slices, touched, len(new), most) if len(new) < most else None
        if name is None:
            endpoints = {}
            plan.create.append(endpoints)
        else:
            endpoints = plan.update[name] = dict(slices[name])
        _fill(endpoints, new, most)
    return plan


def _fill(endpoints: Endpoints, new: list[tuple[ObjectKey, JsonObject]], most: int) -> None:
    while new and len(endpoints) < most:
        pod, endpoint = new.pop()
        endpoints[pod] = endpoint


def _best(slices: Mapping[str, Endpoints], touched: Mapping[str, Endpoints], count: int, most: int) -> str | None:
    """The unchanged slice that is fullest once `count` more are in it (getSliceToFill)."""
    best, room_left = None, most
    for name, endpoints in slices.items():
        left = most - count - len(endpoints)
        if name not in touched and 0 <= left < room_left:
            best, room_left = name, left
    return best
