"""DefaultTolerationSeconds: a pod that says nothing stays for five minutes on a node that fails.

The seconds are kube-apiserver's --default-not-ready-toleration-seconds and --default-unreachable-toleration-seconds.
"""

from __future__ import annotations

from typing import Any, Final

from engine.api.admission.request import AdmissionRequest, spec_of
from store.types import JsonObject

SECONDS: Final = 300
NOT_READY: Final = "node.kubernetes.io/not-ready"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
_DEFAULTS: Final[list[JsonObject]] = [
    {"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": SECONDS}
    for key in (NOT_READY, UNREACHABLE)
]


def mutate(request: AdmissionRequest, obj: JsonObject) -> JsonObject:
    spec = spec_of(obj)
    tolerations: list[dict[str, Any]] | None = spec.get("tolerations")
    if not tolerations:
        return {**obj, "spec": {**spec, "tolerations": _DEFAULTS}}
    missing = []
    for default in _DEFAULTS:
        key = default["key"]
        for toleration in tolerations:
            if toleration.get("key") in (key, None, "") and toleration.get("effect") in ("NoExecute", None, ""):
                break
        else:
            missing.append(default)
    if not missing:
        return obj
    return {**obj, "spec": {**spec, "tolerations": [*tolerations, *missing]}}
