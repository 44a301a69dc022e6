"""The figures of a rollout, read from Deployments and ReplicaSets: sizes, surge, fractions, annotations.

Rules of pkg/controller/deployment/util/deployment_util.go; objects are plain JSON, absent numbers have the API's
defaults.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from store.types import Envelope, JsonObject

REVISION: Final = "deployment.kubernetes.io/revision"
REVISION_HISTORY: Final = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS: Final = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS: Final = "deployment.kubernetes.io/max-replicas"
_UNLIMITED: Final = 2**31 - 1


def replicas(env: Envelope) -> int:
    """spec.replicas."""
    return int(env.obj["spec"].get("replicas", 1))


def status_of(env: Envelope) -> JsonObject:
    return env.obj.get("status") or {}


def annotations_of(env: Envelope) -> dict[str, str]:
    return env.obj["metadata"].get("annotations") or {}


def total(sets: Iterable[Envelope]) -> int:
    """Replicas asked for, over several ReplicaSets."""
    return sum(replicas(env) for env in sets)


def status_total(sets: Iterable[Envelope], field: str) -> int:
    """Sum of one figure of the status (`availableReplicas` …)."""
    return sum(status_of(env).get(field, 0) for env in sets)


def is_rolling(deployment: Envelope) -> bool:
    return bool(deployment.obj["spec"].get("strategy", {}).get("type", "RollingUpdate") == "RollingUpdate")


def progress_deadline(deployment: Envelope) -> int | None:
    """Seconds; None without one."""
    return _limit(deployment.obj["spec"].get("progressDeadlineSeconds"))


def history_limit(deployment: Envelope) -> int | None:
    """Old ReplicaSets to keep; None keeps all."""
    return _limit(deployment.obj["spec"].get("revisionHistoryLimit"))


def max_surge(deployment: Envelope) -> int:
    """Pods above spec.replicas that a rolling update may make."""
    return fence_posts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Envelope) -> int:
    """Pods that a rolling update may take away before new ones are available."""
    if not is_rolling(deployment) or replicas(deployment) == 0:
        return 0
    return min(fence_posts(deployment)[1], replicas(deployment))


def fence_posts(deployment: Envelope) -> tuple[int, int]:
    """(surge, unavailable): surge rounded up, unavailable down; both 0 would never move, so one pod may be missing."""
    rolling = deployment.obj["spec"].get("strategy", {}).get("rollingUpdate") or {}
    wanted = replicas(deployment)
    surge = scaled(rolling.get("maxSurge", "25%"), wanted, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), wanted, round_up=False)
    return (0, 1) if not surge and not unavailable else (surge, unavailable)


def scaled(value: int | str, whole: int, *, round_up: bool) -> int:
    """An IntOrString as a number; a percentage is taken of `whole`."""
    if isinstance(value, int):
        return value
    part = int(value.removesuffix("%")) * whole
    return -(-part // 100) if round_up else part // 100


def number_annotation(env: Envelope, name: str) -> int | None:
    """A 32-bit number in an annotation; None without one, or if it is none."""
    text = annotations_of(env).get(name)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def revision(env: Envelope) -> int:
    """The revision annotation, 0 without one."""
    return number_annotation(env, REVISION) or 0


def creation_order(env: Envelope) -> tuple[str, str]:
    """Sort key: oldest first, then by name."""
    return env.obj["metadata"].get("creationTimestamp", ""), env.name


def proportion(target: Envelope, deployment: Envelope, to_add: int, added: int) -> int:
    """This ReplicaSet's share of a change of size in the middle of a rollout (GetReplicaSetProportion)."""
    if replicas(target) == 0 or to_add in (0, added):
        return 0
    share, allowed = _fraction(target, deployment), to_add - added
    return min(share, allowed) if to_add > 0 else max(share, allowed)


def _fraction(target: Envelope, deployment: Envelope) -> int:
    if replicas(deployment) == 0:
        return -replicas(target)
    before = number_annotation(target, MAX_REPLICAS) or status_of(deployment).get("replicas", 0)
    if not before:
        return 0
    size = replicas(target) * (replicas(deployment) + max_surge(deployment)) / before
    return math.floor(size + 0.5) - replicas(target)


def _limit(value: Any) -> int | None:
    return None if value is None or value == _UNLIMITED else int(value)
