"""A Job's status from where it stands: counters, uncounted pods, indexes (trackJobStatusAndRemoveFinalizers).

A pod is counted exactly once, whatever fails in between: first the status lists its uid as uncounted, then its
finalizer is taken off, and then, seeing a listed pod without the finalizer, the counter goes up and the uid leaves the
list. The succeeded pods of an Indexed Job need no list: their index is enough.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.clock import rfc3339
from engine.controllers.job.conditions import Condition, condition, ensured
from engine.controllers.job.pods import NO_INDEX, completion_index, phase
from engine.controllers.job.standing import Standing
from engine.controllers.job.verdict import FINAL, SUCCESS
from store.types import Envelope, JsonObject, Uid

MOST_UNCOUNTED: Final = 500
"""Pods counted in one go (MaxUncountedPods)."""


class Account(NamedTuple):
    """The status to be written, and what comes after."""

    status: JsonObject
    settle: list[Envelope]
    """Pods whose finalizer may go once the status is written."""
    finished: Condition | None
    """The final condition, if the status has it."""


def account(standing: Standing, status: JsonObject, target: Condition | None, now: int) -> Account:
    """`status`: the Job's, with what else changed; `target`: the interim condition, None while the Job goes on."""
    tracked = {pod.uid: None for pod in standing.tracked}
    lists = {name: [uid for uid in listed if uid in tracked] for name, listed in _listed(status).items()}
    counts = {name: status.get(name, 0) + len(_listed(status)[name]) - len(lists[name]) for name in lists}
    settle, reached_most = _list_ended(standing, lists, target)
    new = {name: value for name, value in status.items() if name not in _COUNTERS}
    if standing.indexed:
        counts["succeeded"] = standing.done.total
        new["completedIndexes"] = str(standing.done)
        if standing.failed_indexes is not None:
            new["failedIndexes"] = str(standing.failed_indexes)
    counts["active"] = len(standing.active)
    new |= {name: count for name, count in counts.items() if count}
    if not new.get("completedIndexes"):
        new.pop("completedIndexes", None)
    new |= {"ready": standing.ready, "terminating": len(standing.terminating)}
    new["uncountedTerminatedPods"] = {name: uids for name, uids in lists.items() if uids}
    if target is None:
        return Account(new, settle, None)
    conditions, decided_now = ensured(new.get("conditions") or [], target)
    new["conditions"] = conditions
    if decided_now or settle or reached_most or any(lists.values()) or standing.terminating:
        return Account(new, settle, None)
    stamp = rfc3339(now)
    final = condition(FINAL[target["type"]], target["reason"], target["message"], stamp)
    new["conditions"] = ensured(conditions, final)[0]
    if final["type"] == "Complete":
        new["completionTime"] = stamp
    return Account(new, settle, final)


_COUNTERS: Final = ("active", "succeeded", "failed", "ready", "terminating", "uncountedTerminatedPods")


def _listed(status: JsonObject) -> dict[str, list[Uid]]:
    uncounted: dict[str, list[Uid]] = status.get("uncountedTerminatedPods") or {}
    return {"succeeded": uncounted.get("succeeded") or [], "failed": uncounted.get("failed") or []}


def _list_ended(
    standing: Standing, lists: dict[str, list[Uid]], target: Condition | None
) -> tuple[list[Envelope], bool]:  # fmt: skip
    """Add the pods that have ended to the lists of the uncounted. Returns them, and whether there are more."""
    settle: list[Envelope] = []
    new_indexes = 0
    pods = sorted(standing.tracked, key=completion_index) if standing.indexed else standing.tracked
    for pod in pods:
        if len(lists["succeeded"]) + len(lists["failed"]) + new_indexes >= MOST_UNCOUNTED:
            return settle, True
        if not _may_settle(standing, pod, target):
            continue
        settle.append(pod)
        index = standing.index_of(pod) if standing.indexed else 0
        if phase(pod) == "Succeeded":
            new_indexes += standing.indexed
            listed = pod.uid in standing.listed_succeeded or pod.uid in standing.listed_failed
            if not standing.indexed and not listed:
                lists["succeeded"].append(pod.uid)
            continue
        counts = index != NO_INDEX and pod.uid not in standing.listed_failed and standing.counts(pod)
        if counts and _has_failed(standing, pod, target):
            lists["failed"].append(pod.uid)
    return settle, False


def _may_settle(standing: Standing, pod: Envelope, target: Condition | None) -> bool:
    """canRemoveFinalizer: it has ended, or the Job has. An index's last failed pod waits for its successor."""
    if standing.deleted or target is not None or phase(pod) == "Succeeded":
        return True
    return standing.failed_pod(pod) and standing.delayed.get(completion_index(pod)) is not pod


def _has_failed(standing: Standing, pod: Envelope, target: Condition | None) -> bool:
    """Pods that a Job stops when it fails count as failed; those that it stops because it is done do not."""
    return standing.failed_pod(pod) or (target is not None and target["type"] != SUCCESS)
