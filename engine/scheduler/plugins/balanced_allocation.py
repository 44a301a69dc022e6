"""NodeResourcesBalancedAllocation: nodes whose cpu and memory would be used in like proportion score higher.

score = (1 - σ) · 100 with σ = |cpu share - memory share| / 2, shares of requests capped at 1. Pods that ask for
neither are not scored (they would all gather on one node).
"""

from __future__ import annotations

import numpy as np

from engine.scheduler.framework import MAX_SCORE, ScorePlugin
from engine.scheduler.nodes import Ints, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.resources import CPU, MEMORY


class NodeResourcesBalancedAllocation(ScorePlugin):
    name = "NodeResourcesBalancedAllocation"
    score_dynamic = True

    def scores(self, pod: PodClass, nodes: NodeTable) -> bool:
        return not pod.best_effort

    def score(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        offered = nodes.allocatable[:2, rows]
        asked = np.array([[pod.requests.get(CPU, 0)], [pod.requests.get(MEMORY, 0)]], np.int64)
        shares = np.minimum((nodes.requested[:2, rows] + asked) / np.maximum(offered, 1), 1.0)
        deviation = np.abs(shares[0] - shares[1]) / 2
        deviation[~offered.all(axis=0)] = 0.0
        score: Ints = ((1 - deviation) * float(MAX_SCORE)).astype(np.int64)
        return score

    def score_one(self, pod: PodClass, nodes: NodeTable, row: int) -> int:
        cpu, memory = nodes.allocatable[:2, row].tolist()
        if not cpu or not memory:
            return MAX_SCORE
        used_cpu, used_memory = nodes.requested[:2, row].tolist()
        one = min((used_cpu + pod.requests.get(CPU, 0)) / cpu, 1.0)
        other = min((used_memory + pod.requests.get(MEMORY, 0)) / memory, 1.0)
        return int((1 - abs(one - other) / 2) * float(MAX_SCORE))
