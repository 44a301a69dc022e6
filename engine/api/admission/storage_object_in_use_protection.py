"""StorageObjectInUseProtection: claims and volumes are born with the finalizer that keeps them while they are used."""

from __future__ import annotations

from engine.api.admission.request import AdmissionRequest
from engine.api.kinds import PERSISTENTVOLUMECLAIMS
from engine.storage.annotations import CLAIM_PROTECTION, VOLUME_PROTECTION
from store.types import JsonObject


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    finalizer = CLAIM_PROTECTION if request.resource == PERSISTENTVOLUMECLAIMS else VOLUME_PROTECTION
    present = obj["metadata"].get("finalizers") or []
    if finalizer in present:
        return obj
    return {**obj, "metadata": {**obj["metadata"], "finalizers": [*present, finalizer]}}
