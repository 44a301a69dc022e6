"""Which fields of which kind a field selector may name, and how they are read.

Every kind offers metadata.name and metadata.namespace; a few offer more (Kubernetes registers them by
AddFieldLabelConversionFunc). A field that is missing in an object reads as "".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.api import errors
from store.types import Envelope, Resource

Getter = Callable[[Envelope], str]


def _name(env: Envelope) -> str:
    return env.key.name


def _namespace(env: Envelope) -> str:
    return env.key.namespace


def _path(*steps: str) -> Getter:
    def get(env: Envelope) -> str:
        at: Any = env.obj
        for step in steps:
            at = at.get(step)
            if at is None:
                return ""
        return at if isinstance(at, str) else str(at)

    return get


def _declared(path: str) -> Getter:
    """A field that a definition declares selectable: a text, a whole number or a flag, as JSON has it."""

    def get(env: Envelope) -> str:
        at: Any = env.obj
        for step in path.split("."):
            at = at.get(step) if isinstance(at, dict) else None
        if at is None:
            return ""
        return str(at).lower() if isinstance(at, bool) else str(at)

    return get


def _flag(*steps: str) -> Getter:
    read = _path(*steps)
    return lambda env: "true" if read(env) == "True" else "false"


def _number(*steps: str) -> Getter:
    read = _path(*steps)
    return lambda env: read(env) or "0"


def _pod_ips(env: Envelope) -> str:
    return ",".join(ip.get("ip", "") for ip in (env.obj.get("status") or {}).get("podIPs") or ())


def _event_source(env: Envelope) -> str:
    obj = env.obj
    return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")


def _dotted(*paths: str) -> dict[str, Getter]:
    return {path: _path(*path.split(".")) for path in paths}


_METADATA: Final[Mapping[str, Getter]] = {"metadata.name": _name, "metadata.namespace": _namespace}
_INVOLVED: Final = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_EVENT: Final[Mapping[str, Getter]] = {
    **{
        f"{word}.{part}": _path("involvedObject", part)
        for part in _INVOLVED
        for word in ("involvedObject", "regarding")
    },
    **_dotted("reason", "type"),
    "reportingComponent": _path("reportingComponent"),
    "reportingController": _path("reportingComponent"),
    "source": _event_source,
}

_MORE: Final[Mapping[Resource, Mapping[str, Getter]]] = {
    Resource("", "pods"): {
        **_dotted(
            "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
            "status.phase", "status.podIP", "status.nominatedNodeName",
        ),
        "spec.host": _path("spec", "nodeName"),
        "spec.hostNetwork": _flag("spec", "hostNetwork"),
        "status.podIPs": _pod_ips,
    },
    Resource("", "nodes"): {"spec.unschedulable": _flag("spec", "unschedulable")},
    Resource("", "namespaces"): _dotted("status.phase"),
    Resource("", "secrets"): _dotted("type"),
    Resource("", "services"): _dotted("spec.clusterIP", "spec.type"),
    Resource("", "replicationcontrollers"): {"status.replicas": _number("status", "replicas")},
    Resource("", "events"): _EVENT,
    Resource("events.k8s.io", "events"): _EVENT,
    Resource("apps", "replicasets"): {"status.replicas": _number("status", "replicas")},
    Resource("batch", "jobs"): {"status.successful": _number("status", "succeeded")},
    Resource("certificates.k8s.io", "certificatesigningrequests"): _dotted("spec.signerName"),
    Resource("resource.k8s.io", "resourceslices"): _dotted("spec.nodeName", "spec.driver"),
}  # fmt: skip


def field_getter(kind: Any, field: str) -> Getter:
    """How to read `field` of objects of a `kinds.Kind`. BadRequest when selectors may not name it."""
    found = _METADATA.get(field)
    if found is not None:
        return found
    if kind.custom:
        if field not in kind.selectable:
            raise errors.BadRequest(f"field label not supported: {field}")
        return _declared(field)
    more = _MORE.get(kind.resource)
    if more is None:
        raise errors.BadRequest(f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"')
    if field not in more:
        raise errors.BadRequest(_UNSUPPORTED.get(kind.resource, "field label not supported: {}").format(field))
    return more[field]


_UNSUPPORTED: Final[Mapping[Resource, str]] = {
    Resource("batch", "jobs"): 'field label "{}" not supported for Job',
    Resource("certificates.k8s.io", "certificatesigningrequests"): "field label not supported: {}",
}
