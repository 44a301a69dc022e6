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
    admission_policies,
    always_pull_images,
    certificate_requests,
    default_ingress_class,
    default_storage_class,
    default_toleration_seconds,
    limit_ranger,
    namespace_lifecycle,
    node_restriction,
    node_taints,
    owner_references,
    persistent_volume_claim_resize,
    pod_security,
    priority,
    resource_quota,
    role_escalation,
    runtime_class,
    service_account,
    storage_object_in_use_protection,
    template_generation,
)
from engine.api.admission.request import AdmissionRequest, Operation
from engine.api.admission.service_addresses import ServiceAddresses
from engine.api.kinds import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    CRONJOBS,
    CSRS,
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
    ROLEBINDINGS,
    ROLES,
    SERVICES,
    STATEFULSETS,
)
from engine.flags import BadFlag, Flags
from store.types import JsonObject, Resource

__all__ = ["Admission", "AdmissionRequest", "Operation"]

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
        always_pull_images.mutate,
    ),
    (PODS, "UPDATE"): (default_toleration_seconds.mutate, always_pull_images.mutate),
    (CSRS, "CREATE"): (certificate_requests.mutate,),
    (NODES, "CREATE"): (node_taints.mutate,),
    (PERSISTENTVOLUMECLAIMS, "CREATE"): (default_storage_class.mutate, storage_object_in_use_protection.mutate),
    (PERSISTENTVOLUMES, "CREATE"): (storage_object_in_use_protection.mutate,),
    (INGRESSES, "CREATE"): (default_ingress_class.mutate,),
    (DAEMONSETS, "CREATE"): (template_generation.mutate,),
    (DAEMONSETS, "UPDATE"): (template_generation.mutate,),
}
_VALIDATORS: Final[Mapping[tuple[Resource, Operation], Sequence[Validator]]] = {
    (PODS, "CREATE"): (limit_ranger.validate, node_restriction.validate, pod_security.validate),
    (PODS, "UPDATE"): (node_restriction.validate, pod_security.validate),
    (NODES, "CREATE"): (node_restriction.validate,),
    (NODES, "UPDATE"): (node_restriction.validate,),
    (CSRS, "CREATE"): (certificate_requests.validate,),
    **{(kind, verb): (role_escalation.validate_role,) for kind in (ROLES, CLUSTERROLES) for verb in _WRITES},
    **{
        (kind, verb): (role_escalation.validate_binding,)
        for kind in (ROLEBINDINGS, CLUSTERROLEBINDINGS)
        for verb in _WRITES
    },
    (PERSISTENTVOLUMECLAIMS, "CREATE"): (limit_ranger.validate,),
    (PERSISTENTVOLUMECLAIMS, "UPDATE"): (persistent_volume_claim_resize.validate,),
    (NAMESPACES, "CREATE"): (pod_security.validate_namespace,),
    (NAMESPACES, "UPDATE"): (pod_security.validate_namespace,),
    (NAMESPACES, "DELETE"): (namespace_lifecycle.validate,),
    (PRIORITYCLASSES, "CREATE"): (priority.validate,),
    (PRIORITYCLASSES, "UPDATE"): (priority.validate,),
    **{(kind, verb): (pod_security.validate,) for kind in _WORKLOADS for verb in _WRITES},
}

_SWITCHED: Final[Mapping[str, Sequence[Mutator | Validator]]] = {
    "NamespaceLifecycle": (namespace_lifecycle.validate,),
    "LimitRanger": (limit_ranger.mutate, limit_ranger.validate),
    "ServiceAccount": (service_account.mutate,),
    "NodeRestriction": (node_restriction.validate,),
    "TaintNodesByCondition": (node_taints.mutate,),
    "PodSecurity": (pod_security.validate, pod_security.validate_namespace),
    "Priority": (priority.mutate, priority.validate),
    "DefaultTolerationSeconds": (default_toleration_seconds.mutate,),
    "DefaultStorageClass": (default_storage_class.mutate,),
    "StorageObjectInUseProtection": (storage_object_in_use_protection.mutate,),
    "PersistentVolumeClaimResize": (persistent_volume_claim_resize.validate,),
    "RuntimeClass": (runtime_class.mutate,),
    "DefaultIngressClass": (default_ingress_class.mutate,),
    "AlwaysPullImages": (always_pull_images.mutate,),
    "ValidatingAdmissionPolicy": (admission_policies.validate,),
    "OwnerReferencesPermissionEnforcement": (owner_references.validate,),
    "ResourceQuota": (resource_quota.validate,),
}
"""What --enable-admission-plugins and --disable-admission-plugins name, in the order of the plugins."""
_OFF: Final = frozenset({"AlwaysPullImages"})


class Admission:
    """The plugins of one cluster."""

    def __init__(self, flags: Flags) -> None:
        """BadFlag for the name of a plugin that there is not, and for a range of ports that is none."""
        off = set(_OFF) - set(_names(flags, "enable-admission-plugins"))
        off.update(_names(flags, "disable-admission-plugins"))
        self._off: frozenset[Mutator | Validator] = frozenset(each for name in off for each in _SWITCHED[name])
        self._mutators = {
            key: [each for each in plugins if each not in self._off] for key, plugins in _MUTATORS.items()
        }
        addresses = ServiceAddresses(flags.ports("service-node-port-range"))
        for operation in _WRITES:
            self._mutators[SERVICES, operation] = [addresses.mutate]
        self._validators = {
            key: [each for each in plugins if each not in self._off] for key, plugins in _VALIDATORS.items()
        }

    def mutate(self, request: AdmissionRequest) -> JsonObject:
        """The object that the request shall store. Raises Forbidden and its like when a plugin refuses."""
        obj = request.obj
        if request.subresource:
            return obj
        for plugin in self._mutators.get((request.kind.resource, request.operation), ()):
            obj = plugin(request, obj)
        return obj

    def validate(self, request: AdmissionRequest) -> None:
        """Raises Forbidden and its like when a plugin refuses."""
        if request.subresource:
            return
        if request.operation == "CREATE" and request.kind.namespaced and self._runs(namespace_lifecycle.validate):
            namespace_lifecycle.validate(request)
        for plugin in self._validators.get((request.kind.resource, request.operation), ()):
            plugin(request)
        if request.caller.outside and self._runs(owner_references.validate):
            owner_references.validate(request)
        if request.store.count(admission_policies.BINDINGS) and self._runs(admission_policies.validate):
            admission_policies.validate(request)
        # Quotas come last, as in kube-apiserver: nothing is counted that another plugin refuses.
        if request.store.count(RESOURCEQUOTAS) and request.operation in _WRITES and self._runs(resource_quota.validate):
            resource_quota.validate(request)

    def _runs(self, plugin: Validator) -> bool:
        return plugin not in self._off


def _names(flags: Flags, flag: str) -> list[str]:
    names = [name.strip() for name in flags.text(flag).split(",") if name.strip()]
    for name in names:
        if name not in _SWITCHED:
            raise BadFlag(f'invalid argument "{name}" for "--{flag}": there is no such admission plugin')
    return names
