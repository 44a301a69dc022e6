"""Counting pods by topology domain: the nodes that share one value of a label."""

from __future__ import annotations

import numpy as np

from engine.scheduler.nodes import Codes, Ints, Mask, NodeTable
from engine.scheduler.podclass import PodClass
from engine.scheduler.relations import SpreadTerm
from engine.scheduler.selectors import selector_mask, terms_mask


def codes_of(nodes: NodeTable, key: str) -> Codes:
    """The domain of each row; -1 where the label is missing."""
    return nodes.column(key).codes[: nodes.size]


def value_of(nodes: NodeTable, key: str, code: int) -> str:
    """Name of a domain."""
    return next((value for value, number in nodes.column(key).values.items() if number == code), "")


def rows_of(nodes: NodeTable, key: str, code: int) -> frozenset[int]:
    """Existing nodes of a domain."""
    return frozenset(np.flatnonzero((codes_of(nodes, key) == code) & nodes.alive[: nodes.size]).tolist())


def domain_counts(nodes: NodeTable, key: str, counts: Ints) -> Ints:
    """For each row the sum of `counts` over its domain; 0 where the label is missing. Existing nodes count."""
    size = nodes.size
    own = counts[:size]
    if nodes.count != size:
        own = own * nodes.alive[:size]
    if nodes.column(key).tells_apart(size, nodes.epoch):
        return own
    slots = codes_of(nodes, key) + 1
    totals = np.bincount(slots, weights=own)
    totals[0] = 0
    found: Ints = totals[slots].astype(np.int64)
    return found


def eligible(pod: PodClass, nodes: NodeTable, term: SpreadTerm, keys: tuple[str, ...]) -> Mask:
    """Nodes whose pods count for a constraint: they have all of `keys`, and the inclusion policies let them in."""
    found = nodes.alive[: nodes.size].copy()
    for key in keys:
        found &= codes_of(nodes, key) >= 0
    if term.honor_affinity:
        if pod.selector:
            found &= selector_mask(pod.selector, nodes)
        if pod.required_terms is not None:
            found &= terms_mask(pod.required_terms, nodes)
    if term.honor_taints:
        bad = [
            any(t.effect in ("NoSchedule", "NoExecute") and not pod.tolerates(*t) for t in taints)
            for taints in nodes.taint_sets
        ]
        found &= ~np.array(bad, np.bool_)[nodes.taint_codes[: nodes.size]]
    return found
