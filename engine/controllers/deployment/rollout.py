"""From old pods to new ones: RollingUpdate keeps between maxUnavailable and maxSurge, Recreate empties first.

(pkg/controller/deployment/rolling.go, recreate.go). Each function does at most one step, in the order up, clean up,
down; the next step follows from the ReplicaSets' next report.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.api.kinds import PODS
from engine.api.server import Api
from engine.controllers.deployment.arithmetic import (
    creation_order,
    max_unavailable,
    replicas,
    status_of,
    status_total,
    total,
)
from engine.controllers.deployment.replica_sets import new_size
from engine.controllers.deployment.scaling import Sync, active
from store.types import Envelope

_OVER = ("Succeeded", "Failed")


def grow_new(sync: Sync, new: Envelope, old: Sequence[Envelope]) -> Envelope:
    """reconcileNewReplicaSet: the new ReplicaSet as large as maxSurge allows."""
    wanted = replicas(sync.deployment)
    if replicas(new) == wanted:
        return new
    if replicas(new) > wanted:
        return sync.resize(new, wanted)
    size = new_size(sync.deployment, old, new)
    return sync.resize(new, size) if size != replicas(new) else new


def shrink_old(sync: Sync, new: Envelope, old: Sequence[Envelope]) -> list[Envelope]:
    """reconcileOldReplicaSets: as many old pods away as maxUnavailable allows, the unhealthy ones first."""
    shrinking = active(old)
    if not shrinking:
        return list(old)
    least = replicas(sync.deployment) - max_unavailable(sync.deployment)
    new_unavailable = replicas(new) - status_of(new).get("availableReplicas", 0)
    spare = total(old) + replicas(new) - least - new_unavailable
    if spare <= 0:
        return list(old)
    shrinking.sort(key=creation_order)
    now: dict[str, Envelope] = {env.uid: env for env in old}
    cleaned = 0
    for env in shrinking:
        unhealthy = min(spare - cleaned, replicas(env) - status_of(env).get("availableReplicas", 0))
        if unhealthy > 0:
            now[env.uid] = sync.resize(env, replicas(env) - unhealthy)
            cleaned += unhealthy
    surplus = status_total([*old, new], "availableReplicas") - least
    for env in shrinking:
        env = now[env.uid]
        step = min(replicas(env), surplus)
        if step > 0:
            now[env.uid] = sync.resize(env, replicas(env) - step)
            surplus -= step
    return [now[env.uid] for env in old]


def empty_old(sync: Sync, old: Sequence[Envelope]) -> list[Envelope]:
    """scaleDownOldReplicaSetsForRecreate."""
    return [sync.resize(env, 0) if replicas(env) else env for env in old]


def old_pods_running(api: Api, old: Sequence[Envelope]) -> bool:
    """oldPodsRunning: Recreate waits until no pod of an older revision is left that has not finished."""
    if status_total(old, "replicas") > 0:
        return True
    return any(
        pod.key.resource == PODS and pod.owner == env.uid and (pod.obj.get("status") or {}).get("phase") not in _OVER
        for env in old
        for pod in api.store.owned_by(env.uid)
    )
