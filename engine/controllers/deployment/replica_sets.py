"""The ReplicaSets of a Deployment's revisions: found by their template, made, numbered and cleaned up.

The new ReplicaSet is the oldest one whose template is the Deployment's, the label `pod-template-hash` aside. Its
revision is one more than any older one's, so going back to an earlier template makes that ReplicaSet the newest
again and keeps its former numbers in `deployment.kubernetes.io/revision-history`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.api.errors import AlreadyExists, ApiError
from engine.api.kinds import REPLICASETS
from engine.controllers.controller import being_deleted, controller_reference, with_metadata
from engine.controllers.deployment.arithmetic import (
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    REVISION,
    REVISION_HISTORY,
    annotations_of,
    creation_order,
    history_limit,
    is_rolling,
    max_surge,
    progress_deadline,
    replicas,
    revision,
    status_of,
    total,
)
from engine.controllers.deployment.scaling import Sync
from engine.controllers.deployment.status import condition_of, new_condition, set_condition
from engine.controllers.deployment.template_hash import template_hash
from store.types import Envelope, JsonObject

HASH_LABEL: Final = "pod-template-hash"
_HISTORY_CHARACTERS: Final = 2000
_NOT_COPIED: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration", REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS,
        "deprecated.deployment.rollback.to",
    }
)  # fmt: skip
"""Annotations of the Deployment that its ReplicaSets do not get."""


def same_template(deployment: Envelope, env: Envelope) -> bool:
    """EqualIgnoreHash."""
    ours, theirs = deployment.obj["spec"]["template"], env.obj["spec"]["template"]
    if ours.get("spec") != theirs.get("spec"):
        return False
    our_meta, their_meta = dict(ours.get("metadata") or {}), dict(theirs.get("metadata") or {})
    for meta in (our_meta, their_meta):
        labels = {name: value for name, value in (meta.pop("labels", None) or {}).items() if name != HASH_LABEL}
        meta["labels"] = labels
        if not meta.get("annotations"):
            meta.pop("annotations", None)
    return our_meta == their_meta


def split(sync: Sync, sets: Sequence[Envelope]) -> tuple[Envelope | None, list[Envelope]]:
    """(new ReplicaSet or None, the old ones)."""
    new = next((env for env in sorted(sets, key=creation_order) if same_template(sync.deployment, env)), None)
    return new, [env for env in sets if new is None or env.uid != new.uid]


def with_revision(
    sync: Sync, sets: Sequence[Envelope], create: bool
) -> tuple[Envelope | None, list[Envelope]]:  # fmt: skip
    """getAllReplicaSetsAndSyncRevision: the new ReplicaSet, numbered (made, if `create`), and the old ones."""
    new, old = split(sync, sets)
    number = max((revision(env) for env in old), default=0) + 1
    if new is not None:
        return _keep(sync, new, number), old
    return (_make(sync, old, number) if create else None), old


def clean_up(sync: Sync, old: Sequence[Envelope]) -> None:
    """Delete the oldest empty ReplicaSets beyond revisionHistoryLimit."""
    limit = history_limit(sync.deployment)
    if limit is None:
        return
    alive = [env for env in old if not being_deleted(env.obj)]
    for env in sorted(alive, key=lambda env: (revision(env), creation_order(env)))[: max(len(alive) - limit, 0)]:
        status = status_of(env)
        observed = status.get("observedGeneration", 0) >= env.obj["metadata"].get("generation", 0)
        if status.get("replicas", 0) == 0 and replicas(env) == 0 and observed:
            sync.api.delete(sync.caller, REPLICASETS, env.namespace, env.name)


def _keep(sync: Sync, new: Envelope, number: int) -> Envelope:
    """The ReplicaSet exists: its annotations and minReadySeconds follow the Deployment."""
    deployment = sync.deployment
    annotations = _annotations(deployment, annotations_of(new), number)
    ready = deployment.obj["spec"].get("minReadySeconds", 0)
    if annotations != annotations_of(new) or new.obj["spec"].get("minReadySeconds", 0) != ready:
        spec = {**new.obj["spec"], "minReadySeconds": ready}
        if not ready:
            del spec["minReadySeconds"]
        changed = {**with_metadata(new.obj, annotations=annotations), "spec": spec}
        return sync.api.update(sync.caller, REPLICASETS, new.namespace, new.name, changed)
    number_now = annotations[REVISION]
    if progress_deadline(deployment) is not None and condition_of(status_of(deployment), "Progressing") is None:
        _progress(sync, "True", "FoundNewReplicaSet", f'Found new replica set "{new.name}"', number_now)
    else:
        sync.write_status(status_of(deployment), number_now)
    return new


def _make(sync: Sync, old: Sequence[Envelope], number: int) -> Envelope:
    deployment = sync.deployment
    spec = deployment.obj["spec"]
    collisions = status_of(deployment).get("collisionCount")
    hash_ = template_hash(spec["template"], collisions)
    template_meta = spec["template"].get("metadata") or {}
    labels = {**(template_meta.get("labels") or {}), HASH_LABEL: hash_}
    selector = spec["selector"]
    size = new_size(deployment, old, None)
    obj: JsonObject = {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": f"{deployment.name[: 252 - len(hash_)]}-{hash_}", "namespace": deployment.namespace,
            "labels": labels, "ownerReferences": [controller_reference(deployment)],
            "annotations": {
                **_annotations(deployment, {}, number), DESIRED_REPLICAS: str(replicas(deployment)),
                MAX_REPLICAS: str(replicas(deployment) + max_surge(deployment)),
            },
        },
        "spec": {
            "replicas": size,
            **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: hash_}},
            "template": {**spec["template"], "metadata": {**template_meta, "labels": labels}},
        },
    }  # fmt: skip
    name = obj["metadata"]["name"]
    try:
        made = sync.api.create(sync.caller, REPLICASETS, deployment.namespace, obj)
    except AlreadyExists:
        there = sync.api.find(REPLICASETS, deployment.namespace, name)
        if there is None or there.owner != deployment.uid or not same_template(deployment, there):
            sync.write_status({**status_of(deployment), "collisionCount": (collisions or 0) + 1})
            raise
        sync.write_status(status_of(deployment), str(number))
        return there
    except ApiError as error:
        if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
            raise
        message = f'Failed to create new replica set "{name}": {error}'
        if progress_deadline(deployment) is not None:
            _progress(sync, "False", "ReplicaSetCreateError", message)
        sync.recorder.event(sync.deployment, "Warning", "ReplicaSetCreateError", message)
        raise
    if size > 0:
        message = f"Scaled up replica set {name} from 0 to {size}"
        sync.recorder.event(deployment, "Normal", "ScalingReplicaSet", message)
    if progress_deadline(deployment) is not None:
        _progress(sync, "True", "NewReplicaSetCreated", f'Created new replica set "{name}"', str(number))
    else:
        sync.write_status(status_of(deployment), str(number))
    return made


def new_size(deployment: Envelope, others: Sequence[Envelope], new: Envelope | None) -> int:
    """NewRSNewReplicas: how large the new ReplicaSet may be now. `others`: the old ones."""
    wanted = replicas(deployment)
    if not is_rolling(deployment):
        return wanted
    now = replicas(new) if new else 0
    room = wanted + max_surge(deployment) - total(others) - now
    return now if room <= 0 else now + min(room, wanted - now)


def _annotations(deployment: Envelope, present: dict[str, str], number: int) -> dict[str, str]:
    """SetNewReplicaSetAnnotations: the Deployment's own ones, the revision, and the revisions it had before."""
    copied = {name: value for name, value in annotations_of(deployment).items() if name not in _NOT_COPIED}
    annotations = {**present, **copied}
    old = present.get(REVISION)
    old_number = int(old) if old and old.isdigit() else 0
    if old_number < number:
        annotations[REVISION] = str(number)
        if old is not None:
            annotations[REVISION_HISTORY] = _longer_history(present.get(REVISION_HISTORY, ""), old)
    return annotations


def _longer_history(history: str, number: str) -> str:
    """One more number; the oldest ones go when the text gets too long."""
    numbers = [*(history.split(",") if history else ()), number]
    while len(numbers) > 1 and len(",".join(numbers)) > _HISTORY_CHARACTERS:
        numbers.pop(0)
    return ",".join(numbers)


def _progress(sync: Sync, status: str, reason: str, message: str, number: str | None = None) -> None:
    before: dict[str, Any] = status_of(sync.deployment)
    condition = new_condition("Progressing", status, reason, message, sync.now)
    sync.write_status({**before, "conditions": set_condition(before.get("conditions") or [], condition)}, number)
