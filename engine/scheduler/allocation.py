"""Scoring strategies of NodeResourcesFit over any resources: LeastAllocated, MostAllocated, RequestedToCapacityRatio.

Each resource gives 0 to 100 by what would be requested of what a node offers; the score is their weighted mean. cpu
and memory count non-zero requests. A resource that the node does not offer is left out, and so is an extended one that
the pod does not ask for. Source: pkg/scheduler/framework/plugins/noderesources.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from engine.scheduler.config import Strategy
from engine.scheduler.nodes import BASE_RESOURCES, Ints, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.resources import CPU, MEMORY

_MAX: Final = 100
_SHAPE_MAX: Final = 10
"""MaxCustomPriorityScore: scores of a shape are tenths."""


def allocation_scores(strategy: Strategy, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
    """Weighted mean for each of the rows."""
    some = nodes.alive[rows]
    total, weights = np.zeros(len(some), np.int64), np.zeros(len(some), np.int64)
    ratio = strategy.kind == "RequestedToCapacityRatio"
    for name, weight in strategy.resources:
        found = _requested(name, pod, nodes, rows)
        if found is None:
            continue
        requested, offered = found
        share = _share(strategy, requested, offered)
        # The ratio's function leaves out resources that score 0.
        counts = (offered > 0) & (share > 0) if ratio else offered > 0
        total += np.where(counts, share * weight, 0)
        weights += np.where(counts, weight, 0)
    divisor = np.maximum(weights, 1)
    if ratio:
        rounded: Ints = np.floor(total / divisor + 0.5).astype(np.int64)
        return rounded
    mean: Ints = total // divisor
    return mean


def _requested(name: str, pod: PodClass, nodes: NodeTable, rows: Rows) -> tuple[Ints, Ints] | None:
    """(requested with the pod, offered); None for a resource that does not count."""
    index = nodes.resources.get(name)
    asked = pod.requests.get(name, 0)
    if index is None or (name not in BASE_RESOURCES and not asked):
        return None
    if name == CPU:
        requested = nodes.counted[0, rows] + pod.milli_cpu_counted
    elif name == MEMORY:
        requested = nodes.counted[1, rows] + pod.memory_counted
    else:
        requested = nodes.requested[index, rows] + asked
    return requested, nodes.allocatable[index, rows]


def _share(strategy: Strategy, requested: Ints, offered: Ints) -> Ints:
    capacity = np.maximum(offered, 1)
    if strategy.kind == "LeastAllocated":
        free: Ints = np.maximum(offered - requested, 0) * _MAX // capacity
        return free
    used: Ints = np.minimum(requested, offered) * _MAX // capacity
    if strategy.kind == "MostAllocated":
        return used
    full = (offered == 0) | (requested > offered)
    return shaped(strategy.shape, np.where(full, _MAX, used))


def shaped(shape: Sequence[tuple[int, int]], utilization: Ints) -> Ints:
    """The broken line through the points of a shape, in integers that are cut off towards 0 as Go does."""
    points = [(at, score * (_MAX // _SHAPE_MAX)) for at, score in shape]
    found: Ints = np.full(len(utilization), points[-1][1], np.int64)
    for (low, from_score), (high, to_score) in reversed(list(pairwise(points))):
        rise = (to_score - from_score) * (utilization - low)
        cut = np.sign(rise) * (np.abs(rise) // (high - low))
        found = np.where(utilization <= high, from_score + cut, found)
    first: Ints = np.where(utilization <= points[0][0], points[0][1], found)
    return first
