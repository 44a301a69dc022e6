"""NodeUnschedulable: cordoned nodes take no pod that does not tolerate node.kubernetes.io/unschedulable:NoSchedule."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.scheduler.framework import ClusterEvent, FilterPlugin
from engine.scheduler.nodes import Ints, NodeChange, NodeTable, Rows
from engine.scheduler.podclass import PodClass

TAINT: Final = "node.kubernetes.io/unschedulable"


class NodeUnschedulable(FilterPlugin):
    name = "NodeUnschedulable"

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        if not isinstance(event, NodeChange) or not (event.added or event.unschedulable):
            return False
        return not nodes.unschedulable[event.row]

    def concerns(self, pod: PodClass) -> bool:
        return not pod.tolerates(TAINT, "", "NoSchedule")

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        return nodes.unschedulable[rows].astype(np.int64)

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return ("node(s) were unschedulable",)

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        return ("cordoned",)

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        return f"uncordoning {nodes.names[rows[0]]}" if len(rows) == 1 else "uncordoning them"
