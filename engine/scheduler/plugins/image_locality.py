"""ImageLocality: nodes that have the pod's images score higher, by their size.

An image counts its bytes on the node times the share of nodes that have it (so that a rare one does not draw all pods
to one node); the sum is scaled from 23 MB (0) to 1000 MB per container (100).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import numpy as np

from engine.scheduler.framework import MAX_SCORE, ScorePlugin
from engine.scheduler.nodes import Ints, Mask, NodeTable
from engine.scheduler.podclass import PodClass

_MB: Final = 1024 * 1024
_LEAST: Final = 23 * _MB
"""minThreshold"""
_MOST: Final = 1000 * _MB
"""maxContainerThreshold"""


class ImageLocality(ScorePlugin):
    name = "ImageLocality"
    score_related = True

    def scores(self, pod: PodClass, nodes: NodeTable) -> bool:
        return nodes.images.knows(pod.images)

    def score_signature(self, pod: PodClass, nodes: NodeTable) -> Hashable:
        return nodes.images.versions(pod.images)

    def rank(self, pod: PodClass, nodes: NodeTable, fits: Mask) -> Ints | None:
        total = np.zeros(nodes.size, np.int64)
        known = False
        for image in pod.images:
            sizes = nodes.images.sizes(image)
            if sizes is None:
                continue
            known = True
            present = sizes[: nodes.size] * nodes.alive[: nodes.size]
            total += (present * (np.count_nonzero(present) / nodes.count)).astype(np.int64)
        if not known:
            return None
        most = _MOST * len(pod.images)
        scores: Ints = MAX_SCORE * (np.clip(total, _LEAST, most) - _LEAST) // (most - _LEAST)
        return scores if scores.any() else None
