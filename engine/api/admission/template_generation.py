"""DaemonSets count the changes of their template in an annotation, the server's own (daemonSetStrategy)."""

from __future__ import annotations

from typing import Final

from engine.api.admission.request import AdmissionRequest, spec_of
from store.types import JsonObject

ANNOTATION: Final = "deprecated.daemonset.template.generation"


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    old = request.old
    count = 1
    if old is not None:
        before = (old["metadata"].get("annotations") or {}).get(ANNOTATION, "1")
        count = int(before) if before.isdigit() else 1
        if spec_of(old).get("template") != spec_of(obj).get("template"):
            count += 1
    meta = obj["metadata"]
    annotations = meta.get("annotations") or {}
    if annotations.get(ANNOTATION) == str(count):
        return obj
    return {**obj, "metadata": {**meta, "annotations": {**annotations, ANNOTATION: str(count)}}}
