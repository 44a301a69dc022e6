"""VolumeRestrictions: a claim of access mode ReadWriteOncePod is for one pod at a time, wherever it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.scheduler.affinity_terms import PodIdentity
from engine.scheduler.framework import ClusterEvent, Freed, Trial
from engine.scheduler.nodes import Ints, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.volumes import VolumeFilter
from engine.storage.reading import find_claim, modes_of, pods_using
from store.types import Envelope


class VolumeRestrictions(VolumeFilter):
    name = "VolumeRestrictions"

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        return isinstance(event, Freed)

    def signature(self, pod: PodClass, nodes: NodeTable) -> tuple[int, int]:
        return self._changes.version, nodes.version

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        codes = np.zeros(nodes.size, np.int64)
        if self._holder(pod, nodes):
            codes[:] = 1
        return codes[rows]

    def resolvable(self, code: int) -> bool:
        return True

    def trial(self, pod: PodClass, nodes: NodeTable) -> Trial | None:
        holders = self._holders(pod, nodes)
        return _HoldersTrial(holders) if holders else None

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return ("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",)

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        return (f"pod {self._holder(pod, nodes)} has its ReadWriteOncePod claim",)

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        return f"deleting pod {self._holder(pod, nodes)}"

    def _holder(self, pod: PodClass, nodes: NodeTable) -> str:
        """Another pod that has one of the claims for itself, "" without one."""
        return next((other.name for other in self._holders(pod, nodes)), "")

    def _holders(self, pod: PodClass, nodes: NodeTable) -> list[Envelope]:
        """Pods that have one of the claims for themselves: one of them per claim."""
        if pod.mounts is None:
            return []
        found: list[Envelope] = []
        for name, _ in pod.mounts.claims:
            claim = find_claim(self._api, pod.mounts.namespace, name)
            if claim is not None and "ReadWriteOncePod" in modes_of(claim.obj):
                users = pods_using(self._api, pod.mounts.namespace, name)
                found += [other for other in users if nodes.row_of_pod(other.uid) is not None]
        return found


class _HoldersTrial:
    """Users of the claims that the pod wants for itself, wherever they run."""

    def __init__(self, holders: Sequence[Envelope]) -> None:
        self._holders = Counter((holder.namespace, holder.name) for holder in holders)
        self._users = 0

    def on(self, row: int) -> None:
        self._users = self._holders.total()

    def change(self, other: PodClass, who: PodIdentity, sign: int) -> None:
        self._users += sign * self._holders[who.namespace, who.name]

    def refusal(self) -> int:
        return int(self._users > 0)
