"""NodeResourcesBalancedAllocation: nodes whose cpu and memory would be used in like proportion score higher.

score = (1 - σ) · 100 with σ = |cpu share - memory share| / 2, shares of requests capped at 1. Pods that ask for
neither are not scored (they would all gather on one node).
"""

from __future__ import annotations

import numpy as np

from engine.scheduler.framework import MAX_SCORE, ScorePlugin
from engine.scheduler.nodes import Ints, NodeTable
from engine.scheduler.podclass import PodClass
from engine.scheduler.resources import CPU, MEMORY


class NodeResourcesBalancedAllocation(ScorePlugin):
    name = "NodeResourcesBalancedAllocation"
    score_dynamic = True

    def scores(self, pod: PodClass, nodes: NodeTable) -> bool:
        return not pod.best_effort

    def score(self, pod: PodClass, nodes: NodeTable) -> Ints:
        shares = []
        both = np.ones(nodes.size, np.bool_)
        for index, name in enumerate((CPU, MEMORY)):
            offered = nodes.allocatable[index, : nodes.size]
            used = nodes.requested[index, : nodes.size] + pod.requests.get(name, 0)
            shares.append(np.minimum(used / np.maximum(offered, 1), 1.0))
            both &= offered > 0
        deviation = np.where(both, np.abs(shares[0] - shares[1]) / 2, 0.0)
        return ((1 - deviation) * float(MAX_SCORE)).astype(np.int64)

    def score_one(self, pod: PodClass, nodes: NodeTable, row: int) -> int:
        cpu, memory = nodes.allocatable[:2, row].tolist()
        if not cpu or not memory:
            return MAX_SCORE
        used_cpu, used_memory = nodes.requested[:2, row].tolist()
        one = min((used_cpu + pod.requests.get(CPU, 0)) / cpu, 1.0)
        other = min((used_memory + pod.requests.get(MEMORY, 0)) / memory, 1.0)
        return int((1 - abs(one - other) / 2) * float(MAX_SCORE))
