"""Whether a Job is over, and why: the order of reasons is that of Kubernetes' syncJob.

A Job ends in two steps. First an interim condition says what is going to be: `SuccessCriteriaMet` or `FailureTarget`.
When its pods have stopped and are counted, `Complete` or `Failed` follows with the same reason and message.
"""

from __future__ import annotations

from typing import Final

from engine.clock import SECOND, parse_time, rfc3339
from engine.controllers.job.conditions import Condition, condition, find_true
from engine.controllers.job.policies import failure_verdict, success_message
from engine.controllers.job.standing import Standing, restart_count
from store.types import JsonObject

SUCCESS: Final = "SuccessCriteriaMet"
FAILURE: Final = "FailureTarget"
FINAL: Final = {SUCCESS: "Complete", FAILURE: "Failed"}


def interim(status: JsonObject) -> Condition | None:
    """What was decided before, if anything was."""
    conditions = status.get("conditions") or ()
    return find_true(conditions, SUCCESS) or find_true(conditions, FAILURE)


def ending(standing: Standing, now: int) -> Condition | None:
    """The interim condition of a Job that cannot or must not go on, or is done before its last completion; None while
    it goes on."""
    spec, stamp = standing.spec, rfc3339(now)
    if standing.failure_policy is not None:
        for pod in standing.pods:
            if standing.failed_pod(pod):
                verdict = failure_verdict(standing.failure_policy, pod)
                if verdict.action == "FailJob":
                    return condition(FAILURE, "PodFailurePolicy", verdict.message, stamp)
    if standing.failed > standing.backoff_limit or _restarted_too_often(standing):
        text = "Job has reached the specified backoff limit"
        return condition(FAILURE, "BackoffLimitExceeded", text, stamp)
    left = deadline(standing, standing.status.get("startTime"), now)
    if left is not None and left <= 0:
        return condition(FAILURE, "DeadlineExceeded", "Job was active longer than specified deadline", stamp)
    failed = standing.failed_indexes
    if failed is not None:
        most = spec.get("maxFailedIndexes")
        if most is not None and failed.total > most:
            text = "Job has exceeded the specified maximal number of failed indexes"
            return condition(FAILURE, "MaxFailedIndexesExceeded", text, stamp)
        if failed.total and failed.total + standing.done.total >= (standing.completions or 0):
            return condition(FAILURE, "FailedIndexes", "Job has failed indexes", stamp)
    if standing.indexed:
        met = success_message(spec.get("successPolicy"), standing.completions or 0, standing.done)
        if met:
            return condition(SUCCESS, "SuccessPolicy", met, stamp)
    return None


def completed(standing: Standing, now: int) -> Condition | None:
    """The interim condition of a Job that has all its completions and no pod left that runs."""
    enough = 1 if standing.completions is None else standing.completions
    if standing.succeeded < enough or standing.active:
        return None
    text = "Reached expected number of succeeded pods"
    return condition(SUCCESS, "CompletionsReached", text, rfc3339(now))


def deadline(standing: Standing, started: str | None, now: int) -> int | None:
    """Microseconds until activeDeadlineSeconds are over; None while nothing counts down.

    A Job that has just been resumed starts anew: its old start does not count.
    """
    seconds = standing.spec.get("activeDeadlineSeconds")
    if seconds is None or started is None or standing.suspended:
        return None
    resuming = find_true(standing.status.get("conditions") or (), "Suspended") is not None
    begin = now if resuming else parse_time(started)
    return begin + int(seconds) * SECOND - now


def _restarted_too_often(standing: Standing) -> bool:
    """With restartPolicy OnFailure, restarts of containers count as failures (pastBackoffLimitOnFailure)."""
    if standing.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    return restart_count(standing.pods) >= max(1, standing.backoff_limit)
