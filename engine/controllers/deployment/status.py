"""How far a rollout is: counts and conditions of a Deployment (pkg/controller/deployment/progress.go, sync.go).

Available tells whether maxUnavailable is kept, Progressing whether the rollout moves within its deadline, and
ReplicaFailure repeats what a ReplicaSet was refused. Reasons and messages are Kubernetes'.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.clock import SECOND, parse_time, rfc3339
from engine.controllers.deployment.arithmetic import (
    max_unavailable,
    progress_deadline,
    replicas,
    status_of,
    status_total,
    total,
)
from store.types import Envelope, JsonObject

COMPLETE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"


def condition_of(status: JsonObject, type_: str) -> JsonObject | None:
    return next((c for c in status.get("conditions") or () if c["type"] == type_), None)


def new_condition(type_: str, status: str, reason: str, message: str, now: int) -> JsonObject:
    stamp = rfc3339(now)
    return {
        "type": type_, "status": status, "lastUpdateTime": stamp, "lastTransitionTime": stamp, "reason": reason,
        "message": message,
    }  # fmt: skip


def set_condition(conditions: Sequence[JsonObject], new: JsonObject) -> list[JsonObject]:
    """SetDeploymentCondition: nothing changes with the same status and reason; a changed one goes to the end."""
    current = next((c for c in conditions if c["type"] == new["type"]), None)
    if current is not None and current["status"] == new["status"]:
        if current.get("reason") == new["reason"]:
            return list(conditions)
        new = {**new, "lastTransitionTime": current.get("lastTransitionTime")}
    return [*drop_condition(conditions, new["type"]), new]


def drop_condition(conditions: Sequence[JsonObject], type_: str) -> list[JsonObject]:
    return [c for c in conditions if c["type"] != type_]


def counted(deployment: Envelope, sets: Sequence[Envelope], new: Envelope | None, now: int) -> JsonObject:
    """calculateStatus: the figures, and the condition Available. `sets`: all ReplicaSets, the new one included."""
    available = status_total(sets, "availableReplicas")
    enough = available >= replicas(deployment) - max_unavailable(deployment)
    before = status_of(deployment)
    figures = {
        "observedGeneration": deployment.obj["metadata"].get("generation", 0),
        "replicas": status_total(sets, "replicas"),
        "updatedReplicas": status_total([new], "replicas") if new else 0,
        "readyReplicas": status_total(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(total(sets) - available, 0),
    }
    status: JsonObject = {name: figure for name, figure in figures.items() if figure}
    if all("terminatingReplicas" in status_of(env) for env in sets):
        status["terminatingReplicas"] = status_total(sets, "terminatingReplicas")
    if "collisionCount" in before:
        status["collisionCount"] = before["collisionCount"]
    status["conditions"] = set_condition(
        before.get("conditions") or [],
        new_condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
        if enough
        else new_condition(
            "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.", now
        ),
    )
    return status


def with_progress(
    deployment: Envelope, status: JsonObject, sets: Sequence[Envelope], new: Envelope | None, now: int
) -> JsonObject:
    """syncRolloutStatus: the conditions Progressing and ReplicaFailure added to what `counted` gave."""
    conditions: list[JsonObject] = status["conditions"]
    before = status_of(deployment)
    current = condition_of(before, "Progressing")
    deadline = progress_deadline(deployment)
    if deadline is None:
        conditions = drop_condition(conditions, "Progressing")
    settled = (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and current is not None
        and current.get("reason") == COMPLETE
    )
    if deadline is not None and not settled:
        what = f'ReplicaSet "{new.name}"' if new else f'Deployment "{deployment.name}"'
        if complete(deployment, status):
            message = f"{what} has successfully progressed."
            conditions = set_condition(conditions, new_condition("Progressing", "True", COMPLETE, message, now))
        elif _moved(before, status):
            condition = new_condition("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.", now)
            if current is not None:
                if current["status"] == "True":
                    condition["lastTransitionTime"] = current.get("lastTransitionTime")
                conditions = drop_condition(conditions, "Progressing")
            conditions = set_condition(conditions, condition)
        elif _timed_out(condition_of(status, "Progressing"), deadline, now):
            message = f"{what} has timed out progressing."
            conditions = set_condition(conditions, new_condition("Progressing", "False", TIMED_OUT, message, now))
    failure = _replica_failure(sets, new)
    conditions = (
        set_condition(conditions, failure) if failure else drop_condition(conditions, "ReplicaFailure")
    )  # fmt: skip
    return {**status, "conditions": conditions}


def complete(deployment: Envelope, status: JsonObject) -> bool:
    """DeploymentComplete: all pods are of the new template and available, none is left over."""
    wanted = replicas(deployment)
    all_new = all(status.get(field, 0) == wanted for field in ("updatedReplicas", "replicas", "availableReplicas"))
    return all_new and bool(status.get("observedGeneration", 0) >= deployment.obj["metadata"].get("generation", 0))


def stuck_check(deployment: Envelope, status: JsonObject, now: int) -> int | None:
    """requeueStuckDeployment: microseconds until the progress deadline has to be looked at; None if it need not be.

    A rollout that was complete once cannot time out any more, however unavailable its pods are now: where Kubernetes
    looks at it again and again, nothing would ever come of it.
    """
    deadline = progress_deadline(deployment)
    current = condition_of(status_of(deployment), "Progressing")
    if deadline is None or current is None:
        return None
    if complete(deployment, status) or current.get("reason") in (COMPLETE, TIMED_OUT):
        return None
    until = parse_time(current["lastUpdateTime"]) + deadline * SECOND
    return max(until - now, 0) + SECOND


def _moved(before: JsonObject, status: JsonObject) -> bool:
    """DeploymentProgressing: more new pods, fewer old ones, or more of them ready or available."""

    def grew(field: str) -> bool:
        return bool(status.get(field, 0) > before.get(field, 0))

    def old(of: JsonObject) -> int:
        return int(of.get("replicas", 0) - of.get("updatedReplicas", 0))

    return (
        grew("updatedReplicas") or old(status) < old(before) or grew("readyReplicas") or grew("availableReplicas")
    )  # fmt: skip


def _timed_out(condition: JsonObject | None, deadline: int, now: int) -> bool:
    if condition is None or condition.get("reason") == COMPLETE:
        return False
    if condition.get("reason") == TIMED_OUT:
        return True
    return parse_time(condition["lastUpdateTime"]) + deadline * SECOND < now


def _replica_failure(sets: Sequence[Envelope], new: Envelope | None) -> JsonObject | None:
    for env in ([new] if new else []) + [env for env in sets if new is None or env.uid != new.uid]:
        failure = condition_of(status_of(env), "ReplicaFailure")
        if failure is not None:
            return {
                "type": "ReplicaFailure", "status": failure["status"], "lastUpdateTime": failure["lastTransitionTime"],
                "lastTransitionTime": failure["lastTransitionTime"], "reason": failure.get("reason", ""),
                "message": failure.get("message", ""),
            }  # fmt: skip
    return None
