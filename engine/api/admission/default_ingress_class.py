"""DefaultIngressClass: an Ingress that names no class gets the default one; the newest, where several are marked."""

from __future__ import annotations

from typing import Final

from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import INGRESSCLASSES
from engine.network.ingress import CLASS_ANNOTATION
from store.types import JsonObject

DEFAULT_CLASS: Final = "ingressclass.kubernetes.io/is-default-class"


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    spec = spec_of(obj)
    if spec.get("ingressClassName") is not None or CLASS_ANNOTATION in (obj["metadata"].get("annotations") or {}):
        return obj
    marked = [
        env for env in request.store.list(INGRESSCLASSES)
        if (env.obj["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
    ]  # fmt: skip
    if not marked:
        return obj
    newest = max(env.obj["metadata"]["creationTimestamp"] for env in marked)
    chosen = min(env.name for env in marked if env.obj["metadata"]["creationTimestamp"] == newest)
    return {**obj, "spec": {**spec, "ingressClassName": chosen}}
