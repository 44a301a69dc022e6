"""PodDisruptionBudgets: how many pods may be evicted now (kube-controller-manager's disruption-controller).

A budget's status says how many of its pods are expected, how many are healthy and how many must be, and so how many
disruptions are allowed; the eviction subresource spends them. A pod that was evicted stands in disruptedPods until it
is being deleted, for 2 minutes at most: meanwhile it counts as not healthy. When the numbers cannot be had, nothing is
allowed (SyncFailed).

The controller also takes DisruptionTarget back from pods that carry it for 2 minutes without being deleted.
Source: pkg/controller/disruption/disruption.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api import selectors
from engine.api.errors import NotFound
from engine.api.kinds import PDBS, PODS
from engine.clock import MINUTE, SECOND, parse_time, rfc3339
from engine.controllers.controller import Key, Queue, Watch, being_deleted, spec_changed
from engine.controllers.expected_pods import CannotCount, Expected, expected_pods
from engine.controllers.pod_conditions import with_condition
from engine.controllers.selector_text import go_text
from store.types import ADDED, DELETED, Envelope, JsonObject, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

DELETION_TIMEOUT: Final = 2 * MINUTE
"""How long an evicted pod is expected to be deleted (DeletionTimeout)."""
STALE_DISRUPTION: Final = 2 * MINUTE
"""How long DisruptionTarget holds on a pod that nobody deletes (stalePodDisruptionTimeout)."""
_GATHER_FROM: Final = 500
"""Budgets of so many pods gather changes before they are counted anew, for 100 ms for every so many pods: a count looks
at all of them."""
_STALE: Final = "stale"
"""First word of the keys of pods whose DisruptionTarget is to be looked at."""
_SHARED: Final = "shared"
"""First word of the keys of pods that have come to more than one budget."""
_UNMANAGED: Final = (
    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of "
    "the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please "
    'set ".spec.minAvailable" field of the PDB to an integer value.'
)


class DisruptionController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder("controllermanager")
        self._queue: Queue | None = None

    def watches(self) -> Sequence[Watch]:
        return (Watch(PDBS, self._budget_changed), Watch(PODS, self._pod_changed))

    def start(self, queue: Queue) -> None:
        """Nothing is kept but the queue."""
        self._queue = queue

    def reconcile(self, key: Key) -> int | None:
        if len(key) == 3:
            word, namespace, name = key
            pod = self._api.find(PODS, namespace, name)
            if pod is None:
                return None
            if word == _STALE:
                return self._end_stale_disruption(pod)
            self._warn_shared(pod)
            return None
        budget = self._api.find(PDBS, *key)
        return self._sync(budget) if budget is not None else None

    # -- pods ------------------------------------------------------------------------------------------------------

    def _pod_changed(self, event: WatchEvent) -> Iterable[Key]:
        """Budgets whose numbers may change: only a pod's readiness, its deletion and its labels matter to them."""
        now, before = event.now, event.before
        if event.type != DELETED and self._queue is not None:
            left = self._stale_in(now)
            if left is not None and (before is None or self._stale_in(before) is None):
                self._queue.add_after((_STALE, *now.key[2:]), left)
        comes = event.type == ADDED or before is None or before.labels != now.labels
        if not comes and event.type != DELETED and before is not None and _standing(before) == _standing(now):
            return ()
        budgets = self._budgets_of(now)
        shared: list[Key] = [(_SHARED, now.namespace, now.name)] if len(budgets) > 1 and comes else []
        if before is not None and before.labels != now.labels:
            budgets = [*budgets, *self._budgets_of(before)]
        return [*(key for budget in budgets for key in self._soon(budget)), *shared]

    def _budget_changed(self, event: WatchEvent) -> Iterable[Key]:
        """Its own status asks for a second count, as it does in Kubernetes: an eviction may have spent of it."""
        return spec_changed(event) or (self._soon(event.now) if event.type != DELETED else ())

    def _soon(self, budget: Envelope) -> Iterable[Key]:
        """The budget's key; none for a large one, which is queued for later."""
        key = (budget.namespace, budget.name)
        size: int = (budget.obj.get("status") or {}).get("expectedPods", 0) // _GATHER_FROM
        if not size or self._queue is None:
            return (key,)
        self._queue.add_after(key, size * SECOND // 10)
        return ()

    def _budgets_of(self, pod: Envelope) -> list[Envelope]:
        return [
            budget
            for budget in self._api.store.list(PDBS, pod.namespace)
            if selectors.from_spec(budget.obj["spec"].get("selector")).matches(pod.labels)
        ]

    def _warn_shared(self, pod: Envelope) -> None:
        budgets = self._budgets_of(pod)
        if len(budgets) > 1:
            self._recorder.event(
                pod, "Warning", "MultiplePodDisruptionBudgets",
                f'Pod "{pod.namespace}"/"{pod.name}" matches multiple PodDisruptionBudgets.  '
                f'Chose "{budgets[0].name}" arbitrarily.',
            )  # fmt: skip

    def _stale_in(self, pod: Envelope) -> int | None:
        """Microseconds until the pod's DisruptionTarget is stale; None when it has none that could be."""
        status = pod.obj.get("status") or {}
        if being_deleted(pod.obj) or status.get("phase") in ("Succeeded", "Failed"):
            return None
        for condition in status.get("conditions") or ():
            if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
                if condition.get("reason") == "TerminationByKubelet":
                    return None
                since = parse_time(condition["lastTransitionTime"])
                return max(since + STALE_DISRUPTION - self._clock.now(), 0)
        return None

    def _end_stale_disruption(self, pod: Envelope) -> int | None:
        left = self._stale_in(pod)
        if left is None or left > 0:
            return left
        meta, stamp = pod.obj["metadata"], rfc3339(self._clock.now())
        status = with_condition(pod.obj["status"], "DisruptionTarget", "False", "", "", stamp, meta.get("generation"))
        self._api.update_status(self._caller, pod, status)
        return None

    # -- budgets ---------------------------------------------------------------------------------------------------

    def _sync(self, budget: Envelope) -> int | None:
        spec: JsonObject = budget.obj["spec"]
        selector = selectors.from_spec(spec.get("selector"))
        pods = [pod for pod in self._api.store.list(PODS, budget.namespace) if selector.matches(pod.labels)]
        if not pods:
            self._recorder.event(budget, "Normal", "NoPods", "No matching pods found")
        try:
            expected = expected_pods(self._api, spec, pods)
        except CannotCount as error:
            why = f"Failed to calculate the number of expected pods: {error}"
            self._recorder.event(budget, "Warning", "CalculateExpectedPodCountFailed", why)
            self._write(budget, self._failed(budget, str(error)))
            return None
        if expected.unmanaged:
            quoted = _UNMANAGED.format(go_text(spec.get("selector")))
            self._recorder.event(budget, "Warning", "UnmanagedPods", quoted)
        disrupted, recheck = self._disrupted(budget, pods)
        self._write(budget, self._counted(budget, expected, self._healthy(pods, disrupted), disrupted))
        return recheck

    def _disrupted(self, budget: Envelope, pods: Sequence[Envelope]) -> tuple[dict[str, str], int | None]:
        """disruptedPods that are still expected to be deleted, and after how long the first of them is overdue."""
        present: dict[str, str] = (budget.obj.get("status") or {}).get("disruptedPods") or {}
        kept: dict[str, str] = {}
        recheck: int | None = None
        if not present:
            return kept, recheck
        now = self._clock.now()
        for pod in pods:
            stamp = present.get(pod.name)
            if stamp is None or being_deleted(pod.obj):
                continue
            left = parse_time(stamp) + DELETION_TIMEOUT - now
            if left < 0:
                # Kubernetes itself names the budget's namespace twice here.
                why = f"Pod was expected by PDB {budget.namespace}/{budget.namespace} to be deleted but it wasn't"
                self._recorder.event(pod, "Warning", "NotDeleted", why)
                continue
            kept[pod.name] = stamp
            # Overdue means past the instant, not at it: a look at that very instant would repeat itself for ever.
            recheck = left + SECOND // 1000 if recheck is None else min(recheck, left + SECOND // 1000)
        return kept, recheck

    def _healthy(self, pods: Sequence[Envelope], disrupted: dict[str, str]) -> int:
        now = self._clock.now()
        return sum(
            1
            for pod in pods
            if not being_deleted(pod.obj)
            and not (pod.name in disrupted and parse_time(disrupted[pod.name]) + DELETION_TIMEOUT > now)
            and _ready(pod)
        )

    def _counted(
        self, budget: Envelope, expected: Expected, healthy: int, disrupted: dict[str, str]
    ) -> JsonObject:  # fmt: skip
        present: JsonObject = budget.obj.get("status") or {}
        generation = budget.obj["metadata"].get("generation", 0)
        # No pods expected: nothing is allowed, so that the first pods are safe before they have been counted.
        allowed = max(healthy - expected.healthy, 0) if expected.pods > 0 else 0
        status: JsonObject = {
            "observedGeneration": generation, "disruptionsAllowed": allowed, "currentHealthy": healthy,
            "desiredHealthy": expected.healthy, "expectedPods": expected.pods,
        }  # fmt: skip
        if disrupted:
            status["disruptedPods"] = disrupted
        conditions = present.get("conditions") or []
        told = _condition(conditions)
        value = "True" if allowed > 0 else "False"
        if (
            {**status, "conditions": conditions} == present
            and told.get("observedGeneration") == generation
            and told.get("status") == value
        ):
            return present
        reason = "SufficientPods" if allowed > 0 else "InsufficientPods"
        return {**status, "conditions": self._with_condition(conditions, value, reason, "", generation)}

    def _failed(self, budget: Envelope, why: str) -> JsonObject:
        """Fail safe: no eviction while the numbers are not known."""
        present: JsonObject = budget.obj.get("status") or {}
        generation = present.get("observedGeneration", 0)
        conditions = self._with_condition(present.get("conditions") or [], "False", "SyncFailed", why, generation)
        # The four numbers are always in a status: Kubernetes writes their zeros.
        numbers = {"currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
        return {**numbers, **present, "disruptionsAllowed": 0, "conditions": conditions}

    def _with_condition(
        self, conditions: Sequence[JsonObject], value: str, reason: str, message: str, generation: int
    ) -> list[JsonObject]:
        present = _condition(conditions)
        same = present.get("status") == value
        condition: dict[str, Any] = {
            "type": "DisruptionAllowed", "status": value,
            "lastTransitionTime": present["lastTransitionTime"] if same else rfc3339(self._clock.now()),
            "reason": reason, "message": message,
        }  # fmt: skip
        if generation:
            condition["observedGeneration"] = generation
        others = [one for one in conditions if one["type"] != "DisruptionAllowed"]
        return [*others, condition]

    def _write(self, budget: Envelope, status: JsonObject) -> None:
        if status == budget.obj.get("status"):
            return
        try:
            self._api.update_status(self._caller, budget, status)
        except NotFound:
            return


def _condition(conditions: Sequence[JsonObject]) -> JsonObject:
    return next((one for one in conditions if one["type"] == "DisruptionAllowed"), {})


def _ready(pod: Envelope) -> bool:
    for condition in (pod.obj.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready":
            return bool(condition["status"] == "True")
    return False


def _standing(pod: Envelope) -> tuple[bool, bool]:
    return being_deleted(pod.obj), _ready(pod)
