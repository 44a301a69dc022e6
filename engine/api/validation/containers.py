"""Containers of a pod: names, images, ports, environment, mounts, pull policy, resources, probes, hooks.

The order of complaints is that of validateContainers in pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.api.internal_form import security_context
from engine.api.names import (
    config_key_errors,
    dns_label_errors,
    env_name_errors,
    port_errors,
    port_name_errors,
    subdomain_errors,
)
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
from engine.api.validation.downward import (
    ENVIRONMENT_FIELDS,
    validate_field_reference,
    validate_resource_reference,
)
from engine.api.validation.mounts import validate_mounts
from engine.api.validation.probes import validate_lifecycle, validate_probe
from engine.api.validation.resources import validate_resources
from store.types import JsonObject

PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PULL: Final = ("Always", "IfNotPresent", "Never")
_MESSAGES: Final = ("File", "FallbackToLogsOnError")
_ENV_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_NOT_EPHEMERAL: Final = (
    "ports", "resources", "resizePolicy", "restartPolicy", "livenessProbe", "readinessProbe", "startupProbe",
    "lifecycle",
)  # fmt: skip
_NOT_FOR_EPHEMERAL: Final = "cannot be set for an Ephemeral Container"
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_ID_MOST: Final = 2**31 - 1
_ID_RANGE: Final = "must be between 0 and 2147483647, inclusive"


class PodParts(NamedTuple):
    """What of a pod its containers are held to."""

    volumes: Mapping[str, JsonObject]
    grace: int | None
    """terminationGracePeriodSeconds"""
    restart: str
    """restartPolicy"""
    own_users: bool
    """hostUsers is false."""

    @classmethod
    def of(cls, spec: JsonObject, volumes: Mapping[str, JsonObject] | None = None) -> PodParts:
        """`volumes`: those that are right, where somebody looked; None takes all."""
        named = {volume.get("name", ""): volume for volume in spec.get("volumes") or ()}
        return cls(
            volumes=named if volumes is None else volumes,
            grace=spec.get("terminationGracePeriodSeconds"),
            restart=spec.get("restartPolicy") or "",
            own_users=spec.get("hostUsers") is False,
        )


def validate_containers(causes: Causes, containers: Sequence[JsonObject] | None, parts: PodParts, path: str) -> None:
    """A pod's own containers. At least one."""
    if not containers:
        causes.append(required(path))
        return
    names: set[str] = set()
    for index, container in enumerate(containers):
        where = f"{path}[{index}]"
        _common(causes, container, parts, where)
        name = container.get("name") or ""
        if name in names:
            causes.append(duplicate(f"{where}.name", name))
        names.add(name)
        _watched(causes, container, parts, where)
    _host_port_conflicts(causes, containers, path)


def validate_init_containers(
    causes: Causes, containers: Sequence[JsonObject], regular: Sequence[JsonObject], parts: PodParts, path: str
) -> None:
    """Init containers; those with restartPolicy Always are sidecars and may have probes and hooks."""
    names = {container.get("name") or "" for container in regular}
    for index, container in enumerate(containers):
        where = f"{path}[{index}]"
        _common(causes, container, parts, where)
        policy = container.get("restartPolicy")
        if policy is not None and policy not in ("Always", "OnFailure", "Never"):
            causes.append(not_supported(f"{where}.restartPolicy", policy, ("Always", "Never", "OnFailure")))
        name = container.get("name") or ""
        if name in names:
            causes.append(duplicate(f"{where}.name", name))
        elif name:
            names.add(name)
        # They run one by one; Kubernetes looks at each as if it were the only one, and says so.
        _host_port_conflicts(causes, [container], path)
        if policy == "Always":
            _watched(causes, container, parts, where)
            continue
        for key in ("lifecycle", *_PROBES):
            if container.get(key) is not None:
                text = "may not be set for init containers without restartPolicy=Always"
                causes.append(forbidden(f"{where}.{key}", text))


def validate_ephemeral_containers(
    causes: Causes, containers: Sequence[JsonObject], others: Sequence[JsonObject], parts: PodParts, path: str
) -> None:
    """Debug containers: what a container that is added later may not have is forbidden. `others`: all of the pod's own
    and init containers, whose names are taken, and one of which may be the target."""
    own = {container.get("name") or "" for container in others}
    names = set(own)
    for index, container in enumerate(containers):
        where = f"{path}[{index}]"
        _common(causes, container, parts, where)
        validate_image(causes, container, where)
        name, target = container.get("name") or "", container.get("targetContainerName")
        if name in names:
            causes.append(duplicate(f"{where}.name", name))
        names.add(name)
        if target and target not in own:
            causes.append(not_found(f"{where}.targetContainerName", target))
        for key in _NOT_EPHEMERAL:
            if container.get(key):
                causes.append(forbidden(f"{where}.{key}", _NOT_FOR_EPHEMERAL))
        for at, mount in enumerate(container.get("volumeMounts") or ()):
            for key in ("subPath", "subPathExpr"):
                if mount.get(key):
                    causes.append(forbidden(f"{where}.volumeMounts[{at}].{key}", _NOT_FOR_EPHEMERAL))


def validate_image(causes: Causes, container: JsonObject, path: str) -> None:
    """What only pods are held to, templates are not."""
    image = container.get("image") or ""
    if image != image.strip():
        causes.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))


def _watched(causes: Causes, container: JsonObject, parts: PodParts, path: str) -> None:
    """Hooks and probes."""
    validate_lifecycle(causes, container.get("lifecycle"), parts.grace, f"{path}.lifecycle")
    for key in _PROBES:
        if container.get(key) is not None:
            validate_probe(causes, container[key], key, f"{path}.{key}")


def _common(causes: Causes, container: JsonObject, parts: PodParts, path: str) -> None:
    name = container.get("name") or ""
    if not name:
        causes.append(required(f"{path}.name"))
    else:
        each_message(causes, f"{path}.name", name, dns_label_errors(name))
    if not container.get("image"):
        causes.append(required(f"{path}.image"))
    one_of(causes, f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGES)
    _ports(causes, container.get("ports") or (), f"{path}.ports")
    _environment(causes, container.get("env") or (), f"{path}.env")
    _environment_from(causes, container.get("envFrom") or (), f"{path}.envFrom")
    validate_mounts(causes, container, parts.volumes, path)
    one_of(causes, f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL)
    validate_resources(causes, container.get("resources") or {}, f"{path}.resources")
    _resizing(causes, container.get("resizePolicy") or (), parts.restart, f"{path}.resizePolicy")
    _security(causes, container.get("securityContext") or {}, parts, f"{path}.securityContext")


def _resizing(causes: Causes, policies: Sequence[JsonObject], restart: str, path: str) -> None:
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        name, what = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if name in seen:
            causes.append(duplicate(f"{path}[{index}]", name))
        seen.add(name)
        one_of(causes, path, name, ("cpu", "memory"))
        one_of(causes, path, what, ("NotRequired", "RestartContainer"))
        if restart == "Never" and what != "NotRequired":
            causes.append(invalid(path, what, "must be 'NotRequired' when `restartPolicy` is 'Never'"))


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
            validate_field_reference(causes, reference, ENVIRONMENT_FIELDS, where)
        elif key == "resourceFieldRef":
            validate_resource_reference(causes, reference, where)
        elif key != "fileKeyRef":
            name = reference.get("name") or ""
            each_message(causes, f"{where}.name", name, subdomain_errors(name))
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


def _environment_from(causes: Causes, sources: Sequence[JsonObject], path: str) -> None:
    for index, source in enumerate(sources):
        where = f"{path}[{index}]"
        prefix = source.get("prefix")
        if prefix:
            each_message(causes, f"{where}.prefix", prefix, env_name_errors(prefix))
        found = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
        for key in found:
            name = source[key].get("name") or ""
            if not name:
                causes.append(required(f"{where}.{key}.name"))
            else:
                each_message(causes, f"{where}.{key}.name", name, subdomain_errors(name))
        if not found:
            causes.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(found) > 1:
            causes.append(invalid(path, "", "may not have more than one field specified at a time"))


# -- security ------------------------------------------------------------------------------------------------------


def _security(causes: Causes, context: JsonObject, parts: PodParts, path: str) -> None:
    if not context:
        return
    for key in ("runAsUser", "runAsGroup"):
        validate_id(causes, context.get(key), f"{path}.{key}")
    mount = context.get("procMount")
    if mount is not None:
        one_of(causes, f"{path}.procMount", mount, ("Default", "Unmasked"), optional=True)
        if mount == "Unmasked" and not parts.own_users:
            causes.append(invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`"))
    validate_seccomp(causes, context.get("seccompProfile"), f"{path}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        text = "cannot set `allowPrivilegeEscalation` to false and "
        form = security_context(context)
        if context.get("privileged"):
            causes.append(invalid_struct(path, form, f"{text}`privileged` to true"))
        for each in (context.get("capabilities") or {}).get("add") or ():
            if each == "CAP_SYS_ADMIN":
                causes.append(invalid_struct(path, form, f"{text}`capabilities.Add` CAP_SYS_ADMIN"))


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
