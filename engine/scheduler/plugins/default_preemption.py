"""DefaultPreemption: says on how many nodes evicting pods could help. It does not choose victims: no pod is evicted."""

from __future__ import annotations

from collections import Counter

from engine.scheduler.framework import Diagnosis, PostFilterPlugin, PostFilterResult
from engine.scheduler.messages import histogram
from engine.scheduler.nodes import NodeTable
from engine.scheduler.podclass import PodClass


class DefaultPreemption(PostFilterPlugin):
    name = "DefaultPreemption"

    def post_filter(self, pod: PodClass, nodes: NodeTable, diagnosis: Diagnosis) -> PostFilterResult:
        if pod.preemption_policy == "Never":
            return PostFilterResult("preemption: not eligible due to preemptionPolicy=Never.")
        reasons: Counter[str] = Counter()
        if diagnosis.resolvable:
            reasons["No preemption victims found for incoming pod"] = diagnosis.resolvable
        if diagnosis.total > diagnosis.resolvable:
            reasons["Preemption is not helpful for scheduling"] = diagnosis.total - diagnosis.resolvable
        return PostFilterResult(f"preemption: 0/{diagnosis.total} nodes are available: {histogram(reasons)}.")
