"""Where a Job stands at one moment: its spec, its status so far, and its pods, sorted by what they mean.

Nothing is decided and nothing written here. The counts include what the status does not know yet: pods that have just
ended, and pods that it has listed in `uncountedTerminatedPods`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.controllers.job.indexes import NONE, Indexes, parse_indexes
from engine.controllers.job.pods import (
    FINISHED,
    NO_INDEX,
    completion_index,
    finished_at,
    has_failed,
    index_failures,
    index_ignored,
    is_deleted,
    is_ready,
    is_tracked,
    phase,
)
from engine.controllers.job.policies import failure_verdict
from store.types import Envelope, JsonObject, Uid


class Standing:
    """A Job and its pods as they are now. Read-only for those who decide."""

    def __init__(self, job: Envelope, pods: Iterable[Envelope], stopping: bool = False) -> None:
        """`stopping`: the Job's end is decided, so that pods being deleted are so because of it, and did not fail."""
        self.job = job
        self.spec: JsonObject = job.obj["spec"]
        self.status: JsonObject = job.obj.get("status") or {}
        self.deleted = is_deleted(job)
        self.suspended: bool = bool(self.spec.get("suspend"))
        self.indexed: bool = self.spec.get("completionMode") == "Indexed"
        self.completions: int | None = self.spec.get("completions")
        self.backoff_limit: int = self.spec.get("backoffLimit", 6)
        self.per_index: int | None = self.spec.get("backoffLimitPerIndex") if self.indexed else None
        """backoffLimitPerIndex; None: failures count for the Job as a whole."""
        self.failure_policy: JsonObject | None = self.spec.get("podFailurePolicy")
        self.only_failed: bool = self.spec.get("podReplacementPolicy") == "Failed" or self.failure_policy is not None
        """Pods are replaced when they have ended, not as soon as they are being deleted."""
        self._stopping = stopping
        uncounted: dict[str, list[Uid]] = self.status.get("uncountedTerminatedPods") or {}
        self.listed_succeeded = frozenset(uncounted.get("succeeded") or ())
        self.listed_failed = frozenset(uncounted.get("failed") or ())
        """Uids that the status lists: only ever asked whether one is in."""
        self.pods = list(pods)
        self.active: list[Envelope] = []
        self.terminating: list[Envelope] = []
        self.tracked: list[Envelope] = []
        """Not counted yet."""
        self.new_succeeded: list[Envelope] = []
        self.new_failed: list[Envelope] = []
        self.ready = 0
        self._sort()
        self.succeeded: int = self.status.get("succeeded", 0) + len(self.new_succeeded) + len(self.listed_succeeded)
        self.failed: int = self.status.get("failed", 0) + len(self.listed_failed) + self._counted_failures()
        self.done_before = self.done = NONE
        """Succeeded indexes, as the status has them and as they are."""
        self.failed_indexes: Indexes | None = None
        """None without backoffLimitPerIndex."""
        self.delayed: dict[int, Envelope] = {}
        """The last failed pod of each index that is to be tried again: its successor must read its failures first."""
        if self.indexed:
            self._weigh_indexes()

    def index_of(self, pod: Envelope) -> int:
        """A pod's index if it is one of the Job's, else NO_INDEX."""
        index = completion_index(pod)
        return index if index < (self.completions or 0) else NO_INDEX

    def failed_pod(self, pod: Envelope) -> bool:
        return has_failed(pod, self.only_failed or self._stopping)

    def counts(self, pod: Envelope) -> bool:
        """Whether a failed pod's failure counts."""
        return self.failure_policy is None or failure_verdict(self.failure_policy, pod).counts

    # -- inside ----------------------------------------------------------------------------------------------------

    def _sort(self) -> None:
        for pod in self.pods:
            is_phase = phase(pod)
            if is_phase not in FINISHED:
                if is_deleted(pod):
                    self.terminating.append(pod)
                else:
                    self.active.append(pod)
                    self.ready += is_ready(pod)
            if not is_tracked(pod):
                continue
            self.tracked.append(pod)
            if self.indexed and self.index_of(pod) == NO_INDEX:
                continue
            if is_phase == "Succeeded":
                if pod.uid not in self.listed_succeeded:
                    self.new_succeeded.append(pod)
            elif pod.uid not in self.listed_failed and self.failed_pod(pod):
                self.new_failed.append(pod)

    def _counted_failures(self) -> int:
        return sum(self.counts(pod) for pod in self.new_failed)

    def _weigh_indexes(self) -> None:
        completions = self.completions or 0
        self.done_before = parse_indexes(self.status.get("completedIndexes") or "", completions)
        ended = [self.index_of(pod) for pod in self.tracked if phase(pod) == "Succeeded"]
        self.done = self.done_before.with_indexes(index for index in ended if index != NO_INDEX)
        self.succeeded = self.done.total
        if self.per_index is None:
            return
        failed = [self.index_of(pod) for pod in self.tracked if self.index_of(pod) != NO_INDEX and self._spoils(pod)]
        self.failed_indexes = parse_indexes(self.status.get("failedIndexes") or "", completions).with_indexes(failed)
        running = {completion_index(pod) for pod in self.active}
        for pod in self.tracked:
            index = self.index_of(pod)
            if index == NO_INDEX or not self.failed_pod(pod):
                continue
            if index in self.done or index in self.failed_indexes or index in running:
                continue
            last = self.delayed.get(index)
            if last is None or (failures(last), finished_at(last)) <= (failures(pod), finished_at(pod)):
                self.delayed[index] = pod

    def _spoils(self, pod: Envelope) -> bool:
        """Whether a pod's failure is the last that its index may have (isIndexFailed)."""
        if self.per_index is None or not self.failed_pod(pod):
            return False
        if self.failure_policy is not None:
            verdict = failure_verdict(self.failure_policy, pod)
            if verdict.action == "FailIndex":
                return True
            if not verdict.counts:
                return False
        return index_failures(pod) >= self.per_index


def failures(pod: Envelope) -> int:
    """All failures of the pod's index before it, ignored ones too."""
    return index_failures(pod) + index_ignored(pod)


def restart_count(pods: Iterable[Envelope]) -> int:
    """Restarts of all containers of pods that run or are to run."""
    total = 0
    for pod in pods:
        status: dict[str, Any] = pod.obj.get("status") or {}
        if status.get("phase") in ("Running", "Pending"):
            for list_ in ("initContainerStatuses", "containerStatuses"):
                total += sum(container.get("restartCount", 0) for container in status.get(list_) or ())
    return total
