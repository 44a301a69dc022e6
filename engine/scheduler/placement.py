"""Where a class of pods fits and how well, kept up to date as nodes fill.

A `ClassView` joins, over all rows, what the static filters and scores say of the class with the `Load` of its
requests, and knows the rows that share the best total. `refresh` brings it to the present: anew when a node itself
changed, else only the rows of nodes whose pods changed. What related plugins say is asked for all rows, when they
sign that it may have changed. The result is the same either way.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Final, Literal, NamedTuple

import numpy as np

from engine.scheduler.framework import Diagnosis, FilterPlugin, Nominees, PostFilterResult, ScorePlugin, normalized
from engine.scheduler.load import SINGLY, Load
from engine.scheduler.messages import fit_error, truncated
from engine.scheduler.nodes import Ints, Mask, NodeTable, Rows, distinct
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import PluginError, Profile
from store.types import Envelope

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
        self._related: list[FilterPlugin] = []
        self._ranking: list[tuple[ScorePlugin, int]] = []
        self._filter_signature: tuple[Hashable, ...] = ()
        self._score_signature: tuple[Hashable, ...] = ()
        self._fits: Mask = np.zeros(0, np.bool_)

    @property
    def load(self) -> Load:
        return self._load

    def refresh(self) -> None:
        """Bring masks and scores to the present. Raises PluginError."""
        nodes = self._nodes
        nodes.vector(self.pod)  # A resource that no one asked for yet widens the table, which is a change of epoch.
        if self._epoch == nodes.epoch and self._version == nodes.version and self._others_same():
            return
        self._load.refresh()
        self.failure = None
        if self._epoch != nodes.epoch:
            self._build()
            self._epoch = nodes.epoch
        elif self._relate():
            self._fits = self._possible & self._load.fits
            self._sum_up()
            self._rank()
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
            if plugin.score_related:
                if plugin.scores(self.pod, self._nodes):
                    ranks = plugin.rank(self.pod, self._nodes, self._fits)
                    if ranks is not None:
                        parts[plugin.name] = weight * int(ranks[row])
            elif plugin.scores(self.pod, self._nodes):
                scores = plugin.score(self.pod, self._nodes, self._nodes.all_rows)
                raw = normalized(scores, self._fits, plugin.normalize)
                parts[plugin.name] = weight * int(raw[row])
        return parts

    def without(self, blocked: Iterable[int]) -> tuple[int, list[int]]:
        """(best score, rows that have it) if these rows did not fit; (-1, []) when none is left."""
        fits = self._fits
        self._fits = fits.copy()
        self._fits[list(blocked)] = False
        try:
            self._sum_up()
            best = int(self._total.max(initial=-1))
            return best, np.flatnonzero(self._total == best).tolist() if best >= 0 else []
        finally:
            self._fits = fits
            self._sum_up()

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
        self._related, self._ranking = [], []
        for plugin in self._profile.filters:
            try:
                allowed = plugin.node_names(pod)
                if allowed is not None:
                    fits &= _named(allowed, nodes)
                if plugin.related:
                    if plugin.concerns(pod):
                        self._related.append(plugin)
                elif not plugin.dynamic and plugin.concerns(pod):
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
                if scorer.score_related:
                    self._ranking.append((scorer, weight))
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
        self._filter_signature = self._score_signature = (None,)
        self._possible: Mask = fits
        self._relate()
        self._fits = self._possible & self._load.fits
        self._sum_up()
        self._rank()

    def _others_same(self) -> bool:
        """Nothing related changed while no pod did (which images the nodes have, the state of claims)."""
        if not self._related and not self._ranking:
            return True
        return self._signatures() == (self._filter_signature, self._score_signature)

    def _signatures(self) -> tuple[tuple[Hashable, ...], tuple[Hashable, ...]]:
        pod, nodes = self.pod, self._nodes
        return (
            tuple([plugin.signature(pod, nodes) for plugin in self._related]),
            tuple([scorer.score_signature(pod, nodes) for scorer, _ in self._ranking]),
        )

    def _relate(self) -> bool:
        """Ask the related plugins. False if nothing changed that they look at."""
        if not self._related and not self._ranking:
            return False
        filters, scores = self._signatures()
        if filters == self._filter_signature and scores == self._score_signature:
            return False
        if filters != self._filter_signature:
            self._possible = self._static_fits
            for plugin in self._related:
                try:
                    taken = plugin.filter(self.pod, self._nodes, self._nodes.all_rows) == 0
                except Exception as error:
                    raise PluginError(plugin.name, "filter", error) from error
                self._possible = self._possible & taken
        self._filter_signature, self._score_signature = filters, scores
        return True

    def _update_rows(self, rows: Rows) -> None:
        """Take over rows whose pods changed."""
        fits = self._possible[rows] & self._load.fits[rows]
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
        self._moving = self._shifting
        for scorer, weight in self._ranking:
            try:
                ranks = scorer.rank(self.pod, self._nodes, self._fits)
            except Exception as error:
                raise PluginError(scorer.name, "score", error) from error
            if ranks is not None:
                self._extra += weight * ranks
                self._moving = True
        self._total = np.where(self._fits, self._load.score + self._extra, -1)

    def _rank(self) -> None:
        if not len(self._total):
            self.best, self.ties = -1, []
            return
        self.best = int(self._total.max())
        self.ties = np.flatnonzero(self._total == self.best).tolist() if self.best >= 0 else []

    def _update(self, row: int) -> None:
        """Take over one row whose pods changed."""
        if not self._possible[row]:
            return
        fits = bool(self._load.fits[row])
        if fits != self._fits[row]:
            self._fits[row] = fits
            if fits or self._moving:
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


def diagnose(pod: PodClass, nodes: NodeTable, profile: Profile, nominees: Nominees = ()) -> Diagnosis:
    """Ask every filter in order; a node is asked until its first refusal. Raises PluginError."""
    standing = nodes.alive[: nodes.size].copy()
    refusals: dict[str, Ints] = {}
    reasons: Counter[str] = Counter()
    helpful: Mask = np.zeros(nodes.size, np.bool_)
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
    for plugin in profile.filters:
        refusal = plugin.pre_filter(pod) if plugin.concerns(pod) else ""
        if refusal:
            codes = np.where(standing, plugin.filter(pod, nodes, nodes.all_rows), 0)
            return Diagnosis(nodes.count, {plugin.name: codes}, {}, 0, tuple(ruled_out), absent, refusal)
    if absent is not None:
        count = int(np.count_nonzero(absent))
        if count:
            reasons[f"node(s) didn't satisfy plugin(s) [{' '.join(ruled_out)}]"] = count
    for plugin in profile.filters:
        try:
            if not plugin.concerns(pod):
                continue
            codes = np.where(standing, plugin.filter(pod, nodes, nodes.all_rows), 0)
            found, counts = distinct(codes)
            for code, count in zip(found.tolist(), counts.tolist(), strict=True):
                if code:
                    if plugin.resolvable(code):
                        helpful |= codes == code
                    for reason in plugin.reasons(code, nodes):
                        reasons[reason] += count
        except Exception as error:
            raise PluginError(plugin.name, "filter", error) from error
        if found.any():
            refusals[plugin.name] = codes
            standing &= codes == 0
    resolvable = int(np.count_nonzero(helpful))
    return Diagnosis(
        nodes.count, refusals, reasons, resolvable, tuple(ruled_out), absent, helpful=helpful, nominees=nominees
    )  # fmt: skip


def refusal_message(
    env: Envelope, pod: PodClass, nodes: NodeTable, profile: Profile, diagnosis: Diagnosis
) -> tuple[str, PostFilterResult]:
    """(what the event and the condition say, what PostFilter found)."""
    said: list[str] = []
    nothing = PostFilterResult("")
    for plugin in profile.post_filters:
        result = plugin.post_filter(env, pod, nodes, diagnosis, profile)
        if result.nominated:
            # A PostFilter plugin that succeeds ends the round, and what the others said goes with it.
            return truncated(fit_error(diagnosis.total, diagnosis.reasons, (), diagnosis.pre_filter)), result
        if result.failed:
            said, nothing = [result.message], PostFilterResult("")
            break
        said.append(result.message)
        if result.nominated is not None:
            nothing = result
    return truncated(fit_error(diagnosis.total, diagnosis.reasons, said, diagnosis.pre_filter)), nothing


def _named(names: Iterable[str], nodes: NodeTable) -> Mask:
    found = np.zeros(nodes.size, np.bool_)
    for name in sorted(names):
        row = nodes.row(name)
        if row is not None:
            found[row] = True
    return found
