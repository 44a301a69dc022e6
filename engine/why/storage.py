"""Why a claim is not bound, and what holds a volume."""

from __future__ import annotations

from collections.abc import Iterator

from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES
from engine.api.selectors import from_spec
from engine.api.server import Api
from engine.client import Diagnosis, Finding
from engine.storage.reading import (
    capacity,
    class_of,
    delays_binding,
    modes_of,
    pods_using,
    requested,
    selected_node,
    storage_class,
)
from engine.why.parts import about, deletion, diagnosis, warnings
from store.types import Envelope


def claim(api: Api, env: Envelope) -> Diagnosis:
    status = env.obj.get("status") or {}
    phase = status.get("phase", "Pending")
    findings = deletion(env)
    if env.deleting:
        for pod in pods_using(api, env.namespace, env.name):
            findings.append(about("bad", f"Pod {pod.name} still uses it.", pod))
    if phase == "Bound":
        volume = api.find(PERSISTENTVOLUMES, "", env.obj["spec"].get("volumeName", ""))
        if volume is not None:
            size = (status.get("capacity") or {}).get("storage", "")
            findings.append(about("", f"Bound to {volume.name}, {size}.", volume))
        return diagnosis("Bound", findings, not env.deleting)
    if phase == "Lost":
        findings.append(Finding("bad", f"Its volume {env.obj['spec'].get('volumeName')} is gone."))
    else:
        findings += _pending(api, env)
    return diagnosis(phase, [*findings, *warnings(api, env)])


def _pending(api: Api, env: Envelope) -> Iterator[Finding]:
    name = class_of(env.obj)
    found = storage_class(api, name) if name else None
    if name and found is None:
        classes = ", ".join(each.name for each in api.store.list(STORAGECLASSES)) or "none"
        yield Finding("bad", f'StorageClass "{name}" does not exist (there are: {classes}).')
    elif not name:
        yield Finding("warn", "It names no StorageClass and there is no default one: only a volume without class fits.")
    elif delays_binding(api, env.obj) and not selected_node(env.obj):
        users = pods_using(api, env.namespace, env.name)
        text = f"StorageClass {name} binds WaitForFirstConsumer: a pod that uses the claim has to be scheduled first."
        yield about("warn", text, users[0] if users else None)
        for pod in users[:3]:
            yield about("warn", f"Pod {pod.name} uses it and has no node yet.", pod)
    for volume in api.store.list(PERSISTENTVOLUMES):
        reasons = _unfit(env, volume)
        if reasons and class_of(volume.obj) == name:
            yield about("", f"Volume {volume.name} does not fit: {'; '.join(reasons)}.", volume)


def _unfit(claim_: Envelope, volume: Envelope) -> list[str]:
    """Everything that keeps a volume from serving a claim."""
    reasons = []
    phase = (volume.obj.get("status") or {}).get("phase", "")
    reference = volume.obj["spec"].get("claimRef") or {}
    if phase == "Released":
        had = f"{reference.get('namespace')}/{reference.get('name')}"
        reasons.append(f"it is Released: {had} had it, clear its claimRef")
    elif reference and reference.get("name") != claim_.name:
        reasons.append(f"it belongs to {reference.get('namespace')}/{reference.get('name')}")
    if capacity(volume.obj) < requested(claim_.obj):
        has = (volume.obj["spec"].get("capacity") or {}).get("storage", "0")
        wants = ((claim_.obj["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0")
        reasons.append(f"it has {has}, {wants} is asked for")
    missing = modes_of(claim_.obj) - modes_of(volume.obj)
    if missing:
        reasons.append(f"it does not offer {', '.join(sorted(missing))}")
    selector = claim_.obj["spec"].get("selector")
    if selector is not None and not from_spec(selector).matches(volume.labels):
        reasons.append("the claim's selector does not match its labels")
    return reasons


def volume(api: Api, env: Envelope) -> Diagnosis:
    phase = (env.obj.get("status") or {}).get("phase", "Pending")
    spec = env.obj["spec"]
    reference = spec.get("claimRef") or {}
    findings = deletion(env)
    if phase == "Released":
        text = f"Its claim {reference.get('namespace')}/{reference.get('name')} is gone and its reclaim policy is "
        text += f"{spec.get('persistentVolumeReclaimPolicy', 'Retain')}: nobody gets it until spec.claimRef is removed."
        findings.append(Finding("bad", text))
    elif phase == "Failed":
        findings.append(Finding("bad", (env.obj.get("status") or {}).get("message", "It could not be reclaimed.")))
    holder = api.find(PERSISTENTVOLUMECLAIMS, reference.get("namespace", ""), reference.get("name", ""))
    if holder is not None:
        findings.append(about("", f"Claimed by {holder.namespace}/{holder.name}.", holder))
    return diagnosis(phase, findings, phase in ("Bound", "Available"))
