"""A pod's volumes: names, exactly one source each, and what each source needs (ValidateVolumes)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from engine.api import quantity
from engine.api.names import dns_label_errors
from engine.api.validation.causes import (
    Causes,
    duplicate,
    each_message,
    forbidden,
    invalid,
    not_supported,
    one_of,
    required,
)
from engine.api.validation.claims import validate_claim_spec
from engine.api.validation.downward import VOLUME_FIELDS, validate_field_reference, validate_resource_reference
from store.types import JsonObject

_MODE: Final = "must be a number between 0 and 0777 (octal), both inclusive"
_ORDER: Final = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
    "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
    "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk",
    "storageos", "projected", "scaleIO", "csi", "ephemeral", "image",
)  # fmt: skip
"""What can be behind a volume, in the order in which validateVolumeSource looks."""
_HOST_PATH_TYPES: Final = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip


def validate_volumes(causes: Causes, volumes: Sequence[JsonObject], path: str) -> dict[str, JsonObject]:
    """The volumes that are right, by name: nothing else can be mounted."""
    right: dict[str, JsonObject] = {}
    for index, volume in enumerate(volumes):
        where, before = f"{path}[{index}]", len(causes)
        name = volume.get("name") or ""
        validate_source(causes, volume, where)
        if not name:
            causes.append(required(f"{where}.name"))
        else:
            each_message(causes, f"{where}.name", name, dns_label_errors(name))
        if name in right:
            causes.append(duplicate(f"{where}.name", name))
        if len(causes) == before:
            right[name] = volume
    return right


def validate_source(causes: Causes, volume: JsonObject, path: str) -> None:
    """Exactly one source."""
    sources = [key for key in _ORDER if volume.get(key) is not None]
    if not sources:
        causes.append(required(path, "must specify a volume type"))
        return
    check = SOURCES.get(sources[0])
    if check is not None:
        check(causes, volume[sources[0]], f"{path}.{sources[0]}")
    for extra in sources[1:]:
        causes.append(forbidden(f"{path}.{extra}", "may not specify more than 1 volume type"))


def _mode(causes: Causes, source: JsonObject, key: str, path: str) -> None:
    mode = source.get(key)
    if mode is not None and not 0 <= mode <= 0o777:
        causes.append(invalid(f"{path}.{key}", mode, _MODE))


def local_path(causes: Causes, value: str, path: str) -> None:
    """A relative path that stays inside: validateLocalDescendingPath."""
    if value.startswith("/"):
        causes.append(invalid(path, value, "must be a relative path"))
    if ".." in value.split("/"):
        causes.append(invalid(path, value, "must not contain '..'"))


def _items(causes: Causes, source: JsonObject, path: str) -> None:
    for index, item in enumerate(source.get("items") or ()):
        where = f"{path}.items[{index}]"
        if not item.get("key"):
            causes.append(required(f"{where}.key"))
        _inner_path(causes, item, where)
        _mode(causes, item, "mode", where)


def _secret(causes: Causes, source: JsonObject, path: str) -> None:
    if not source.get("secretName"):
        causes.append(required(f"{path}.secretName"))
    _mode(causes, source, "defaultMode", path)
    _items(causes, source, path)


def _config_map(causes: Causes, source: JsonObject, path: str) -> None:
    if not source.get("name"):
        causes.append(required(f"{path}.name"))
    _mode(causes, source, "defaultMode", path)
    _items(causes, source, path)


def _host_path(causes: Causes, source: JsonObject, path: str) -> None:
    value = source.get("path") or ""
    if not value:
        causes.append(required(f"{path}.path"))
        return
    if ".." in value.split("/"):
        causes.append(invalid(f"{path}.path", value, "must not contain '..'"))
    kind = source.get("type")
    if kind is not None and kind not in _HOST_PATH_TYPES:
        causes.append(not_supported(f"{path}.type", kind, _HOST_PATH_TYPES))


def _empty_dir(causes: Causes, source: JsonObject, path: str) -> None:
    size = source.get("sizeLimit")
    if size is not None and quantity.parse(size).nano < 0:
        causes.append(forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity"))


def _needs(*keys: str) -> Callable[[Causes, JsonObject, str], None]:
    def check(causes: Causes, source: JsonObject, path: str) -> None:
        for key in keys:
            if not source.get(key):
                causes.append(required(f"{path}.{key}"))

    return check


def _downward(causes: Causes, source: JsonObject, path: str) -> None:
    _mode(causes, source, "defaultMode", path)
    for index, item in enumerate(source.get("items") or ()):
        where = f"{path}.items[{index}]"
        _inner_path(causes, item, where)
        field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
        if field is not None:
            validate_field_reference(causes, field, VOLUME_FIELDS, f"{where}.fieldRef")
            if resource is not None:
                text = "fieldRef and resourceFieldRef can not be specified simultaneously"
                causes.append(invalid(where, "resource", text))
        elif resource is not None:
            validate_resource_reference(causes, resource, f"{where}.resourceFieldRef", of_volume=True)
        else:
            causes.append(required(where, "one of fieldRef and resourceFieldRef is required"))
        _mode(causes, item, "mode", where)


def _inner_path(causes: Causes, item: JsonObject, path: str) -> None:
    """Where a file stands in its volume (validateLocalNonReservedPath)."""
    target = item.get("path") or ""
    if not target:
        causes.append(required(f"{path}.path"))
        return
    local_path(causes, target, f"{path}.path")
    if target.startswith("..") and not target.startswith("../"):
        causes.append(invalid(f"{path}.path", target, "must not start with '..'"))


def _nfs(causes: Causes, source: JsonObject, path: str) -> None:
    if not source.get("server"):
        causes.append(required(f"{path}.server"))
    target = source.get("path") or ""
    if not target:
        causes.append(required(f"{path}.path"))
    if not target.startswith("/"):
        causes.append(invalid(f"{path}.path", target, "must be an absolute path"))


def _git(causes: Causes, source: JsonObject, path: str) -> None:
    if not source.get("repository"):
        causes.append(required(f"{path}.repository"))
    if source.get("directory"):
        local_path(causes, source["directory"], f"{path}.directory")


def _local(causes: Causes, source: JsonObject, path: str) -> None:
    target = source.get("path") or ""
    if not target:
        causes.append(required(f"{path}.path"))
    elif ".." in target.split("/"):
        causes.append(invalid(f"{path}.path", target, "must not contain '..'"))


def _image(causes: Causes, source: JsonObject, path: str) -> None:
    if not source.get("reference"):
        causes.append(required(f"{path}.reference"))
    policies = ("Always", "IfNotPresent", "Never")
    one_of(causes, f"{path}.pullPolicy", source.get("pullPolicy"), policies, optional=True)


def _token(causes: Causes, source: JsonObject, path: str) -> None:
    seconds = source.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        text = "may not specify a duration less than 10 minutes"
        causes.append(invalid(f"{path}.expirationSeconds", seconds, text))
    _inner_path(causes, source, path)


_PROJECTIONS: Final[Mapping[str, Callable[[Causes, JsonObject, str], None]]] = {
    "secret": lambda causes, source, path: _named(causes, source, path),
    "configMap": lambda causes, source, path: _named(causes, source, path),
    "downwardAPI": _downward,
    "serviceAccountToken": _token,
}


def _named(causes: Causes, source: JsonObject, path: str) -> None:
    if not source.get("name"):
        causes.append(required(f"{path}.name"))
    _items(causes, source, path)


def _projected(causes: Causes, source: JsonObject, path: str) -> None:
    _mode(causes, source, "defaultMode", path)
    for index, projection in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        found = [key for key, value in projection.items() if value is not None]
        if len(found) > 1:
            causes.append(forbidden(where, "may not specify more than 1 volume type"))
        for key in found[:1]:
            check = _PROJECTIONS.get(key)
            if check is not None:
                check(causes, projection[key], f"{where}.{key}")


def _ephemeral(causes: Causes, source: JsonObject, path: str) -> None:
    template: Any = source.get("volumeClaimTemplate")
    if template is None:
        causes.append(required(f"{path}.volumeClaimTemplate"))
        return
    validate_claim_spec(causes, template.get("spec") or {}, f"{path}.volumeClaimTemplate.spec")


SOURCES: Final[Mapping[str, Callable[[Causes, JsonObject, str], None]]] = {
    "secret": _secret,
    "configMap": _config_map,
    "hostPath": _host_path,
    "emptyDir": _empty_dir,
    "persistentVolumeClaim": _needs("claimName"),
    "nfs": _nfs,
    "gitRepo": _git,
    "image": _image,
    "csi": _needs("driver"),
    "gcePersistentDisk": _needs("pdName"),
    "awsElasticBlockStore": _needs("volumeID"),
    "iscsi": _needs("targetPortal", "iqn"),
    "glusterfs": _needs("endpoints", "path"),
    "cephfs": _needs("monitors"),
    "rbd": _needs("monitors", "image"),
    "local": _local,
    "downwardAPI": _downward,
    "projected": _projected,
    "ephemeral": _ephemeral,
}
"""What a source needs. `local` is a PersistentVolume's only."""
