"""What one object counts as under a quota, by resource name, in billionths (k8s.io/kubernetes/pkg/quota/v1/evaluator).

Pods count their requests and limits as long as they have not ended; claims count their size, also by class; services
count by type; every object counts under `count/<plural>.<group>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from engine.api import quantity
from engine.api.kinds import (
    CONFIGMAPS,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    REPLICATIONCONTROLLERS,
    RESOURCEQUOTAS,
    SECRETS,
    SERVICES,
)
from engine.api.qos import qos_class
from store.types import JsonObject, Resource

Amounts = dict[str, int]
ONE: Final = quantity.NANO
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
COMPUTE: Final = frozenset(
    {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
)  # fmt: skip
"""What every container must say when a quota limits it."""
_PLAIN: Final = {
    resource.plural: resource for resource in (CONFIGMAPS, SECRETS, REPLICATIONCONTROLLERS, RESOURCEQUOTAS)
}  # fmt: skip
_CLASS_SUFFIX: Final = ".storageclass.storage.k8s.io/"


def counted_as(resource: Resource) -> str:
    """`count/deployments.apps`"""
    return f"count/{resource}"


def resource_of(name: str) -> Resource | None:
    """Whose objects count under a quota's resource name."""
    if name.startswith("count/"):
        return Resource.parse(name.removeprefix("count/"))
    if name in _PLAIN:
        return _PLAIN[name]
    if name.startswith("services"):
        return SERVICES
    if name in ("persistentvolumeclaims", "requests.storage") or _CLASS_SUFFIX in name:
        return PERSISTENTVOLUMECLAIMS
    return PODS


def usage_of(resource: Resource, obj: JsonObject) -> Amounts:
    """Everything that the object counts as."""
    found = {counted_as(resource): ONE}
    if resource == PODS:
        if not ended(obj):
            found |= _pod(obj.get("spec") or {})
    elif resource == PERSISTENTVOLUMECLAIMS:
        found |= _claim(obj.get("spec") or {}, obj["metadata"].get("annotations") or {})
    elif resource == SERVICES:
        found |= _service(obj.get("spec") or {})
    elif resource.plural in _PLAIN and not resource.group:
        found[resource.plural] = ONE
    return found


def ended(pod: JsonObject) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def missing_compute(spec: JsonObject, limited: Iterable[str]) -> dict[str, list[str]]:
    """Resource names that a quota limits and containers do not state → those containers."""
    found: dict[str, list[str]] = {}
    wanted = sorted(COMPUTE.intersection(limited))
    if spec.get("resources"):
        stated = _stated(spec["resources"])
        return {name: [] for name in wanted if name not in stated}
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        stated = _stated(container.get("resources") or {})
        for name in wanted:
            if name not in stated:
                found.setdefault(name, []).append(container["name"])
    return found


def in_scope(resource: Resource, scope: str, operator: str, values: Sequence[str], obj: JsonObject) -> bool:
    """An object and one ScopedResourceSelectorRequirement (podMatchesScopeFunc, pvcMatchesScopeFunc)."""
    spec = obj.get("spec") or {}
    if resource == PERSISTENTVOLUMECLAIMS:
        classes = attributes_classes(obj)
        return scope == "VolumeAttributesClass" and any(_chosen(name, operator, values) for name in classes or [""])
    if resource != PODS:
        return False
    if scope == "Terminating":
        return spec.get("activeDeadlineSeconds") is not None
    if scope == "NotTerminating":
        return spec.get("activeDeadlineSeconds") is None
    if scope == "BestEffort":
        return qos_class(spec) == "BestEffort"
    if scope == "NotBestEffort":
        return qos_class(spec) != "BestEffort"
    if scope == "CrossNamespacePodAffinity":
        return _crosses_namespaces(spec.get("affinity") or {})
    if scope == "PriorityClass":
        return _chosen(spec.get("priorityClassName") or "", operator, values)
    return False


def attributes_classes(claim: JsonObject) -> list[str]:
    """VolumeAttributesClasses that a claim has, wants or is on its way to."""
    status = claim.get("status") or {}
    names = (
        (claim.get("spec") or {}).get("volumeAttributesClassName"), status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )  # fmt: skip
    return [name for name in dict.fromkeys(names) if name]


def _chosen(name: str, operator: str, values: Sequence[str]) -> bool:
    """As a label selector would: NotIn holds where there is no name."""
    if operator in ("Exists", "DoesNotExist"):
        return bool(name) == (operator == "Exists")
    return (bool(name) and name in values) == (operator == "In")


# -- pods ----------------------------------------------------------------------------------------------------------


def _pod(spec: JsonObject) -> Amounts:
    found: Amounts = {"pods": ONE}
    for name, nano in _total(spec, "requests").items():
        found[f"requests.{name}"] = nano
        if name in _COMPUTE or name.startswith("hugepages-"):
            found[name] = nano
    for name, nano in _total(spec, "limits").items():
        if name in _COMPUTE:
            found[f"limits.{name}"] = nano
    return found


def _total(spec: JsonObject, kind: str) -> Amounts:
    """PodRequests or PodLimits, exactly."""
    total: Amounts = {}
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(container, kind))
    for container in spec.get("initContainers") or ():
        own = _amounts(container, kind)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            own = sidecars
        else:
            own = {name: own.get(name, 0) + sidecars.get(name, 0) for name in {**own, **sidecars}}
        peak = {name: max(peak.get(name, 0), own.get(name, 0)) for name in {**peak, **own}}
    total = {name: max(total.get(name, 0), peak.get(name, 0)) for name in {**total, **peak}}
    total |= _parsed((spec.get("resources") or {}).get(kind))
    if kind == "requests" or total:
        for name, nano in _parsed(spec.get("overhead")).items():
            if kind == "requests" or name in total:
                total[name] = total.get(name, 0) + nano
    return total


def _amounts(container: JsonObject, kind: str) -> Amounts:
    return _parsed((container.get("resources") or {}).get(kind))


def _parsed(amounts: Mapping[str, Any] | None) -> Amounts:
    return {name: quantity.parse(text).nano for name, text in (amounts or {}).items()}


def _add(total: Amounts, more: Amounts) -> None:
    for name, nano in more.items():
        total[name] = total.get(name, 0) + nano


def _stated(resources: JsonObject) -> set[str]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    return {*requests, *(f"requests.{name}" for name in requests), *(f"limits.{name}" for name in limits)}


def _crosses_namespaces(affinity: JsonObject) -> bool:
    for part in (affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}):
        terms = [*(part.get("requiredDuringSchedulingIgnoredDuringExecution") or ())]
        terms += [t["podAffinityTerm"] for t in part.get("preferredDuringSchedulingIgnoredDuringExecution") or ()]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


# -- claims and services -------------------------------------------------------------------------------------------


def _claim(spec: JsonObject, annotations: Mapping[str, str]) -> Amounts:
    size = quantity.parse(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0")).nano
    found = {"persistentvolumeclaims": ONE, "requests.storage": size}
    name = annotations.get("volume.beta.kubernetes.io/storage-class") or spec.get("storageClassName")
    if name:
        found[f"{name}{_CLASS_SUFFIX}persistentvolumeclaims"] = ONE
        found[f"{name}{_CLASS_SUFFIX}requests.storage"] = size
    return found


def _service(spec: JsonObject) -> Amounts:
    ports = len(spec.get("ports") or ())
    found = {"services": ONE, "services.loadbalancers": 0, "services.nodeports": 0}
    if spec.get("type") == "NodePort":
        found["services.nodeports"] = ports * ONE
    elif spec.get("type") == "LoadBalancer":
        found["services.loadbalancers"] = ONE
        if spec.get("allocateLoadBalancerNodePorts") is not False:
            found["services.nodeports"] = ports * ONE
    return found
