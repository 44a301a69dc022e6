"""Pods and workloads that are refused: every cause, in Kubernetes' order and words."""

from __future__ import annotations

import pytest
import yaml

from engine.api.errors import Invalid
from tests.engine.api.door import Door

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
TEMPLATE = "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}"
MISMATCH = "`selector` does not match template `labels`"


def refused(group: str, kind: str, spec: str) -> list[str]:
    obj = yaml.safe_load(f"{{apiVersion: {group}, kind: {kind}, metadata: {{name: x}}, spec: {{{spec}}}}}")
    with pytest.raises(Invalid) as refusal:
        Door().create(obj)
    return [str(cause) for cause in refusal.value.causes]


def pod(spec: str) -> list[str]:
    return refused("v1", "Pod", spec)


def container(text: str) -> list[str]:
    return [cause.removeprefix("spec.containers[0].") for cause in pod(f"containers: [{{name: c, image: i, {text}}}]")]


def test_where_variables_come_from() -> None:
    """Fields that there are, resources of containers, names of other objects."""
    sources = (
        "{fieldRef: {fieldPath: spec.foo}}", "{fieldRef: {fieldPath: status.phase}}",
        "{fieldRef: {fieldPath: \"metadata.name['a']\"}}", "{resourceFieldRef: {resource: limits.foo}}",
        "{resourceFieldRef: {resource: limits.cpu, divisor: 2}}", "{secretKeyRef: {name: A_, key: k}}",
    )  # fmt: skip
    env = ", ".join(f"{{name: v{index}, valueFrom: {source}}}" for index, source in enumerate(sources))
    where = "valueFrom.fieldRef"
    assert container(f"env: [{env}]") == [
        f'env[0].{where}.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: '
        "spec.foo",
        f'env[1].{where}.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", '
        '"metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", '
        '"status.hostIPs", "status.podIP", "status.podIPs"',
        f'env[2].{where}: Invalid value: "metadata.name": does not support subscript',
        'env[3].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.foo": supported values: "limits.cpu", '
        '"limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"',
        'env[4].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are '
        "supported with the cpu resource",
        f'env[5].valueFrom.secretKeyRef.name: Invalid value: "A_": {SUBDOMAIN}',
    ]
    assert container("envFrom: [{}, {configMapRef: {name: a}, secretRef: {name: b}}]") == [
        'envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
        'envFrom: Invalid value: "": may not have more than one field specified at a time',
    ]


def test_mounts_and_devices() -> None:
    """Some faults are told of the list, as Kubernetes does; a volume is used in one way."""
    mounts = (
        "{name: nope, mountPath: /a}, {name: v, mountPath: /a, subPath: ../x, mountPropagation: Bidirectional}, "
        "{name: v, mountPath: /b, subPath: a, subPathExpr: b}"
    )
    found = pod(
        f"volumes: [{{name: v, emptyDir: {{}}}}], containers: [{{name: c, image: i, volumeMounts: [{mounts}], "
        "volumeDevices: [{name: v, devicePath: /b}]}]"
    )
    assert [cause.removeprefix("spec.containers[0].") for cause in found] == [
        'volumeMounts[0].name: Not found: "nope"',
        'volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
        'volumeMounts[1].name: Invalid value: "v": must not already exist in volumeDevices',
        "volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'",
        "volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged "
        "containers",
        'volumeMounts[2].name: Invalid value: "v": must not already exist in volumeDevices',
        'volumeMounts[2].mountPath: Invalid value: "/b": must not already exist as a path in volumeDevices',
        'volumeMounts[2].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive',
        'volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or '
        "Ephemeral for block mode",
        'volumeDevices[0].name: Invalid value: "v": must not already exist in volumeMounts',
        'volumeDevices[0].devicePath: Invalid value: "/b": must not already exist as a path in volumeMounts',
    ]


def test_hooks_and_probes() -> None:
    """The first handler is looked at, the others are too many; a hook sleeps no longer than the pod's grace."""
    assert container("lifecycle: {postStart: {exec: {}, httpGet: {port: 80}}, preStop: {sleep: {seconds: 31}}}") == [
        "lifecycle.postStart.exec.command: Required value",
        "lifecycle.postStart.httpGet: Forbidden: may not specify more than 1 handler type",
        "lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds "
        "(30)",
    ]
    assert container("readinessProbe: {httpGet: {port: 80, httpHeaders: [{name: 'a b', value: c}]}}") == [
        'readinessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric '
        "characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
    ]


def test_what_a_container_may_do() -> None:
    """Users, /proc, privileges, sizes that change."""
    assert container("securityContext: {procMount: Unmasked}, resizePolicy: [{resourceName: x, restartPolicy: y}]") == [
        'resizePolicy: Unsupported value: "x": supported values: "cpu", "memory"',
        'resizePolicy: Unsupported value: "y": supported values: "NotRequired", "RestartContainer"',
        'securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`',
    ]
    found = container("securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [CAP_SYS_ADMIN]}}")
    assert len(found) == 1
    assert found[0].startswith('securityContext: Invalid value: {"Capabilities":{"Add":["CAP_SYS_ADMIN"],"Drop":null},')
    assert found[0].endswith("cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")


def test_a_pod_as_a_whole() -> None:
    """Its own fields come after its containers."""
    spec = (
        "hostUsers: false, hostPID: true, shareProcessNamespace: true, activeDeadlineSeconds: 0, hostname: A_, "
        "hostAliases: [{ip: abc}], dnsConfig: {nameservers: [a]}, schedulingGates: [{name: x/y}, {name: x/y}], "
        "securityContext: {sysctls: [{name: 'a b', value: c}, {name: x.y, value: d}, {name: x.y, value: "
        "d}]}, tolerations: [{key: a, value: 'c d'}], containers: [{name: c, image: ' i'}]"
    )
    assert [cause.split(": a lowercase")[0].split(": a valid label")[0] for cause in pod(spec)] == [
        "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot "
        "both be enabled",
        'spec.securityContext.sysctls[0].name: Invalid value: "a b": must have at most 253 characters and match regex '
        "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?",
        'spec.securityContext.sysctls[2].name: Duplicate value: "x.y"',
        'spec.dnsConfig.nameservers[0]: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or '
        "2001:db8::ffff)",
        'spec.schedulingGates[1]: Duplicate value: "x/y"',
        "spec.HostPID: Forbidden: when `pod.Spec.HostUsers` is false",
        "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        'spec.hostname: Invalid value: "A_"',
        'spec.tolerations[0].operator: Invalid value: "c d"',
        'spec.hostAliases[0].ip: Invalid value: "abc": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
    ]


def test_strategies() -> None:
    """An unknown one is shown whole, as the server holds it."""
    fits = f"selector: {{matchLabels: {{a: b}}}}, {TEMPLATE}"
    assert refused("apps/v1", "Deployment", f"strategy: {{type: Foo}}, {fits}") == [
        'spec.strategy: Unsupported value: {"Type":"Foo","RollingUpdate":null}: supported values: "Recreate", '
        '"RollingUpdate"'
    ]
    assert refused("apps/v1", "DaemonSet", f"updateStrategy: {{type: Foo}}, {fits}") == [
        'spec.updateStrategy: Unsupported value: {"Type":"Foo","RollingUpdate":null}: supported values: '
        '"RollingUpdate", "OnDelete"'
    ]
    assert refused("apps/v1", "StatefulSet", f"updateStrategy: {{type: Foo}}, {fits}") == [
        'spec.updateStrategy: Invalid value: {"Type":"Foo","RollingUpdate":null}: must be \'RollingUpdate\' or '
        "'OnDelete'"
    ]


def test_selectors_of_workloads() -> None:
    """One that cannot be read ends the matter; a DaemonSet without any matches nothing."""
    spec = f"selector: {{matchExpressions: [{{key: a, operator: Foo}}]}}, {TEMPLATE}"
    assert refused("apps/v1", "Deployment", spec) == [
        'spec.selector.matchExpressions[0].operator: Invalid value: "Foo": not a valid selector operator',
        'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Foo"}]}: invalid label selector',
    ]
    assert refused("apps/v1", "DaemonSet", TEMPLATE) == [
        f'spec.template.metadata.labels: Invalid value: {{"a":"b"}}: {MISMATCH}'
    ]


def test_a_budget_says_one_thing() -> None:
    """It is shown as the server holds it."""
    assert refused("policy/v1", "PodDisruptionBudget", "minAvailable: 1, maxUnavailable: 50%") == [
        'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":"50%","UnhealthyPodEvictionPolicy":'
        "null}: minAvailable and maxUnavailable cannot be both set"
    ]


def test_labels_of_a_template() -> None:
    """They are told of without their metadata, as Kubernetes does."""
    spec = "selector: {matchLabels: {a: b}}, " + TEMPLATE.replace("a: b", "a: b, c: 'd e'")
    assert [cause.split(": a valid")[0] for cause in refused("apps/v1", "ReplicaSet", spec)] == [
        'spec.template.labels: Invalid value: "d e"'
    ]


def test_debug_containers_come_later() -> None:
    """Never with the pod; one that is named like another is one too many."""
    spec = "containers: [{name: c, image: i}], ephemeralContainers: [{name: c, image: ' i', targetContainerName: x}]"
    assert pod(spec) == [
        'spec.ephemeralContainers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
        'spec.ephemeralContainers[0].name: Duplicate value: "c"',
        'spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
        "spec.ephemeralContainers: Forbidden: cannot be set on create",
    ]


def test_volumes() -> None:
    """The first source in Kubernetes' order is looked at; a volume that is wrong cannot be mounted."""
    volumes = (
        "{name: a, hostPath: {path: ''}, emptyDir: {}}, {name: b, nfs: {server: s, path: x}}, {name: c, downwardAPI: "
        "{items: [{path: ..a, fieldRef: {fieldPath: spec.nodeName}}, {path: p, resourceFieldRef: {resource: "
        "limits.cpu}}]}}, {name: d, image: {}}, {name: e, emptyDir: {}}"
    )
    mounts = "{name: b, mountPath: /b}, {name: e, mountPath: /e}"
    assert pod(f"volumes: [{volumes}], containers: [{{name: c, image: i, volumeMounts: [{mounts}]}}]") == [
        "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        'spec.volumes[1].nfs.path: Invalid value: "x": must be an absolute path',
        "spec.volumes[2].downwardAPI.items[0].path: Invalid value: \"..a\": must not start with '..'",
        'spec.volumes[2].downwardAPI.items[0].fieldRef.fieldPath: Unsupported value: "spec.nodeName": supported '
        'values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"',
        "spec.volumes[2].downwardAPI.items[1].resourceFieldRef.containerName: Required value",
        "spec.volumes[3].image.reference: Required value",
        'spec.containers[0].volumeMounts[0].name: Not found: "b"',
    ]
