"""NodePorts: a host port is free for one pod per address, protocol and node; 0.0.0.0 meets every address."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.scheduler.affinity_terms import PodIdentity
from engine.scheduler.framework import ClusterEvent, FilterPlugin, Freed, Trial
from engine.scheduler.nodes import Ints, NodeChange, NodeTable, Rows
from engine.scheduler.podclass import HostPort, PodClass

_ANY: Final = "0.0.0.0"


class NodePorts(FilterPlugin):
    name = "NodePorts"
    dynamic = True

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        if isinstance(event, Freed):
            return any(_meet(theirs, ours) for theirs in event.pod.ports for ours in pod.ports)
        return isinstance(event, NodeChange) and event.added

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

    def trial(self, pod: PodClass, nodes: NodeTable) -> Trial | None:
        return _PortsTrial(pod, nodes)


class _PortsTrial:
    """Users of the ports that the pod wants, on one node."""

    def __init__(self, pod: PodClass, nodes: NodeTable) -> None:
        self._pod, self._nodes = pod, nodes
        self._users = 0

    def on(self, row: int) -> None:
        self._users = sum(
            users for theirs, users in self._nodes.ports[row].items() if any(_meet(theirs, p) for p in self._pod.ports)
        )

    def change(self, other: PodClass, who: PodIdentity, sign: int) -> None:
        self._users += sign * sum(any(_meet(theirs, ours) for ours in self._pod.ports) for theirs in other.ports)

    def refusal(self) -> int:
        return int(self._users > 0)


def _meet(one: HostPort, other: HostPort) -> bool:
    if one.port != other.port or one.protocol != other.protocol:
        return False
    return one.ip == other.ip or _ANY in (one.ip, other.ip)
