"""Refusals of what bounds and connects: quotas, limit ranges, volumes, services, ingresses, policies.

What stands here is what kube-apiserver's validation says, every cause in its place.
"""

from __future__ import annotations

import pytest
import yaml

from engine.api.errors import Invalid
from engine.api.kinds import PERSISTENTVOLUMES
from tests.engine.api.door import PERSON, Door

QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def refused(manifest: str) -> list[str]:
    obj = {"metadata": {"name": "x"}, **yaml.safe_load(manifest)}
    with pytest.raises(Invalid) as refusal:
        Door().create(obj)
    return [str(cause) for cause in refusal.value.causes]


def of(group: str, kind: str, spec: str) -> list[str]:
    return refused(f"{{apiVersion: {group}, kind: {kind}, spec: {{{spec}}}}}")


def test_what_a_quota_limits() -> None:
    """A word that is no resource is refused twice over; counts are whole."""
    assert of("v1", "ResourceQuota", "hard: {foo: 1, pods: 1500m, requests.cpu: -1}") == [
        'spec.hard[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
        'spec.hard[foo]: Invalid value: "foo": must be a standard resource for quota',
        'spec.hard[pods]: Invalid value: "1500m": must be an integer',
        'spec.hard[requests.cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ]


def test_scopes_of_a_quota() -> None:
    """A selector is shown as the server holds it."""
    hard, selector = (
        "hard: {configmaps: 1}",
        "matchExpressions: [{scopeName: Terminating, operator: Exists, values: [a]}]",
    )
    assert of("v1", "ResourceQuota", f"{hard}, scopeSelector: {{{selector}}}") == [
        "spec.scopeSelector.matchExpressions: Invalid value: "
        '{"MatchExpressions":[{"ScopeName":"Terminating","Operator":"Exists","Values":["a"]}]}: '
        "unsupported scope applied to resource",
        'spec.scopeSelector.matchExpressions.values: Invalid value: ["a"]: must be no value when `operator` is '
        "'Exist' or 'DoesNotExist' for scope selector",
    ]
    assert of("v1", "ResourceQuota", "scopeSelector: {matchExpressions: [{scopeName: Foo, operator: Bar}]}") == [
        'spec.scopeSelector.matchExpressions.scopeName: Invalid value: "Foo": unsupported scope',
        'spec.scopeSelector.matchExpressions.operator: Invalid value: "Bar": not a valid selector operator',
    ]


def test_bounds_of_a_limit_range() -> None:
    """Bounds fit together, ratios too; a claim's needs its storage bounded."""
    limits = (
        "{type: Container, min: {cpu: 1}, max: {cpu: 2}, default: {cpu: 3}, maxLimitRequestRatio: {cpu: 4}}, "
        "{type: PersistentVolumeClaim, max: {cpu: 1}}, {type: Pod, default: {foo: 1}, max: {foo: 1}}"
    )
    assert of("v1", "LimitRange", f"limits: [{limits}]") == [
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than max value 2',
        'spec.limits[0].default[cpu]: Invalid value: "2": default value 3 is greater than max value 2',
        'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "4": ratio 4 is greater than max/min = 2.000000',
        "spec.limits[1].limits: Required value: either minimum or maximum storage value is required, but neither was "
        "provided",
        'spec.limits[2].max[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
        'spec.limits[2].max[foo]: Invalid value: "foo": must be a standard resource for containers',
        "spec.limits[2].default: Forbidden: may not be specified when `type` is 'Pod'",
    ]
    assert of("v1", "LimitRange", "limits: [{type: Pod, maxLimitRequestRatio: {cpu: 500m}}]") == [
        'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'
    ]


def test_an_empty_volume() -> None:
    """Everything that a volume needs is asked for."""
    assert of("v1", "PersistentVolume", "") == [
        "spec.accessModes: Required value",
        "spec.capacity: Required value",
        'spec.capacity: Unsupported value: null: supported values: "storage"',
        "spec: Required value: must specify a volume type",
    ]


def test_a_volume_has_one_source() -> None:
    """The first one in Kubernetes' order is looked at, the others are too many; a disk of a node says which node."""
    base = "capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce]"
    assert of("v1", "PersistentVolume", f"{base}, nfs: {{server: a}}, hostPath: {{path: ../x}}") == [
        "spec.hostPath.path: Invalid value: \"../x\": must not contain '..'",
        "spec.nfs: Forbidden: may not specify more than 1 volume type",
    ]
    assert of("v1", "PersistentVolume", f"{base}, local: {{path: /x}}, storageClassName: A")[:2] == [
        "spec.nodeAffinity: Required value: Local volume requires node affinity",
        'spec.storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case '
        "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
        "'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*"
        "[a-z0-9])?)*')",
    ]


def test_the_source_of_a_volume_stays() -> None:
    """The refusal shows what would have changed."""
    door = Door()
    obj = yaml.safe_load(
        "{apiVersion: v1, kind: PersistentVolume, metadata: {name: x}, spec: {capacity: {storage: 1Gi}, "
        "accessModes: [ReadWriteOnce], hostPath: {path: /a}}}"
    )
    stored = door.create(obj).obj
    moved = {**stored, "spec": {**stored["spec"], "hostPath": {"path": "/b", "type": ""}}}
    with pytest.raises(Invalid) as refusal:
        door.api.update(PERSON, PERSISTENTVOLUMES, "", "x", moved, field_validation="Strict")
    text = str(refusal.value)
    assert "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n@@" in text
    assert '\n-  "Path": "/a",\n+  "Path": "/b",\n' in text


def test_ports_of_a_service() -> None:
    """A port that is there twice is shown as the server holds it."""
    assert of("v1", "Service", "ports: [{name: a, port: 80}, {name: b, port: 80}]") == [
        'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,'
        '"NodePort":0}'
    ]


def test_what_only_some_services_have() -> None:
    """Each type has its own fields."""
    spec = (
        "ports: [{port: 80}], externalIPs: [127.0.0.1], "
        "loadBalancerSourceRanges: [a], allocateLoadBalancerNodePorts: true, loadBalancerClass: a/b, "
        "healthCheckNodePort: 30000, trafficDistribution: Far"
    )
    only = "Forbidden: may only be used when `type` is 'LoadBalancer'"
    assert of("v1", "Service", spec) == [
        'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        f"spec.LoadBalancerSourceRanges: {only}",
        'spec.LoadBalancerSourceRanges[0]: Invalid value: "a": must be a valid CIDR value, (e.g. 10.9.8.0/24 or '
        "2001:db8::/64)",
        f"spec.allocateLoadBalancerNodePorts: {only}",
        f"spec.loadBalancerClass: {only}",
        "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and "
        "`externalTrafficPolicy` is 'Local'",
        'spec.trafficDistribution: Unsupported value: "Far": supported values: "PreferClose", "PreferSameZone", '
        '"PreferSameNode"',
    ]


def test_families_that_there_are_not() -> None:
    """They are refused before any address is given."""
    assert of("v1", "Service", "ports: [{port: 80}], ipFamilies: [IPv7], ipFamilyPolicy: Any") == [
        'spec.ipFamilies[0]: Unsupported value: "IPv7": supported values: "IPv4", "IPv6"',
        'spec.ipFamilyPolicy: Unsupported value: "Any": supported values: "PreferDualStack", "RequireDualStack", '
        '"SingleStack"',
    ]


def test_endpoints_by_hand() -> None:
    """Addresses that traffic may go to, and ports with names."""
    ports = "ports: [{port: 80}, {name: b, port: 99999}]"
    manifest = f"{{apiVersion: v1, kind: Endpoints, subsets: [{{}}, {{addresses: [{{ip: 127.0.0.1}}], {ports}}}]}}"
    assert refused(manifest) == [
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
        'subsets[1].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, '
        "::1/128)",
        "subsets[1].ports[0].name: Required value",
        "subsets[1].ports[1].port: Invalid value: 99999: must be between 1 and 65535, inclusive",
    ]


def test_ingresses() -> None:
    """Backends, hosts, secrets; a path without a type is not looked at further."""
    spec = (
        "tls: [{secretName: B_}], rules: [{http: {paths: [{path: x}, {path: /, pathType: Exact, backend: {}}, {path: /,"
        " pathType: Exact, backend: {resource: {apiGroup: a, kind: K}}}]}}]"
    )
    assert [cause.split(": a lowercase")[0] for cause in of("networking.k8s.io/v1", "Ingress", spec)] == [
        "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
        'spec.rules[0].http.paths[1].backend: Invalid value: "": resource or service backend is required',
        "spec.rules[0].http.paths[2].backend.resource.name: Required value",
        'spec.tls[0].secretName: Invalid value: "B_"',
    ]


def test_ingress_classes() -> None:
    """A controller is a path under a domain; parameters of the cluster have no namespace."""
    parameters = "parameters: {kind: K, name: n, scope: Cluster, namespace: a}"
    assert of("networking.k8s.io/v1", "IngressClass", f"controller: a b/c, {parameters}") == [
        'spec.controller: Invalid value: "a b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric '
        "characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
        "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
    ]


def test_network_policies() -> None:
    """Ports come first, then peers; protocols are listed in Kubernetes' order."""
    rule = (
        "ports: [{protocol: X}, {endPort: 80}, {port: 80, endPort: 70}, {port: abc, endPort: 80}], "
        "from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]"
    )
    assert of("networking.k8s.io/v1", "NetworkPolicy", f"policyTypes: [A], ingress: [{{{rule}}}]") == [
        'spec.ingress[0].ports[0].protocol: Unsupported value: "X": supported values: "TCP", "UDP", "SCTP"',
        "spec.ingress[0].ports[1].endPort: Invalid value: 80: may not be specified when `port` is not specified",
        "spec.ingress[0].ports[2].endPort: Invalid value: 70: must be greater than or equal to `port`",
        "spec.ingress[0].ports[3].endPort: Invalid value: 80: may not be specified when `port` is non-numeric",
        'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
        'spec.policyTypes[0]: Unsupported value: "A": supported values: "Ingress", "Egress"',
    ]


def test_taints_of_a_node() -> None:
    """Two of one key and effect are one too many."""
    manifest = (
        "{apiVersion: v1, kind: Node, spec: {taints: [{key: a, effect: NoExecute}, {key: a, effect: NoExecute}]}}"
    )
    assert refused(manifest) == [
        'spec.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoExecute","TimeAdded":null}: taints must be '
        "unique by key and effect pair"
    ]


# -- jobs ----------------------------------------------------------------------------------------------------------

JOB = "template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}"


def test_completion_of_a_job() -> None:
    """Modes in Kubernetes' order; what counts indexes needs them."""
    assert of("batch/v1", "Job", f"completionMode: Foo, podReplacementPolicy: X, {JOB}") == [
        'spec.completionMode: Unsupported value: "Foo": supported values: "NonIndexed", "Indexed"',
        'spec.podReplacementPolicy: Unsupported value: "X": supported values: "Failed", "TerminatingOrFailed"',
    ]
    assert of("batch/v1", "Job", f"maxFailedIndexes: 5, successPolicy: {{rules: [{{succeededCount: 1}}]}}, {JOB}") == [
        "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
        "spec.maxFailedIndexes: Invalid value: 5: requires indexed completion mode",
        'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires indexed '
        "completion mode",
    ]


def test_what_a_job_counts_as_success() -> None:
    """Rules name indexes that there are, in order, and no more of them than they name."""
    rules = "{}, {succeededIndexes: '0,2-4', succeededCount: 5}, {succeededIndexes: 2-1}, {succeededCount: 9}"
    spec = f"completionMode: Indexed, completions: 6, successPolicy: {{rules: [{rules}]}}, {JOB}"
    assert of("batch/v1", "Job", spec) == [
        "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be "
        "specified",
        "spec.successPolicy.rules[1].succeededCount: Invalid value: 5: must be less than or equal to 4 (the number of "
        "indexes in the specified succeededIndexes field)",
        'spec.successPolicy.rules[2].succeededIndexes: Invalid value: "2-1": error parsing succeededIndexes: '
        "non-increasing order, previous: 2, current: 1",
        "spec.successPolicy.rules[3].succeededCount: Invalid value: 9: must be less than or equal to 6 (the number of "
        "specified completions)",
    ]


def test_what_a_job_counts_as_failure() -> None:
    """Actions, exit codes and conditions; such a job replaces failed pods only."""
    rules = (
        "{action: FailIndex, onExitCodes: {operator: In, containerName: x, values: [3, 0, 3]}}, {onPodConditions: "
        "[{type: 'a b', status: Maybe}]}, {action: Foo}"
    )
    spec = f"podReplacementPolicy: TerminatingOrFailed, podFailurePolicy: {{rules: [{rules}]}}, {JOB}"
    where = "spec.podFailurePolicy.rules"
    assert of("batch/v1", "Job", spec) == [
        f'{where}[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
        f'{where}[0].onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer '
        "names in the pod template",
        f"{where}[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator",
        f"{where}[0].onExitCodes.values[2]: Duplicate value: 3",
        f"{where}[0].onExitCodes.values: Invalid value: [3,0,3]: must be ordered",
        f'{where}[1].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
        f'{where}[1].onPodConditions[0].type: Invalid value: "a b": {QUALIFIED}',
        f'{where}[1].onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", '
        '"Unknown"',
        f'{where}[2].action: Unsupported value: "Foo": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
        f"{where}[2]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
        'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
    ]


def test_the_selector_of_a_job() -> None:
    """Who wants one of their own has to say so, and then to give it."""
    assert of("batch/v1", "Job", f"manualSelector: true, {JOB}") == [
        "spec.selector: Required value",
        "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
    ]
    found = of("batch/v1", "Job", f"selector: {{matchLabels: {{a: b}}}}, {JOB}")
    assert [cause.split(": ")[0] for cause in found] == ["spec.selector", "spec.template.metadata.labels"]
    assert found[0].startswith('spec.selector: Invalid value: {"matchLabels":{"a":"b","batch.kubernetes.io/controller-')
    assert found[0].endswith("`selector` not auto-generated")


def test_labels_of_another_job() -> None:
    """A manifest that was read from a cluster brings them; the new job has its own."""
    template = JOB.replace("template: {", "template: {metadata: {labels: {controller-uid: other, job-name: x}}, ")
    found = of("batch/v1", "Job", template)
    assert len(found) == 1
    assert found[0].startswith('spec.template.metadata.labels[controller-uid]: Invalid value: {"batch.kubernetes.io/')
    assert found[0].split(": ")[-1].startswith("must be '")


def test_the_schedule_of_a_cron_job() -> None:
    """Schedule, deadline, zone, in this order."""
    template = f"jobTemplate: {{spec: {{{JOB}}}}}"
    spec = f"schedule: 'TZ=UTC 1 1 * * *', startingDeadlineSeconds: -1, timeZone: Foo, {template}"
    assert of("batch/v1", "CronJob", spec) == [
        'spec.schedule: Invalid value: "TZ=UTC 1 1 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field '
        "instead",
        "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
        'spec.timeZone: Invalid value: "Foo": unknown time zone Foo',
    ]
