"""AlwaysPullImages (off by default): every image is pulled anew, so that credentials are asked for each time."""

from __future__ import annotations

from engine.api.admission.request import AdmissionRequest, spec_of
from store.types import JsonObject

_LISTS = ("initContainers", "containers", "ephemeralContainers")


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    old = spec_of(request.old) if request.old is not None else {}
    spec = dict(spec_of(obj))
    for key in _LISTS:
        known = {each["name"]: each.get("image") for each in old.get(key) or ()}
        if spec.get(key):
            spec[key] = [
                each if request.old is not None and known.get(each["name"]) == each.get("image")
                else {**each, "imagePullPolicy": "Always"}
                for each in spec[key]
            ]  # fmt: skip
    return {**obj, "spec": spec}
