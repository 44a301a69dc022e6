"""Rules that a schema cannot say: names, ranges, fields that need or exclude each other, what may not change.

`validate_create` and `validate_update` give every complaint at once, in Kubernetes' order and words; an empty list
means that the object may be stored. Objects come in decoded and with defaults. Metadata is checked for every kind;
a kind's own rules are in the module of its concern and registered here.

Source: pkg/apis/*/validation and apimachinery/pkg/api/validation of v1.36.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from engine.api.errors import Cause
from engine.api.kinds import Kind
from engine.api.validation import (
    admission,
    autoscaling,
    batch,
    certificates,
    claims,
    cluster,
    config,
    definitions,
    endpoint_slices,
    events,
    faults,
    limits,
    networking,
    pods,
    policy,
    rbac,
    service_networks,
    services,
    statuses,
    storage,
    webhooks,
    workloads,
)
from engine.api.validation.causes import Causes
from engine.api.validation.metadata import validate_metadata, validate_parts
from store.types import JsonObject, Resource

OnCreate = Callable[[Causes, JsonObject], None]
OnUpdate = Callable[[Causes, JsonObject, JsonObject], None]


class Rules(NamedTuple):
    """A kind's own rules: complaints are appended to the list that is given."""

    create: OnCreate
    update: OnUpdate
    """(causes, new, old)."""


RULES: Final[Mapping[Resource, Rules]] = {
    Resource(group, plural): rules
    for group, table in {
        "": {
            "pods": Rules(pods.create, pods.update),
            "services": Rules(services.create, services.update),
            "configmaps": Rules(config.config_map, config.config_map_update),
            "secrets": Rules(config.secret, config.secret_update),
            "persistentvolumeclaims": Rules(claims.create, claims.update),
            "persistentvolumes": Rules(storage.volume, storage.volume_update),
            "endpoints": Rules(services.endpoints, services.endpoints_update),
            "nodes": Rules(cluster.node, cluster.node_update),
            "namespaces": Rules(cluster.namespace, cluster.namespace_update),
            "resourcequotas": Rules(limits.resource_quota, limits.resource_quota_update),
            "limitranges": Rules(limits.limit_range, limits.limit_range_update),
            "events": Rules(events.event, lambda causes, new, old: None),
            "replicationcontrollers": Rules(workloads.controller, lambda c, new, old: workloads.controller(c, new)),
        },
        "apps": {
            "deployments": Rules(workloads.deployment, workloads.deployment_update),
            "replicasets": Rules(workloads.replicaset, workloads.replicaset_update),
            "statefulsets": Rules(workloads.statefulset, workloads.statefulset_update),
            "daemonsets": Rules(workloads.daemonset, workloads.daemonset_update),
        },
        "batch": {
            "jobs": Rules(batch.job, batch.job_update),
            "cronjobs": Rules(batch.cronjob, batch.cronjob_update),
        },
        "autoscaling": {"horizontalpodautoscalers": Rules(autoscaling.create, autoscaling.update)},
        "policy": {"poddisruptionbudgets": Rules(policy.budget, policy.budget_update)},
        "networking.k8s.io": {
            "ingresses": Rules(networking.ingress_create, networking.ingress_update),
            "ingressclasses": Rules(networking.ingress_class, networking.ingress_class_update),
            "servicecidrs": Rules(service_networks.service_cidr, service_networks.service_cidr_update),
            "ipaddresses": Rules(service_networks.ip_address_object, service_networks.ip_address_update),
            "networkpolicies": Rules(networking.network_policy, networking.network_policy_update),
        },
        "discovery.k8s.io": {
            "endpointslices": Rules(endpoint_slices.endpoint_slice, endpoint_slices.endpoint_slice_update),
        },
        "rbac.authorization.k8s.io": {
            "roles": Rules(rbac.role, rbac.role_update),
            "clusterroles": Rules(rbac.cluster_role, rbac.cluster_role_update),
            "rolebindings": Rules(rbac.role_binding, rbac.role_binding_update),
            "clusterrolebindings": Rules(rbac.cluster_role_binding, rbac.cluster_role_binding_update),
        },
        "storage.k8s.io": {
            "storageclasses": Rules(storage.storage_class, storage.storage_class_update),
            "csidrivers": Rules(storage.driver, storage.driver_update),
            "volumeattachments": Rules(storage.attachment, storage.attachment_update),
        },
        "admissionregistration.k8s.io": {
            "validatingadmissionpolicies": Rules(admission.policy, admission.policy_update),
            "validatingwebhookconfigurations": Rules(webhooks.configuration, webhooks.configuration_update),
            "mutatingwebhookconfigurations": Rules(webhooks.configuration, webhooks.configuration_update),
            "validatingadmissionpolicybindings": Rules(admission.binding, admission.binding_update),
        },
        "apiextensions.k8s.io": {
            "customresourcedefinitions": Rules(definitions.definition, definitions.definition_update)
        },
        "certificates.k8s.io": {
            "certificatesigningrequests": Rules(certificates.signing_request, certificates.signing_request_update)
        },
        "coordination.k8s.io": {"leases": Rules(cluster.lease, cluster.lease_update)},
        "scheduling.k8s.io": {"priorityclasses": Rules(cluster.priority_class, cluster.priority_class_update)},
        "kubarium.dev": {"faults": Rules(faults.fault, faults.fault_update)},
        "node.k8s.io": {"runtimeclasses": Rules(cluster.runtime_class, cluster.runtime_class_update)},
    }.items()
    for plural, rules in table.items()
}


STATUS_RULES: Final[Mapping[Resource, OnUpdate]] = {
    Resource("apps", "deployments"): statuses.deployment,
    Resource("apps", "replicasets"): statuses.replica_set,
    Resource("apps", "statefulsets"): statuses.stateful_set,
    Resource("apps", "daemonsets"): statuses.daemon_set,
    Resource("", "replicationcontrollers"): statuses.replica_set,
    Resource("policy", "poddisruptionbudgets"): statuses.budget,
    Resource("autoscaling", "horizontalpodautoscalers"): statuses.autoscaler,
    Resource("", "namespaces"): statuses.namespace,
    Resource("", "services"): statuses.service,
    Resource("networking.k8s.io", "ingresses"): statuses.ingress,
}
"""What may be said against a status alone."""


def validate_create(kind: Kind, obj: JsonObject) -> list[Cause]:
    """What is wrong with a new object, in Kubernetes' order."""
    causes: Causes = []
    validate_metadata(causes, kind, obj.get("metadata") or {})
    rules = RULES.get(kind.resource)
    if rules is not None:
        rules.create(causes, obj)
    return causes


def validate_update(kind: Kind, new: JsonObject, old: JsonObject) -> list[Cause]:
    """What is wrong with the step from `old` to `new`. Metadata that did not change is not looked at again."""
    causes: Causes = []
    meta, before = new.get("metadata") or {}, old.get("metadata") or {}
    if any(meta.get(key) != before.get(key) for key in _LOOSE):
        validate_parts(causes, kind, meta)
    rules = RULES.get(kind.resource)
    if rules is not None:
        rules.update(causes, new, old)
    return causes


def validate_status(kind: Kind, new: JsonObject, old: JsonObject) -> list[Cause]:
    """What is wrong with a status that a client writes."""
    causes: Causes = []
    rules = STATUS_RULES.get(kind.resource)
    if rules is not None:
        rules(causes, new, old)
    return causes


_LOOSE: Final = ("labels", "annotations", "ownerReferences", "finalizers")
