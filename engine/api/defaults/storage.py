"""Defaults of storage.k8s.io: storage classes and CSI drivers (pkg/apis/storage/v1/defaults.go)."""

from __future__ import annotations

from typing import Final

from engine.api.defaults.filling import changed, filled
from store.types import JsonObject

_DRIVER: Final = {
    "attachRequired": True,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "podInfoOnMount": False,
    "requiresRepublish": False,
    "seLinuxMount": False,
    "storageCapacity": False,
    "volumeLifecycleModes": ["Persistent"],
}


def _class(obj: JsonObject) -> JsonObject:
    return filled(obj, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"})


def _driver(obj: JsonObject) -> JsonObject:
    return changed(obj, "spec", filled(obj.get("spec") or {}, _DRIVER))


DEFAULTERS: Final = {"storageclasses": _class, "csidrivers": _driver}
