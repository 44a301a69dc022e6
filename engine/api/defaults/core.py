"""Defaults of the core group beside pods: Services, volumes and claims, quotas, limit ranges, secrets, controllers."""

from __future__ import annotations

from typing import Any, Final

from engine.api.defaults.filling import changed, each, filled, resource_list, resource_lists, within
from engine.api.defaults.pods import claim_spec, spec_with_template
from store.types import JsonObject

_AFFINITY_TIMEOUT: Final = 10800
_NAME_LABEL: Final = "kubernetes.io/metadata.name"


# -- services ------------------------------------------------------------------------------------------------------


def _service(obj: JsonObject) -> JsonObject:
    spec = filled(obj.get("spec") or {}, {"sessionAffinity": "None", "type": "ClusterIP"})
    if spec["sessionAffinity"] == "None":
        spec = {key: value for key, value in spec.items() if key != "sessionAffinityConfig"}
    elif spec["sessionAffinity"] == "ClientIP":
        config = spec.get("sessionAffinityConfig") or {}
        client = filled(config.get("clientIP") or {}, {"timeoutSeconds": _AFFINITY_TIMEOUT})
        spec = {**spec, "sessionAffinityConfig": {**config, "clientIP": client}}
    spec = each(spec, "ports", _service_port)
    kind = spec["type"]
    if (kind in ("NodePort", "LoadBalancer") or spec.get("externalIPs")) and not spec.get("externalTrafficPolicy"):
        spec = {**spec, "externalTrafficPolicy": "Cluster"}
    if kind in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec = filled(spec, {"internalTrafficPolicy": "Cluster"})
        spec = _cluster_ips(spec)
    if kind == "LoadBalancer":
        spec = filled(spec, {"allocateLoadBalancerNodePorts": True})
        obj = within(obj, "status", lambda status: within(status, "loadBalancer", _balancer))
    return {**obj, "spec": spec}


def _balancer(status: JsonObject) -> JsonObject:
    """An address is the balancer's own unless it says otherwise."""
    return each(status, "ingress", lambda point: filled(point, {"ipMode": "VIP"}) if point.get("ip") else point)


def _service_port(port: JsonObject) -> JsonObject:
    port = filled(port, {"protocol": "TCP"})
    if port.get("targetPort") in (None, 0, ""):
        return {**port, "targetPort": port.get("port", 0)}
    return port


def _cluster_ips(spec: JsonObject) -> JsonObject:
    """`clusterIPs` follows `clusterIP`, and the other way round. Families come with the addresses, on admission."""
    address, addresses = spec.get("clusterIP"), spec.get("clusterIPs")
    if address and not addresses:
        return {**spec, "clusterIPs": [address]}
    if addresses and not address:
        return {**spec, "clusterIP": addresses[0]}
    return spec


# -- events --------------------------------------------------------------------------------------------------------

_EVENT: Final[JsonObject] = {
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}
"""What an Event says even when it says nothing."""


def _event(obj: JsonObject) -> JsonObject:
    return obj if all(key in obj for key in _EVENT) else {**_EVENT, **obj}


# -- volumes -------------------------------------------------------------------------------------------------------


def claim(obj: JsonObject) -> JsonObject:
    """A PersistentVolumeClaim."""
    return changed(obj, "spec", claim_spec(obj.get("spec") or {}))


def _volume(obj: JsonObject) -> JsonObject:
    spec = filled(obj.get("spec") or {}, {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"})
    spec = within(spec, "capacity", resource_list)
    spec = within(spec, "hostPath", lambda source: filled(source, {"type": ""}))
    spec = within(spec, "iscsi", lambda source: filled(source, {"iscsiInterface": "default"}))
    return {**obj, "spec": spec}


# -- limits --------------------------------------------------------------------------------------------------------


def _quota(obj: JsonObject) -> JsonObject:
    obj = within(obj, "spec", lambda spec: within(spec, "hard", resource_list))
    return within(obj, "status", lambda status: resource_lists(status, ("hard", "used")))


def _limit_range(obj: JsonObject) -> JsonObject:
    return within(obj, "spec", lambda spec: each(spec, "limits", _limit))


def _limit(item: JsonObject) -> JsonObject:
    """For containers the maximum is the default limit, which is the default request, else the minimum is."""
    item = resource_lists(item, ("default", "defaultRequest", "max", "maxLimitRequestRatio", "min"))
    if item.get("type") != "Container":
        return item
    limits = {**(item.get("max") or {}), **(item.get("default") or {})}
    requests = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}
    new = item
    if limits and limits != item.get("default"):
        new = {**new, "default": limits}
    if requests and requests != item.get("defaultRequest"):
        new = {**new, "defaultRequest": requests}
    return new


# -- the rest ------------------------------------------------------------------------------------------------------


def _secret(obj: JsonObject) -> JsonObject:
    return filled(obj, {"type": "Opaque"})


def _controller(obj: JsonObject) -> JsonObject:
    """A ReplicationController; its selector and labels are its template's unless it has its own."""
    spec = spec_with_template(filled(obj.get("spec") or {}, {"replicas": 1}))
    labels = spec["template"]["metadata"].get("labels")
    new = obj
    if labels:
        if not spec.get("selector"):
            spec = {**spec, "selector": labels}
        if not (obj.get("metadata") or {}).get("labels"):
            new = {**obj, "metadata": {**(obj.get("metadata") or {}), "labels": labels}}
    return {**new, "spec": spec}


def _endpoints(obj: JsonObject) -> JsonObject:
    def subset(item: JsonObject) -> JsonObject:
        return each(item, "ports", lambda port: filled(port, {"protocol": "TCP"}))

    return each(obj, "subsets", subset)


def _node(obj: JsonObject) -> JsonObject:
    """Allocatable is capacity unless the kubelet says otherwise."""
    obj = filled(obj, {"spec": {}})
    status = obj.get("status")
    if not status:
        return obj
    new = resource_lists(status, ("allocatable", "capacity"))
    if new.get("capacity") and not new.get("allocatable"):
        new = {**new, "allocatable": new["capacity"]}
    return changed(obj, "status", new)


def _namespace(obj: JsonObject) -> JsonObject:
    """A label says its name, which a name yet to be generated cannot (engine.api.strategy adds it then)."""
    meta: JsonObject = obj.get("metadata") or {}
    labels: JsonObject = meta.get("labels") or {}
    if meta.get("name") and not meta.get("generateName") and labels.get(_NAME_LABEL) != meta["name"]:
        obj = {**obj, "metadata": {**meta, "labels": {**labels, _NAME_LABEL: meta["name"]}}}
    return filled(obj, {"spec": {}})


DEFAULTERS: Final[dict[str, Any]] = {
    "events": _event,
    "services": _service,
    "persistentvolumeclaims": claim,
    "persistentvolumes": _volume,
    "resourcequotas": _quota,
    "limitranges": _limit_range,
    "secrets": _secret,
    "replicationcontrollers": _controller,
    "endpoints": _endpoints,
    "nodes": _node,
    "namespaces": _namespace,
}
