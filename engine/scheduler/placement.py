"""Where a class of pods fits and how well, kept up to date as nodes fill.

A `ClassView` joins, over all rows, what the static filters and scores say of the class with the `Load` of its
requests, and knows the rows that share the best total. `refresh` brings it to the present: anew when a node itself
changed, else only the rows of nodes whose pods changed. The result is the same either way.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from typing import Final, Literal, NamedTuple

import numpy as np

from engine.scheduler.framework import Diagnosis, normalized
from engine.scheduler.load import SINGLY, Load
from engine.scheduler.messages import fit_error, truncated
from engine.scheduler.nodes import Ints, Mask, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import PluginError, Profile

_AFFINITY_CONFLICT: Final = "pod affinity terms conflict"


class _Normalized(NamedTuple):
    """A static score that is normalised over the nodes that fit."""

    weight: int
    direction: Literal["no", "up", "down"]
    raw: Ints
    uniform: bool
    """The same on every node that can fit: whichever of them do, the normalised score is the same."""


class ClassView:
    """One class over the node table."""

    def __init__(self, pod: PodClass, nodes: NodeTable, profile: Profile, load: Load) -> None:
        self.pod, self._nodes, self._profile, self._load = pod, nodes, profile, load
        self._epoch = self._version = -1
        self.best = -1
        """Best total score; -1 when no node fits."""
        self.ties: list[int] = []
        """Rows with the best score, ascending."""
        self.failure: Diagnosis | None = None
        """Cache for `diagnose`, void after a change."""

    @property
    def load(self) -> Load:
        return self._load

    def refresh(self) -> None:
        """Bring masks and scores to the present. Raises PluginError."""
        nodes = self._nodes
        nodes.vector(self.pod)  # A resource that no one asked for yet widens the table, which is a change of epoch.
        if self._epoch == nodes.epoch and self._version == nodes.version:
            return
        self._load.refresh()
        self.failure = None
        if self._epoch != nodes.epoch:
            self._build()
            self._epoch = nodes.epoch
        else:
            changed = nodes.changed_since(self._version)
            if changed is None or len(changed) * 2 > nodes.size:
                self._update_rows(nodes.all_rows)
            elif len(changed) > SINGLY:
                self._update_rows(np.array(changed, np.intp))
            else:
                for row in changed:
                    self._update(row)
                if not self.ties:
                    self._rank()
        self._version = nodes.version

    def total(self, row: int) -> int:
        """Total score of a row, -1 when it does not fit."""
        return int(self._total[row])

    def runners_up(self, chosen: int, most: int) -> list[int]:
        """The next best rows."""
        if len(self.ties) > most:
            return [row for row in self.ties[: most + 1] if row != chosen][:most]
        size = min(most + 1, len(self._total))
        top = np.argpartition(self._total, -size)[-size:]
        ranked = sorted(top.tolist(), key=lambda row: (-int(self._total[row]), row))
        return [row for row in ranked if row != chosen and self._total[row] >= 0][:most]

    def score_parts(self, row: int) -> dict[str, int]:
        """Weighted score by plugin of a row that fits."""
        parts = {}
        for plugin, weight in self._profile.scorers:
            if plugin.scores(self.pod, self._nodes):
                scores = plugin.score(self.pod, self._nodes, self._nodes.all_rows)
                raw = normalized(scores, self._fits, plugin.normalize)
                parts[plugin.name] = weight * int(raw[row])
        return parts

    def diagnose(self) -> Diagnosis:
        """Why no node fits, in the order of filters."""
        if self.failure is None:
            self.failure = diagnose(self.pod, self._nodes, self._profile)
        return self.failure

    # -- inside ----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        """What is static, and all rows."""
        pod, nodes, every = self.pod, self._nodes, self._nodes.all_rows
        fits = nodes.alive[every].copy()
        for plugin in self._profile.filters:
            try:
                allowed = plugin.node_names(pod)
                if allowed is not None:
                    fits &= _named(allowed, nodes)
                if not plugin.dynamic and plugin.concerns(pod):
                    fits &= plugin.filter(pod, nodes, every) == 0
            except Exception as error:
                raise PluginError(plugin.name, "filter", error) from error
        self._static_fits = fits
        self._fixed = np.zeros(nodes.size, np.int64)
        self._normalized: list[_Normalized] = []
        for scorer, weight in self._profile.scorers:
            try:
                if scorer.score_dynamic or not scorer.scores(pod, nodes):
                    continue
                raw = scorer.score(pod, nodes, every)
            except Exception as error:
                raise PluginError(scorer.name, "score", error) from error
            if scorer.normalize == "no":
                self._fixed += weight * raw
            else:
                possible = raw[fits]
                uniform = not len(possible) or int(possible.min()) == int(possible.max())
                self._normalized.append(_Normalized(weight, scorer.normalize, raw, uniform))
        self._shifting = any(not part.uniform for part in self._normalized)
        self._fits: Mask = fits & self._load.fits
        self._sum_up()
        self._rank()

    def _update_rows(self, rows: Rows) -> None:
        """Take over rows whose pods changed."""
        fits = self._static_fits[rows] & self._load.fits[rows]
        if np.array_equal(fits, self._fits[rows]):
            self._total[rows] = np.where(fits, self._load.score[rows] + self._extra[rows], -1)
        else:
            self._fits[rows] = fits
            self._sum_up()
        self._rank()

    def _sum_up(self) -> None:
        self._extra = self._fixed.copy()
        for part in self._normalized:
            self._extra += part.weight * normalized(part.raw, self._fits, part.direction)
        self._total = np.where(self._fits, self._load.score + self._extra, -1)

    def _rank(self) -> None:
        if not len(self._total):
            self.best, self.ties = -1, []
            return
        self.best = int(self._total.max())
        self.ties = np.flatnonzero(self._total == self.best).tolist() if self.best >= 0 else []

    def _update(self, row: int) -> None:
        """Take over one row whose pods changed."""
        if not self._static_fits[row]:
            return
        fits = bool(self._load.fits[row])
        if fits != self._fits[row]:
            self._fits[row] = fits
            if fits or self._shifting:
                # Other rows' normalised scores may shift; and none was computed while no row fitted.
                self._sum_up()
                self._rank()
                return
        total = int(self._load.score[row]) + int(self._extra[row]) if fits else -1
        self._total[row] = total
        self._place(row, total)

    def _place(self, row: int, total: int) -> None:
        """Keep `best` and `ties` true. They may run empty: the caller ranks anew then."""
        ties = self.ties
        at = bisect_left(ties, row)
        present = at < len(ties) and ties[at] == row
        if total > self.best:
            if ties or self.best < 0:
                self.best, self.ties = total, [row]
            return
        if total == self.best and total >= 0:
            if not present and ties:
                insort(ties, row)
        elif present:
            del ties[at]


def diagnose(pod: PodClass, nodes: NodeTable, profile: Profile) -> Diagnosis:
    """Ask every filter in order; a node is asked until its first refusal. Raises PluginError."""
    standing = nodes.alive[: nodes.size].copy()
    refusals: dict[str, Ints] = {}
    reasons: Counter[str] = Counter()
    resolvable = 0
    absent: Mask | None = None
    ruled_out: list[str] = []
    for plugin in profile.filters:
        allowed = plugin.node_names(pod)
        if allowed is not None:
            left_out = standing & ~_named(allowed, nodes)
            absent = left_out if absent is None else absent | left_out
            ruled_out.append(plugin.name)
            standing &= ~left_out
            if not allowed:
                return Diagnosis(nodes.count, {}, {}, 0, tuple(ruled_out), absent, _AFFINITY_CONFLICT)
    if absent is not None:
        count = int(np.count_nonzero(absent))
        if count:
            reasons[f"node(s) didn't satisfy plugin(s) [{' '.join(ruled_out)}]"] = count
    for plugin in profile.filters:
        try:
            if not plugin.concerns(pod):
                continue
            codes = np.where(standing, plugin.filter(pod, nodes, nodes.all_rows), 0)
            found, counts = np.unique(codes, return_counts=True)
            for code, count in zip(found.tolist(), counts.tolist(), strict=True):
                if code:
                    resolvable += count if plugin.resolvable(code) else 0
                    for reason in plugin.reasons(code, nodes):
                        reasons[reason] += count
        except Exception as error:
            raise PluginError(plugin.name, "filter", error) from error
        if found.any():
            refusals[plugin.name] = codes
            standing &= codes == 0
    return Diagnosis(nodes.count, refusals, reasons, resolvable, tuple(ruled_out), absent)


def refusal_message(pod: PodClass, nodes: NodeTable, profile: Profile, diagnosis: Diagnosis) -> tuple[str, str]:
    """(what the event and the condition say, the node that PostFilter nominated or "")."""
    results = [plugin.post_filter(pod, nodes, diagnosis) for plugin in profile.post_filters]
    said = [result.message for result in results]
    message = truncated(fit_error(diagnosis.total, diagnosis.reasons, said, diagnosis.pre_filter))
    return message, next((result.nominated for result in results if result.nominated), "")


def _named(names: frozenset[str], nodes: NodeTable) -> Mask:
    found = np.zeros(nodes.size, np.bool_)
    for name in sorted(names):
        row = nodes.row(name)
        if row is not None:
            found[row] = True
    return found
