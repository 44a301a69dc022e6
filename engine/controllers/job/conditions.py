"""Conditions of Jobs: what they look like, and what other controllers read from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from store.types import JsonObject

Condition = dict[str, Any]
FinishedType = Literal["Complete", "Failed"]


def condition(type_: str, reason: str, message: str, stamp: str, status: str = "True") -> Condition:
    """A batch/v1 JobCondition whose value begins at `stamp`."""
    return {
        "type": type_, "status": status, "lastProbeTime": stamp, "lastTransitionTime": stamp, "reason": reason,
        "message": message,
    }  # fmt: skip


def find(conditions: Iterable[Condition], type_: str) -> Condition | None:
    return next((each for each in conditions if each["type"] == type_), None)


def find_true(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """The condition if it is True."""
    found = find(conditions, type_)
    return found if found is not None and found["status"] == "True" else None


def ensured(conditions: list[Condition], new: Condition) -> tuple[list[Condition], bool]:
    """The list with the condition set, and whether that changed it. A condition that was never True is not added as
    False (ensureJobConditionStatus)."""
    present = find(conditions, new["type"])
    if present is None:
        return ([*conditions, new], True) if new["status"] != "False" else (conditions, False)
    if all(present.get(name) == new[name] for name in ("status", "reason", "message")):
        return conditions, False
    return [new if each is present else each for each in conditions], True


def finished_condition(job: JsonObject) -> Condition | None:
    """The condition that says that a Job is over (`Complete` or `Failed`); None while it is not."""
    for each in (job.get("status") or {}).get("conditions") or ():
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            return dict(each)
    return None


def is_finished(job: JsonObject) -> bool:
    return finished_condition(job) is not None
