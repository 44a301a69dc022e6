"""What is read from a Job's pods, and the pods of each Job that still matter.

Every pod of a Job carries the finalizer `batch.kubernetes.io/job-tracking` until the Job's status has counted it. A
pod that is finished and counted matters no more: so a Job of a hundred thousand completions looks only at those that
run or have just ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.clock import SECOND, parse_time
from engine.controllers.ownership import label_selector
from engine.controllers.pod_tally import Tally
from store.types import Envelope, JsonObject, ObjectKey

TRACKING: Final = "batch.kubernetes.io/job-tracking"
"""The finalizer of pods that are not counted yet."""
INDEX: Final = "batch.kubernetes.io/job-completion-index"
"""Annotation and label: which completion of an Indexed Job a pod is for."""
INDEX_FAILURES: Final = "batch.kubernetes.io/job-index-failure-count"
"""Annotation: how often the pod's index failed before (with backoffLimitPerIndex)."""
INDEX_IGNORED: Final = "batch.kubernetes.io/job-index-ignored-failure-count"
"""Annotation: how often it failed without counting (an Ignore rule)."""
CONTROLLER_UID: Final = "batch.kubernetes.io/controller-uid"
"""Label by which a Job selects its pods unless manualSelector says otherwise."""
NO_INDEX: Final = -1
FINISHED: Final = ("Succeeded", "Failed")
_INT32: Final = 2**31


class JobPods(Tally):
    """The pods of one Job that run, end, or are not counted yet (a `Tally`)."""

    def __init__(self, job: Envelope) -> None:
        self.key = (job.namespace, job.name)
        self.selector: JsonObject | None = job.obj["spec"].get("selector")
        self.matches = label_selector(self.selector)
        self.claim_due = True
        self.present: dict[ObjectKey, Envelope] = {}
        """Oldest first."""
        self.foreign: dict[ObjectKey, None] = {}
        """Not matched by the selector any more: to be released."""

    def fits(self, owner: Envelope) -> bool:
        return bool(owner.obj["spec"].get("selector") == self.selector)

    def put(self, env: Envelope, same_labels: bool = False) -> bool:
        key = env.key
        foreign = key in self.foreign if same_labels else not self.matches(env.labels)
        if foreign:
            self.foreign[key] = None
            self.present.pop(key, None)
            return True
        self.foreign.pop(key, None)
        if phase(env) in FINISHED and not is_tracked(env):
            return self.present.pop(key, None) is not None
        self.present[key] = env
        return True

    def drop(self, key: ObjectKey) -> bool:
        self.foreign.pop(key, None)
        return self.present.pop(key, None) is not None


def phase(pod: Envelope) -> str:
    return str((pod.obj.get("status") or {}).get("phase", ""))


def is_tracked(pod: Envelope) -> bool:
    """Not counted yet."""
    return TRACKING in (pod.obj["metadata"].get("finalizers") or ())


def is_deleted(pod: Envelope) -> bool:
    return "deletionTimestamp" in pod.obj["metadata"]


def is_ready(pod: Envelope) -> bool:
    for condition in (pod.obj.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready":
            return bool(condition["status"] == "True")
    return False


def has_failed(pod: Envelope, only_failed: bool) -> bool:
    """isPodFailed. Pods that are being deleted count as failed, unless only those that have ended do
    (podReplacementPolicy: Failed, or a podFailurePolicy)."""
    is_phase = phase(pod)
    return is_phase == "Failed" or (not only_failed and is_phase != "Succeeded" and is_deleted(pod))


def completion_index(pod: Envelope) -> int:
    """NO_INDEX when there is none that can be read."""
    annotations = pod.obj["metadata"].get("annotations")
    text = annotations.get(INDEX, "") if annotations else ""
    return int(text) if text.isascii() and text.isdigit() else NO_INDEX


def index_failures(pod: Envelope) -> int:
    """Failures of the pod's index before it that counted."""
    return _count(pod, INDEX_FAILURES)


def index_ignored(pod: Envelope) -> int:
    """Failures of the pod's index before it that were ignored."""
    return _count(pod, INDEX_IGNORED)


def _count(pod: Envelope, annotation: str) -> int:
    text = (pod.obj["metadata"].get("annotations") or {}).get(annotation, "")
    number = int(text) if text.isascii() and text.isdigit() else 0
    return number if number < _INT32 else 0


def finished_at(pod: Envelope) -> int:
    """When a pod ended (getFinishedTime): its last container's end, else when it ceased to be ready, else when it was
    deleted, else when it was created."""
    meta, status = pod.obj["metadata"], pod.obj.get("status") or {}
    ends = _ends(status.get("containerStatuses") or ())
    sidecars = {c["name"] for c in pod.obj["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    if sidecars and ends is not None:
        beside = _ends([c for c in status.get("initContainerStatuses") or () if c["name"] in sidecars])
        ends = None if beside is None else ends + beside
    if ends:
        return max(ends)
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "False" and condition.get("lastTransitionTime"):
            return parse_time(condition["lastTransitionTime"])
    if "deletionTimestamp" in meta:
        return parse_time(meta["deletionTimestamp"]) - (meta.get("deletionGracePeriodSeconds") or 0) * SECOND
    return parse_time(meta["creationTimestamp"])


def _ends(containers: Iterable[JsonObject]) -> list[int] | None:
    """When each container ended; None when one has not."""
    ends: list[int] = []
    for container in containers:
        terminated = (container.get("state") or {}).get("terminated") or {}
        if not terminated.get("finishedAt"):
            return None
        ends.append(parse_time(terminated["finishedAt"]))
    return ends
