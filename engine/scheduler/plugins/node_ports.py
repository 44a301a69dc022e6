"""NodePorts: a host port is free for one pod per address, protocol and node; 0.0.0.0 meets every address."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.scheduler.framework import ClusterEvent, FilterPlugin, Freed
from engine.scheduler.nodes import Ints, NodeTable, Rows
from engine.scheduler.podclass import HostPort, PodClass

_ANY: Final = "0.0.0.0"


class NodePorts(FilterPlugin):
    name = "NodePorts"
    dynamic = True

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        if isinstance(event, Freed):
            return any(_meet(theirs, ours) for theirs in event.pod.ports for ours in pod.ports)
        return event.added

    def concerns(self, pod: PodClass) -> bool:
        return bool(pod.ports)

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        codes = [int(bool(nodes.ports[row]) and self.refusal(pod, nodes, row)) for row in np.arange(nodes.size)[rows]]
        return np.array(codes, np.int64)

    def refusal(self, pod: PodClass, nodes: NodeTable, row: int) -> int:
        return int(any(_meet(theirs, ours) for theirs in nodes.ports[row] for ours in pod.ports))

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return ("node(s) didn't have free ports for the requested pod ports",)

    def resolvable(self, code: int) -> bool:
        return True

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        return tuple(
            f"host port {ours.port}/{ours.protocol} is taken"
            for ours in pod.ports
            if any(_meet(theirs, ours) for theirs in nodes.ports[row])
        )

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        return "another hostPort (or none)"


def _meet(one: HostPort, other: HostPort) -> bool:
    if one.port != other.port or one.protocol != other.protocol:
        return False
    return one.ip == other.ip or _ANY in (one.ip, other.ip)
