"""Refusals of autoscalers, endpoint slices, webhooks, CSI drivers, addresses and events: every cause in its place."""

from __future__ import annotations

import pytest
import yaml

from engine.api.errors import Invalid
from engine.api.validation.addresses import IP_TEXT, address_errors, cidr_errors
from store.types import JsonObject, Resource
from tests.engine.api.door import PERSON, Door

_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


def refused(manifest: str) -> list[str]:
    obj = {"metadata": {"name": "x"}, **yaml.safe_load(manifest)}
    with pytest.raises(Invalid) as refusal:
        Door().create(obj)
    return [str(cause) for cause in refusal.value.causes]


def _autoscaler(spec: str) -> list[str]:
    target = "scaleTargetRef: {kind: Deployment, name: web, apiVersion: apps/v1}, maxReplicas: 2"
    return refused(f"{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {{{target}, {spec}}}}}")


def test_metrics_of_an_autoscaler() -> None:
    """Each source has its own needs; an unknown type is refused twice, as Kubernetes does."""
    metrics = (
        "{type: Resource, resource: {target: {type: Utilization}}}, {type: Pods, pods: {metric: {name: a/b}, target: "
        "{type: AverageValue, averageValue: 0}}}, {type: Foo}, {type: External}, {type: Object, object: {metric: "
        "{name: m}, describedObject: {kind: Ingress}, target: {type: Value}}}, {type: External, external: {metric: "
        "{name: m}, target: {type: A, value: 1, averageValue: 1}}, pods: {metric: {name: m}, target: {}}}"
    )
    unknown = (
        'spec.metrics[2].type: Unsupported value: "Foo": supported values: "ContainerResource", "External", "Object", '
        '"Pods", "Resource"'
    )
    assert _autoscaler(f"metrics: [{metrics}]") == [
        "spec.metrics[0].resource.name: Required value: must specify a resource name",
        "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a "
        "target utilization",
        "spec.metrics[1].pods.metric.name: Invalid value: \"a/b\": may not contain '/'",
        'spec.metrics[1].pods.target.averageValue: Invalid value: "0": must be positive',
        "spec.metrics[1].pods.target.averageValue: Required value: must specify a positive target averageValue",
        unknown,
        unknown,
        "spec.metrics[3].external: Required value: must populate information for the given metric source",
        "spec.metrics[4].object.describedObject.name: Required value",
        "spec.metrics[4].object.target.averageValue: Required value: must set either a target value or averageValue",
        'spec.metrics[5].external.target.type: Invalid value: "A": must be either Utilization, Value, or AverageValue',
        "spec.metrics[5].external.target.value: Forbidden: may not set both a target value for metric and a per-pod "
        "target",
        "spec.metrics[5].pods: Forbidden: must populate the given metric source only",
    ]


def test_behaviour_of_an_autoscaler() -> None:
    """Up before down."""
    rules = "scaleDown: {stabilizationWindowSeconds: -1}, scaleUp: {selectPolicy: A, policies: [{periodSeconds: 1801}]}"
    assert _autoscaler(f"behavior: {{{rules}}}") == [
        'spec.behavior.scaleUp.selectPolicy: Unsupported value: "A": supported values: "Disabled", "Max", "Min"',
        'spec.behavior.scaleUp.policies[0].type: Unsupported value: "": supported values: "Percent", "Pods"',
        "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
        "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
        "spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero",
    ]


def test_an_endpoint_slice() -> None:
    """Addresses of its family, names that are there once."""
    endpoints = "endpoints: [{addresses: ['::1', 10.0.0.1], hostname: B_}, {hints: {forZones: [{name: a}, {name: a}]}}]"
    ports = "ports: [{name: a, port: 1}, {name: a, protocol: ICMP}]"
    manifest = f"{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, {endpoints}, {ports}}}"
    assert refused(manifest) == [
        'endpoints[0].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
        'endpoints[0].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        f'endpoints[0].hostname: Invalid value: "B_": {_LABEL}',
        "endpoints[1].addresses: Required value: must contain at least 1 address",
        'endpoints[1].hints.forZones[1].name: Duplicate value: "a"',
        'ports[1].name: Duplicate value: "a"',
        'ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ]
    endpoints = "endpoints: [{addresses: [web, a.b]}]"
    manifest = f"{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: FQDN, {endpoints}}}"
    assert refused(manifest) == [
        'endpoints[0].addresses[0]: Invalid value: "web": should be a domain with at least two segments separated by '
        "dots"
    ]


def test_webhooks() -> None:
    """Names, rules, effects, where to call, what to ask."""
    rules = "rules: [{operations: [CREATE, FOO], apiGroups: ['*', a], apiVersions: [], resources: ['*', pods, '*/x']}]"
    hooks = (
        f"{{name: bad, {rules}, clientConfig: {{url: 'http://u@h/?q#f'}}, sideEffects: Some, timeoutSeconds: 40}}, "
        "{name: a.b.c, clientConfig: {service: {name: s, path: a//b}}, admissionReviewVersions: [v2]}, "
        "{name: a.b.c, clientConfig: {}, admissionReviewVersions: [v1], sideEffects: None}"
    )
    manifest = (
        f"{{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, webhooks: [{hooks}]}}"
    )
    form = "; desired format: https://host[/path]"
    assert refused(manifest) == [
        'webhooks[0].name: Invalid value: "bad": should be a domain with at least three segments separated by dots',
        'webhooks[0].rules[0].operations[1]: Unsupported value: "FOO": supported values: "*", "CONNECT", "CREATE", '
        '"DELETE", "UPDATE"',
        'webhooks[0].rules[0].apiGroups: Invalid value: ["*","a"]: if \'*\' is present, must not specify other API '
        "groups",
        "webhooks[0].rules[0].apiVersions: Required value",
        'webhooks[0].rules[0].resources: Invalid value: ["*","pods","*/x"]: if \'*\' is present, must not specify '
        "other resources without subresources",
        'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
        "webhooks[0].timeoutSeconds: Invalid value: 40: the timeout value must be between 1 and 30 seconds",
        f"webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme{form}",
        'webhooks[0].clientConfig.url: Invalid value: "u": user information is not permitted in the URL',
        'webhooks[0].clientConfig.url: Invalid value: "f": fragments are not permitted in the URL',
        'webhooks[0].clientConfig.url: Invalid value: "q": query parameters are not permitted in the URL',
        "webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1",
        "webhooks[1].sideEffects: Required value: must specify one of None, NoneOnDryRun",
        "webhooks[1].clientConfig.service.namespace: Required value: service namespace is required",
        "webhooks[1].clientConfig.service.path: Invalid value: \"a//b\": must start with a '/'",
        'webhooks[1].clientConfig.service.path: Invalid value: "a//b": segment[0] may not be empty',
        'webhooks[1].clientConfig.service.path: Invalid value: "a//b": segment[1] may not be empty',
        'webhooks[1].admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1',
        "webhooks[2].clientConfig: Required value: exactly one of url or service is required",
        'webhooks[2].name: Duplicate value: "a.b.c"',
    ]


def test_a_driver_attaches_as_it_did() -> None:
    door = Door()
    manifest = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "a.b"}, "spec": {}}
    door.create(manifest)
    drivers = Resource("storage.k8s.io", "csidrivers")
    stored: JsonObject = door.api.get(drivers, "", "a.b").obj
    changed = {**stored, "spec": {**stored["spec"], "attachRequired": False}}
    with pytest.raises(Invalid, match=r"spec\.attachedRequired: Invalid value: false: field is immutable"):
        door.api.update(PERSON, drivers, "", "a.b", changed)


def test_addresses_of_newer_fields() -> None:
    """Only in the form in which they are printed."""
    assert address_errors("10.0.0.1") == address_errors("fd00::1") == ()
    assert address_errors("web") == address_errors("fe80::1%eth0") == (IP_TEXT,)
    assert address_errors("010.0.0.1") == ("must not have leading 0s",)
    assert address_errors("::ffff:10.0.0.1") == ("must not be an IPv4-mapped IPv6 address",)
    assert address_errors("FD00::0") == ('must be in canonical form ("fd00::")',)
    assert cidr_errors("10.0.0.0/8") == cidr_errors("fd00::/64") == ()
    assert cidr_errors("10.0.0.1/08") == (
        "must not have leading 0s in prefix length",
        "must not have bits set beyond the prefix length",
    )
    assert cidr_errors("FD00::/64") == ('must be in canonical form ("fd00::/64")',)
    assert cidr_errors("10.0.0.0/+8")[0].startswith("must be a valid CIDR value")


def test_events_by_hand() -> None:
    """An old event lies where its object does; a new one says who reports and what was done."""
    about = "involvedObject: {kind: Pod, name: p, namespace: other}"
    assert refused(f"{{apiVersion: v1, kind: Event, {about}}}") == [
        'involvedObject.namespace: Invalid value: "other": does not match event.namespace'
    ]
    event = "reportingComponent: a/b, eventTime: '2026-01-01T00:00:00.000000Z'"
    assert refused(f"{{apiVersion: v1, kind: Event, {event}}}") == [
        "reportingInstance: Required value",
        "action: Required value",
        "reason: Required value",
    ]
    stored = Door().create({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}}).obj
    assert stored["source"] == {}
    assert stored["eventTime"] is stored["firstTimestamp"] is stored["lastTimestamp"] is None
    assert stored["reportingComponent"] == stored["reportingInstance"] == ""


def _status(door: Door, manifest: str, status: JsonObject) -> list[str]:
    """What is said against a status that a person writes; nothing when it is taken."""
    env = door.create(manifest)
    resource = door.kind(env.obj).resource
    changed = {**env.obj, "status": {**(env.obj.get("status") or {}), **status}}
    try:
        door.api.update(
            PERSON, resource, env.namespace, env.name, changed, subresource="status", field_validation="Strict"
        )
    except Invalid as refusal:
        return [str(cause) for cause in refusal.causes]
    return []


def test_counts_of_a_status_fit_each_other(door: Door) -> None:
    """Nothing below zero, nothing beyond the replicas, no more available than ready."""
    template = "{metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}"
    manifest = (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, "
        f"spec: {{selector: {{matchLabels: {{a: b}}}}, template: {template}}}}}"
    )
    assert _status(
        door, manifest, {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3, "collisionCount": -1}
    ) == [
        "status.collisionCount: Invalid value: -1: must be greater than or equal to 0",
        "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
    ]
    budget = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {}}"
    assert _status(door, budget, {"currentHealthy": -1}) == [
        "status.currentHealthy: Invalid value: -1: must be greater than or equal to 0"
    ]


def test_addresses_of_a_balancer(door: Door) -> None:
    """Only of a Service that has one; an address is told how it is to be taken."""
    service = "{apiVersion: v1, kind: Service, metadata: {name: %s}, spec: {type: %s, ports: [{port: 80}]}}"
    points = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "1.2.3.4", "ipMode": "VIP"}]}}
    assert _status(door, service % ("a", "ClusterIP"), points) == [
        "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is LoadBalancer"
    ]
    assert _status(door, service % ("b", "LoadBalancer"), points) == [
        "status.loadBalancer.ingress[1].ipMode: Forbidden: may not be specified when `ip` is not set",
        'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    ]
    good = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}
    assert _status(door, service % ("c", "LoadBalancer"), good) == []
    stored: JsonObject = door.api.get(Resource("", "services"), "default", "c").obj
    assert stored["status"] == {"loadBalancer": {"ingress": [{"ip": "1.2.3.4", "ipMode": "VIP"}]}}


def test_a_phase_follows_the_deletion(door: Door) -> None:
    space = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"
    assert _status(door, space, {"phase": "Terminating"}) == [
        "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
    ]
