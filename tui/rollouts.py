"""Rollouts of workloads: their revisions, the way back to one of them, and how far the present one has come.

A Deployment's revisions are its ReplicaSets, those of StatefulSets and DaemonSets are ControllerRevisions. The way back
and the sentences are those of `kubectl rollout undo` and `kubectl rollout status` (kubectl's polymorphichelpers).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from engine.client import ClientError, Item, Json

REVISION: Final = "deployment.kubernetes.io/revision"
CAUSE: Final = "kubernetes.io/change-cause"


class Rollout(NamedTuple):
    """One revision of a template."""

    number: int
    item: Item
    template: Json
    replicas: int | None
    """Pods of it now; None: not counted per revision."""
    current: bool


def plain_template(template: Json) -> Json:
    """A ReplicaSet's template without the hash that tells it from its siblings."""
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != "pod-template-hash"}
    return {**template, "metadata": {**meta, "labels": labels}}


def rollout_of(resource: str, workload: Item, item: Item) -> Rollout | None:
    """A ReplicaSet or ControllerRevision as a revision of the workload; None when it is none of it."""
    owners = item.obj["metadata"].get("ownerReferences") or ()
    if not any(ref.get("controller") and ref["uid"] == workload.uid for ref in owners):
        return None
    if resource == "deployments.apps":
        notes = item.obj["metadata"].get("annotations") or {}
        spec = item.obj.get("spec") or {}
        number = str(notes.get(REVISION) or "")
        mine = (workload.obj["metadata"].get("annotations") or {}).get(REVISION)
        if not number.isdigit():
            return None
        template = plain_template(spec.get("template") or {})
        return Rollout(int(number), item, template, int(spec.get("replicas") or 0), number == mine)
    counted = int(item.obj.get("revision") or 0)
    template = (((item.obj.get("data") or {}).get("spec") or {}).get("template")) or {}
    status = workload.obj.get("status") or {}
    newest = status.get("updateRevision") == item.name
    return Rollout(counted, item, {k: v for k, v in template.items() if k != "$patch"}, None, newest)


def back_patch(resource: str, rollout: Rollout) -> tuple[Any, Literal["json", "strategic"]]:
    """The patch of a workload that goes back to a revision, and of which type it is."""
    if resource == "deployments.apps":
        return [{"op": "replace", "path": "/spec/template", "value": rollout.template}], "json"
    return rollout.item.obj.get("data") or {}, "strategic"


# -- how far it has come -----------------------------------------------------------------------------------------------


def _deployment(obj: Json) -> tuple[str, bool]:
    name, status = obj["metadata"]["name"], obj.get("status") or {}
    if not _observed(obj):
        return "Waiting for deployment spec update to be observed...", False
    if any(
        each["type"] == "Progressing" and each.get("reason") == "ProgressDeadlineExceeded"
        for each in status.get("conditions") or ()
    ):
        raise ClientError(f'deployment "{name}" exceeded its progress deadline')
    wanted, pods = int((obj.get("spec") or {}).get("replicas", 1)), int(status.get("replicas") or 0)
    updated, available = (int(status.get(field) or 0) for field in ("updatedReplicas", "availableReplicas"))
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new replicas have been updated...", False
    if pods > updated:
        return f"{waiting}{pods - updated} old replicas are pending termination...", False
    if available < updated:
        return f"{waiting}{available} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


def _daemon_set(obj: Json) -> tuple[str, bool]:
    _refuse_on_delete(obj)
    name, status = obj["metadata"]["name"], obj.get("status") or {}
    if not _observed(obj):
        return "Waiting for daemon set spec update to be observed...", False
    fields = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    wanted, updated, available = (int(status.get(field) or 0) for field in fields)
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new pods have been updated...", False
    if available < wanted:
        return f"{waiting}{available} of {wanted} updated pods are available...", False
    return f'daemon set "{name}" successfully rolled out', True


def _stateful_set(obj: Json) -> tuple[str, bool]:
    _refuse_on_delete(obj)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not status.get("observedGeneration") or not _observed(obj):
        return "Waiting for statefulset spec update to be observed...", False
    wanted = int(spec.get("replicas", 1))
    ready, updated = (int(status.get(field) or 0) for field in ("readyReplicas", "updatedReplicas"))
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...", False
    partition = int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0)
    if partition:
        if updated < wanted - partition:
            waiting = "Waiting for partitioned roll out to finish: "
            return f"{waiting}{updated} out of {wanted - partition} new pods have been updated...", False
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    newest, present = status.get("updateRevision"), status.get("currentRevision")
    if newest != present:
        return f"waiting for statefulset rolling update to complete {updated} pods at revision {newest}...", False
    pods = int(status.get("currentReplicas") or 0)
    return f"statefulset rolling update complete {pods} pods at revision {present}...", True


def _observed(obj: Json) -> bool:
    return int(obj["metadata"].get("generation") or 0) <= int((obj.get("status") or {}).get("observedGeneration") or 0)


def _refuse_on_delete(obj: Json) -> None:
    strategy = ((obj.get("spec") or {}).get("updateStrategy") or {}).get("type", "RollingUpdate")
    if strategy != "RollingUpdate":
        raise ClientError("rollout status is only available for RollingUpdate strategy type")


PROGRESS: Final[dict[str, Callable[[Json], tuple[str, bool]]]] = {
    "deployments.apps": _deployment, "daemonsets.apps": _daemon_set, "statefulsets.apps": _stateful_set,
}  # fmt: skip
"""Kind → (sentence, whether the rollout is over) of an object. Each raises ClientError when it failed."""
