"""DefaultStorageClass: a claim that names no class gets the default one; the newest, where several are marked."""

from __future__ import annotations

from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import STORAGECLASSES
from engine.storage.annotations import BETA_CLASS
from engine.storage.default_class import default_class
from store.types import JsonObject


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    spec = spec_of(obj)
    if spec.get("storageClassName") is not None or BETA_CLASS in (obj["metadata"].get("annotations") or {}):
        return obj
    chosen = default_class(request.store.list(STORAGECLASSES))
    return obj if chosen is None else {**obj, "spec": {**spec, "storageClassName": chosen}}
