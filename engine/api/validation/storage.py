"""PersistentVolumes, StorageClasses, CSI drivers and volume attachments."""

from __future__ import annotations

from typing import Final

from engine.api import quantity
from engine.api.names import qualified_name_errors
from engine.api.validation.causes import (
    Causes,
    each_message,
    forbidden,
    immutable,
    invalid,
    not_supported,
    one_of,
    required,
)
from engine.api.validation.claims import VOLUME_MODES, validate_access_modes
from engine.api.validation.placement import validate_node_selector
from engine.api.validation.volumes import SOURCES
from store.types import JsonObject

_RECLAIM: Final = ("Delete", "Recycle", "Retain")
_NO_SOURCE: Final = frozenset(
    {
        "accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "persistentVolumeReclaimPolicy",
        "storageClassName", "volumeAttributesClassName", "volumeMode",
    }
)  # fmt: skip


def volume(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    validate_access_modes(causes, spec.get("accessModes"), "spec.accessModes")
    capacity = spec.get("capacity") or {}
    if not capacity:
        causes.append(required("spec.capacity"))
    if "storage" not in capacity or len(capacity) > 1:
        causes.append(not_supported("spec.capacity", capacity, ("storage",)))
    for name in sorted(capacity):
        if quantity.parse(capacity[name]).nano <= 0:
            where = f"spec.capacity[{name}]"
            causes.append(invalid(where, quantity.canonical(capacity[name]), "must be greater than zero"))
    one_of(
        causes, "spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), _RECLAIM, optional=True
    )
    affinity = (spec.get("nodeAffinity") or {}).get("required")
    if affinity is not None:
        validate_node_selector(causes, affinity, "spec.nodeAffinity.required")
    sources = [key for key, value in spec.items() if key not in _NO_SOURCE and value is not None]
    if not sources:
        causes.append(required("spec", "must specify a volume type"))
    for extra in sources[1:]:
        causes.append(forbidden(f"spec.{extra}", "may not specify more than 1 volume type"))
    if sources and sources[0] in SOURCES:
        SOURCES[sources[0]](causes, spec[sources[0]], f"spec.{sources[0]}")
    if sources[:1] == ["local"] and affinity is None:
        causes.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    one_of(causes, "spec.volumeMode", spec.get("volumeMode"), VOLUME_MODES, optional=True)


def volume_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec == before:
        return
    volume(causes, new)
    source = {key: value for key, value in spec.items() if key not in _NO_SOURCE}
    if source != {key: value for key, value in before.items() if key not in _NO_SOURCE}:
        causes.append(
            forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")
        )
    immutable(causes, "spec.volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity") is not None:
        immutable(causes, "spec.nodeAffinity", spec.get("nodeAffinity"), before.get("nodeAffinity"))


# -- classes -------------------------------------------------------------------------------------------------------


def storage_class(causes: Causes, obj: JsonObject) -> None:
    provisioner = obj.get("provisioner") or ""
    if not provisioner:
        causes.append(required("provisioner"))
    else:
        each_message(causes, "provisioner", provisioner, qualified_name_errors(provisioner.lower()))
    for key in sorted(obj.get("parameters") or {}):
        if not key:
            causes.append(invalid("parameters", key, "field can not be empty."))
    one_of(causes, "reclaimPolicy", obj.get("reclaimPolicy"), ("Delete", "Retain"), optional=True)
    one_of(causes, "volumeBindingMode", obj.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"))


def storage_class_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    for key in ("parameters", "provisioner", "reclaimPolicy"):
        if (new.get(key) or None) != (old.get(key) or None):
            causes.append(forbidden(key, f"updates to {key} are forbidden."))
    immutable(causes, "volumeBindingMode", new.get("volumeBindingMode"), old.get("volumeBindingMode"))


def attachment(causes: Causes, obj: JsonObject) -> None:
    """A VolumeAttachment."""
    spec = obj.get("spec") or {}
    if not spec.get("attacher"):
        causes.append(required("spec.attacher"))
    source = spec.get("source") or {}
    if source.get("persistentVolumeName") is None and source.get("inlineVolumeSpec") is None:
        causes.append(required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName"))
    if not spec.get("nodeName"):
        causes.append(required("spec.nodeName"))


def attachment_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if (new.get("spec") or {}) != (old.get("spec") or {}):
        causes.append(invalid("spec", new.get("spec"), "field is immutable"))
