"""PersistentVolumeClaimResize: a bound claim grows only where its class allows it."""

from __future__ import annotations

from engine.api import errors, quantity
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import PERSISTENTVOLUMECLAIMS, STORAGECLASSES
from engine.storage.annotations import BETA_CLASS
from store.types import JsonObject


def validate(request: AdmissionRequest) -> None:
    old = request.old or {}
    if _size(request.obj) <= _size(old):
        return
    if (old.get("status") or {}).get("phase") != "Bound":
        raise errors.forbidden(
            PERSISTENTVOLUMECLAIMS, request.name, "Only bound persistent volume claims can be expanded"
        )  # fmt: skip
    marks = request.obj["metadata"].get("annotations") or {}
    name = marks.get(BETA_CLASS) or spec_of(request.obj).get("storageClassName") or ""
    found = request.find(STORAGECLASSES, "", name) if name else None
    if found is None or not found.obj.get("allowVolumeExpansion"):
        raise errors.forbidden(
            PERSISTENTVOLUMECLAIMS, request.name,
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
            "support resize",
        )  # fmt: skip


def _size(claim: JsonObject) -> int:
    return quantity.value(((spec_of(claim).get("resources") or {}).get("requests") or {}).get("storage", "0"))
