"""Who would have to go, and from which node, so that a pod fits: DefaultPreemption's dry run.

Nodes on which removing pods may help are tried from a place that depends on the pod, until enough candidates are
found (10% of the nodes, at least 100). On each, all pods of lower priority go in thought; if the pod fits then, as
many as possible come back, the most important first and those under an exhausted disruption budget before the others.
What stays away are the node's victims. The best node is the one with the fewest budget violations, then the lowest of
the highest victim priorities, the least sum of priorities, the fewest victims, the victims that started latest.

Nothing is changed: what a node would say is asked of `Trial`s. Where only resources are in question all nodes are
sorted out at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import sub
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from engine.api.selectors import LabelSelector
from engine.scheduler.affinity_terms import NOBODY, PodIdentity
from engine.scheduler.framework import Diagnosis, FilterPlugin, Trial
from engine.scheduler.nodes import Ints, Mask, NodeTable, distinct
from engine.scheduler.plugins.node_resources_fit import ResourcesTrial
from engine.scheduler.podclass import PodClass
from engine.scheduler.resources import PODS
from store.types import Uid

NO_VICTIMS: Final = "No preemption victims found for incoming pod"
NOT_HELPFUL: Final = "Preemption is not helpful for scheduling"
_LATEST: Final = "~"
"""Later than any time: the start of a pod that has not started."""


class Budget(NamedTuple):
    """A PodDisruptionBudget."""

    namespace: str
    selector: LabelSelector
    allowed: int
    """status.disruptionsAllowed"""
    disrupted: frozenset[str]
    """Names of pods whose disruption it has counted already."""


class Victim(NamedTuple):
    uid: Uid
    pod: PodClass
    who: PodIdentity
    started: str
    """status.startTime"""


class Candidate(NamedTuple):
    row: int
    victims: tuple[Victim, ...]
    """Most important first."""
    violations: int
    """Victims whose disruption budget does not allow it."""


class Search(NamedTuple):
    """What was found."""

    best: Candidate | None
    reasons: Mapping[str, int]
    """Kubernetes' words → number of nodes, when there is no candidate."""


class VictimSearch:
    """One search for one pod."""

    def __init__(
        self, uid: Uid, pod: PodClass, nodes: NodeTable, diagnosis: Diagnosis, filters: Sequence[FilterPlugin],
        budgets: Sequence[Budget], started: Callable[[Uid], str],
    ) -> None:  # fmt: skip
        self._uid, self._pod, self._nodes, self._diagnosis = uid, pod, nodes, diagnosis
        self._filters = [plugin for plugin in filters if plugin.concerns(pod)]
        self._budgets, self._started = budgets, started
        self._trials: list[tuple[FilterPlugin, Trial]] = []
        for plugin in self._filters:
            trial = plugin.trial(pod, nodes)
            if trial is not None:
                self._trials.append((plugin, trial))
        self._touched = np.zeros(nodes.size, np.bool_)
        """Rows whose pods matter to related plugins."""
        for plugin, _ in self._trials:
            if plugin.related:
                self._touched |= plugin.touched(pod, nodes)
        self._all = self._trials
        self._plain = [(plugin, trial) for plugin, trial in self._trials if not plugin.related]
        fit = [trial for _, trial in self._plain]
        self._wanted: list[tuple[int, int]] | None = None
        """What the pod asks for, where nothing but resources is in question."""
        if len(fit) == 1 and isinstance(fit[0], ResourcesTrial) and not budgets and not diagnosis.nominees:
            self._wanted = fit[0].wanted
        self._slack: list[list[int]] = []
        """By row: what of that would be left beside the pod, were all pods of lower priority gone."""
        self._amounts: dict[int, list[int]] = {}
        self._by_identity = bool(budgets) or any(plugin.related for plugin, _ in self._trials)
        """Who the pods are matters, not only what they take."""
        self._nominees: dict[int, list[tuple[PodClass, PodIdentity]]] = {}
        for row, other, who in diagnosis.nominees:
            self._nominees.setdefault(row, []).append((other, who))

    def run(self, wanted: int) -> Search:
        """Look until `wanted` candidates are found."""
        nodes, diagnosis = self._nodes, self._diagnosis
        helpful = diagnosis.helpful
        if helpful is None or not helpful.any():
            return Search(None, {NOT_HELPFUL: diagnosis.total} if diagnosis.total else {})
        reasons: Counter[str] = Counter()
        lower = self._nodes.lower_than(self._pod.priority) if self._any_lower() else None
        if lower is None:
            some: Mask = np.zeros_like(helpful)
        else:
            some = helpful & (lower[nodes.resources[PODS], : nodes.size] > 0)
        reasons[NOT_HELPFUL] = diagnosis.total - int(np.count_nonzero(helpful))
        reasons[NO_VICTIMS] = int(np.count_nonzero(helpful & ~some))
        if lower is not None:
            some = self._large_enough(some, lower, reasons)
            some = self._untouched_pass(some, reasons)
            if self._wanted is not None:
                indices = [index for index, _ in self._wanted]
                free = nodes.allocatable[indices] - nodes.requested[indices] + lower[indices]
                self._slack = (free - np.array([[amount] for _, amount in self._wanted])).T.tolist()
        candidates = self._candidates(np.flatnonzero(some), wanted, reasons)
        if not candidates:
            return Search(None, {reason: count for reason, count in reasons.items() if count})
        return Search(best_candidate(candidates), {})

    # -- inside ----------------------------------------------------------------------------------------------------

    def _any_lower(self) -> bool:
        return any(priority < self._pod.priority for priority in self._nodes.priorities)

    def _large_enough(self, some: Mask, lower: Ints, reasons: Counter[str]) -> Mask:
        """Nodes where the resources suffice without the pods of lower priority."""
        nodes, size = self._nodes, self._nodes.size
        fit = next((plugin for plugin, _ in self._trials if plugin.name == "NodeResourcesFit"), None)
        if fit is None or self._nominees:
            return some
        requested = nodes.requested
        try:
            nodes.requested = requested - lower
            codes = np.where(some, fit.filter(self._pod, nodes, slice(0, size)), 0)
        finally:
            nodes.requested = requested
        found, counts = distinct(codes)
        for code, count in zip(found.tolist(), counts.tolist(), strict=True):
            if code:
                for reason in fit.reasons(code, nodes):
                    reasons[reason] += count
        left: Mask = some & (codes == 0)
        return left

    def _untouched_pass(self, some: Mask, reasons: Counter[str]) -> Mask:
        """Without the rows that a related plugin refuses whoever goes from them."""
        if self._nominees:
            self._touched[:] = True
        for plugin, _ in self._all:
            if plugin.related:
                codes = np.where(some & ~self._touched, plugin.filter(self._pod, self._nodes, self._nodes.all_rows), 0)
                for code in codes[codes != 0].tolist():
                    for reason in plugin.reasons(code, self._nodes):
                        reasons[reason] += 1
                some = some & (codes == 0)
        return some

    def _candidates(self, rows: Ints, wanted: int, reasons: Counter[str]) -> list[Candidate]:
        found: list[Candidate] = []
        harmless = 0
        offset = crc32(self._uid.encode()) % len(rows) if len(rows) else 0
        for row in (*rows[offset:].tolist(), *rows[:offset].tolist()):
            candidate = self._try(row, reasons)
            if candidate is not None:
                found.append(candidate)
                harmless += not candidate.violations
                if len(found) >= wanted and harmless:
                    break
        return found

    def _try(self, row: int, reasons: Counter[str]) -> Candidate | None:
        """SelectVictimsOnNode"""
        nodes, priority = self._nodes, self._pod.priority
        lower = [(uid, pod) for uid, pod in nodes.pods[row].items() if pod.priority < priority]
        if not lower:
            reasons[NO_VICTIMS] += 1
            return None
        self._trials = self._all if self._touched[row] else self._plain
        if self._wanted is not None and not self._touched[row]:
            return self._by_resources(row, lower, self._wanted)
        victims = []
        by_identity, started = self._by_identity, self._started
        for uid, pod in lower:
            who = nodes.identity(uid) if by_identity else NOBODY
            victims.append(Victim(uid, pod, who, started(uid) or _LATEST))
        for _, trial in self._trials:
            trial.on(row)
            for other, who in self._nominees.get(row, ()):
                trial.change(other, who, 1)
            for victim in victims:
                trial.change(victim.pod, victim.who, -1)
        refused = self._refusal()
        if refused is not None:
            plugin, code = refused
            for reason in plugin.reasons(code, nodes):
                reasons[reason] += 1
            return None
        victims.sort(key=_importance)
        violating, others = self._by_budget(victims)
        gone = [victim for victim in violating if not self._reprieve(victim)]
        violations = len(gone)
        gone += [victim for victim in others if not self._reprieve(victim)]
        gone.sort(key=_importance)
        return Candidate(row, tuple(gone), violations)

    def _by_resources(
        self, row: int, lower: Sequence[tuple[Uid, PodClass]], wanted: Sequence[tuple[int, int]]
    ) -> Candidate:
        """The same where resources alone are in question, and known to suffice: sums instead of trials."""
        amounts, started = self._amounts, self._started
        pods: list[tuple[int, str, int, Uid, PodClass]] = []
        for uid, pod in lower:
            if pod.number not in amounts:
                of = dict(self._nodes.wanted(pod))
                amounts[pod.number] = [of.get(index, 0) for index, _ in wanted]
            pods.append((-pod.priority, started(uid) or _LATEST, len(pods), uid, pod))
        pods.sort()
        left, victims = self._slack[row], []
        for _, start, _, uid, pod in pods:
            after = list(map(sub, left, amounts[pod.number]))
            if min(after) < 0:
                victims.append(Victim(uid, pod, NOBODY, start))
            else:
                left = after
        return Candidate(row, tuple(victims), 0)

    def _refusal(self) -> tuple[FilterPlugin, int] | None:
        for plugin, trial in self._trials:
            code = trial.refusal()
            if code:
                return plugin, code
        return None

    def _reprieve(self, victim: Victim) -> bool:
        """Let the pod come back if the incoming one still fits."""
        if len(self._trials) == 1:
            trial = self._trials[0][1]
            trial.change(victim.pod, victim.who, 1)
            if trial.refusal():
                trial.change(victim.pod, victim.who, -1)
                return False
            return True
        for _, trial in self._trials:
            trial.change(victim.pod, victim.who, 1)
        if self._refusal() is None:
            return True
        for _, trial in self._trials:
            trial.change(victim.pod, victim.who, -1)
        return False

    def _by_budget(self, victims: Sequence[Victim]) -> tuple[list[Victim], list[Victim]]:
        """(whose eviction would violate a budget, the others)"""
        if not self._budgets:
            return [], list(victims)
        left = [budget.allowed for budget in self._budgets]
        violating: list[Victim] = []
        others: list[Victim] = []
        for victim in victims:
            violated = False
            if victim.who.labels:
                for index, budget in enumerate(self._budgets):
                    if budget.namespace != victim.who.namespace or budget.selector.everything:
                        continue
                    if victim.who.name in budget.disrupted or not budget.selector.matches(victim.who.labels):
                        continue
                    left[index] -= 1
                    violated = violated or left[index] < 0
            (violating if violated else others).append(victim)
        return violating, others


def best_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """pickOneNodeForPreemption; of equals the first."""

    def cost(candidate: Candidate) -> tuple[int, int, int, int]:
        victims = candidate.victims
        # Priorities are shifted so that a negative one does not make more victims cheaper.
        return (
            candidate.violations, max((victim.pod.priority for victim in victims), default=-(1 << 31)),
            sum(victim.pod.priority + (1 << 31) for victim in victims), len(victims),
        )  # fmt: skip

    least = min(cost(candidate) for candidate in candidates)
    equal = [candidate for candidate in candidates if cost(candidate) == least]
    return max(equal, key=_earliest_start)


def _earliest_start(candidate: Candidate) -> str:
    """When the first of the most important victims started (GetEarliestPodStartTime)."""
    highest = max((victim.pod.priority for victim in candidate.victims), default=0)
    return min((v.started for v in candidate.victims if v.pod.priority == highest), default=_LATEST)


def _importance(victim: Victim) -> tuple[int, str]:
    """Sorts the most important first: higher priority, then longer running (MoreImportantPod)."""
    return -victim.pod.priority, victim.started
