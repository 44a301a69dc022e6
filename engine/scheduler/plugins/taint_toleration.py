"""TaintToleration: NoSchedule and NoExecute taints refuse what does not tolerate them, PreferNoSchedule ones cost
score (the fewer untolerated, the better)."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from engine.scheduler.framework import ClusterEvent, FilterPlugin, ScorePlugin
from engine.scheduler.nodes import Ints, NodeChange, NodeTable, Rows, Taint
from engine.scheduler.podclass import PodClass

_HARD: Final = ("NoSchedule", "NoExecute")


class TaintToleration(FilterPlugin, ScorePlugin):
    name = "TaintToleration"
    normalize = "down"

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        if not isinstance(event, NodeChange) or not (event.added or event.taints):
            return False
        return not untolerated(pod, nodes.taints[event.row])

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        refused = np.array([bool(untolerated(pod, taints)) for taints in nodes.taint_sets], np.int64)
        return refused[nodes.taint_codes[rows]]

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return ("node(s) had untolerated taint(s)",)

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        return tuple(f"untolerated taint {taint}" for taint in untolerated(pod, nodes.taints[row]))

    def figures(self, pod: PodClass, nodes: NodeTable, row: int, code: int) -> tuple[str, str]:
        return "", ", ".join(str(taint) for taint in untolerated(pod, nodes.taints[row]))

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        refusing = Counter(untolerated(pod, nodes.taints[row]) for row in rows)
        taints, _ = refusing.most_common(1)[0]
        return f"tolerating {' and '.join(str(taint) for taint in taints)}"

    def score(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        counts = [
            sum(t.effect == "PreferNoSchedule" and not pod.tolerates(*t) for t in taints) for taints in nodes.taint_sets
        ]
        return np.array(counts, np.int64)[nodes.taint_codes[rows]]


def untolerated(pod: PodClass, taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Taints that keep the pod off."""
    return tuple(t for t in taints if t.effect in _HARD and not pod.tolerates(*t))
