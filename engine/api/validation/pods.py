"""Pods: on creation their spec and annotations; afterwards almost nothing may change (ValidatePodUpdate)."""

from __future__ import annotations

from typing import Any, Final

from engine.api.internal_form import pod_spec
from engine.api.validation.causes import Causes, difference, forbidden, invalid, required
from engine.api.validation.pod_spec import validate_pod_spec
from store.types import JsonObject

_FIXED: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def create(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    validate_pod_spec(causes, spec, "spec")
    if spec.get("ephemeralContainers"):
        causes.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("schedulingGates") and spec.get("nodeName"):
        text = "cannot be set until all schedulingGates have been cleared"
        causes.append(forbidden("spec.nodeName", text))
    cost = (obj["metadata"].get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost")
    if cost is not None and not _is_int32(cost):
        where = "metadata.annotations[controller.kubernetes.io/pod-deletion-cost]"
        causes.append(invalid(where, cost, "must be a 32bit integer"))


def _is_int32(text: str) -> bool:
    try:
        return -(2**31) <= int(text) < 2**31
    except ValueError:
        return False


def update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec is before or spec == before:
        return
    validate_pod_spec(causes, spec, "spec")
    for key, word in (("containers", "containers"), ("initContainers", "initContainers")):
        if len(spec.get(key) or ()) != len(before.get(key) or ()):
            causes.append(forbidden(f"spec.{key}", f"pod updates may not add or remove {word}"))
            return
        for index, container in enumerate(spec.get(key) or ()):
            if not container.get("image"):
                causes.append(required(f"spec.{key}[{index}].image"))
    _deadline(causes, spec, before)
    _gates(causes, spec, before)
    _tolerations(causes, spec, before)
    comparable = _comparable(spec, before)
    if comparable != before:
        causes.append(forbidden("spec", _FIXED + difference(pod_spec(before), pod_spec(comparable))))


def _deadline(causes: Causes, spec: JsonObject, before: JsonObject) -> None:
    deadline, was = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    where = "spec.activeDeadlineSeconds"
    if deadline is not None and deadline < 0:
        causes.append(invalid(where, deadline, "must be between 0 and 2147483647, inclusive"))
    elif was is not None and deadline is not None and deadline > was:
        causes.append(invalid(where, deadline, "must be less than or equal to previous value"))
    elif was is not None and deadline is None:
        causes.append(invalid(where, None, "must not update from a positive integer to nil value"))


def _gates(causes: Causes, spec: JsonObject, before: JsonObject) -> None:
    had = {gate.get("name") for gate in before.get("schedulingGates") or ()}
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        if gate.get("name") not in had:
            text = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            causes.append(forbidden(f"spec.schedulingGates[{index}].name", text))


def _tolerations(causes: Causes, spec: JsonObject, before: JsonObject) -> None:
    new = [_without_seconds(toleration) for toleration in spec.get("tolerations") or ()]
    if any(_without_seconds(toleration) not in new for toleration in before.get("tolerations") or ()):
        text = "existing toleration can not be modified except its tolerationSeconds"
        causes.append(forbidden("spec.tolerations", text))


def _without_seconds(toleration: JsonObject) -> JsonObject:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _comparable(spec: JsonObject, before: JsonObject) -> JsonObject:
    """`spec` with what may change set back to how it was."""
    out: dict[str, Any] = dict(spec)
    for key in ("containers", "initContainers"):
        if spec.get(key):
            pairs = zip(spec[key], before[key], strict=True)
            out[key] = [{**container, "image": old.get("image")} for container, old in pairs]
    for key in ("activeDeadlineSeconds", "tolerations"):
        _restore(out, before, key)
    gated = bool(before.get("schedulingGates"))
    _restore(out, before, "schedulingGates")
    if before.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        _restore(out, before, "terminationGracePeriodSeconds")
    if gated:
        selector, was = spec.get("nodeSelector") or {}, before.get("nodeSelector") or {}
        if all(selector.get(key) == value for key, value in was.items()):
            _restore(out, before, "nodeSelector")
        if not ((before.get("affinity") or {}).get("nodeAffinity")):
            _restore(out, before, "affinity")
    return out


def _restore(out: JsonObject, before: JsonObject, key: str) -> None:
    if key in before:
        out[key] = before[key]
    else:
        out.pop(key, None)
