"""podFailurePolicy and successPolicy: what a pod's failure means, and when a Job is done before all indexes are
(pod_failure_policy.go, success_policy.go)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from engine.controllers.job.indexes import Indexes, parse_indexes
from store.types import Envelope, JsonObject


class Verdict(NamedTuple):
    """What a podFailurePolicy says of one failed pod."""

    action: str = ""
    """`Ignore`, `Count`, `FailIndex` or `FailJob`; "" when no rule matches (it counts)."""
    message: str = ""
    """With FailJob: why."""

    @property
    def counts(self) -> bool:
        """Towards the back-off limits."""
        return self.action != "Ignore"


_COUNTS: Final = Verdict()


def failure_verdict(policy: JsonObject | None, pod: Envelope) -> Verdict:
    """The first rule that matches decides."""
    status: JsonObject = pod.obj.get("status") or {}
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        action = rule["action"]
        if rule.get("onExitCodes"):
            container = _exited(status, rule["onExitCodes"])
            if container is not None:
                code = container["state"]["terminated"]["exitCode"]
                return Verdict(
                    action,
                    f"Container {container['name']} for pod {pod.namespace}/{pod.name} failed with exit code {code} "
                    f"matching {action} rule at index {number}",
                )
        elif rule.get("onPodConditions"):
            type_ = _has_condition(status, rule["onPodConditions"])
            if type_:
                return Verdict(
                    action,
                    f"Pod {pod.namespace}/{pod.name} has condition {type_} matching {action} rule at index {number}",
                )
    return _COUNTS


def _exited(status: JsonObject, wanted: Mapping[str, Any]) -> JsonObject | None:
    """The first container that ended with one of the codes; a code of 0 is no failure."""
    name, values, within = wanted.get("containerName"), wanted.get("values") or (), wanted["operator"] == "In"
    for list_ in ("containerStatuses", "initContainerStatuses"):
        for container in status.get(list_) or ():
            terminated = (container.get("state") or {}).get("terminated")
            if terminated is None or (name is not None and name != container["name"]):
                continue
            code = terminated.get("exitCode", 0)
            if code != 0 and (code in values) == within:
                return dict(container)
    return None


def _has_condition(status: JsonObject, patterns: Iterable[Mapping[str, Any]]) -> str:
    for condition in status.get("conditions") or ():
        for pattern in patterns:
            if condition["type"] == pattern["type"] and condition["status"] == pattern.get("status", "True"):
                return str(condition["type"])
    return ""


def success_message(policy: JsonObject | None, completions: int, succeeded: Indexes) -> str:
    """Which rule of a successPolicy is met, in Kubernetes' words; "" when none is."""
    if not policy or not succeeded.total:
        return ""
    for number, rule in enumerate(policy.get("rules") or ()):
        count = rule.get("succeededCount")
        if rule.get("succeededIndexes") is not None:
            wanted = parse_indexes(rule["succeededIndexes"], completions)
            have = wanted.common(succeeded)
            met = wanted.total > 0 and (have == wanted.total or (count is not None and have >= count))
        else:
            met = count is not None and succeeded.total >= count
        if met:
            return f"Matched rules at index {number}"
    return ""
