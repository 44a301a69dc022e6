"""Admission: what the cluster adds to a request, and what it refuses by policy. One file per plugin.

First every mutating plugin in order, then (after validation) every validating one. `mutate` gives the object to store;
the request's own is not changed. `validate` raises Forbidden. The order below is that of kube-apiserver's
--enable-admission-plugins; a plugin says which kinds and operations it is for, so that a write meets only its own.

A new plugin is one file with `mutate(request, obj)` or `validate(request)` and a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from engine.api.admission import (
    default_ingress_class,
    default_storage_class,
    default_toleration_seconds,
    limit_ranger,
    namespace_lifecycle,
    node_taints,
    persistent_volume_claim_resize,
    pod_security,
    priority,
    resource_quota,
    runtime_class,
    service_account,
    service_addresses,
    storage_object_in_use_protection,
    template_generation,
)
from engine.api.admission.request import AdmissionRequest, Operation
from engine.api.kinds import (
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    INGRESSES,
    JOBS,
    NAMESPACES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    PRIORITYCLASSES,
    REPLICASETS,
    REPLICATIONCONTROLLERS,
    RESOURCEQUOTAS,
    SERVICES,
    STATEFULSETS,
)
from store.types import JsonObject, Resource

__all__ = ["AdmissionRequest", "Operation", "mutate", "validate"]

Mutator = Callable[[AdmissionRequest, JsonObject], JsonObject]
Validator = Callable[[AdmissionRequest], None]

_WORKLOADS: Final = (DEPLOYMENTS, REPLICASETS, STATEFULSETS, DAEMONSETS, JOBS, CRONJOBS, REPLICATIONCONTROLLERS)
_WRITES: Final[tuple[Operation, ...]] = ("CREATE", "UPDATE")
_MUTATORS: Final[Mapping[tuple[Resource, Operation], Sequence[Mutator]]] = {
    (PODS, "CREATE"): (
        limit_ranger.mutate,
        service_account.mutate,
        priority.mutate,
        default_toleration_seconds.mutate,
        runtime_class.mutate,
    ),
    (PODS, "UPDATE"): (default_toleration_seconds.mutate,),
    (NODES, "CREATE"): (node_taints.mutate,),
    (PERSISTENTVOLUMECLAIMS, "CREATE"): (default_storage_class.mutate, storage_object_in_use_protection.mutate),
    (PERSISTENTVOLUMES, "CREATE"): (storage_object_in_use_protection.mutate,),
    (INGRESSES, "CREATE"): (default_ingress_class.mutate,),
    (DAEMONSETS, "CREATE"): (template_generation.mutate,),
    (DAEMONSETS, "UPDATE"): (template_generation.mutate,),
    (SERVICES, "CREATE"): (service_addresses.mutate,),
    (SERVICES, "UPDATE"): (service_addresses.mutate,),
}
_VALIDATORS: Final[Mapping[tuple[Resource, Operation], Sequence[Validator]]] = {
    (PODS, "CREATE"): (limit_ranger.validate, pod_security.validate),
    (PODS, "UPDATE"): (pod_security.validate,),
    (PERSISTENTVOLUMECLAIMS, "CREATE"): (limit_ranger.validate,),
    (PERSISTENTVOLUMECLAIMS, "UPDATE"): (persistent_volume_claim_resize.validate,),
    (NAMESPACES, "DELETE"): (namespace_lifecycle.validate,),
    (PRIORITYCLASSES, "CREATE"): (priority.validate,),
    (PRIORITYCLASSES, "UPDATE"): (priority.validate,),
    **{(kind, verb): (pod_security.validate,) for kind in _WORKLOADS for verb in _WRITES},
}


def mutate(request: AdmissionRequest) -> JsonObject:
    """The object that the request shall store. Raises Forbidden and its like when a plugin refuses."""
    obj = request.obj
    if request.subresource:
        return obj
    for plugin in _MUTATORS.get((request.kind.resource, request.operation), ()):
        obj = plugin(request, obj)
    return obj


def validate(request: AdmissionRequest) -> None:
    """Raises Forbidden and its like when a plugin refuses."""
    if request.operation == "CREATE" and request.kind.namespaced and not request.subresource:
        namespace_lifecycle.validate(request)
    for plugin in _VALIDATORS.get((request.kind.resource, request.operation), ()):
        if not request.subresource:
            plugin(request)
    # Quotas come last, as in kube-apiserver: nothing is counted that another plugin refuses.
    if request.store.count(RESOURCEQUOTAS) and not request.subresource and request.operation in ("CREATE", "UPDATE"):
        resource_quota.validate(request)
