"""Parts of an object that have a door of their own: a pod's debug containers and resources, the approval of a request.

`merged` takes from a request what its subresource may change and keeps the rest of the stored object; `problems` says
what is wrong with the change. Sources: registry/core/pod/strategy.go (podEphemeralContainersStrategy,
podResizeStrategy), apis/core/validation (ValidatePodEphemeralContainersUpdate, ValidatePodResize),
registry/certificates (approvalStrategy).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.api.errors import Cause
from engine.api.qos import qos_class
from engine.api.validation.causes import Causes, forbidden, invalid
from engine.api.validation.containers import PodParts, validate_ephemeral_containers
from store.types import JsonObject

POD_PARTS: Final = frozenset({"ephemeralcontainers", "resize"})
APPROVAL: Final = "approval"
_LISTS: Final = ("initContainers", "containers")


def merged(subresource: str, before: JsonObject, obj: JsonObject) -> JsonObject:
    """The stored pod with the part that the request may change; its metadata is the request's."""
    spec, asked = before.get("spec") or {}, obj.get("spec") or {}
    if subresource == "ephemeralcontainers":
        new = {**spec, "ephemeralContainers": asked.get("ephemeralContainers") or []}
        if not new["ephemeralContainers"]:
            del new["ephemeralContainers"]
    else:
        new = dict(spec)
        for key in _LISTS:
            if spec.get(key):
                wanted = {each.get("name"): each for each in asked.get(key) or ()}
                new[key] = [_resized(each, wanted.get(each.get("name"))) for each in spec[key]]
    return {**before, "metadata": {**before["metadata"], **_guard(obj)}, "spec": new}


def _guard(obj: JsonObject) -> JsonObject:
    version = (obj.get("metadata") or {}).get("resourceVersion")
    return {"resourceVersion": version} if version else {}


def _resized(container: JsonObject, wanted: JsonObject | None) -> JsonObject:
    if wanted is None:
        return container
    new = {**container, "resources": wanted.get("resources") or {}}
    if wanted.get("resizePolicy"):
        new["resizePolicy"] = wanted["resizePolicy"]
    return new


def approved(before: JsonObject, obj: JsonObject, now: str) -> JsonObject:
    """A certificate request with the request's decisions; times that were left open are now."""
    conditions = [
        {"lastUpdateTime": now, "lastTransitionTime": now, **{k: v for k, v in each.items() if v is not None}}
        for each in (obj.get("status") or {}).get("conditions") or ()
    ]
    status = {**(before.get("status") or {}), "conditions": conditions}
    if not conditions:
        del status["conditions"]
    return {**before, "metadata": {**before["metadata"], **_guard(obj)}, "status": status}


def problems(subresource: str, new: JsonObject, old: JsonObject) -> list[Cause]:
    """What is wrong with a changed part of a pod."""
    return _ephemeral_problems(new, old) if subresource == "ephemeralcontainers" else _resize_problems(new, old)


def _ephemeral_problems(new: JsonObject, old: JsonObject) -> list[Cause]:
    causes: Causes = []
    spec = new["spec"]
    path = "spec.ephemeralContainers"
    wanted = spec.get("ephemeralContainers") or []
    others = [each for key in _LISTS for each in spec.get(key) or ()]
    validate_ephemeral_containers(causes, wanted, others, PodParts.of(spec), path)
    by_name: Mapping[str, Any] = {each.get("name"): each for each in wanted}
    for present in (old.get("spec") or {}).get("ephemeralContainers") or ():
        name = present["name"]
        if name not in by_name:
            causes.append(forbidden(path, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif by_name[name] != present:
            causes.append(forbidden(path, f'existing ephemeral containers "{name}" may not be changed\n'))
    return causes


def _resize_problems(new: JsonObject, old: JsonObject) -> list[Cause]:
    causes: Causes = []
    phase = (old.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        causes.append(forbidden("spec", "pod is terminated"))
    quality = qos_class(new["spec"])
    if quality != (old.get("status") or {}).get("qosClass", qos_class(old["spec"])):
        causes.append(invalid("spec", quality, "Pod QOS Class may not change as a result of resizing"))
    return causes
