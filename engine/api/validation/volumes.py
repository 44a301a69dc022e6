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
    required,
)
from engine.api.validation.claims import validate_claim_spec
from store.types import JsonObject

_MODE: Final = "must be a number between 0 and 0777 (octal), both inclusive"
_HOST_PATH_TYPES: Final = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip


def validate_volumes(causes: Causes, volumes: Sequence[JsonObject], path: str) -> None:
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        where = f"{path}[{index}]"
        name = volume.get("name") or ""
        validate_source(causes, volume, where)
        if not name:
            causes.append(required(f"{where}.name"))
        else:
            each_message(causes, f"{where}.name", name, dns_label_errors(name))
        if name in names:
            causes.append(duplicate(f"{where}.name", name))
        names.add(name)


def validate_source(causes: Causes, volume: JsonObject, path: str) -> None:
    """Exactly one source."""
    sources = [key for key, value in volume.items() if key != "name" and value is not None]
    if not sources:
        causes.append(required(path, "must specify a volume type"))
        return
    for extra in sources[1:]:
        causes.append(forbidden(f"{path}.{extra}", "may not specify more than 1 volume type"))
    check = SOURCES.get(sources[0])
    if check is not None:
        check(causes, volume[sources[0]], f"{path}.{sources[0]}")


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
        target = item.get("path") or ""
        if not target:
            causes.append(required(f"{where}.path"))
        else:
            local_path(causes, target, f"{where}.path")
            if target.startswith(".."):
                causes.append(invalid(f"{where}.path", target, "must not start with '..'"))
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
        target = item.get("path") or ""
        if not target:
            causes.append(required(f"{where}.path"))
        else:
            local_path(causes, target, f"{where}.path")
        field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
        if field is not None and resource is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            causes.append(invalid(where, "resource", text))
        elif field is None and resource is None:
            causes.append(required(where, "one of fieldRef and resourceFieldRef is required"))
        elif field is not None and not field.get("fieldPath"):
            causes.append(required(f"{where}.fieldRef.fieldPath"))
        elif resource is not None and not resource.get("resource"):
            causes.append(required(f"{where}.resourceFieldRef.resource"))


def _token(causes: Causes, source: JsonObject, path: str) -> None:
    seconds = source.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        text = "may not specify a duration less than 10 minutes"
        causes.append(invalid(f"{path}.expirationSeconds", seconds, text))
    if not source.get("path"):
        causes.append(required(f"{path}.path"))


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
    "nfs": _needs("server", "path"),
    "csi": _needs("driver"),
    "gcePersistentDisk": _needs("pdName"),
    "awsElasticBlockStore": _needs("volumeID"),
    "iscsi": _needs("targetPortal", "iqn"),
    "glusterfs": _needs("endpoints", "path"),
    "cephfs": _needs("monitors"),
    "rbd": _needs("monitors", "image"),
    "local": _needs("path"),
    "downwardAPI": _downward,
    "projected": _projected,
    "ephemeral": _ephemeral,
}
"""What a source needs. `local` is a PersistentVolume's only."""
