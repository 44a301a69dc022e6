"""Defaults of pods and pod templates (pkg/apis/core/v1/defaults.go: SetDefaults_PodSpec, _Container, _Probe …).

A pod gets a little more than a template: requests from limits, and service links. Specs are remembered by identity,
so that a template which makes thousands of pods is looked at once.
"""

from __future__ import annotations

import re
from typing import Any, Final

from engine.api.defaults.filling import canonical_quantity, changed, each, filled, resource_list, resource_lists, within
from store.types import JsonObject

_SPEC: Final = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
_CONTAINER: Final = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_PROBE: Final = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
_HTTP_GET: Final = {"path": "/", "scheme": "HTTP"}
_TAGGED: Final = re.compile(r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>[A-Za-z0-9_+.-]+:[0-9a-fA-F]+))?\Z")
_REMEMBERED: Final = 4096
_templates: dict[int, tuple[JsonObject, JsonObject]] = {}
"""id of a template's spec → that spec (kept, so that its id stays its own) and the filled one."""
_pods: dict[int, tuple[JsonObject, JsonObject]] = {}
"""The same for the specs of pods: controllers hand a template's spec on as it is."""


def pod(obj: JsonObject) -> JsonObject:
    """A Pod."""
    spec = obj.get("spec")
    if spec is None:
        return obj
    known = _pods.get(id(spec))
    if known is not None and known[0] is spec:
        return changed(obj, "spec", known[1])
    new = _own_spec(spec)
    if len(_pods) >= _REMEMBERED:
        _pods.clear()
    _pods[id(spec)] = (spec, new)
    return changed(obj, "spec", new)


def _own_spec(spec: JsonObject) -> JsonObject:
    """A pod's own spec, which gets more than a template's."""
    new = pod_spec(spec)
    if new.get("enableServiceLinks") is None:
        new = {**new, "enableServiceLinks": True}
    for key in ("containers", "initContainers"):
        new = each(new, key, _requests_from_limits)
    if new.get("hostNetwork"):
        for key in ("containers", "initContainers"):
            new = each(new, key, _host_ports)
    return within(new, "resources", lambda r: _requests_from_limits({"resources": r})["resources"])


def pod_template_object(obj: JsonObject) -> JsonObject:
    """A PodTemplate object."""
    return within(obj, "template", template)


def template(obj: JsonObject) -> JsonObject:
    """A PodTemplateSpec."""
    if obj.get("metadata") is None:
        obj = {**obj, "metadata": {}}
    spec = obj.get("spec")
    if spec is None:
        return {**obj, "spec": pod_spec({})}
    known = _templates.get(id(spec))
    if known is not None and known[0] is spec:
        return changed(obj, "spec", known[1])
    new = pod_spec(spec)
    if len(_templates) >= _REMEMBERED:
        _templates.clear()
    _templates[id(spec)] = (spec, new)
    return changed(obj, "spec", new)


def spec_with_template(spec: JsonObject) -> JsonObject:
    """A workload's spec: its template filled, made if it is missing."""
    found = spec.get("template")
    new = template({} if found is None else found)
    return changed(spec, "template", new)


def pod_spec(spec: JsonObject) -> JsonObject:
    """A PodSpec, in a pod or in a template."""
    spec = filled(spec, _SPEC)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account and (spec.get("serviceAccountName") != account or spec.get("serviceAccount") != account):
        spec = {**spec, "serviceAccountName": account, "serviceAccount": account}
    for key in ("containers", "initContainers", "ephemeralContainers"):
        spec = each(spec, key, container)
    spec = each(spec, "volumes", volume)
    spec = within(spec, "overhead", resource_list)
    spec = within(spec, "resources", lambda r: resource_lists(r, ("limits", "requests")))
    if spec.get("hostNetwork"):
        for key in ("containers", "initContainers"):
            spec = each(spec, key, _host_ports)
    return spec


# -- containers ----------------------------------------------------------------------------------------------------


def container(obj: JsonObject) -> JsonObject:
    """A Container, init container or ephemeral container."""
    obj = filled(obj, _CONTAINER)
    if not obj.get("imagePullPolicy"):
        obj = {**obj, "imagePullPolicy": pull_policy(obj.get("image") or "")}
    if obj.get("resources") is None:
        obj = {**obj, "resources": {}}
    else:
        obj = within(obj, "resources", lambda r: resource_lists(r, ("limits", "requests")))
    obj = each(obj, "ports", _port)
    obj = each(obj, "env", _env)
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        obj = within(obj, key, probe)
    return within(obj, "lifecycle", _lifecycle)


def pull_policy(image: str) -> str:
    """Always for `:latest` and no tag, unless a digest pins the image (SetDefaults_Container, ParseImageName)."""
    if not image:
        return "IfNotPresent"
    match = _TAGGED.search(image.rpartition("/")[2])
    if match is not None and match["digest"]:
        return "IfNotPresent"
    tag = match["tag"] if match is not None else None
    return "Always" if tag in (None, "latest") else "IfNotPresent"


def _port(port: JsonObject) -> JsonObject:
    return port if port.get("protocol") else {**port, "protocol": "TCP"}


def _host_ports(obj: JsonObject) -> JsonObject:
    return each(obj, "ports", lambda p: p if p.get("hostPort") else {**p, "hostPort": p.get("containerPort", 0)})


def _env(entry: JsonObject) -> JsonObject:
    source = entry.get("valueFrom")
    if source is None:
        return entry
    new = within(source, "fieldRef", _field_ref)
    new = within(new, "resourceFieldRef", _divisor)
    return changed(entry, "valueFrom", new)


def _field_ref(ref: JsonObject) -> JsonObject:
    return ref if ref.get("apiVersion") else {**ref, "apiVersion": "v1"}


def _divisor(ref: JsonObject) -> JsonObject:
    return {**ref, "divisor": "0"} if ref.get("divisor") is None else canonical_quantity(ref, "divisor")


def probe(obj: JsonObject) -> JsonObject:
    """A Probe. Zero is unset: Go cannot tell them apart."""
    for key, value in _PROBE.items():
        if not obj.get(key):
            obj = {**obj, key: value}
    if "grpc" in obj and obj["grpc"] is not None and obj["grpc"].get("service") is None:
        obj = {**obj, "grpc": {**obj["grpc"], "service": ""}}
    return within(obj, "httpGet", _http_get)


def _http_get(action: JsonObject) -> JsonObject:
    for key, value in _HTTP_GET.items():
        if not action.get(key):
            action = {**action, key: value}
    return action


def _lifecycle(obj: JsonObject) -> JsonObject:
    for key in ("postStart", "preStop"):
        obj = within(obj, key, lambda handler: within(handler, "httpGet", _http_get))
    return obj


def _requests_from_limits(obj: JsonObject) -> JsonObject:
    """Where a limit is given and no request, the limit is requested (SetDefaults_Pod)."""
    resources = obj.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return obj
    requests = resources.get("requests") or {}
    missing = {name: amount for name, amount in limits.items() if name not in requests}
    if not missing:
        return obj
    return {**obj, "resources": {**resources, "requests": {**requests, **missing}}}


# -- volumes -------------------------------------------------------------------------------------------------------

_MODES: Final = {"configMap": 420, "secret": 420, "downwardAPI": 420, "projected": 420}
_SOURCES: Final[dict[str, dict[str, Any]]] = {
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "kind": "Shared", "readOnly": False},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def volume(obj: JsonObject) -> JsonObject:
    """A Volume; one without a source is an emptyDir."""
    if all(key == "name" or value is None for key, value in obj.items()):
        return {**obj, "emptyDir": {}}
    for key, mode in _MODES.items():
        source = obj.get(key)
        if source is not None and source.get("defaultMode") is None:
            obj = {**obj, key: {**source, "defaultMode": mode}}
    for key, defaults in _SOURCES.items():
        obj = within(obj, key, lambda source, defaults=defaults: filled(source, defaults))  # type: ignore[misc]
    obj = within(obj, "downwardAPI", _downward)
    obj = within(obj, "projected", lambda source: each(source, "sources", _projection))
    obj = within(obj, "emptyDir", lambda source: canonical_quantity(source, "sizeLimit"))
    image = obj.get("image")
    if image is not None and not image.get("pullPolicy"):
        obj = {**obj, "image": {**image, "pullPolicy": pull_policy(image.get("reference") or "")}}
    return within(obj, "ephemeral", lambda e: within(e, "volumeClaimTemplate", _claim_template))


def _claim_template(obj: JsonObject) -> JsonObject:
    if obj.get("metadata") is None:
        obj = {**obj, "metadata": {}}
    return within(obj, "spec", claim_spec)


def claim_spec(spec: JsonObject) -> JsonObject:
    """A PersistentVolumeClaimSpec."""
    spec = filled(spec, {"volumeMode": "Filesystem", "resources": {}})
    spec = within(spec, "resources", lambda r: resource_lists(r, ("limits", "requests")))
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source and not reference:
        return {**spec, "dataSourceRef": source}
    if reference and not source and not reference.get("namespace"):
        return {**spec, "dataSource": reference}
    return spec


def _downward(source: JsonObject) -> JsonObject:
    return each(source, "items", _downward_file)


def _downward_file(item: JsonObject) -> JsonObject:
    return within(within(item, "fieldRef", _field_ref), "resourceFieldRef", _divisor)


def _projection(source: JsonObject) -> JsonObject:
    source = within(source, "downwardAPI", _downward)
    token = source.get("serviceAccountToken")
    if token is not None and token.get("expirationSeconds") is None:
        return {**source, "serviceAccountToken": {**token, "expirationSeconds": 3600}}
    return source
