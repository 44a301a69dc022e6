"""The record of scheduling attempts, as rows in the store.

A placed pod leaves one row for its node, and the first of a class at an instant up to three for the runners-up. A
failed attempt leaves one row with the message, one per node (up to `attempt_nodes`) and, for what is beyond, one per
reason. When equal pods fail on equal nodes one after the other, the rows per node are kept with the first of them and
the others keep the reasons. Rows are handed to the store together, at the end of a slice of work.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from engine.scheduler.config import SchedulerConfig
from engine.scheduler.framework import Diagnosis, FilterPlugin
from engine.scheduler.nodes import NodeTable
from engine.scheduler.placement import ClassView
from engine.scheduler.podclass import PodClass
from engine.scheduler.profile import Profile
from engine.scheduler.queue import QueuedPod
from store.store import Store
from store.types import Attempt, Micros, Uid

RUNNERS_UP: Final = 3
_SHOWN: Final = 1_000
"""Rows of a pod that are read."""
_CLASSES: Final = 4_096


class _Line(NamedTuple):
    """A row without the pod."""

    node: str
    plugin: str
    verdict: str
    needed: str = ""
    had: str = ""


class AttemptLog:
    """Writes rows. `sink` takes each attempt's rows for the store."""

    def __init__(self, nodes: NodeTable, config: SchedulerConfig, store: Store) -> None:
        self._nodes, self._config, self._store = nodes, config, store
        self._rows: list[Attempt] = []
        self._last: Diagnosis | None = None
        self._last_reasons: list[_Line] = []
        self._compared: dict[int, Micros] = {}
        """When runners-up of a class were kept last."""

    def placed(self, pod: QueuedPod, at: Micros, view: ClassView, row: int, score: int) -> None:
        """A node was chosen. Call before it fills, while the view still shows what was compared."""
        names, rows = self._nodes.names, self._rows
        rows.append(
            Attempt(pod.attempts, at, pod.uid, pod.namespace, pod.name, names[row], "", "Scheduled", "", "", score)
        )
        if self._compared.get(view.pod.number) == at:
            return
        if len(self._compared) >= _CLASSES:
            self._compared.clear()
        self._compared[view.pod.number] = at
        for other in view.runners_up(row, RUNNERS_UP):
            rows.append(
                Attempt(
                    pod.attempts, at, pod.uid, pod.namespace, pod.name, names[other], "", "Fits", "", "",
                    view.total(other),
                )
            )  # fmt: skip

    def refused(
        self, pod: QueuedPod, at: Micros, pod_class: PodClass, profile: Profile, diagnosis: Diagnosis, message: str
    ) -> None:
        """No node took the pod."""
        lines = [_Line("", "", message)]
        if diagnosis is self._last:
            lines += self._last_reasons
        else:
            per_node, self._last_reasons = self._lines(pod_class, profile, diagnosis)
            self._last = diagnosis
            lines += per_node
        self._write(pod, at, lines)

    def failed(self, pod: QueuedPod, at: Micros, plugin: str, message: str) -> None:
        """The attempt ended in an error."""
        self._write(pod, at, [_Line("", plugin, message)])

    def of(self, uid: Uid) -> list[Attempt]:
        """Rows of one pod, oldest first."""
        self.flush()
        return list(reversed(self._store.attempts(uid, _SHOWN)))

    def flush(self) -> None:
        """Hand what was gathered to the store."""
        if self._rows:
            self._store.record_attempts(self._rows)
            self._rows = []

    # -- inside ----------------------------------------------------------------------------------------------------

    def _write(self, pod: QueuedPod, at: Micros, lines: list[_Line]) -> None:
        self._rows += [Attempt(pod.attempts, at, pod.uid, pod.namespace, pod.name, *line) for line in lines]

    def _lines(self, pod: PodClass, profile: Profile, diagnosis: Diagnosis) -> tuple[list[_Line], list[_Line]]:
        """(rows per node and, beyond the limit, by reason; all rows by reason)."""
        nodes, limit = self._nodes, self._config.attempt_nodes
        per_node: list[_Line] = []
        beyond: Counter[tuple[str, str]] = Counter()
        everywhere: Counter[tuple[str, str]] = Counter()
        for name, codes in diagnosis.refusals.items():
            plugin = profile.by_name[name]
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
        if diagnosis.absent is not None and diagnosis.absent.any():
            for counts in (beyond, everywhere):
                counts[diagnosis.ruled_out[0], "not in question"] = int(diagnosis.absent.sum())
        return per_node + _by_reason(beyond), _by_reason(everywhere)


def _by_reason(counts: Counter[tuple[str, str]]) -> list[_Line]:
    return [_Line("", plugin, words, "", f"{count} nodes") for (plugin, words), count in counts.items()]
