"""PersistentVolumes, StorageClasses, CSI drivers and volume attachments."""

from __future__ import annotations

import posixpath
from typing import Final

from engine.api import quantity
from engine.api.internal_form import volume_source
from engine.api.names import qualified_name_errors, subdomain_errors
from engine.api.validation.causes import (
    Causes,
    difference,
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
_SOURCES: Final = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs",
    "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume",
    "azureDisk", "scaleIO", "local", "storageos", "csi",
)  # fmt: skip
"""What can be behind a volume, in the order in which ValidatePersistentVolumeSpec looks."""


def volume(causes: Causes, obj: JsonObject) -> None:
    spec = obj.get("spec") or {}
    if not spec.get("accessModes"):
        causes.append(required("spec.accessModes"))
    validate_access_modes(causes, spec.get("accessModes") or (), "spec.accessModes")
    _capacity(causes, spec.get("capacity") or {})
    one_of(
        causes, "spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), _RECLAIM, optional=True
    )
    _source(causes, spec)
    name = spec.get("storageClassName")
    if name:
        each_message(causes, "spec.storageClassName", name, subdomain_errors(name))
    one_of(causes, "spec.volumeMode", spec.get("volumeMode"), VOLUME_MODES, optional=True)


def _capacity(causes: Causes, capacity: JsonObject) -> None:
    if not capacity:
        causes.append(required("spec.capacity"))
    if "storage" not in capacity or len(capacity) > 1:
        causes.append(not_supported("spec.capacity", capacity or None, ("storage",)))
    for name in sorted(capacity):
        where, amount = f"spec.capacity[{name}]", quantity.parse(capacity[name]).nano
        if amount < 0:
            causes.append(invalid(where, quantity.value(capacity[name]), "must be a valid resource quantity"))
        if amount <= 0:
            causes.append(invalid(where, quantity.canonical(capacity[name]), "must be greater than zero"))


def _source(causes: Causes, spec: JsonObject) -> None:
    """Where a node may be for the volume, and exactly one thing behind it."""
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        if affinity.get("required") is None:
            causes.append(required("spec.nodeAffinity.required", "must specify required node constraints"))
        else:
            validate_node_selector(causes, affinity["required"], "spec.nodeAffinity.required")
    sources = [name for name in _SOURCES if spec.get(name) is not None]
    for name in sources[:1]:
        if name in SOURCES:
            SOURCES[name](causes, spec[name], f"spec.{name}")
        if name == "local" and affinity is None:
            causes.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    for extra in sources[1:]:
        causes.append(forbidden(f"spec.{extra}", "may not specify more than 1 volume type"))
    if not sources:
        causes.append(required("spec", "must specify a volume type"))
    root = posixpath.normpath((spec.get("hostPath") or {}).get("path") or ".").strip("/") == ""
    if root and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        text = "may not be 'recycle' for a hostPath mount of '/'"
        causes.append(forbidden("spec.persistentVolumeReclaimPolicy", text))


def volume_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if spec == before:
        return
    volume(causes, new)
    now, then = volume_source(spec), volume_source(before)
    if now != then:
        text = f"spec.persistentvolumesource is immutable after creation{difference(then, now)}"
        causes.append(forbidden("spec.persistentvolumesource", text))
    immutable(causes, "volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity") is not None:
        immutable(causes, "nodeAffinity", spec.get("nodeAffinity"), before.get("nodeAffinity"))


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


def driver(causes: Causes, obj: JsonObject) -> None:
    """A CSIDriver."""
    spec: JsonObject = obj.get("spec") or {}
    policies = ("File", "None", "ReadWriteOnceWithFSType")
    one_of(causes, "spec.fsGroupPolicy", spec.get("fsGroupPolicy"), policies, optional=True)
    for mode in spec.get("volumeLifecycleModes") or ():
        one_of(causes, "spec.volumeLifecycleModes", mode, ("Persistent", "Ephemeral"))


def driver_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    """How a driver attaches stays. The path of the field is Kubernetes' own slip."""
    driver(causes, new)
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    immutable(causes, "spec.attachedRequired", spec.get("attachRequired"), before.get("attachRequired"))
    modes = "volumeLifecycleModes"
    immutable(causes, f"spec.{modes}", spec.get(modes), before.get(modes))
