"""VolumeZone: volumes labelled with a zone or a region are reached only from there (older than node affinity)."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.scheduler.framework import ClusterEvent
from engine.scheduler.nodes import Ints, Mask, NodeChange, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.volumes import VolumeFilter

_KEYS: Final = (
    "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
)  # fmt: skip
_SEPARATOR: Final = "__"
"""Between the zones of a volume that is in several."""


class VolumeZone(VolumeFilter):
    name = "VolumeZone"

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        return isinstance(event, NodeChange) and (event.added or event.labels)

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        fits: Mask = np.ones(nodes.size, np.bool_)
        for volume in self.state(pod).volumes:
            for key in _KEYS:
                if key in volume.labels:
                    column = nodes.column(key)
                    codes = [column.values.get(value, -2) for value in volume.labels[key].split(_SEPARATOR)]
                    fits &= np.isin(column.codes[: nodes.size], codes)
        return (~fits[rows]).astype(np.int64)

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return ("node(s) had no available volume zone",)

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        return tuple(
            f"volume {volume.name} is in {volume.labels[key]}"
            for volume in self.state(pod).volumes
            for key in _KEYS
            if key in volume.labels and nodes.labels[row].get(key) not in volume.labels[key].split(_SEPARATOR)
        )

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        return "moving the pod to the zone of its volume"
