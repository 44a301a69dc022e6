"""The environment variables of a container, computed when somebody asks.

In the kubelet's order of precedence (pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables): the Services of the
namespace that existed when the container started, below envFrom, below env; `$(NAME)` is expanded from what stands
before. The runtime adds PATH, HOSTNAME and HOME.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from engine.api.kinds import CONFIGMAPS, NODES, SECRETS, SERVICES
from engine.kubelet.identity import field_value, host_name, resource_value
from engine.kubelet.moments import Moments
from store.types import JsonObject

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REFERENCE: Final = re.compile(r"\$(\$|\(([^()]*)\))")
_NONE: Final[Mapping[str, Any]] = {}


def environment_of(
    moments: Moments, pod: JsonObject, container: Mapping[str, Any], started_at: int
) -> Mapping[str, str]:
    """Name → value, in the order in which `env` prints them. `started_at`: the instant at which the container began."""
    namespace = pod["metadata"]["namespace"]
    given: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        given |= _from_source(moments, namespace, source, started_at)
    services = _service_variables(moments, pod, started_at)
    for variable in container.get("env") or ():
        name = variable["name"]
        if "valueFrom" in variable:
            value = _referred(moments, pod, container, variable["valueFrom"] or _NONE, started_at)
            if value is not None:
                given[name] = value
        else:
            given[name] = expand(variable.get("value") or "", {**services, **given})
    own = {"PATH": _PATH, "HOSTNAME": host_name(pod).host}
    return {**own, **given, **{n: v for n, v in services.items() if n not in given}, **_home(given)}


def expand(text: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` by its value where it is known, `$$` as one dollar (third_party/forked/golang/expansion)."""

    def put(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return known.get(match[2], match[0])

    return _REFERENCE.sub(put, text)


def data_of(obj: JsonObject, secret: bool) -> dict[str, bytes]:
    """Key → content of a ConfigMap, or of a Secret."""
    plain: Mapping[str, str] = obj.get("data") or _NONE
    if secret:
        return {key: _decoded(value) for key, value in plain.items()}
    binary: Mapping[str, str] = obj.get("binaryData") or _NONE
    return {key: value.encode() for key, value in plain.items()} | {k: _decoded(v) for k, v in binary.items()}


def service_variables(services: Sequence[JsonObject]) -> dict[str, str]:
    """What tells of Services, by Kubernetes' scheme and by that of Docker's links (envvars.FromServices)."""
    made: dict[str, str] = {}
    for service in services:
        spec = service["spec"]
        address = spec.get("clusterIP") or ""
        ports: Sequence[Mapping[str, Any]] = spec.get("ports") or ()
        if address in ("", "None") or not ports:
            continue
        prefix = service["metadata"]["name"].replace("-", "_").upper()
        made[f"{prefix}_SERVICE_HOST"] = address
        made[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
        for port in ports:
            if port.get("name"):
                made[f"{prefix}_SERVICE_PORT_{port['name'].replace('-', '_').upper()}"] = str(port["port"])
        made |= _links(prefix, address, ports)
    return made


def _links(prefix: str, address: str, ports: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    host = f"[{address}]" if ":" in address else address
    for index, port in enumerate(ports):
        protocol = port.get("protocol") or "TCP"
        url = f"{protocol.lower()}://{host}:{port['port']}"
        if not index:
            yield f"{prefix}_PORT", url
        link = f"{prefix}_PORT_{port['port']}_{protocol}"
        yield link, url
        yield f"{link}_PROTO", protocol.lower()
        yield f"{link}_PORT", str(port["port"])
        yield f"{link}_ADDR", address


def _service_variables(moments: Moments, pod: JsonObject, at: int) -> dict[str, str]:
    """Of the API's Service always, of the pod's own namespace unless it wants none."""
    namespace = pod["metadata"]["namespace"]
    services: dict[str, JsonObject] = {}
    api = moments.find(SERVICES, "default", "kubernetes", at)
    if api is not None:
        services["kubernetes"] = api
    if pod["spec"].get("enableServiceLinks") is not False:
        for service in moments.list(SERVICES, namespace, at):
            services.setdefault(service["metadata"]["name"], service)
    return service_variables([services[name] for name in sorted(services)])


def _from_source(moments: Moments, namespace: str, source: Mapping[str, Any], at: int) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for field, resource in (("configMapRef", CONFIGMAPS), ("secretRef", SECRETS)):
        if source.get(field):
            obj = moments.find(resource, namespace, source[field]["name"], at)
            data = data_of(obj, resource == SECRETS) if obj is not None else {}
            return {f"{prefix}{key}": data[key].decode("utf-8", "replace") for key in sorted(data)}
    return {}


def _referred(
    moments: Moments, pod: JsonObject, container: Mapping[str, Any], given: Mapping[str, Any], at: int
) -> str | None:
    """The value of `valueFrom`; None when there is none, which an optional reference allows."""
    namespace = pod["metadata"]["namespace"]
    for field, resource in (("configMapKeyRef", CONFIGMAPS), ("secretKeyRef", SECRETS)):
        if ref := given.get(field):
            obj = moments.find(resource, namespace, ref["name"], at)
            value = data_of(obj, resource == SECRETS).get(ref["key"]) if obj is not None else None
            return None if value is None else value.decode("utf-8", "replace")
    if ref := given.get("fieldRef"):
        return field_value(pod, ref["fieldPath"]) or ""
    if ref := given.get("resourceFieldRef"):
        return resource_value(ref, container_named(pod, ref.get("containerName")) or container,
                              allocatable_of(moments, pod, at))  # fmt: skip
    return None


def container_named(pod: JsonObject, name: str | None) -> Mapping[str, Any] | None:
    """A container of a pod's spec; None when there is none of this name."""
    spec = pod["spec"]
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            if container["name"] == name:
                return dict(container)
    return None


def allocatable_of(moments: Moments, pod: JsonObject, at: int) -> Mapping[str, Any]:
    """What the pod's node can give."""
    node = moments.find(NODES, "", pod["spec"].get("nodeName") or "", at) or _NONE
    found: Mapping[str, Any] = (node.get("status") or _NONE).get("allocatable") or _NONE
    return found


def _home(given: Mapping[str, str]) -> dict[str, str]:
    return {} if "HOME" in given else {"HOME": "/root"}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return text.encode()
