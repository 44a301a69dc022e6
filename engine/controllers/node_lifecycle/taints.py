"""A node's taints in step with its conditions.

NoSchedule taints follow the conditions at once; the two NoExecute taints (not-ready, unreachable) are put on by the
zone's queue and taken off when the node is ready. Other people's taints are left as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.clock import rfc3339
from store.types import Envelope, JsonObject

NOT_READY: Final = "node.kubernetes.io/not-ready"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
UNSCHEDULABLE: Final = "node.kubernetes.io/unschedulable"
_BY_CONDITION: Final = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_OURS: Final = frozenset(_BY_CONDITION.values()) | {UNSCHEDULABLE}
_LABELS: Final = (
    ("kubernetes.io/os", "beta.kubernetes.io/os"),
    ("kubernetes.io/arch", "beta.kubernetes.io/arch"),
)
"""(label, its older name): the older one follows (reconcileNodeLabels)."""


def taints_of(env: Envelope) -> Sequence[JsonObject]:
    return env.obj.get("spec", {}).get("taints") or ()


def has_no_execute(env: Envelope, key: str) -> bool:
    return any(taint["key"] == key and taint["effect"] == "NoExecute" for taint in taints_of(env))


def with_no_schedule(env: Envelope, now: int) -> list[JsonObject] | None:
    """doNoScheduleTaintingPass: the node's taints as its conditions ask for; None when they are so already."""
    conditions = (env.obj.get("status") or {}).get("conditions") or ()
    asked = [_BY_CONDITION[pair] for c in conditions if (pair := (c["type"], c["status"])) in _BY_CONDITION]
    if env.obj.get("spec", {}).get("unschedulable"):
        asked.append(UNSCHEDULABLE)
    present = [taint["key"] for taint in taints_of(env) if taint["effect"] == "NoSchedule" and taint["key"] in _OURS]
    if sorted(asked) == sorted(present):
        return None
    kept = [
        taint for taint in taints_of(env)
        if taint["effect"] != "NoSchedule" or taint["key"] not in _OURS or taint["key"] in asked
    ]  # fmt: skip
    return [*kept, *(_taint(key, "NoSchedule", now) for key in asked if key not in present)]


def with_no_execute(env: Envelope, key: str | None, now: int) -> list[JsonObject] | None:
    """With exactly this one of the two NoExecute taints, or with none; None when that is so already."""
    wrong = [taint for taint in taints_of(env) if _is_ours(taint) and taint["key"] != key]
    there = key is None or has_no_execute(env, key)
    if not wrong and there:
        return None
    kept = [taint for taint in taints_of(env) if taint not in wrong]
    return kept if there or key is None else [*kept, _taint(key, "NoExecute", now)]


def older_labels(env: Envelope) -> dict[str, str]:
    """Older names of labels that are missing or differ."""
    labels = env.labels
    return {
        older: value
        for name, older in _LABELS
        if (value := labels.get(name)) is not None and labels.get(older) != value
    }


def with_taints(obj: JsonObject, taints: Sequence[JsonObject]) -> JsonObject:
    spec: dict[str, Any] = {**(obj.get("spec") or {}), "taints": list(taints)}
    if not taints:
        del spec["taints"]
    return {**obj, "spec": spec}


def _is_ours(taint: JsonObject) -> bool:
    return taint["effect"] == "NoExecute" and taint["key"] in (NOT_READY, UNREACHABLE)


def _taint(key: str, effect: str, now: int) -> JsonObject:
    return {"key": key, "effect": effect, "timeAdded": rfc3339(now)}
