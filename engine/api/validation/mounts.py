"""Where a container finds its pod's volumes: mounts and block devices (ValidateVolumeMounts, ValidateVolumeDevices)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.api.validation.causes import Causes, forbidden, invalid, not_found, one_of, required
from engine.api.validation.volumes import local_path
from store.types import JsonObject

_PROPAGATION: Final = ("Bidirectional", "HostToContainer", "None")


def validate_mounts(causes: Causes, container: JsonObject, volumes: Mapping[str, JsonObject], path: str) -> None:
    """Both lists of one container; neither may use what the other uses."""
    mounts, devices = container.get("volumeMounts") or (), container.get("volumeDevices") or ()
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"{path}.volumeMounts[{index}]"
        name, target = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            causes.append(required(f"{where}.name"))
        if name not in volumes:
            causes.append(not_found(f"{where}.name", name))
        if not target:
            causes.append(required(f"{where}.mountPath"))
        if target in paths:
            causes.append(invalid(f"{where}.mountPath", target, "must be unique"))
        paths.add(target)
        if any(device.get("name") == name for device in devices):
            causes.append(invalid(f"{where}.name", name, "must not already exist in volumeDevices"))
        if any(device.get("devicePath") == target for device in devices):
            causes.append(invalid(f"{where}.mountPath", target, "must not already exist as a path in volumeDevices"))
        _inside(causes, container, mount, volumes.get(name) or {}, where, f"{path}.volumeMounts")
    _devices(causes, devices, mounts, volumes, f"{path}.volumeDevices")


def _inside(
    causes: Causes, container: JsonObject, mount: JsonObject, volume: JsonObject, path: str, listed: str
) -> None:
    """Which part of the volume, and how. `listed`: some faults are told of the list, not of the mount in it."""
    part, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    if volume.get("image") is not None:
        for key, value in (("subPath", part), ("subPathExpr", expression)):
            if value:
                causes.append(invalid(f"{path}.{key}", value, "not allowed in image volume sources"))
    if part:
        local_path(causes, part, f"{listed}.subPath")
    if expression:
        if part:
            text = "subPathExpr and subPath are mutually exclusive"
            causes.append(invalid(f"{path}.subPathExpr", expression, text))
        local_path(causes, expression, f"{listed}.subPathExpr")
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        one_of(causes, f"{listed}.mountPropagation", propagation, _PROPAGATION, optional=True)
        if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
            text = "Bidirectional mount propagation is available only to privileged containers"
            causes.append(forbidden(f"{listed}.mountPropagation", text))


def _devices(
    causes: Causes, devices: Sequence[JsonObject], mounts: Sequence[JsonObject], volumes: Mapping[str, JsonObject],
    path: str,
) -> None:  # fmt: skip
    names: set[str] = set()
    paths: set[str] = set()
    for index, device in enumerate(devices):
        where = f"{path}[{index}]"
        name, target = device.get("name") or "", device.get("devicePath") or ""
        if not name:
            causes.append(required(f"{where}.name"))
        if name in names:
            causes.append(invalid(f"{where}.name", name, "must be unique"))
        if name not in volumes:
            causes.append(not_found(f"{where}.name", name))
        elif not any(volumes[name].get(key) is not None for key in ("persistentVolumeClaim", "ephemeral")):
            text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            causes.append(invalid(f"{where}.name", name, text))
        if not target:
            causes.append(required(f"{where}.devicePath"))
        if target in paths:
            causes.append(invalid(f"{where}.devicePath", target, "must be unique"))
        if ".." in target.split("/"):
            causes.append(invalid(f"{where}.devicePath", target, "can not contain backsteps ('..')"))
        else:
            paths.add(target)
        if any(mount.get("name") == name for mount in mounts):
            causes.append(invalid(f"{where}.name", name, "must not already exist in volumeMounts"))
        if any(mount.get("mountPath") == target for mount in mounts):
            causes.append(invalid(f"{where}.devicePath", target, "must not already exist as a path in volumeMounts"))
        if name:
            names.add(name)
