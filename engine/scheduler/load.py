"""What the pods on the nodes mean for a pod of given requests: where it still fits, and the scores that go with it.

Classes that ask for the same share one `Load`, whatever else tells them apart; so a pod that is placed costs one row
for each kind of request, not for each class. Dynamic plugins therefore look at nothing of a pod but what is in its
`load_key`; what looks at labels is related (engine.scheduler.framework) and no part of a load.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.scheduler.framework import FilterPlugin, ScorePlugin
from engine.scheduler.nodes import Ints, Mask, NodeTable, Rows
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import PluginError, Profile

SINGLY: Final = 8
"""Up to so many changed rows are recomputed one by one, which is quicker than starting numpy for them."""


class Load:
    """Answers of the dynamic plugins, by row."""

    __slots__ = ("__weakref__", "_epoch", "_filters", "_nodes", "_pod", "_scorers", "_version", "fits", "score")

    def __init__(self, pod: PodClass, nodes: NodeTable, profile: Profile) -> None:
        """`pod` stands for all with its `load_key`."""
        self._pod, self._nodes = pod, nodes
        self._filters: list[FilterPlugin] = [p for p in profile.filters if p.dynamic and p.concerns(pod)]
        self._scorers: list[tuple[ScorePlugin, int]] = [
            (p, weight) for p, weight in profile.scorers if p.score_dynamic and p.scores(pod, nodes)
        ]
        self._epoch = self._version = -1
        self.fits: Mask = np.zeros(0, np.bool_)
        self.score: Ints = np.zeros(0, np.int64)
        """Weighted sum."""

    def refresh(self) -> None:
        """Bring all rows to the present. Raises PluginError."""
        nodes = self._nodes
        if self._epoch != nodes.epoch:
            self.fits = np.zeros(nodes.size, np.bool_)
            self.score = np.zeros(nodes.size, np.int64)
            self._recompute(nodes.all_rows)
            self._epoch = nodes.epoch
        elif self._version != nodes.version:
            changed = nodes.changed_since(self._version)
            if changed is None or len(changed) * 2 > nodes.size:
                self._recompute(nodes.all_rows)
            elif len(changed) > SINGLY:
                self._recompute(np.array(changed, np.intp))
            else:
                for row in changed:
                    self._recompute_one(row)
        self._version = nodes.version

    def _recompute(self, rows: Rows) -> None:
        pod, nodes = self._pod, self._nodes
        fits: Mask | bool = True
        for plugin in self._filters:
            try:
                fits = fits & (plugin.filter(pod, nodes, rows) == 0)
            except Exception as error:
                raise PluginError(plugin.name, "filter", error) from error
        score: Ints | int = 0
        for scorer, weight in self._scorers:
            try:
                score = score + weight * scorer.score(pod, nodes, rows)
            except Exception as error:
                raise PluginError(scorer.name, "score", error) from error
        self.fits[rows] = fits
        self.score[rows] = score

    def _recompute_one(self, row: int) -> None:
        pod, nodes = self._pod, self._nodes
        fits, score = True, 0
        for plugin in self._filters:
            try:
                if plugin.refusal(pod, nodes, row):
                    fits = False
                    break
            except Exception as error:
                raise PluginError(plugin.name, "filter", error) from error
        for scorer, weight in self._scorers:
            try:
                score += weight * scorer.score_one(pod, nodes, row)
            except Exception as error:
                raise PluginError(scorer.name, "score", error) from error
        self.fits[row] = fits
        self.score[row] = score
