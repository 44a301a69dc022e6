"""DefaultStorageClass: a claim that names no class gets the default one; the newest, where several are marked."""

from __future__ import annotations

from typing import Final

from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import STORAGECLASSES
from store.types import Envelope, JsonObject

DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
_BETA_DEFAULT: Final = "storageclass.beta.kubernetes.io/is-default-class"
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    spec = spec_of(obj)
    if spec.get("storageClassName") is not None or _BETA_CLASS in (obj["metadata"].get("annotations") or {}):
        return obj
    marked = [env for env in request.store.list(STORAGECLASSES) if _is_default(env)]
    if not marked:
        return obj
    newest = max(env.obj["metadata"].get("creationTimestamp") or "" for env in marked)
    chosen = min(env.name for env in marked if (env.obj["metadata"].get("creationTimestamp") or "") == newest)
    return {**obj, "spec": {**spec, "storageClassName": chosen}}


def _is_default(env: Envelope) -> bool:
    annotations = env.obj["metadata"].get("annotations") or {}
    return "true" in (annotations.get(DEFAULT_CLASS), annotations.get(_BETA_DEFAULT))
