"""Which pods a ReplicaSet gives up first when it has too many.

Kubernetes' ActivePodsWithRanks (pkg/controller/controller_utils.go), in this order: not yet assigned to a node;
Pending before Unknown before Running; not ready; lower `controller.kubernetes.io/pod-deletion-cost`; more pods of
the same workload on the node; ready for a shorter time; more restarts; younger. Times are compared by magnitude
(the logarithm of the age), so that within one magnitude it is not always the youngest that goes; what is equal then
is ordered by uid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from engine.clock import parse_time
from store.types import Envelope

_PHASES: Final = {"Pending": 0, "Unknown": 1, "Running": 2}
_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_INT32: Final = 2**31


def victims(
    pods: Sequence[Envelope], related: Iterable[Envelope], count: int, now: int
) -> list[Envelope]:  # fmt: skip
    """The `count` pods to delete first. `related`: the active pods of the same workload, these included."""
    if count >= len(pods):
        return list(pods)
    neighbours: dict[str, int] = {}
    for pod in related:
        node = pod.obj["spec"].get("nodeName", "")
        neighbours[node] = neighbours.get(node, 0) + 1
    return sorted(pods, key=lambda pod: _rank(pod, neighbours, now))[:count]


def _rank(pod: Envelope, neighbours: Mapping[str, int], now: int) -> tuple[Any, ...]:
    obj = pod.obj
    status: Mapping[str, Any] = obj.get("status") or {}
    meta = obj["metadata"]
    node = obj["spec"].get("nodeName", "")
    ready_since = None
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "True":
            ready_since = condition.get("lastTransitionTime") or ""
    restarts, sidecar_restarts = _restarts(obj, status)
    return (
        bool(node),
        _PHASES.get(status.get("phase", ""), 0),
        ready_since is not None,
        _deletion_cost(meta.get("annotations")),
        -neighbours.get(node, 0),
        0 if ready_since is None else _magnitude(ready_since, now),
        -restarts,
        -sidecar_restarts,
        _magnitude(meta.get("creationTimestamp") or "", now),
        pod.uid,
    )


def _magnitude(since: str, now: int) -> int:
    """Binary logarithm of an age; -1 when it is none or unknown."""
    age = now - parse_time(since) if since else 0
    return age.bit_length() - 1 if age > 0 else -1


def _deletion_cost(annotations: Mapping[str, str] | None) -> int:
    text = (annotations or {}).get(_COST, "0")
    try:
        cost = int(text)
    except ValueError:
        return 0
    return cost if -_INT32 <= cost < _INT32 else 0


def _restarts(obj: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[int, int]:
    """Most restarts of one container, and of one sidecar (an init container that is restarted always)."""
    regular = max((c.get("restartCount", 0) for c in status.get("containerStatuses") or ()), default=0)
    sidecars = {c["name"] for c in obj["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    return regular, max(
        (c.get("restartCount", 0) for c in status.get("initContainerStatuses") or () if c["name"] in sidecars),
        default=0,
    )
