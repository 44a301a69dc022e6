"""Room that is kept: pods for which preemption makes room on a node, until they are bound there.

Pods of lower priority see them as if they were there already; more important ones do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.scheduler.affinity_terms import PodIdentity
from engine.scheduler.framework import Diagnosis, Nominees
from engine.scheduler.nodes import NodeTable
from engine.scheduler.placement import ClassView, diagnose
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import Profile
from store.types import Uid


class Nominee(NamedTuple):
    """A pod and the name of its node."""

    uid: Uid
    node: str
    pod: PodClass
    who: PodIdentity


class Nominator:
    """By uid, in the order of nomination."""

    def __init__(self) -> None:
        self._nominees: dict[Uid, Nominee] = {}

    def __bool__(self) -> bool:
        return bool(self._nominees)

    def put(self, uid: Uid, node: str, pod: PodClass, who: PodIdentity) -> None:
        self._nominees[uid] = Nominee(uid, node, pod.base, who)

    def remove(self, uid: Uid) -> None:
        self._nominees.pop(uid, None)

    def node_of(self, uid: Uid) -> str:
        """ "" without a nomination."""
        nominee = self._nominees.get(uid)
        return nominee.node if nominee is not None else ""

    def before(self, uid: Uid, priority: int) -> list[Nominee]:
        """Those whose room a pod of this priority must leave: as important or more, and not itself."""
        return [n for n in self._nominees.values() if n.uid != uid and n.pod.priority >= priority]

    def lower_on(self, node: str, priority: int) -> list[Nominee]:
        """Less important ones on one node."""
        return [n for n in self._nominees.values() if n.node == node and n.pod.priority < priority]


def blocked_rows(
    nominees: Sequence[Nominee], pod: PodClass, nodes: NodeTable, profile: Profile, view: ClassView
) -> list[int]:
    """Rows where the pod fits only if it took the room of pods that are nominated there."""
    by_row: dict[int, list[Nominee]] = {}
    for nominee in nominees:
        row = nodes.row(nominee.node)
        if row is not None and view.total(row) >= 0:
            by_row.setdefault(row, []).append(nominee)
    if not by_row:
        return []
    filters = [plugin for plugin in profile.filters if plugin.concerns(pod)]
    trials = [trial for plugin in filters if (trial := plugin.trial(pod, nodes)) is not None]
    found = []
    for row, others in by_row.items():
        for trial in trials:
            trial.on(row)
            for other in others:
                trial.change(other.pod, other.who, 1)
            if trial.refusal():
                found.append(row)
                break
    return found


def diagnose_beside(nominees: Sequence[Nominee], pod: PodClass, nodes: NodeTable, profile: Profile) -> Diagnosis:
    """Why no node takes the pod while room is kept for these. Raises PluginError."""
    # They are counted for a moment, so that every filter sees them where they will be.
    kept: Nominees = ()
    counted = []
    for nominee in nominees:
        row = nodes.row(nominee.node)
        if row is not None and nodes.row_of_pod(nominee.uid) is None:
            nodes.assign(nominee.uid, nominee.pod, nominee.node, nominee.who)
            counted.append(nominee.uid)
            kept = (*kept, (row, nominee.pod, nominee.who))
    try:
        return diagnose(pod, nodes, profile, kept)
    finally:
        for uid in counted:
            nodes.remove_pod(uid)
