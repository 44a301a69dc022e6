"""NodeAffinity: spec.nodeSelector and required node affinity refuse nodes, preferred terms add their weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.scheduler.config import ProfileConfig
from engine.scheduler.framework import ClusterEvent, FilterPlugin, ScorePlugin
from engine.scheduler.nodes import Ints, NodeChange, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.selectors import (
    Term,
    describe_requirement,
    holds,
    selector_mask,
    term_mask,
    term_matches,
    terms_mask,
)
from store.types import JsonObject

_ENFORCED = 2
"""The profile's added affinity refuses; 1 is the pod's own."""


class NodeAffinity(FilterPlugin, ScorePlugin):
    name = "NodeAffinity"
    normalize = "up"

    def __init__(self) -> None:
        self._added: list[JsonObject] | None = None
        """Terms that the profile requires besides the pod's (addedAffinity); None: none."""
        self._added_preferred: list[JsonObject] = []

    def configure(self, config: ProfileConfig) -> None:
        added = config.added_affinity or {}
        required = added.get("requiredDuringSchedulingIgnoredDuringExecution")
        self._added = None if required is None else required.get("nodeSelectorTerms") or []
        self._added_preferred = added.get("preferredDuringSchedulingIgnoredDuringExecution") or []

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        if not isinstance(event, NodeChange) or not (event.added or event.labels):
            return False
        return self._matches(pod, nodes, event.row)

    def concerns(self, pod: PodClass) -> bool:
        return bool(pod.selector) or pod.required_terms is not None or self._added is not None

    def node_names(self, pod: PodClass) -> frozenset[str] | None:
        """Names from `matchFields: metadata.name In [...]` when every term has such a field (DaemonSets' pods do)."""
        if not pod.required_terms:
            return None
        names: set[str] = set()
        for term in pod.required_terms:
            fields = [f for f in term.get("matchFields") or () if f["key"] == "metadata.name" and f["operator"] == "In"]
            if not fields:
                return None
            names |= set.intersection(*(set(f.get("values") or ()) for f in fields))
        return frozenset(names)

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        found = selector_mask(pod.selector, nodes)
        if pod.required_terms is not None:
            found &= terms_mask(pod.required_terms, nodes)
        codes = (~found).astype(np.int64)
        if self._added is not None:
            codes[~terms_mask(self._added, nodes)] = _ENFORCED
        return codes[rows]

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        if code == _ENFORCED:
            return ("node(s) didn't match scheduler-enforced node affinity",)
        return ("node(s) didn't match Pod's node affinity/selector",)

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        labels = nodes.labels[row]
        lines = [
            _compare(key, labels.get(key), value) for key, value in pod.selector.items() if labels.get(key) != value
        ]
        if self._added is not None and not any(term_matches(t, labels, nodes.names[row]) for t in self._added):
            lines.append("does not match the node affinity that the scheduler's profile adds")
        terms = pod.required_terms
        if terms is not None and not any(term_matches(t, labels, nodes.names[row]) for t in terms):
            # Alternatives all failed: the one that came closest tells the most.
            failed: list[list[str]] = [
                [
                    _compare(r["key"], value, describe_requirement(r))
                    for r, value in _requirements(term, labels, nodes.names[row])
                    if not holds(r, value)
                ]
                or ["an empty term matches no node"]
                for term in terms
            ]
            if failed:
                fewest = min(len(missing) for missing in failed)
                lines += next(missing for missing in failed if len(missing) == fewest)
            else:
                lines.append("no term of the required affinity can match")
        return tuple(lines)

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        wanted = [f"{key}={value}" for key, value in pod.selector.items()]
        missing = sorted({line for row in rows for line in self.explain(pod, nodes, row)})
        if len(missing) == 1:
            return f"changing the one label that does not match ({missing[0]})"
        if wanted and pod.required_terms is None:
            return f"labelling them {', '.join(wanted)} or loosening the node selector"
        return "loosening the node affinity"

    def scores(self, pod: PodClass, nodes: NodeTable) -> bool:
        return bool(pod.preferred_terms or self._added_preferred)

    def score(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        total = np.zeros(nodes.size, np.int64)
        for term in (*pod.preferred_terms, *self._added_preferred):
            total[term_mask(term["preference"], nodes)] += term["weight"]
        return total[rows]

    def _matches(self, pod: PodClass, nodes: NodeTable, row: int) -> bool:
        labels = nodes.labels[row]
        if any(labels.get(key) != value for key, value in pod.selector.items()):
            return False
        if self._added is not None and not any(term_matches(t, labels, nodes.names[row]) for t in self._added):
            return False
        terms = pod.required_terms
        return terms is None or any(term_matches(term, labels, nodes.names[row]) for term in terms)


def _requirements(term: Term, labels: Mapping[str, str], name: str) -> list[tuple[Term, str | None]]:
    """Each requirement of a term with the value that it looks at."""
    found: list[tuple[Term, str | None]] = [(r, labels.get(r["key"])) for r in term.get("matchExpressions") or ()]
    return found + [(r, name) for r in term.get("matchFields") or ()]


def _compare(key: str, have: str | None, wanted: str) -> str:
    return f"label {key} is {'missing' if have is None else have}, wants {wanted}"
