"""A PodSpec, of a pod or of a template (ValidatePodSpec); complaints in Kubernetes' order.

A spec that was found right is remembered by identity: controllers make thousands of pods from one template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from engine.api.names import dns_label_errors, qualified_name_errors, subdomain_errors
from engine.api.validation.addresses import validate_address
from engine.api.validation.causes import (
    Causes,
    duplicate,
    each_message,
    forbidden,
    invalid,
    one_of,
    required,
)
from engine.api.validation.containers import (
    PodParts,
    validate_containers,
    validate_ephemeral_containers,
    validate_id,
    validate_image,
    validate_init_containers,
    validate_seccomp,
)
from engine.api.validation.metadata import validate_annotations, validate_labels
from engine.api.validation.placement import validate_affinity, validate_spread, validate_tolerations
from engine.api.validation.resources import validate_resources
from engine.api.validation.volumes import validate_volumes
from store.types import JsonObject

RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PREEMPTION: Final = ("PreemptLowerPriority", "Never")
_POD: Final = "spec"
"""Where the spec of a pod stands; everything else is a template's."""
_SYSCTL_FORM: Final = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL: Final = re.compile(rf"(?:{_SYSCTL_FORM})\Z", re.ASCII)
_INT32: Final = 2**31 - 1
_REMEMBERED: Final = 4096
_right: dict[int, JsonObject] = {}
"""id of a spec that had no fault → that spec, kept so that its id stays its own."""


def validate_template(causes: Causes, template: JsonObject, path: str) -> None:
    """A PodTemplateSpec. Labels and annotations are told of as if they were the template's own."""
    meta = template.get("metadata") or {}
    if meta.get("labels"):
        validate_labels(causes, meta["labels"], f"{path}.labels")
    if meta.get("annotations"):
        validate_annotations(causes, meta["annotations"], f"{path}.annotations")
    spec = template.get("spec") or {}
    validate_pod_spec(causes, spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        text = "ephemeral containers not allowed in pod template"
        causes.append(forbidden(f"{path}.spec.ephemeralContainers", text))


def validate_pod_spec(causes: Causes, spec: JsonObject, path: str) -> None:
    if _right.get(id(spec)) is spec:
        return
    before = len(causes)
    _validate(causes, spec, path)
    if len(causes) == before:
        if len(_right) >= _REMEMBERED:
            _right.clear()
        _right[id(spec)] = spec


def _validate(causes: Causes, spec: JsonObject, path: str) -> None:
    parts = PodParts.of(spec, validate_volumes(causes, spec.get("volumes") or (), f"{path}.volumes"))
    containers, init = spec.get("containers") or [], spec.get("initContainers") or []
    validate_containers(causes, containers, parts, f"{path}.containers")
    validate_init_containers(causes, init, containers, parts, f"{path}.initContainers")
    ephemeral = spec.get("ephemeralContainers") or ()
    validate_ephemeral_containers(causes, ephemeral, [*containers, *init], parts, f"{path}.ephemeralContainers")
    if spec.get("resources"):
        validate_resources(causes, spec["resources"], f"{path}.resources")
    if spec.get("hostNetwork"):
        _host_ports(causes, containers, path)
    one_of(causes, f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    one_of(causes, f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    if spec.get("nodeSelector"):
        validate_labels(causes, spec["nodeSelector"], f"{path}.nodeSelector")
    _security(causes, spec, f"{path}.securityContext")
    if spec.get("affinity"):
        validate_affinity(causes, spec["affinity"], f"{path}.affinity")
    _dns(causes, spec, f"{path}.dnsConfig")
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        name = gate.get("conditionType") or ""
        each_message(causes, f"{path}.readinessGates[{index}].conditionType", name, qualified_name_errors(name))
    _scheduling_gates(causes, spec, path)
    validate_spread(causes, spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints")
    if parts.own_users:
        for key, told in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
            if spec.get(key):
                causes.append(forbidden(f"{path}.{told}", "when `pod.Spec.HostUsers` is false"))
    _names(causes, spec, path)
    if path == _POD:
        for key in ("containers", "initContainers"):
            for index, container in enumerate(spec.get(key) or ()):
                validate_image(causes, container, f"{path}.{key}[{index}]")


def _host_ports(causes: Causes, containers: list[JsonObject], path: str) -> None:
    """In the host's network a port is the host's. A template may leave that open: the pod is given it."""
    for index, container in enumerate(containers):
        for at, port in enumerate(container.get("ports") or ()):
            number = port.get("hostPort") or 0
            if (path == _POD or number) and number != (port.get("containerPort") or 0):
                where = f"{path}.containers[{index}].ports[{at}].hostPort"
                causes.append(invalid(where, number, "must match `containerPort` when `hostNetwork` is true"))


def _security(causes: Causes, spec: JsonObject, path: str) -> None:
    context = spec.get("securityContext") or {}
    for key in ("fsGroup", "runAsUser", "runAsGroup"):
        validate_id(causes, context.get(key), f"{path}.{key}")
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        validate_id(causes, group, f"{path}.supplementalGroups[{index}]")
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        causes.append(invalid(f"{path}.shareProcessNamespace", True, text))
    names: set[str] = set()
    for index, sysctl in enumerate(context.get("sysctls") or ()):
        name, where = sysctl.get("name") or "", f"{path}.sysctls[{index}].name"
        if not name:
            causes.append(required(where))
        elif len(name) > 253 or not _SYSCTL.match(name):
            text = f"must have at most 253 characters and match regex {_SYSCTL_FORM}"
            causes.append(invalid(where, name, text))
        elif name in names:
            causes.append(duplicate(where, name))
        names.add(name)
    one_of(
        causes, f"{path}.fsGroupChangePolicy", context.get("fsGroupChangePolicy"), ("Always", "OnRootMismatch"),
        optional=True,
    )  # fmt: skip
    validate_seccomp(causes, context.get("seccompProfile"), f"{path}.seccompProfile")


def _dns(causes: Causes, spec: JsonObject, path: str) -> None:
    config: JsonObject | None = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            causes.append(required(path, "must provide `dnsConfig` when `dnsPolicy` is None"))
            return
        if not config.get("nameservers"):
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            causes.append(required(f"{path}.nameservers", text))
            return
    servers, searches = (config or {}).get("nameservers") or (), (config or {}).get("searches") or ()
    if len(servers) > 3:
        causes.append(invalid(f"{path}.nameservers", servers, "must not have more than 3 nameservers"))
    for index, server in enumerate(servers):
        validate_address(causes, server, f"{path}.nameservers[{index}]")
    if len(searches) > 32:
        causes.append(invalid(f"{path}.searches", searches, "must not have more than 32 search paths"))
    if len(" ".join(searches)) > 2048:
        text = "must not have more than 2048 characters (including spaces) in the search list"
        causes.append(invalid(f"{path}.searches", searches, text))
    for index, option in enumerate((config or {}).get("options") or ()):
        if not option.get("name"):
            causes.append(required(f"{path}.options[{index}]", "must not be empty"))


def _scheduling_gates(causes: Causes, spec: JsonObject, path: str) -> None:
    seen: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        name = gate.get("name") or ""
        where = f"{path}.schedulingGates[{index}]"
        each_message(causes, where, name, qualified_name_errors(name))
        if name in seen:
            causes.append(duplicate(where, name))
        seen.add(name)


def _names(causes: Causes, spec: JsonObject, path: str) -> None:
    """What else a pod is called, given and lives under."""
    _named(causes, spec, path, ("serviceAccountName", "nodeName"), subdomain_errors)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _INT32:
        text = f"must be between 1 and {_INT32}, inclusive"
        causes.append(invalid(f"{path}.activeDeadlineSeconds", deadline, text))
    _named(causes, spec, path, ("hostname", "subdomain"), dns_label_errors)
    if spec.get("tolerations"):
        validate_tolerations(causes, spec["tolerations"], f"{path}.tolerations")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        validate_address(causes, alias.get("ip") or "", f"{path}.hostAliases[{index}].ip")
        for at, hostname in enumerate(alias.get("hostnames") or ()):
            where = f"{path}.hostAliases[{index}].hostnames[{at}]"
            each_message(causes, where, hostname, subdomain_errors(hostname))
    _named(causes, spec, path, ("priorityClassName", "runtimeClassName"), subdomain_errors)
    policy = spec.get("preemptionPolicy")
    if policy is not None:
        one_of(causes, f"{path}.preemptionPolicy", policy, PREEMPTION)
    if spec.get("overhead"):
        validate_resources(causes, {"limits": spec["overhead"]}, f"{path}.overhead")
    system = spec.get("os")
    if system is not None:
        one_of(causes, f"{path}.os.name", system.get("name"), ("linux", "windows"))


def _named(
    causes: Causes, spec: JsonObject, path: str, keys: Sequence[str], check: Callable[[str], Sequence[str]]
) -> None:
    for key in keys:
        if spec.get(key):
            each_message(causes, f"{path}.{key}", spec[key], check(spec[key]))
