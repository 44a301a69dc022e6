"""Containers of a pod: names, images, ports, environment, mounts, pull policy, resources, probes, hooks.

The order of complaints is that of validateContainers in pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.api.internal_form import security_context
from engine.api.names import config_key_errors, dns_label_errors, env_name_errors, port_errors, port_name_errors
from engine.api.validation.causes import (
    Causes,
    duplicate,
    each_message,
    forbidden,
    invalid,
    invalid_struct,
    not_found,
    not_supported,
    one_of,
    required,
)
from engine.api.validation.probes import validate_lifecycle, validate_probe
from engine.api.validation.resources import validate_resources
from engine.api.validation.volumes import local_path
from store.types import JsonObject

PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PULL: Final = ("Always", "IfNotPresent", "Never")
_MESSAGES: Final = ("FallbackToLogsOnError", "File")
_ENV_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ENV_FIELDS: Final = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_NOT_EPHEMERAL: Final = (
    "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources", "resizePolicy",
)  # fmt: skip
_ID_MOST: Final = 2**31 - 1
_ID_RANGE: Final = "must be between 0 and 2147483647, inclusive"


def validate_containers(
    causes: Causes, containers: Sequence[JsonObject] | None, volumes: Mapping[str, JsonObject], path: str
) -> None:
    """A pod's own containers. At least one."""
    if not containers:
        causes.append(required(path))
        return
    names: set[str] = set()
    for index, container in enumerate(containers):
        where = f"{path}[{index}]"
        _common(causes, container, volumes, where)
        name = container.get("name") or ""
        if name in names:
            causes.append(duplicate(f"{where}.name", name))
        names.add(name)
        validate_lifecycle(causes, container.get("lifecycle"), f"{where}.lifecycle")
        for key in ("livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(key) is not None:
                validate_probe(causes, container[key], key, f"{where}.{key}")
    _host_port_conflicts(causes, containers, path)


def validate_init_containers(
    causes: Causes, containers: Sequence[JsonObject], regular: Sequence[JsonObject],
    volumes: Mapping[str, JsonObject], path: str,
) -> None:  # fmt: skip
    """Init containers; those with restartPolicy Always are sidecars and may have probes and hooks."""
    names = {container.get("name") or "" for container in regular}
    for index, container in enumerate(containers):
        where = f"{path}[{index}]"
        _common(causes, container, volumes, where)
        name = container.get("name") or ""
        if name in names:
            causes.append(duplicate(f"{where}.name", name))
        elif name:
            names.add(name)
        policy = container.get("restartPolicy")
        sidecar = policy == "Always"
        if policy is not None and policy not in ("Always", "OnFailure", "Never"):
            causes.append(not_supported(f"{where}.restartPolicy", policy, ("Always", "Never", "OnFailure")))
        for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(key) is None:
                continue
            if not sidecar:
                text = "may not be set for init containers without restartPolicy=Always"
                causes.append(forbidden(f"{where}.{key}", text))
            elif key == "lifecycle":
                validate_lifecycle(causes, container[key], f"{where}.{key}")
            else:
                validate_probe(causes, container[key], key, f"{where}.{key}")
    _host_port_conflicts(causes, containers, path)


def validate_ephemeral_containers(
    causes: Causes, containers: Sequence[JsonObject], volumes: Mapping[str, JsonObject], path: str
) -> None:
    """Debug containers: what a container that is added later may not have is forbidden."""
    for index, container in enumerate(containers):
        where = f"{path}[{index}]"
        _common(causes, container, volumes, where)
        for key in _NOT_EPHEMERAL:
            if container.get(key):
                causes.append(forbidden(f"{where}.{key}", "cannot be set for an Ephemeral Container"))


def _common(causes: Causes, container: JsonObject, volumes: Mapping[str, JsonObject], path: str) -> None:
    name = container.get("name") or ""
    if not name:
        causes.append(required(f"{path}.name"))
    else:
        each_message(causes, f"{path}.name", name, dns_label_errors(name))
    if not container.get("image"):
        causes.append(required(f"{path}.image"))
    elif container["image"] != container["image"].strip():
        text = "must not have leading or trailing whitespace"
        causes.append(invalid(f"{path}.image", container["image"], text))
    one_of(causes, f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGES)
    _ports(causes, container.get("ports") or (), f"{path}.ports")
    _environment(causes, container.get("env") or (), f"{path}.env")
    _environment_from(causes, container.get("envFrom") or (), f"{path}.envFrom")
    _mounts(causes, container, volumes, path)
    one_of(causes, f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL)
    validate_resources(causes, container.get("resources") or {}, f"{path}.resources")
    _security(causes, container.get("securityContext") or {}, f"{path}.securityContext")


# -- ports ---------------------------------------------------------------------------------------------------------


def _ports(causes: Causes, ports: Sequence[JsonObject], path: str) -> None:
    names: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        name = port.get("name")
        if name:
            messages = port_name_errors(name)
            each_message(causes, f"{where}.name", name, messages)
            if not messages:
                if name in names:
                    causes.append(duplicate(f"{where}.name", name))
                names.add(name)
        number = port.get("containerPort")
        if not number:
            causes.append(required(f"{where}.containerPort"))
        else:
            each_message(causes, f"{where}.containerPort", number, port_errors(number))
        if port.get("hostPort"):
            each_message(causes, f"{where}.hostPort", port["hostPort"], port_errors(port["hostPort"]))
        one_of(causes, f"{where}.protocol", port.get("protocol"), PROTOCOLS)


def _host_port_conflicts(causes: Causes, containers: Sequence[JsonObject], path: str) -> None:
    seen: set[str] = set()
    for index, container in enumerate(containers):
        for at, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            place = f"{port.get('protocol', 'TCP')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if place in seen:
                causes.append(duplicate(f"{path}[{index}].ports[{at}].hostPort", place))
            seen.add(place)


# -- environment ---------------------------------------------------------------------------------------------------


def _environment(causes: Causes, variables: Sequence[JsonObject], path: str) -> None:
    for index, variable in enumerate(variables):
        where = f"{path}[{index}]"
        name = variable.get("name") or ""
        if not name:
            causes.append(required(f"{where}.name"))
        else:
            each_message(causes, f"{where}.name", name, env_name_errors(name))
        source = variable.get("valueFrom")
        if source is not None:
            _environment_source(causes, variable, source, f"{where}.valueFrom")


def _environment_source(causes: Causes, variable: JsonObject, source: JsonObject, path: str) -> None:
    found = [key for key in _ENV_SOURCES if source.get(key) is not None]
    for key in found:
        where, reference = f"{path}.{key}", source[key]
        if key == "fieldRef":
            _field_reference(causes, reference, where)
        elif key == "resourceFieldRef":
            if not reference.get("resource"):
                causes.append(required(f"{where}.resource"))
        elif key != "fileKeyRef":
            if not reference.get("key"):
                causes.append(required(f"{where}.key"))
            else:
                each_message(causes, f"{where}.key", reference["key"], config_key_errors(reference["key"]))
    if not found:
        text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        causes.append(invalid(path, "", text))
    elif variable.get("value"):
        causes.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(found) > 1:
        causes.append(invalid(path, "", "may not have more than one field specified at a time"))


def _field_reference(causes: Causes, reference: JsonObject, path: str) -> None:
    if not reference.get("apiVersion"):
        causes.append(required(f"{path}.apiVersion"))
    field = reference.get("fieldPath") or ""
    if not field:
        causes.append(required(f"{path}.fieldPath"))
    elif not field.startswith(("metadata.labels[", "metadata.annotations[")) and field not in _ENV_FIELDS:
        causes.append(not_supported(f"{path}.fieldPath", field, _ENV_FIELDS))


def _environment_from(causes: Causes, sources: Sequence[JsonObject], path: str) -> None:
    for index, source in enumerate(sources):
        where = f"{path}[{index}]"
        prefix = source.get("prefix")
        if prefix:
            each_message(causes, f"{where}.prefix", prefix, env_name_errors(prefix))
        found = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
        for key in found:
            if not source[key].get("name"):
                causes.append(required(f"{where}.{key}.name"))
        if not found:
            causes.append(invalid(where, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(found) > 1:
            causes.append(invalid(where, "", "may not have more than one field specified at a time"))


# -- mounts and security -------------------------------------------------------------------------------------------


def _mounts(causes: Causes, container: JsonObject, volumes: Mapping[str, JsonObject], path: str) -> None:
    paths: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{path}.volumeMounts[{index}]"
        name, target = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            causes.append(required(f"{where}.name"))
        elif name not in volumes:
            causes.append(not_found(f"{where}.name", name))
        if not target:
            causes.append(required(f"{where}.mountPath"))
        elif target in paths:
            causes.append(invalid(f"{where}.mountPath", target, "must be unique"))
        paths.add(target)
        for key in ("subPath", "subPathExpr"):
            if mount.get(key):
                local_path(causes, mount[key], f"{where}.{key}")
        if mount.get("subPath") and mount.get("subPathExpr"):
            causes.append(
                invalid(f"{where}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive")
            )
        one_of(
            causes, f"{where}.mountPropagation", mount.get("mountPropagation"),
            ("Bidirectional", "HostToContainer", "None"), optional=True,
        )  # fmt: skip
    for index, device in enumerate(container.get("volumeDevices") or ()):
        where = f"{path}.volumeDevices[{index}]"
        if not device.get("name"):
            causes.append(required(f"{where}.name"))
        elif device["name"] not in volumes:
            causes.append(not_found(f"{where}.name", device["name"]))
        if not device.get("devicePath"):
            causes.append(required(f"{where}.devicePath"))


def _security(causes: Causes, context: JsonObject, path: str) -> None:
    if not context:
        return
    for key in ("runAsUser", "runAsGroup"):
        validate_id(causes, context.get(key), f"{path}.{key}")
    if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
        text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        causes.append(invalid_struct(path, security_context(context), text))
    validate_seccomp(causes, context.get("seccompProfile"), f"{path}.seccompProfile")


def validate_id(causes: Causes, value: Any, path: str) -> None:
    """A user or group id."""
    if value is not None and not 0 <= value <= _ID_MOST:
        causes.append(invalid(path, value, _ID_RANGE))


def validate_seccomp(causes: Causes, profile: JsonObject | None, path: str) -> None:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    one_of(causes, f"{path}.type", kind, ("Localhost", "RuntimeDefault", "Unconfined"))
    if kind == "Localhost" and not local:
        causes.append(required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost"))
    elif kind != "Localhost" and local:
        causes.append(invalid(f"{path}.localhostProfile", local, "can only be set when seccomp type is Localhost"))
