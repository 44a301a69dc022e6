"""Room for a critical pod: the kubelet ends others when one does not fit that was bound to its node.

Only pods of system priority are given room, and never at the cost of such. Victims are as few and as unimportant as
can be: BestEffort before Burstable before Guaranteed, and of each kind those whose size is nearest to what is missing.
The critical pod is admitted when they have ended. Source: pkg/kubelet/preemption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from engine.kubelet.admission import capacity_of
from engine.kubelet.eviction import CRITICAL, priority_of
from engine.kubelet.facts import PodFacts

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker

_MESSAGE: Final = "Preempted in order to admit critical pod"
_DISRUPTION: Final = "Pod was preempted by Kubelet to accommodate a critical pod."
_KINDS: Final = ("pods", "cpu", "memory")
Amounts = Mapping[str, int]


def make_room(worker: PodWorker, reason: str) -> bool:
    """End pods so that a refused critical one fits; False when that cannot help."""
    if priority_of(worker) < CRITICAL or not reason.startswith("OutOf"):
        return False
    node, used = worker.node, worker.node.allocation.usage
    asked = {"pods": used.pods, "cpu": used.cpu, "memory": used.memory}
    missing = {
        name: short
        for name in _KINDS
        if (short := _amount(worker.facts, name) + asked[name] - capacity_of(node.env.obj, name)) > 0
    }
    others = [
        other for other in node.workers.values()
        if not (other.finished or other.terminating) and other is not worker and priority_of(other) < CRITICAL
    ]  # fmt: skip
    victims = choose(others, missing)
    for victim in victims:
        victim.say("Warning", "Preempting", _MESSAGE)
        victim.fail("Preempting", _MESSAGE, victim.facts.grace)
        victim.disruption = _DISRUPTION
    return bool(victims)


def choose(pods: Sequence[PodWorker], missing: Amounts) -> list[PodWorker]:
    """Who is ended for what is missing; nobody when all together are not enough."""
    if not missing or _left(missing, pods):
        return []
    cheap, fair, dear = ([p for p in pods if p.facts.qos == q] for q in ("BestEffort", "Burstable", "Guaranteed"))
    third = _nearest(dear, _left(missing, [*cheap, *fair]))
    second = _nearest(fair, _left(missing, [*cheap, *third]))
    first = _nearest(cheap, _left(missing, [*second, *third]))
    return [*first, *second, *third]


def _nearest(pods: Sequence[PodWorker], missing: Amounts) -> list[PodWorker]:
    chosen: list[PodWorker] = []
    remaining = list(pods)
    while missing and remaining:
        wanted = missing
        best = min(remaining, key=lambda pod: (_distance(pod.facts, wanted), pod.facts.memory, pod.facts.cpu, pod.uid))
        remaining.remove(best)
        chosen.append(best)
        missing = _left(missing, [best])
    return chosen


def _distance(facts: PodFacts, missing: Amounts) -> float:
    """How far a pod is from being all that is missing: 0 when it is."""
    return sum((max(0, amount - _amount(facts, name)) / amount) ** 2 for name, amount in missing.items())


def _left(missing: Amounts, pods: Sequence[PodWorker]) -> dict[str, int]:
    """What is still missing without these pods."""
    found = {name: amount - sum(_amount(pod.facts, name) for pod in pods) for name, amount in missing.items()}
    return {name: amount for name, amount in found.items() if amount > 0}


def _amount(facts: PodFacts, name: str) -> int:
    return {"pods": 1, "cpu": facts.cpu, "memory": facts.memory}[name]
