"""A PodSpec, of a pod or of a template (ValidatePodSpec); complaints in Kubernetes' order.

A spec that was found right is remembered by identity: controllers make thousands of pods from one template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.api.names import dns_label_errors, qualified_name_errors, subdomain_errors
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
from engine.api.validation.containers import (
    validate_containers,
    validate_id,
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
_PREEMPTION: Final = ("Never", "PreemptLowerPriority")
_INT32: Final = 2**31 - 1
_REMEMBERED: Final = 4096
_right: dict[int, JsonObject] = {}
"""id of a spec that had no fault → that spec, kept so that its id stays its own."""


def validate_template(causes: Causes, template: JsonObject, path: str) -> None:
    """A PodTemplateSpec."""
    meta = template.get("metadata") or {}
    if meta.get("labels"):
        validate_labels(causes, meta["labels"], f"{path}.metadata.labels")
    if meta.get("annotations"):
        validate_annotations(causes, meta["annotations"], f"{path}.metadata.annotations")
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
    volumes = spec.get("volumes") or []
    validate_volumes(causes, volumes, f"{path}.volumes")
    by_name: Mapping[str, JsonObject] = {volume.get("name", ""): volume for volume in volumes}
    containers = spec.get("containers") or []
    validate_containers(causes, containers, by_name, f"{path}.containers")
    init = spec.get("initContainers") or []
    validate_init_containers(causes, init, containers, by_name, f"{path}.initContainers")
    if spec.get("resources"):
        validate_resources(causes, spec["resources"], f"{path}.resources")
    if spec.get("hostNetwork"):
        _host_ports(causes, containers, f"{path}.containers")
        _host_ports(causes, init, f"{path}.initContainers")
    one_of(causes, f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    one_of(causes, f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    if spec.get("nodeSelector"):
        validate_labels(causes, spec["nodeSelector"], f"{path}.nodeSelector")
    _security(causes, spec.get("securityContext") or {}, f"{path}.securityContext")
    if spec.get("affinity"):
        validate_affinity(causes, spec["affinity"], f"{path}.affinity")
    _dns(causes, spec, path)
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        each_message(
            causes, f"{path}.readinessGates[{index}].conditionType", gate.get("conditionType") or "",
            qualified_name_errors(gate.get("conditionType") or ""),
        )  # fmt: skip
    _scheduling_gates(causes, spec, path)
    validate_spread(causes, spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints")
    _names(causes, spec, path)
    _limits(causes, spec, path)


def _host_ports(causes: Causes, containers: list[JsonObject], path: str) -> None:
    for index, container in enumerate(containers):
        for at, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort") != port.get("containerPort"):
                where = f"{path}[{index}].ports[{at}].containerPort"
                text = "must match `hostPort` when `hostNetwork` is true"
                causes.append(invalid(where, port.get("containerPort") or 0, text))


def _security(causes: Causes, context: JsonObject, path: str) -> None:
    if not context:
        return
    for key in ("runAsUser", "runAsGroup", "fsGroup"):
        validate_id(causes, context.get(key), f"{path}.{key}")
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        validate_id(causes, group, f"{path}.supplementalGroups[{index}]")
    one_of(
        causes, f"{path}.fsGroupChangePolicy", context.get("fsGroupChangePolicy"), ("Always", "OnRootMismatch"),
        optional=True,
    )  # fmt: skip
    names: set[str] = set()
    for index, sysctl in enumerate(context.get("sysctls") or ()):
        name = sysctl.get("name") or ""
        if not name:
            causes.append(required(f"{path}.sysctls[{index}].name"))
        elif name in names:
            causes.append(duplicate(f"{path}.sysctls[{index}].name", name))
        names.add(name)
    validate_seccomp(causes, context.get("seccompProfile"), f"{path}.seccompProfile")


def _dns(causes: Causes, spec: JsonObject, path: str) -> None:
    config: dict[str, Any] | None = spec.get("dnsConfig")
    servers = (config or {}).get("nameservers") or ()
    if spec.get("dnsPolicy") == "None":
        if config is None:
            text = "must provide `dnsConfig` when `dnsPolicy` is None"
            causes.append(required(f"{path}.dnsConfig", text))
        elif not servers:
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            causes.append(required(f"{path}.dnsConfig.nameservers", text))
    if len(servers) > 3:
        text = "must not have more than 3 nameservers"
        causes.append(invalid(f"{path}.dnsConfig.nameservers", servers, text))
    for index, option in enumerate((config or {}).get("options") or ()):
        if not option.get("name"):
            causes.append(required(f"{path}.dnsConfig.options[{index}]", "must not be empty"))


def _scheduling_gates(causes: Causes, spec: JsonObject, path: str) -> None:
    seen: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        name = gate.get("name") or ""
        where = f"{path}.schedulingGates[{index}]"
        if not name:
            causes.append(required(where))
            continue
        each_message(causes, where, name, qualified_name_errors(name))
        if name in seen:
            causes.append(duplicate(where, name))
        seen.add(name)


def _names(causes: Causes, spec: JsonObject, path: str) -> None:
    for key, check in (
        ("serviceAccountName", subdomain_errors),
        ("nodeName", subdomain_errors),
        ("hostname", dns_label_errors),
        ("subdomain", dns_label_errors),
        ("priorityClassName", subdomain_errors),
        ("runtimeClassName", subdomain_errors),
    ):
        value = spec.get(key)
        if value:
            each_message(causes, f"{path}.{key}", value, check(value))
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        for at, hostname in enumerate(alias.get("hostnames") or ()):
            where = f"{path}.hostAliases[{index}].hostnames[{at}]"
            each_message(causes, where, hostname, subdomain_errors(hostname))


def _limits(causes: Causes, spec: JsonObject, path: str) -> None:
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _INT32:
        text = f"must be between 1 and {_INT32}, inclusive"
        causes.append(invalid(f"{path}.activeDeadlineSeconds", deadline, text))
    if spec.get("tolerations"):
        validate_tolerations(causes, spec["tolerations"], f"{path}.tolerations")
    policy = spec.get("preemptionPolicy")
    if policy is not None and policy not in _PREEMPTION:
        causes.append(not_supported(f"{path}.preemptionPolicy", policy, _PREEMPTION))
    system = spec.get("os")
    if system is not None:
        one_of(causes, f"{path}.os.name", system.get("name"), ("linux", "windows"))
    if spec.get("overhead"):
        validate_resources(causes, {"limits": spec["overhead"]}, f"{path}.overhead")
