"""Pod conditions that controllers set: DisruptionTarget before a deletion, Ready of pods on a lost node."""

from __future__ import annotations

from typing import Any


def with_condition(
    status: dict[str, Any], type_: str, value: str, reason: str, message: str, stamp: str, generation: int | None = None
) -> dict[str, Any]:  # fmt: skip
    """UpdatePodCondition: the status with the condition set; the very same dict when it says that already.

    lastTransitionTime moves only when the value does. Fields with an empty text are left out, as Kubernetes does.
    """
    conditions: list[dict[str, Any]] = status.get("conditions") or []
    new: dict[str, Any] = {"type": type_}
    if generation is not None:
        new["observedGeneration"] = generation
    new |= {"status": value, "lastProbeTime": None, "lastTransitionTime": stamp}
    new |= {name: text for name, text in (("reason", reason), ("message", message)) if text}
    for index, present in enumerate(conditions):
        if present["type"] == type_:
            if present["status"] == value:
                new["lastTransitionTime"] = present.get("lastTransitionTime", stamp)
            if all(present.get(name, "") == new.get(name, "") for name in ("status", "reason", "message")):
                return status
            return {**status, "conditions": [*conditions[:index], new, *conditions[index + 1 :]]}
    return {**status, "conditions": [*conditions, new]}


def with_disruption_target(
    status: dict[str, Any], reason: str, message: str, stamp: str, metadata: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    """The pod is about to be deleted because of a disruption."""
    return with_condition(status, "DisruptionTarget", "True", reason, message, stamp, metadata.get("generation"))
