"""NodeName: a pod that names its node goes there or nowhere."""

from __future__ import annotations

import numpy as np

from engine.scheduler.framework import ClusterEvent, FilterPlugin
from engine.scheduler.nodes import Ints, NodeChange, NodeTable, Rows
from engine.scheduler.podclass import PodClass


class NodeName(FilterPlugin):
    name = "NodeName"

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        return isinstance(event, NodeChange) and event.added and nodes.names[event.row] == pod.node_name

    def concerns(self, pod: PodClass) -> bool:
        return bool(pod.node_name)

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        codes = np.ones(nodes.size, np.int64)
        row = nodes.row(pod.node_name)
        if row is not None:
            codes[row] = 0
        return codes[rows]

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return ("node(s) didn't match the requested node name",)

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        return (f"the pod asks for node {pod.node_name}",)

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        return "removing spec.nodeName"
