"""The volume claims of a StatefulSet's pods: made before the pod, kept or given away by the retention policy.

A claim belongs to nobody (Retain), to the set (`whenDeleted: Delete`: it goes with it), or, once its pod's ordinal is
out of range, to the pod (`whenScaled: Delete`: it goes when the pod is gone). The garbage collector does the rest.
(pkg/controller/statefulset/stateful_set_utils.go, stateful_pod_control.go.)
"""

from __future__ import annotations

from typing import Any

from engine.api.errors import AlreadyExists, ApiError, InternalError
from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PODS
from engine.api.server import Api, Caller
from engine.controllers.controller import being_deleted, controller_reference, with_metadata
from engine.controllers.statefulset.roster import claim_name, claim_templates
from engine.events import EventRecorder
from store.types import Envelope, JsonObject


def has_stale_claim(api: Api, owner: Envelope, ordinal: int) -> bool:
    """PodClaimIsStale: a claim of the ordinal still belongs to an earlier pod of that name and goes with it soon."""
    pod_name = f"{owner.name}-{ordinal}"
    for template in claim_templates(owner):
        claim = api.find(PERSISTENTVOLUMECLAIMS, owner.namespace, claim_name(template, owner.name, ordinal))
        for ref in claim.obj["metadata"].get("ownerReferences", ()) if claim is not None else ():
            if ref["kind"] == "Pod" and ref["name"] == pod_name:
                return True
    return False


def create_missing(api: Api, caller: Caller, recorder: EventRecorder, owner: Envelope, ordinal: int) -> None:
    """Every claim of the ordinal. Raises what was refused, or that a claim is being deleted."""
    problems: list[str] = []
    for template in claim_templates(owner):
        name = claim_name(template, owner.name, ordinal)
        claim = api.find(PERSISTENTVOLUMECLAIMS, owner.namespace, name)
        if claim is not None:
            if being_deleted(claim.obj):
                problems.append(f"pvc {name} is being deleted")
            continue
        pod = f"{owner.name}-{ordinal}"
        try:
            api.create(caller, PERSISTENTVOLUMECLAIMS, owner.namespace, _claim(owner, template, name))
        except AlreadyExists as error:
            problems.append(f"failed to create PVC {name}: {error}")
        except ApiError as error:
            problems.append(f"failed to create PVC {name}: {error}")
            text = f"Create Claim {name} for Pod {pod} in StatefulSet {owner.name} failed error: {error}"
            recorder.event(owner, "Warning", "FailedCreate", text)
        else:
            text = f"Create Claim {name} Pod {pod} in StatefulSet {owner.name} success"
            recorder.event(owner, "Normal", "SuccessfulCreate", text)
    if problems:
        raise InternalError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")


def keep_policy(api: Api, caller: Caller, owner: Envelope, ordinal: int, condemned: bool) -> None:
    """Let the claims of an ordinal belong to whom the policy says. `condemned`: its pod is out of range."""
    pod = api.find(PODS, owner.namespace, f"{owner.name}-{ordinal}")
    for template in claim_templates(owner):
        name = claim_name(template, owner.name, ordinal)
        claim = api.find(PERSISTENTVOLUMECLAIMS, owner.namespace, name)
        if claim is None:
            continue
        refs: list[JsonObject] = claim.obj["metadata"].get("ownerReferences") or []
        others = [ref for ref in refs if not _is(ref, owner) and not (pod is not None and _is(ref, pod))]
        wanted = others
        if not any(ref.get("controller") for ref in others):
            master = _master(owner, pod, condemned)
            wanted = [*others, controller_reference(master)] if master is not None else others
        if wanted != refs:
            changed = with_metadata(claim.obj, ownerReferences=wanted or None)
            api.update(caller, PERSISTENTVOLUMECLAIMS, claim.namespace, claim.name, changed)


def policy_of(owner: Envelope) -> tuple[bool, bool]:
    """(delete when the set is deleted, delete when it is scaled down)."""
    policy: dict[str, Any] = owner.obj["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenDeleted") == "Delete", policy.get("whenScaled") == "Delete"


def _master(owner: Envelope, pod: Envelope | None, condemned: bool) -> Envelope | None:
    when_deleted, when_scaled = policy_of(owner)
    if when_scaled and condemned:
        return pod
    return owner if when_deleted else None


def _is(ref: JsonObject, env: Envelope) -> bool:
    return bool(ref["kind"] == env.obj["kind"] and ref["name"] == env.name)


def _claim(owner: Envelope, template: JsonObject, name: str) -> JsonObject:
    meta = template["metadata"]
    selector = (owner.obj["spec"].get("selector") or {}).get("matchLabels") or {}
    new: JsonObject = {
        "name": name, "namespace": owner.namespace, "labels": {**(meta.get("labels") or {}), **selector},
        **{part: meta[part] for part in ("annotations", "finalizers") if meta.get(part)},
    }  # fmt: skip
    if policy_of(owner)[0]:
        new["ownerReferences"] = [controller_reference(owner)]
    return {"metadata": new, "spec": template["spec"]}
