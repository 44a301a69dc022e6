"""Room that is kept: pods for which preemption makes room on a node, until they are bound there.

Pods of lower priority see them as if they were there already; more important ones do not.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.scheduler.affinity_terms import PodIdentity
from engine.scheduler.podclass import PodClass
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
