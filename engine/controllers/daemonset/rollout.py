"""Which nodes get the new template next (rollingUpdate in pkg/controller/daemon/update.go).

Each node is at a stage, kept by the roster. Without maxSurge, old pods go so that at most maxUnavailable nodes are
without an available pod, and the pod that follows is made when the old one is gone; old pods that are unavailable
anyway go at once. With maxSurge, a new pod comes beside the old one on at most so many nodes, and the old one goes
when the new one is available.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.controllers.daemonset.roster import Roster
from engine.controllers.deployment.arithmetic import scaled
from store.types import Envelope, ObjectKey

SETTLED: Final = "settled"
"""Nothing to do, nothing to count."""
BROKEN: Final = "broken"
"""Counts as unavailable: no pod, two pods, or a new one that is not available. With surge: too many pods."""
SURGING: Final = "surging"
"""An old pod waits for the new one beside it."""
REPLACEABLE: Final = "replaceable"
"""The old pod is unavailable anyway: its successor may come at once."""
CANDIDATE: Final = "candidate"
"""The old pod is available: it is replaced when the limits allow."""
SUPERSEDED: Final = "superseded"
"""The old pod may go: its successor is available, or it serves nobody on a node that takes no pods any more."""
SUNSET: Final = "sunset"
"""An available old pod on a node that takes no pods any more."""


class Moves(NamedTuple):
    """What a rollout does now."""

    delete: Sequence[ObjectKey]
    create: Sequence[str]
    """Nodes that get a second pod."""


def stage_of(old: Sequence[bool], new: Sequence[bool], *, surge: bool, desired: bool) -> str:
    """`old`, `new`: for each pod that is not being deleted, whether it is available. `desired`: the node takes pods."""
    if len(old) > 1 or len(new) > 1:
        return SURGING if surge else BROKEN
    if not surge:
        if bool(old) == bool(new):
            return BROKEN
        if new:
            return SETTLED if new[0] else BROKEN
        return CANDIDATE if old[0] else REPLACEABLE
    if not old:
        return SETTLED
    if new:
        return SUPERSEDED if new[0] else SURGING
    if desired:
        return CANDIDATE if old[0] else REPLACEABLE
    return SUNSET if old[0] else SUPERSEDED


def limits(owner: Envelope, desired: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; percentages are of the nodes that should run one, rounded up."""
    rolling = _rolling(owner)
    surge = scaled(rolling.get("maxSurge", 0), desired, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", 1), desired, round_up=True)
    return (0, 1) if desired and not surge and not unavailable else (surge, unavailable)


def allows_surge(owner: Envelope) -> bool:
    """A second pod may come beside the first one."""
    return is_rolling(owner) and scaled(_rolling(owner).get("maxSurge", 0), 1, round_up=True) > 0


def is_rolling(owner: Envelope) -> bool:
    return bool((owner.obj["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate")


def next_moves(owner: Envelope, roster: Roster) -> Moves:
    """The pods to delete and to make now. Nothing, while a rollout waits or when there is none."""
    desired = roster.totals["desired"]
    surge, unavailable = limits(owner, desired)
    stages: Mapping[str, Mapping[str, None]] = roster.stages
    replaceable, candidates = stages.get(REPLACEABLE, {}), stages.get(CANDIDATE, {})
    if not surge:
        lacking = len(stages.get(BROKEN, {})) + len(replaceable)
        chosen = [*replaceable, *list(candidates)[: max(unavailable - lacking, 0)]]
        return Moves(_old_pods(roster, chosen), ())
    room = max(surge - len(stages.get(SURGING, {})), 0)
    spare = max(roster.totals["serving"] - desired, 0)
    going = [*stages.get(SUPERSEDED, {}), *list(stages.get(SUNSET, {}))[:spare]]
    return Moves(_old_pods(roster, going), [*replaceable, *list(candidates)[:room]])


def _old_pods(roster: Roster, nodes: Sequence[str]) -> list[ObjectKey]:
    return [key for node in nodes if (key := roster.views[node].old) is not None]


def _rolling(owner: Envelope) -> Mapping[str, Any]:
    return (owner.obj["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
