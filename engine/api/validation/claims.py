"""PersistentVolumeClaims: access modes, sizes, and what may change afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.api import quantity
from engine.api.internal_form import claim_spec
from engine.api.names import subdomain_errors
from engine.api.validation.causes import (
    Causes,
    difference,
    each_message,
    forbidden,
    invalid,
    not_supported,
    one_of,
    required,
)
from engine.api.validation.label_selector import validate_selector
from store.types import JsonObject

ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES: Final = ("Block", "Filesystem")
_SPEC_IMMUTABLE: Final = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


def validate_access_modes(causes: Causes, modes: Sequence[str], path: str) -> None:
    for mode in modes:
        if mode not in ACCESS_MODES:
            causes.append(not_supported(path, mode, ACCESS_MODES))
    if "ReadWriteOncePod" in modes and any(mode in ACCESS_MODES for mode in modes if mode != "ReadWriteOncePod"):
        causes.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))


def validate_claim_spec(causes: Causes, spec: JsonObject, path: str) -> None:
    modes = spec.get("accessModes") or ()
    if not modes:
        causes.append(required(f"{path}.accessModes", "at least 1 access mode is required"))
    validate_selector(causes, spec.get("selector"), f"{path}.selector")
    validate_access_modes(causes, modes, f"{path}.accessModes")
    requests = (spec.get("resources") or {}).get("requests") or {}
    size = requests.get("storage")
    if size is None:
        causes.append(required(f"{path}.resources[storage]"))
    elif quantity.parse(size).nano <= 0:
        where = f"{path}.resources[storage]"
        causes.append(invalid(where, quantity.canonical(size), "must be greater than zero"))
    name = spec.get("storageClassName")
    if name:
        each_message(causes, f"{path}.storageClassName", name, subdomain_errors(name))
    one_of(causes, f"{path}.volumeMode", spec.get("volumeMode"), VOLUME_MODES, optional=True)
    for key in ("dataSource", "dataSourceRef"):
        if spec.get(key) is not None:
            _data_source(causes, spec[key], f"{path}.{key}")


def _data_source(causes: Causes, source: JsonObject, path: str) -> None:
    for key in ("name", "kind"):
        if not source.get(key):
            causes.append(required(f"{path}.{key}"))
    group, kind = source.get("apiGroup") or "", source.get("kind") or ""
    if group:
        each_message(causes, f"{path}.apiGroup", group, subdomain_errors(group))
    elif kind != "PersistentVolumeClaim":
        text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        causes.append(invalid(path, kind, text))


def create(causes: Causes, obj: JsonObject) -> None:
    validate_claim_spec(causes, obj.get("spec") or {}, "spec")


def update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec == before:
        return
    validate_claim_spec(causes, spec, "spec")
    allowed = dict(spec)
    if not before.get("volumeName") and spec.get("volumeName"):
        allowed.pop("volumeName")
    if "storageClassName" not in before:
        allowed.pop("storageClassName", None)
    if (old.get("status") or {}).get("phase") == "Bound":
        resources, old_resources = spec.get("resources") or {}, before.get("resources") or {}
        allowed["resources"] = {**resources, "requests": old_resources.get("requests")}
        if "requests" not in old_resources:
            allowed["resources"].pop("requests")
        allowed["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
        if allowed["volumeAttributesClassName"] is None:
            allowed.pop("volumeAttributesClassName")
    kept = {key: value for key, value in before.items() if key in allowed or key in spec}
    if allowed != kept or set(before) - set(spec):
        causes.append(forbidden("spec", _SPEC_IMMUTABLE + difference(claim_spec(before), claim_spec(spec))))
        return
    asked, was = _size(spec), _size(before)
    capacity = quantity.parse(((old.get("status") or {}).get("capacity") or {}).get("storage", "0")).nano
    if asked < was and asked < capacity:
        causes.append(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"))


def _size(spec: JsonObject) -> int:
    return quantity.parse(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0")).nano
