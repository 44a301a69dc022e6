"""InterPodAffinity: pods that want to be near others, or far from them, within a topology domain.

Three things refuse a node: a required affinity term of the pod that no pod in the node's domain satisfies (unless the
pod would be the first of a group that wants to be together), a required anti-affinity term that one there meets, and
a required anti-affinity term of a pod there that means this pod. Preferred terms add their weights, those of the
others on nodes included; a required affinity of theirs adds `hardPodAffinityWeight`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import numpy as np

from engine.scheduler.affinity_terms import PodIdentity
from engine.scheduler.framework import MAX_SCORE, Arrived, ClusterEvent, FilterPlugin, Freed, ScorePlugin, Trial
from engine.scheduler.nodes import Ints, Mask, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import AFFINITY
from engine.scheduler.relations import AffinityTerm, Relations
from engine.scheduler.topology import codes_of, domain_counts, rows_of, value_of

_AFFINITY, _ANTI, _HELD = 1, 2, 3
_REASONS: Final = {
    _AFFINITY: "node(s) didn't match pod affinity rules",
    _ANTI: "node(s) didn't match pod anti-affinity rules",
    _HELD: "node(s) didn't satisfy existing pods anti-affinity rules",
}


class InterPodAffinity(FilterPlugin, ScorePlugin):
    name = AFFINITY
    related = True
    score_related = True

    # -- filter ----------------------------------------------------------------------------------------------------

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        relations = pod.relations
        if relations is None:
            return True
        if isinstance(event, Arrived):
            return bool(relations.affinity) and relations.affinity[0].selection.matches(event.who)
        if isinstance(event, Freed):
            if any(term.selection.matches(event.who) for term in relations.anti):
                return True
            held = {holding.key for holding in relations.held_anti}
            if held and not held.isdisjoint(nodes.selections.held_by(event.pod, event.who)):
                return True
            # The last pod that matched has gone: this one may now be the first of its group.
            return relations.affinity_self and relations.affinity[0].selection.matches(event.who)
        return event.added or event.labels

    def concerns(self, pod: PodClass) -> bool:
        relations = pod.relations
        return relations is not None and bool(relations.affinity or relations.anti or relations.held_anti)

    def signature(self, pod: PodClass, nodes: NodeTable) -> Hashable:
        relations = pod.relations
        if relations is None:
            return ()
        first = relations.affinity[0].selection.version if relations.affinity else 0
        return (
            first, *[term.selection.version for term in relations.anti], *[h.version for h in relations.held_anti],
        )  # fmt: skip

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        relations = pod.relations
        assert relations is not None
        found = np.zeros(nodes.size, np.int64)
        held = np.zeros(nodes.size, np.bool_)
        for holding in relations.held_anti:
            held |= domain_counts(nodes, holding.key.term.key, holding.counts) > 0
        found[held] = _HELD
        for anti in relations.anti:
            found[domain_counts(nodes, anti.term.key, anti.selection.counts) > 0] = _ANTI
        if relations.affinity:
            found[~self._near(relations, nodes)] = _AFFINITY
        return found[rows]

    def _near(self, relations: Relations, nodes: NodeTable) -> Mask:
        """Nodes that satisfy the required affinity."""
        present = np.ones(nodes.size, np.bool_)
        near = np.ones(nodes.size, np.bool_)
        anywhere = False
        for affinity in relations.affinity:
            counts = domain_counts(nodes, affinity.term.key, affinity.selection.counts)
            present &= codes_of(nodes, affinity.term.key) >= 0
            near &= counts > 0
            anywhere = anywhere or bool(counts.any())
        if not anywhere and relations.affinity_self:
            return present
        return near & present

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        return (_REASONS[code],)

    def resolvable(self, code: int) -> bool:
        return code != _AFFINITY

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        relations = pod.relations
        assert relations is not None
        lines = []
        if relations.affinity and not self._near(relations, nodes)[row]:
            lines += [_apart(nodes, row, term) for term in relations.affinity if _is_apart(nodes, row, term)]
        for anti in relations.anti:
            count = int(domain_counts(nodes, anti.term.key, anti.selection.counts)[row])
            if count:
                domain = rows_of(nodes, anti.term.key, int(codes_of(nodes, anti.term.key)[row]))
                where = _domain(nodes, anti.term.key, row)
                pod_there = _pod_name(nodes.selections.first_on(domain, anti.selection))
                more = f" ({count} such pods)" if count > 1 else ""
                lines.append(f"{pod_there} is in {where}{more}; the pod wants none of {anti.term} there")
        for holding in relations.held_anti:
            count = int(domain_counts(nodes, holding.key.term.key, holding.counts)[row])
            if count:
                domain = rows_of(nodes, holding.key.term.key, int(codes_of(nodes, holding.key.term.key)[row]))
                holder = _pod_name(nodes.selections.first_holder(domain, holding.key))
                where = _domain(nodes, holding.key.term.key, row)
                lines.append(f"{holder} is in {where} and wants none of {holding.key.term} there, which means this pod")
        return tuple(lines)

    def figures(self, pod: PodClass, nodes: NodeTable, row: int, code: int) -> tuple[str, str]:
        relations = pod.relations
        assert relations is not None
        if code == _ANTI:
            for anti in relations.anti:
                count = int(domain_counts(nodes, anti.term.key, anti.selection.counts)[row])
                if count:
                    return f"0 of {anti.term}", f"{count} in {_domain(nodes, anti.term.key, row)}"
        if code == _AFFINITY:
            for affinity in relations.affinity:
                if _is_apart(nodes, row, affinity):
                    return f"a pod of {affinity.term}", f"none in {_domain(nodes, affinity.term.key, row)}"
        return "", ""

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        codes = self.filter(pod, nodes, np.array(rows)).tolist()
        if _AFFINITY in codes:
            return "a pod there that the affinity asks for, or preferred instead of required affinity"
        if _ANTI in codes:
            return "preferred instead of required anti-affinity, or the pods that are in the way gone"
        return "the pods there that keep it off gone, or labels that their anti-affinity does not mean"

    def touched(self, pod: PodClass, nodes: NodeTable) -> Mask:
        relations = pod.relations
        assert relations is not None
        found = np.zeros(nodes.size, np.bool_)
        for term in (*relations.affinity[:1], *relations.anti):
            found |= term.selection.counts[: nodes.size] > 0
        for holding in relations.held_anti:
            found |= holding.counts[: nodes.size] > 0
        return found

    def trial(self, pod: PodClass, nodes: NodeTable) -> Trial | None:
        return _AffinityTrial(pod, nodes)

    # -- score -----------------------------------------------------------------------------------------------------

    def scores(self, pod: PodClass, nodes: NodeTable) -> bool:
        return pod.relations is not None and bool(pod.relations.preferred or pod.relations.held_score)

    def score_signature(self, pod: PodClass, nodes: NodeTable) -> Hashable:
        relations = pod.relations
        if relations is None:
            return ()
        return (
            *[term.selection.version for term in relations.preferred], *[h.version for h, _ in relations.held_score],
        )  # fmt: skip

    def rank(self, pod: PodClass, nodes: NodeTable, fits: Mask) -> Ints | None:
        assert pod.relations is not None
        raw = np.zeros(nodes.size, np.int64)
        for term in pod.relations.preferred:
            raw += term.weight * domain_counts(nodes, term.term.key, term.selection.counts)
        for holding, weight in pod.relations.held_score:
            raw += weight * domain_counts(nodes, holding.key.term.key, holding.counts)
        chosen = raw[fits]
        if not len(chosen):
            return None
        least, most = int(chosen.min()), int(chosen.max())
        if least == most:
            return None
        scores: Ints = (float(MAX_SCORE) * ((raw - least) / (most - least))).astype(np.int64)
        return scores


class _AffinityTrial:
    """Counts by domain, with one node's pods open to change."""

    def __init__(self, pod: PodClass, nodes: NodeTable) -> None:
        assert pod.relations is not None
        self._relations: Relations = pod.relations
        self._nodes = nodes
        counts, relations = domain_counts, self._relations
        self._near = [counts(nodes, term.term.key, term.selection.counts).tolist() for term in relations.affinity]
        self._anywhere = any(any(part) for part in self._near)
        self._anti = [counts(nodes, term.term.key, term.selection.counts).tolist() for term in relations.anti]
        self._held = [counts(nodes, h.key.term.key, h.counts).tolist() for h in relations.held_anti]
        self._row = 0
        self._meant: dict[tuple[object, ...], tuple[bool, list[int], list[tuple[int, int]]]] = {}
        """By class and labels of a pod: it matches the affinity; terms of anti-affinity that mean it; which of the
        terms that mean this pod it has, and how often."""
        self._forget()

    def on(self, row: int) -> None:
        self._row = row
        self._forget()

    def _forget(self) -> None:
        self._near_delta = 0
        self._anti_delta = [0] * len(self._anti)
        self._held_delta = [0] * len(self._held)

    def change(self, other: PodClass, who: PodIdentity, sign: int) -> None:
        key = other.number, who.namespace, *who.labels.items()
        meant = self._meant.get(key)
        if meant is None:
            meant = self._meant[key] = self._meaning(other, who)
        near, anti, held = meant
        self._near_delta += sign * near
        for index in anti:
            self._anti_delta[index] += sign
        for index, times in held:
            self._held_delta[index] += sign * times

    def _meaning(self, other: PodClass, who: PodIdentity) -> tuple[bool, list[int], list[tuple[int, int]]]:
        relations = self._relations
        near = bool(relations.affinity) and relations.affinity[0].selection.matches(who)
        anti = [index for index, term in enumerate(relations.anti) if term.selection.matches(who)]
        if not self._held or not other.pod_terms:
            return near, anti, []
        has = self._nodes.selections.held_by(other, who)
        held = [(index, has.count(holding.key)) for index, holding in enumerate(relations.held_anti)]
        return near, anti, [(index, times) for index, times in held if times]

    def refusal(self) -> int:
        row, relations = self._row, self._relations
        if relations.affinity:
            labels = self._nodes.labels[row]
            if any(term.term.key not in labels for term in relations.affinity):
                return _AFFINITY
            if not all(part[row] + self._near_delta > 0 for part in self._near) and not (
                relations.affinity_self and self._alone()
            ):
                return _AFFINITY
        for index, part in enumerate(self._anti):
            if relations.anti[index].term.key in self._nodes.labels[row] and part[row] + self._anti_delta[index] > 0:
                return _ANTI
        for index, part in enumerate(self._held):
            key = relations.held_anti[index].key.term.key
            if key in self._nodes.labels[row] and part[row] + self._held_delta[index] > 0:
                return _HELD
        return 0

    def _alone(self) -> bool:
        """No pod anywhere matches the required affinity."""
        if not self._near_delta:
            return not self._anywhere
        return _total(self._nodes, self._relations.affinity[0]) + self._near_delta <= 0


def _is_apart(nodes: NodeTable, row: int, affinity: AffinityTerm) -> bool:
    return int(domain_counts(nodes, affinity.term.key, affinity.selection.counts)[row]) == 0


def _apart(nodes: NodeTable, row: int, affinity: AffinityTerm) -> str:
    key = affinity.term.key
    if key not in nodes.labels[row]:
        return f"has no label {key}, which the pod's affinity asks for"
    total = _total(nodes, affinity)
    elsewhere = f"{total} elsewhere" if total else "none anywhere"
    return f"no pod of {affinity.term} is in {_domain(nodes, key, row)} ({elsewhere})"


def _total(nodes: NodeTable, affinity: AffinityTerm) -> int:
    """Pods on existing nodes that match."""
    return int(affinity.selection.counts[: nodes.size][nodes.alive[: nodes.size]].sum())


def _domain(nodes: NodeTable, key: str, row: int) -> str:
    code = int(codes_of(nodes, key)[row])
    return f"{key} {value_of(nodes, key, code)}"


def _pod_name(who: PodIdentity | None) -> str:
    return "a pod" if who is None else f"{who.namespace}/{who.name}"
