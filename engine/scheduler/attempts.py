"""The record of scheduling attempts: rows for the store, and the last ones in memory for `why`.

A placed pod leaves one row for its node and up to three for the runners-up. A failed attempt leaves one row with the
message, one per node (up to `attempt_nodes`) and, for what is beyond, one per reason. When equal pods fail on equal
nodes one after the other, the rows per node are kept with the first of them and the others keep the reasons.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from engine.scheduler.framework import Diagnosis, FilterPlugin
from engine.scheduler.nodes import NodeTable
from engine.scheduler.placement import ClassView
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import Profile
from engine.scheduler.queue import QueuedPod
from store.types import Attempt, Micros, Uid

RUNNERS_UP: Final = 3
_KEPT: Final = 20_000
"""Rows in memory."""


class _Line(NamedTuple):
    """A row without the pod."""

    node: str
    plugin: str
    verdict: str
    needed: str = ""
    had: str = ""


class AttemptLog:
    """Writes rows. `sink` takes each attempt's rows for the store."""

    def __init__(self, nodes: NodeTable, profile: Profile, sink: Callable[[Sequence[Attempt]], None]) -> None:
        self._nodes, self._profile, self._sink = nodes, profile, sink
        self._kept: deque[Attempt] = deque(maxlen=_KEPT)
        self._last: Diagnosis | None = None
        self._last_reasons: list[_Line] = []

    def placed(self, pod: QueuedPod, at: Micros, view: ClassView, row: int, score: int) -> None:
        """A node was chosen. Call before it fills, while the view still shows what was compared."""
        names = self._nodes.names
        rows = [Attempt(pod.attempts, at, pod.uid, pod.namespace, pod.name, names[row], "", "Scheduled", "", "", score)]
        for other in view.runners_up(row, RUNNERS_UP):
            rows.append(
                Attempt(
                    pod.attempts, at, pod.uid, pod.namespace, pod.name, names[other], "", "Fits", "", "",
                    view.total(other),
                )
            )  # fmt: skip
        self._keep(rows)

    def refused(self, pod: QueuedPod, at: Micros, pod_class: PodClass, diagnosis: Diagnosis, message: str) -> None:
        """No node took the pod."""
        lines = [_Line("", "", message)]
        if diagnosis is self._last:
            lines += self._last_reasons
        else:
            per_node, self._last_reasons = self._lines(pod_class, diagnosis)
            self._last = diagnosis
            lines += per_node
        self._write(pod, at, lines)

    def failed(self, pod: QueuedPod, at: Micros, plugin: str, message: str) -> None:
        """The attempt ended in an error."""
        self._write(pod, at, [_Line("", plugin, message)])

    def of(self, uid: Uid) -> list[Attempt]:
        """Rows of one pod that are in memory, oldest first."""
        return [row for row in self._kept if row.pod_uid == uid]

    # -- inside ----------------------------------------------------------------------------------------------------

    def _write(self, pod: QueuedPod, at: Micros, lines: list[_Line]) -> None:
        self._keep([Attempt(pod.attempts, at, pod.uid, pod.namespace, pod.name, *line) for line in lines])

    def _keep(self, rows: list[Attempt]) -> None:
        self._kept.extend(rows)
        self._sink(rows)

    def _lines(self, pod: PodClass, diagnosis: Diagnosis) -> tuple[list[_Line], list[_Line]]:
        """(rows per node and, beyond the limit, by reason; all rows by reason)."""
        nodes, limit = self._nodes, self._profile.config.attempt_nodes
        per_node: list[_Line] = []
        beyond: Counter[tuple[str, str]] = Counter()
        everywhere: Counter[tuple[str, str]] = Counter()
        for name, codes in diagnosis.refusals.items():
            plugin = self._profile.by_name[name]
            assert isinstance(plugin, FilterPlugin)
            rows = codes.nonzero()[0].tolist()
            for code, count in Counter(codes[rows].tolist()).items():
                words = ", ".join(plugin.reasons(code, nodes))
                everywhere[name, words] += count
                matching = [row for row in rows if codes[row] == code]
                room = max(0, limit - len(per_node))
                for row in matching[:room]:
                    needed, had = plugin.figures(pod, nodes, row, code)
                    per_node.append(_Line(nodes.names[row], name, words, needed, had))
                if count > room:
                    beyond[name, words] += count - room
        return per_node + _by_reason(beyond), _by_reason(everywhere)


def _by_reason(counts: Counter[tuple[str, str]]) -> list[_Line]:
    return [_Line("", plugin, words, "", f"{count} nodes") for (plugin, words), count in counts.items()]
