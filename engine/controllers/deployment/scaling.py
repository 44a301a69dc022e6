"""One sync of a Deployment and the sizes that it gives to ReplicaSets (pkg/controller/deployment/sync.go).

A change of spec.replicas in the middle of a rollout is shared out among the ReplicaSets by their size, so that the
rollout keeps its proportions; otherwise the one active ReplicaSet takes it all.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.api.kinds import DEPLOYMENTS, REPLICASETS
from engine.api.server import Api, Caller
from engine.controllers.controller import with_metadata
from engine.controllers.deployment.arithmetic import (
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    REVISION,
    annotations_of,
    creation_order,
    is_rolling,
    max_surge,
    number_annotation,
    proportion,
    replicas,
    status_of,
    total,
)
from engine.events import EventRecorder
from store.types import Envelope, JsonObject


class Sync:
    """One look at one Deployment: `deployment` is always as it was last written."""

    def __init__(self, api: Api, caller: Caller, recorder: EventRecorder, deployment: Envelope) -> None:
        self.api, self.caller, self.recorder = api, caller, recorder
        self.deployment = deployment
        self.now = api.clock.now()

    def write_status(self, status: JsonObject, number: str | None = None) -> None:
        """Write it if it says something new; with it the revision that the Deployment is at, when one is given.

        Both go through the status subresource, as in Kubernetes: a main update of annotations would count as a new
        generation.
        """
        annotations = annotations_of(self.deployment)
        if number is None or annotations.get(REVISION) == number:
            if status != status_of(self.deployment):
                self.deployment = self.api.update_status(self.caller, self.deployment, status)
            return
        obj = with_metadata(self.deployment.obj, annotations={**annotations, REVISION: number})
        self.deployment = self.api.update(
            self.caller, DEPLOYMENTS, self.deployment.namespace, self.deployment.name, {**obj, "status": status},
            subresource="status",
        )  # fmt: skip

    def resize(self, target: Envelope, size: int) -> Envelope:
        """scaleReplicaSet: write the size and the figures that proportional scaling needs; tell when it changed."""
        wanted = replicas(self.deployment)
        figures = {DESIRED_REPLICAS: str(wanted), MAX_REPLICAS: str(wanted + max_surge(self.deployment))}
        present, before = annotations_of(target), replicas(target)
        if size == before and figures.items() <= present.items():
            return target
        obj = with_metadata(target.obj, annotations={**present, **figures})
        if size != before:
            obj["spec"] = {**target.obj["spec"], "replicas": size}
        changed = self.api.update(self.caller, REPLICASETS, target.namespace, target.name, obj)
        if size != before:
            direction = "up" if size > before else "down"
            message = f"Scaled {direction} replica set {target.name} from {before} to {size}"
            self.recorder.event(self.deployment, "Normal", "ScalingReplicaSet", message)
        return changed


def active(sets: Sequence[Envelope]) -> list[Envelope]:
    """ReplicaSets that are asked for pods."""
    return [env for env in sets if replicas(env) > 0]


def is_scaling(deployment: Envelope, sets: Sequence[Envelope]) -> bool:
    """isScalingEvent: spec.replicas is not what the active ReplicaSets were last told."""
    told = [number_annotation(env, DESIRED_REPLICAS) for env in active(sets)]
    return any(number is not None and number != replicas(deployment) for number in told)


def scale(sync: Sync, new: Envelope | None, old: Sequence[Envelope]) -> tuple[Envelope | None, list[Envelope]]:
    """Follow a change of spec.replicas. Returns the ReplicaSets as they are afterwards."""
    deployment, wanted = sync.deployment, replicas(sync.deployment)
    sizes: dict[str, int] = {}
    sole = _active_or_latest(new, old)
    sets = active([*old, *([new] if new else [])])
    if sole is not None:
        if replicas(sole) != wanted:
            sizes[sole.uid] = wanted
    elif new is not None and _saturated(deployment, new):
        sizes = {env.uid: 0 for env in sets if env.uid != new.uid}
    elif is_rolling(deployment):
        sizes = _shares(deployment, sets)

    def sized(env: Envelope) -> Envelope:
        return sync.resize(env, sizes[env.uid]) if env.uid in sizes else env

    return (sized(new) if new else None), [sized(env) for env in old]


def _shares(deployment: Envelope, sets: list[Envelope]) -> dict[str, int]:
    wanted = replicas(deployment)
    to_add = (wanted + max_surge(deployment) if wanted > 0 else 0) - total(sets)
    sets.sort(key=creation_order, reverse=to_add > 0)
    sets.sort(key=replicas, reverse=True)
    sizes: dict[str, int] = {}
    added = 0
    for env in sets:
        share = proportion(env, deployment, to_add, added) if to_add else 0
        sizes[env.uid] = replicas(env) + share
        added += share
    if sets and to_add:
        sizes[sets[0].uid] = max(sizes[sets[0].uid] + to_add - added, 0)
    return sizes


def _active_or_latest(new: Envelope | None, old: Sequence[Envelope]) -> Envelope | None:
    """FindActiveOrLatest: the only active ReplicaSet, or the newest if none is active."""
    sets = active([*old, *([new] if new else [])])
    if len(sets) == 1:
        return sets[0]
    if sets:
        return None
    return new or max(old, key=creation_order, default=None)


def _saturated(deployment: Envelope, new: Envelope) -> bool:
    wanted = replicas(deployment)
    return (
        replicas(new) == wanted
        and number_annotation(new, DESIRED_REPLICAS) == wanted
        and status_of(new).get("availableReplicas", 0) == wanted
    )
