"""PodTopologySpread: pods of a kind spread evenly over zones, nodes or whatever label the constraint names.

DoNotSchedule refuses a node when (pods in its domain + the pod itself) - (pods in the emptiest domain) > maxSkew; with
fewer domains than minDomains the emptiest counts as 0. Pods being deleted do not count. ScheduleAnyway ranks: each
constraint adds count · ln(domains + 2) + (maxSkew - 1), the least is best. Pods of Services, ReplicaSets and the like
that name no constraint are ranked by the profile's defaults.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.scheduler.affinity_terms import PodIdentity
from engine.scheduler.framework import MAX_SCORE, Arrived, ClusterEvent, FilterPlugin, Freed, ScorePlugin, Trial
from engine.scheduler.nodes import Codes, Ints, Mask, NodeTable, Rows, distinct
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import SPREAD
from engine.scheduler.relations import SpreadTerm
from engine.scheduler.topology import codes_of, eligible, value_of

Floats = npt.NDArray[np.float64]
HOSTNAME: Final = "kubernetes.io/hostname"
_SKEW, _MISSING = 1, 2


class _Frame(NamedTuple):
    """What of a constraint depends on nodes only."""

    codes: Codes
    """Domain by row."""
    rows: Ints
    """Eligible rows."""
    domains: Codes
    """Their domains."""
    present: Ints
    """Domains with an eligible node."""
    size: int
    """Domains that the label has."""


class _Ground(NamedTuple):
    """What of a score depends only on the nodes and on which of them fit."""

    considered: Mask
    all: bool
    any: bool
    """All, any rows are considered."""
    constant: Floats
    """The part of the raw score that no pod changes."""
    full: Ints
    """The scores when no pod counts anywhere."""
    terms: tuple[tuple[_Frame | None, Floats | float], ...]
    """By constraint: its frame (None: each node is a domain), the weight of a pod."""


class PodTopologySpread(FilterPlugin, ScorePlugin):
    name = SPREAD
    related = True
    score_related = True

    def __init__(self) -> None:
        self._frames: dict[tuple[int, SpreadTerm, tuple[str, ...]], _Frame] = {}
        self._epoch = -1
        self._ground: tuple[tuple[Hashable, ...], _Ground] | None = None
        """The last one made, and what it is for."""

    # -- filter ----------------------------------------------------------------------------------------------------

    def hint(self, event: ClusterEvent, pod: PodClass, nodes: NodeTable) -> bool:
        if pod.relations is None:
            return True
        if isinstance(event, Freed | Arrived):
            return any(term.selection.matches(event.who) for term in pod.relations.hard)
        return event.added or event.labels or event.taints

    def concerns(self, pod: PodClass) -> bool:
        return pod.relations is not None and bool(pod.relations.hard)

    def signature(self, pod: PodClass, nodes: NodeTable) -> Hashable:
        return tuple([term.selection.version for term in pod.relations.hard]) if pod.relations is not None else ()

    def filter(self, pod: PodClass, nodes: NodeTable, rows: Rows) -> Ints:
        found = np.zeros(nodes.size, np.int64)
        for term, totals, least, codes in self._hard(pod, nodes):
            # By domain first, of which there are few; the last place is for nodes without the label.
            kinds = np.append(np.where(totals > term.max_skew + least - term.self_match, _SKEW, 0), _MISSING)
            found = np.where(found == 0, kinds[codes], found)
        return found[rows]

    def reasons(self, code: int, nodes: NodeTable) -> tuple[str, ...]:
        text = "node(s) didn't match pod topology spread constraints"
        return (f"{text} (missing required label)" if code == _MISSING else text,)

    def resolvable(self, code: int) -> bool:
        return code == _SKEW

    def explain(self, pod: PodClass, nodes: NodeTable, row: int) -> tuple[str, ...]:
        lines = []
        for term, totals, least, codes in self._hard(pod, nodes):
            code = int(codes[row])
            if code < 0:
                lines.append(f"has no label {term.key}, which the spread constraint counts by")
                continue
            here = int(totals[code])
            skew = here + term.self_match - least
            if skew > term.max_skew:
                lines.append(
                    f"{term.key} {value_of(nodes, term.key, code)} has {here} pods of {term.selection}, "
                    f"{self._emptiest(pod, nodes, term, totals, least)}: with this one the skew would be {skew}, "
                    f"maxSkew is {term.max_skew}"
                )
        return tuple(lines)

    def figures(self, pod: PodClass, nodes: NodeTable, row: int, code: int) -> tuple[str, str]:
        for term, totals, least, codes in self._hard(pod, nodes):
            if codes[row] >= 0 and totals[codes[row]] + term.self_match - least > term.max_skew:
                return f"skew {term.max_skew}", f"skew {int(totals[codes[row]]) + term.self_match - least}"
        return "", ""

    def remedy(self, pod: PodClass, nodes: NodeTable, rows: list[int]) -> str:
        for term, totals, least, codes in self._hard(pod, nodes):
            if any(codes[row] < 0 for row in rows):
                return f"the label {term.key} on them"
            worst = max(int(totals[codes[row]]) + term.self_match - least for row in rows)
            if worst > term.max_skew:
                return f"maxSkew {worst} for {term.key} (it is {term.max_skew}), or whenUnsatisfiable: ScheduleAnyway"
        return "whenUnsatisfiable: ScheduleAnyway"

    def _emptiest(self, pod: PodClass, nodes: NodeTable, term: SpreadTerm, totals: Ints, least: int) -> str:
        assert pod.relations is not None
        frame = self._frame(pod, nodes, term, tuple(t.key for t in pod.relations.hard))
        if len(frame.present) < term.min_domains:
            return f"there are {len(frame.present)} domains of at least {term.min_domains} (so the fewest count as 0)"
        at = next(int(code) for code in frame.present if totals[code] == least)
        return f"{value_of(nodes, term.key, at)} has {least}"

    def _hard(self, pod: PodClass, nodes: NodeTable) -> list[tuple[SpreadTerm, Ints, int, Codes]]:
        """(constraint, pods by domain, the least of them, domain by row)"""
        assert pod.relations is not None
        keys = tuple([term.key for term in pod.relations.hard])
        found = []
        for term in pod.relations.hard:
            frame = self._frame(pod, nodes, term, keys)
            totals = _totals(frame, term)
            found.append((term, totals, _least(frame, term, totals), frame.codes))
        return found

    def _frame(self, pod: PodClass, nodes: NodeTable, term: SpreadTerm, keys: tuple[str, ...]) -> _Frame:
        if self._epoch != nodes.epoch:
            self._frames.clear()
            self._epoch = nodes.epoch
        key = pod.base.number, term, keys
        frame = self._frames.get(key)
        if frame is None:
            if len(self._frames) > 1024:
                self._frames.clear()
            column = nodes.column(term.key)
            codes = codes_of(nodes, term.key)
            rows = np.flatnonzero(eligible(pod, nodes, term, keys) & (codes >= 0))
            domains = codes[rows]
            frame = _Frame(codes, rows, domains, distinct(domains)[0].astype(np.int64), max(1, len(column.values)))
            self._frames[key] = frame
        return frame

    def touched(self, pod: PodClass, nodes: NodeTable) -> Mask:
        assert pod.relations is not None
        found = np.zeros(nodes.size, np.bool_)
        for term in pod.relations.hard:
            found |= term.selection.counts[: nodes.size] > 0
        return found

    def trial(self, pod: PodClass, nodes: NodeTable) -> Trial | None:
        return _SpreadTrial(self, pod, nodes)

    # -- score -----------------------------------------------------------------------------------------------------

    def scores(self, pod: PodClass, nodes: NodeTable) -> bool:
        return pod.relations is not None and bool(pod.relations.soft)

    def score_signature(self, pod: PodClass, nodes: NodeTable) -> Hashable:
        return tuple([term.selection.version for term in pod.relations.soft]) if pod.relations is not None else ()

    def rank(self, pod: PodClass, nodes: NodeTable, fits: Mask) -> Ints | None:
        assert pod.relations is not None
        ground = self._ground_of(pod, nodes, fits)
        if not ground.any:
            return None
        raw = ground.constant.copy()
        for term, (frame, factor) in zip(pod.relations.soft, ground.terms, strict=True):
            if frame is None:
                counts: Ints = term.selection.counts[: nodes.size]
            else:
                counts = _totals(frame, term)[frame.codes]
            raw += counts * factor
        rounded = (raw + 0.5).astype(np.int64)  # all are positive: cutting off is rounding down
        chosen = rounded if ground.all else rounded[ground.considered]
        least, most = int(chosen.min()), int(chosen.max())
        if most == 0:
            return ground.full
        scores: Ints = MAX_SCORE * (most + least - rounded) // most
        return scores if ground.all else np.where(ground.considered, scores, 0)

    def _ground_of(self, pod: PodClass, nodes: NodeTable, fits: Mask) -> _Ground:
        """What a score stands on while the nodes and those that fit are the same: most pods of a run share it."""
        assert pod.relations is not None
        key = pod.base.number, nodes.epoch, pod.relations.soft, fits.tobytes()
        if self._ground is not None and self._ground[0] == key:
            return self._ground[1]
        soft, all_keys = pod.relations.soft, pod.relations.all_keys
        keys = tuple([term.key for term in soft]) if all_keys else ()
        considered = fits
        for name in keys:
            considered = considered & (codes_of(nodes, name) >= 0)
        constant = np.zeros(nodes.size)
        terms: list[tuple[_Frame | None, Floats | float]] = []
        for term in soft:
            codes = codes_of(nodes, term.key)
            frame = None if term.key == HOSTNAME else self._frame(pod, nodes, term, keys)
            if frame is None:
                domains = int(np.count_nonzero(considered))
            else:
                domains = int(np.count_nonzero(np.bincount(codes[considered] + 1)))
            weight, base = math.log(domains + 2), float(term.max_skew - 1)
            factor: Floats | float = weight
            if all_keys:
                constant += base
            else:
                inside = (codes >= 0).astype(np.float64)
                factor = weight * inside
                constant += base * inside
            terms.append((frame, factor))
        full: Ints = np.where(considered, MAX_SCORE, 0)
        ground = _Ground(considered, bool(considered.all()), bool(considered.any()), constant, full, tuple(terms))
        self._ground = key, ground
        return ground


class _SpreadTrial:
    """Counts of all constraints, with one node's domain open to change."""

    def __init__(self, plugin: PodTopologySpread, pod: PodClass, nodes: NodeTable) -> None:
        assert pod.relations is not None
        keys = tuple(term.key for term in pod.relations.hard)
        self._parts: list[tuple[SpreadTerm, Codes, dict[int, int], frozenset[int]]] = []
        """(constraint, domain by row, pods by domain, eligible rows)"""
        self._few: list[bool] = []
        """Fewer domains than minDomains."""
        for term in pod.relations.hard:
            frame = plugin._frame(pod, nodes, term, keys)
            totals = _totals(frame, term)
            counts = {int(code): int(totals[code]) for code in frame.present}
            self._parts.append((term, frame.codes, counts, frozenset(frame.rows.tolist())))
            self._few.append(len(frame.present) < term.min_domains)
        self._least = [sorted(counts.items(), key=_count)[:2] for _, _, counts, _ in self._parts]
        """The two emptiest domains: what is the least whatever happens to one of them."""
        self._delta = [0] * len(self._parts)
        self._row = 0
        self._meant: dict[tuple[object, ...], list[int]] = {}
        """Constraints that count a pod, by its labels."""

    def on(self, row: int) -> None:
        self._row = row
        self._delta = [0] * len(self._parts)

    def change(self, other: PodClass, who: PodIdentity, sign: int) -> None:
        key = who.namespace, who.terminating, *who.labels.items()
        meant = self._meant.get(key)
        if meant is None:
            meant = [index for index, part in enumerate(self._parts) if part[0].selection.matches(who)]
            self._meant[key] = meant
        for index in meant:
            if self._row in self._parts[index][3]:
                self._delta[index] += sign

    def refusal(self) -> int:
        for index, (term, codes, counts, _) in enumerate(self._parts):
            code = int(codes[self._row])
            if code < 0:
                return _MISSING
            here = counts.get(code, 0) + self._delta[index]
            least = 0
            if not self._few[index]:
                least = min([here if domain == code else count for domain, count in self._least[index]])
                if code in counts:
                    least = min(least, here)
            if here + term.self_match - least > term.max_skew:
                return _SKEW
        return 0


def _count(item: tuple[int, int]) -> tuple[int, int]:
    return item[1], item[0]


def _totals(frame: _Frame, term: SpreadTerm) -> Ints:
    """Pods by domain."""
    weights = term.selection.counts[frame.rows]
    totals: Ints = np.bincount(frame.domains, weights=weights, minlength=frame.size).astype(np.int64)
    return totals


def _least(frame: _Frame, term: SpreadTerm, totals: Ints) -> int:
    return 0 if len(frame.present) < term.min_domains else int(totals[frame.present].min())
