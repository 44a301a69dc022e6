"""NodeResourcesFit: requests must fit into what is left of a node's allocatable; emptier nodes score higher.

The score is LeastAllocated over cpu and memory, weight 1 each, counting non-zero requests, unless the profile chooses
another strategy (engine.scheduler.allocation). A request beyond the whole allocatable of a node is not resolvable: no
eviction there would help.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.scheduler.affinity_terms import PodIdentity
from engine.scheduler.allocation import allocation_scores
from engine.scheduler.config import ProfileConfig, Strategy
from engine.scheduler.framework import MAX_SCORE, ClusterEvent, FilterPlugin, Freed, ScorePlugin, Trial
from engine.scheduler.nodes import Ints, NodeChange, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.resources import PODS, text_of

_PODS_ROW: Final = 3
_UNRESOLVABLE_BIT: Final = 62


class NodeResourcesFit(FilterPlugin, ScorePlugin):
    """A code has bit i set for the i-th resource of the table that falls short."""

    name = "NodeResourcesFit"
    dynamic = True
    score_dynamic = True

    def __init__(self) -> None:
        self._strategy = Strategy()
        self._usual = True
        self._ignored: frozenset[str] = frozenset()
        self._ignored_groups: frozenset[str] = frozenset()

    def configure(self, config: ProfileConfig) -> None:
        self._strategy, self._usual = config.strategy, config.strategy == Strategy()
        self._ignored, self._ignored_groups = config.ignored_resources, config.ignored_groups

    def wanted(self, pod: PodClass, nodes: NodeTable) -> list[tuple[int, int]]:
        """What the pod asks for, without resources that are ignored: (index, amount)."""
        pairs = nodes.wanted(pod)
        if not self._ignored and not self._ignored_groups:
            return pairs
        ignored = {
            index
            for name, index in nodes.resources.items()
            if name in self._ignored or ("/" in name and name.partition("/")[0] in self._ignored_groups)
        }
        return [pair for pair in pairs if pair[0] not in ignored]

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        if isinstance(event, Freed):
            return True  # As isSchedulableAfterPodEvent: whatever left a node, room may have come of it.
        if not isinstance(event, NodeChange) or not (event.added or event.allocatable):
            return False
        return bool((nodes.vector(pod) <= nodes.allocatable[:, event.row]).all())

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        codes: Ints | None = None
        for index, wanted in self.wanted(pod, nodes):
            offered = nodes.allocatable[index, rows]
            short = (nodes.requested[index, rows] + wanted > offered).astype(np.int64) << index
            if index != _PODS_ROW:
                short |= (offered < wanted).astype(np.int64) << _UNRESOLVABLE_BIT
            codes = short if codes is None else codes | short
        assert codes is not None  # A pod always wants a place among the node's pods.
        return codes

    def refusal(self, pod: PodClass, nodes: NodeTable, row: int) -> int:
        code = 0
        offered, used = nodes.allocatable[:, row].tolist(), nodes.requested[:, row].tolist()
        for index, wanted in self.wanted(pod, nodes):
            if used[index] + wanted > offered[index]:
                code |= 1 << index
                if index != _PODS_ROW and wanted > offered[index]:
                    code |= 1 << _UNRESOLVABLE_BIT
        return code

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        short = [name for name, index in nodes.resources.items() if code >> index & 1]
        return tuple(["Too many pods"] * (PODS in short) + [f"Insufficient {name}" for name in short if name != PODS])

    def resolvable(self, code: int) -> bool:
        return not code >> _UNRESOLVABLE_BIT & 1

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        lines = []
        code = self.refusal(pod, nodes, row)
        for name, index in nodes.resources.items():
            if code >> index & 1:
                total = int(nodes.allocatable[index, row])
                free = total - int(nodes.requested[index, row])
                if name == PODS:
                    lines.append(f"runs {total - free} of {total} pods")
                else:
                    want = text_of(name, pod.requests[name])
                    lines.append(f"needs {name} {want}, free {text_of(name, max(free, 0))} of {text_of(name, total)}")
        return tuple(lines)

    def figures(self, pod: PodClass, nodes: NodeTable, row: int, code: int) -> tuple[str, str]:
        short = [(name, index) for name, index in nodes.resources.items() if code >> index & 1]
        needed = [f"{name} {text_of(name, pod.requests.get(name, 1))}" for name, _ in short]
        had = [
            f"{name} {text_of(name, int(nodes.allocatable[index, row] - nodes.requested[index, row]))}"
            for name, index in short
        ]
        return ", ".join(needed), ", ".join(had)

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        short = 0
        for row in rows:
            short |= self.refusal(pod, nodes, row)
        names = [name for name, index in nodes.resources.items() if short >> index & 1]
        if names == [PODS]:
            return "fewer pods on them"
        offers = [
            f"{name} {text_of(name, max(0, int((nodes.allocatable[i, rows] - nodes.requested[i, rows]).max())))}"
            for name, i in ((name, nodes.resources[name]) for name in names if name != PODS)
        ]
        return f"asking for less (the most that is free on one of them: {', '.join(offers)}), or room made there"

    def trial(self, pod: PodClass, nodes: NodeTable) -> Trial | None:
        return ResourcesTrial(nodes, self.wanted(pod, nodes))

    def score(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        if not self._usual:
            return allocation_scores(self._strategy, pod, nodes, rows)
        offered = nodes.allocatable[:2, rows]
        counted = np.array([[pod.milli_cpu_counted], [pod.memory_counted]], np.int64)
        free = np.maximum(offered - nodes.counted[:, rows] - counted, 0)
        shares = free * MAX_SCORE // np.maximum(offered, 1)
        total: Ints = (shares[0] + shares[1]) // np.maximum((offered > 0).sum(axis=0), 1)
        return total

    def score_one(self, pod: PodClass, nodes: NodeTable, row: int) -> int:
        if not self._usual:
            return int(allocation_scores(self._strategy, pod, nodes, np.array([row]))[0])
        cpu, memory = nodes.allocatable[:2, row].tolist()
        used_cpu, used_memory = nodes.counted[:, row].tolist()
        total = weights = 0
        if cpu:
            total += max(cpu - used_cpu - pod.milli_cpu_counted, 0) * MAX_SCORE // cpu
            weights += 1
        if memory:
            total += max(memory - used_memory - pod.memory_counted, 0) * MAX_SCORE // memory
            weights += 1
        return total // weights if weights else 0


class ResourcesTrial:
    """What is requested on one node of the resources that the pod wants."""

    def __init__(self, nodes: NodeTable, wanted: list[tuple[int, int]]) -> None:
        self._nodes, self.wanted = nodes, wanted
        self._offered: list[int] = []
        self._used: list[int] = []
        self._matters = frozenset(index for index, _ in wanted)
        self._taken: dict[int, list[tuple[int, int]]] = {}
        """By class: what a pod takes of those resources."""

    def on(self, row: int) -> None:
        self._offered = self._nodes.allocatable[:, row].tolist()
        self._used = self._nodes.requested[:, row].tolist()

    def change(self, other: PodClass, who: PodIdentity, sign: int) -> None:
        taken = self._taken.get(other.number)
        if taken is None:
            taken = [pair for pair in self._nodes.wanted(other) if pair[0] in self._matters]
            self._taken[other.number] = taken
        used = self._used
        for index, amount in taken:
            used[index] += sign * amount

    def refusal(self) -> int:
        code = 0
        for index, wanted in self.wanted:
            if self._used[index] + wanted > self._offered[index]:
                code |= 1 << index
                if index != _PODS_ROW and wanted > self._offered[index]:
                    code |= 1 << _UNRESOLVABLE_BIT
        return code
