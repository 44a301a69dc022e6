"""What a pod is to a Service: whether it has an endpoint, at which addresses and ports, and whether it is ready.

The rules are those of k8s.io/endpointslice/util and podutil.FindPort; both endpoint controllers and the network model
ask here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from store.types import Envelope, JsonObject


def endpoint_changed(before: JsonObject, now: JsonObject) -> bool:
    """Whether a change of a pod may change its endpoints: its end, its readiness, its addresses, its phase's end."""
    if ("deletionTimestamp" in before["metadata"]) != ("deletionTimestamp" in now["metadata"]):
        return True
    was: JsonObject = before.get("status") or {}
    status: JsonObject = now.get("status") or {}
    if was is status:
        return False
    return (
        was.get("podIPs") != status.get("podIPs")
        or is_ready(was) != is_ready(status)
        or _is_terminal(was) != _is_terminal(status)
    )


def has_endpoint(pod: JsonObject, terminating: bool) -> bool:
    """ShouldPodBeInEndpoints: it has an address and has not ended; `terminating` ones count or do not."""
    status: JsonObject = pod.get("status") or {}
    if _is_terminal(status) or not (status.get("podIP") or status.get("podIPs")):
        return False
    return terminating or "deletionTimestamp" not in pod["metadata"]


def is_ready(status: Mapping[str, Any]) -> bool:
    """The Ready condition of a pod's status is True."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready":
            return bool(condition["status"] == "True")
    return False


def ready_since(pod: JsonObject) -> str | None:
    """lastTransitionTime of the Ready condition; None without one."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready":
            since: str | None = condition.get("lastTransitionTime")
            return since
    return None


def _is_terminal(status: Mapping[str, Any]) -> bool:
    return status.get("phase") in ("Succeeded", "Failed")


def has_hostname(pod: JsonObject, service: Envelope) -> bool:
    """ShouldSetHostname: the pod names the Service as its subdomain."""
    spec = pod["spec"]
    return bool(spec.get("hostname")) and spec.get("subdomain") == service.name


def pod_reference(pod: Envelope) -> JsonObject:
    """`targetRef` of an endpoint."""
    return {"kind": "Pod", "namespace": pod.namespace, "name": pod.name, "uid": pod.uid}


def find_port(pod: JsonObject, port: JsonObject) -> int | None:
    """The container port that a Service's port leads to in this pod; None when no container names it (FindPort)."""
    target: int | str = port.get("targetPort") or port["port"]
    if not isinstance(target, str):
        return target
    spec, protocol = pod["spec"], port.get("protocol", "TCP")
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for each in container.get("ports") or ():
            if each.get("name") == target and each.get("protocol", "TCP") == protocol:
                return int(each["containerPort"])
    return None


def is_headless(spec: JsonObject) -> bool:
    """Not IsServiceIPSet: such a Service's endpoints carry the headless label."""
    return spec.get("clusterIP") in (None, "", "None")


def address_families(spec: JsonObject) -> Sequence[str]:
    """`IPv4`, `IPv6` or both, the primary one first."""
    families: Sequence[str] = spec.get("ipFamilies") or ()
    if families:
        return families
    address = spec.get("clusterIP") or ""
    return ("IPv6",) if ":" in address else ("IPv4",)


def address_of(pod: JsonObject, family: str) -> list[str]:
    """The pod's addresses of one family."""
    status = pod.get("status") or {}
    given = [each["ip"] for each in status.get("podIPs") or () if each.get("ip")]
    if not given and status.get("podIP"):
        given = [status["podIP"]]
    return [ip for ip in given if (":" in ip) == (family == "IPv6")]
