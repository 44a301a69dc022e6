"""VolumeRestrictions: a claim of access mode ReadWriteOncePod is for one pod at a time, wherever it runs."""

from __future__ import annotations

import numpy as np

from engine.scheduler.framework import ClusterEvent, Freed
from engine.scheduler.nodes import Ints, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.volumes import VolumeFilter
from engine.storage.reading import find_claim, modes_of, pods_using


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

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return ("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",)

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        return (f"pod {self._holder(pod, nodes)} has its ReadWriteOncePod claim",)

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        return f"deleting pod {self._holder(pod, nodes)}"

    def _holder(self, pod: PodClass, nodes: NodeTable) -> str:
        """Another pod that has one of the claims for itself, "" without one."""
        if pod.mounts is None:
            return ""
        namespace = pod.mounts.namespace
        for name, _ in pod.mounts.claims:
            claim = find_claim(self._api, namespace, name)
            if claim is None or "ReadWriteOncePod" not in modes_of(claim.obj):
                continue
            for other in pods_using(self._api, namespace, name):
                if nodes.row_of_pod(other.uid) is not None:
                    return other.name
        return ""
