"""Validation: each rule in Kubernetes' words, at its field; what is right is not complained about."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.api import names
from engine.api.defaults import apply_defaults
from engine.api.kinds import builtin_kinds
from engine.api.validation import RULES, validate_create, validate_update
from engine.api.validation.cron import schedule_error
from store.types import JsonObject

KINDS = builtin_kinds()


def causes(manifest: str | JsonObject) -> list[str]:
    obj = yaml.safe_load(manifest) if isinstance(manifest, str) else manifest
    kind = KINDS.by_kind(obj["apiVersion"], obj["kind"])
    assert kind is not None
    meta: JsonObject = {"name": "x"} | ({"namespace": "default"} if kind.namespaced else {}) | obj.get("metadata", {})
    obj = apply_defaults(kind, {**obj, "metadata": {**meta, "uid": "u"}})
    before = copy.deepcopy(obj)
    found = [str(cause) for cause in validate_create(kind, obj)]
    assert obj == before
    return found


def pod(spec: str) -> list[str]:
    return causes(f"{{apiVersion: v1, kind: Pod, spec: {{{spec}}}}}")


def container(text: str) -> list[str]:
    return pod(f"containers: [{{name: c, image: i, {text}}}]")


TEMPLATE = (
    "selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}"
)
RIGHT = "containers: [{name: c, image: i}]"


# -- metadata ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meta", "complaint"),
    [
        ("{name: a.b}", ""),
        ("{name: a, labels: {example.com/x: ''}}", ""),
        ("{name: a, annotations: {Example.com/X: anything goes}}", ""),
        ("{name: a, annotations: {'a b': x}}", 'metadata.annotations: Invalid value: "a b": name part must consist of'),
        ("{name: a, labels: {/x: y}}", 'metadata.labels: Invalid value: "/x": prefix part must be non-empty'),
        ("{name: a, finalizers: [mine]}",
         'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully'),
        ("{name: a, ownerReferences: [{apiVersion: v1, kind: Pod, name: p}]}",
         'metadata.ownerReferences[0].uid: Invalid value: "": must not be empty'),
        ("{name: " + "a" * 254 + "}", f'metadata.name: Invalid value: "{"a" * 254}": must be no more than 253 charact'),
    ],
)  # fmt: skip
def test_metadata(meta: str, complaint: str) -> None:
    """Names, labels, annotations, owners and finalizers."""
    found = causes(f"{{apiVersion: v1, kind: ConfigMap, metadata: {meta}}}")
    assert (found == []) if not complaint else found[0].startswith(complaint)


def test_annotations_have_a_total_size() -> None:
    """256 KiB over all."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": {"a": "x" * 300_000}}}
    assert causes(obj) == ["metadata.annotations: Too long: may not be more than 262144 bytes"]


def test_names_by_kind() -> None:
    """A namespace is a label, a role a path segment, a cron job short."""
    assert "must not contain dots" in causes("{apiVersion: v1, kind: Namespace, metadata: {name: a.b}}")[0]
    role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: 'system::Any'}}"
    assert causes(role) == []
    assert "may not contain '/'" in causes(role.replace("::", "/"))[0]
    cron = (
        "{apiVersion: batch/v1, kind: CronJob, metadata: {name: NAME}, spec: {schedule: '* * * * *', jobTemplate: "
        "{spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}}"
    )
    assert causes(cron.replace("NAME", "a" * 52)) == []
    assert "must be no more than 52 characters" in causes(cron.replace("NAME", "a" * 53))[0]


@given(st.text(alphabet="aZ0-._/ ", max_size=70))
def test_label_values(value: str) -> None:
    """A label value is empty or up to 63 characters with an alphanumeric at both ends."""
    right = value == "" or (
        len(value) <= 63 and not set(value) & set("/ ") and value[0] not in "-._" and value[-1] not in "-._"
    )
    assert (names.label_value_errors(value) == ()) == right


@given(st.text(alphabet="aZ0-._/", min_size=1, max_size=20))
def test_label_keys(key: str) -> None:
    """A label key is a name with at most one prefix, which is a DNS subdomain."""
    prefix, slash, name = key.rpartition("/")
    right = (
        bool(name)
        and "/" not in prefix
        and name[0] not in "-._"
        and name[-1] not in "-._"
        and (not slash or names.subdomain_errors(prefix) == ())
    )
    assert (names.label_key_errors(key) == ()) == right


# -- pods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ports: [{containerPort: 80, hostPort: 70000}]",
         ".ports[0].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive"),
        ("ports: [{containerPort: 80, protocol: ICMP}]",
         '.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'),
        ("ports: [{containerPort: 80, name: a}, {containerPort: 81, name: a}]",
         '.ports[1].name: Duplicate value: "a"'),
        ("ports: [{containerPort: 80, hostPort: 8}, {containerPort: 81, hostPort: 8}]",
         '.ports[1].hostPort: Duplicate value: "TCP//8"'),
        ("env: [{name: A, valueFrom: {}}]",
         '.env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, '
         "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"),
        ("envFrom: [{configMapRef: {}}]", ".envFrom[0].configMapRef.name: Required value"),
        ("livenessProbe: {periodSeconds: 1}", ".livenessProbe: Required value: must specify a handler type"),
        ("livenessProbe: {exec: {command: [a]}, successThreshold: 2}",
         ".livenessProbe.successThreshold: Invalid value: 2: must be 1"),
        ("readinessProbe: {httpGet: {port: 0}}",
         ".readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"),
        ("readinessProbe: {tcpSocket: {port: 1}, exec: {command: [a]}}",
         ".readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"),
        ("lifecycle: {preStop: {}}", ".lifecycle.preStop: Required value: must specify a handler type"),
        ("resources: {requests: {cpu: -1}}",
         '.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'),
        ("resources: {requests: {pods: 1}}",
         '.resources.requests[pods]: Invalid value: "pods": must be a standard resource for containers'),
        ("resources: {limits: {hugepages-2Mi: 2Mi}}", ".resources: Forbidden: HugePages require cpu or memory"),
        ("resources: {requests: {requests.a.b/c: 1}}",
         '.resources.requests[requests.a.b/c]: Invalid value: "requests.a.b/c": doesn\'t follow extended resource name '
         "standard"),
        ("resources: {limits: {nvidia.com/gpu: 1}, requests: {nvidia.com/gpu: 2}}",
         '.resources.requests: Invalid value: "2": must be equal to nvidia.com/gpu limit of 1'),
        ("securityContext: {runAsUser: -1}",
         ".securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"),
        ("image: ' i'", ".image: Invalid value: \" i\": must not have leading or trailing whitespace"),
    ],
)  # fmt: skip
def test_containers(text: str, complaint: str) -> None:
    """One fault, one complaint."""
    assert container(text) == [f"spec.containers[0]{complaint}"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("dnsPolicy: None", "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"),
        ("activeDeadlineSeconds: 0",
         "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"),
        ("nodeSelector: {a: 'b c'}", 'spec.nodeSelector: Invalid value: "b c": a valid label must be an empty string'),
        ("tolerations: [{key: a, operator: Is}]",
         'spec.tolerations[0].operator: Unsupported value: "Is": supported values: "Equal", "Exists"'),
        ("tolerations: [{key: a, effect: Never}]",
         'spec.tolerations[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", '
         '"NoExecute"'),
        ("tolerations: [{key: a, effect: NoSchedule, tolerationSeconds: 3}]",
         'spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be \'NoExecute\' when '
         "`tolerationSeconds` is set"),
        ("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {}}}",
         "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: "
         "must have at least one node selector term"),
        ("affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 101, "
         "podAffinityTerm: {topologyKey: z}}]}}",
         "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: "
         "must be in the range 1-100"),
        ("topologySpreadConstraints: [{maxSkew: 0, topologyKey: z, whenUnsatisfiable: DoNotSchedule}]",
         "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"),
        ("volumes: [{name: v, hostPath: {}}]", "spec.volumes[0].hostPath.path: Required value"),
        ("volumes: [{name: v, emptyDir: {}, secret: {secretName: s}}]",
         "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type"),
        ("volumes: [{name: v}, {name: v}]", 'spec.volumes[1].name: Duplicate value: "v"'),
        ("volumes: [{name: v, configMap: {name: c, items: [{key: k, path: ../x}]}}]",
         'spec.volumes[0].configMap.items[0].path: Invalid value: "../x": must not contain \'..\''),
        ("schedulingGates: [{name: g}], nodeName: n",
         "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"),
        ("initContainers: [{name: c, image: i}]", 'spec.initContainers[0].name: Duplicate value: "c"'),
        ("initContainers: [{name: d, image: i, livenessProbe: {exec: {command: [a]}}}]",
         "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without "
         "restartPolicy=Always"),
    ],
)  # fmt: skip
def test_pod_specs(text: str, complaint: str) -> None:
    """One fault, one complaint, first."""
    assert pod(f"{RIGHT}, {text}")[0].startswith(complaint)


# -- the other kinds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        (f"{{apiVersion: apps/v1, kind: Deployment, spec: {{{TEMPLATE}, progressDeadlineSeconds: 5, "
         "minReadySeconds: 5}}",
         "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"),
        (f"{{apiVersion: apps/v1, kind: Deployment, spec: {{{TEMPLATE}, strategy: {{type: Fast}}}}}}",
         'spec.strategy: Unsupported value: {"Type":"Fast","RollingUpdate":null}: supported values: "Recreate", '
         '"RollingUpdate"'),
        ("{apiVersion: apps/v1, kind: Deployment, spec: {selector: {}, template: {spec: {containers: [{name: c, "
         "image: i}]}}}}", "spec.selector: Invalid value: {}: empty selector is invalid for deployment"),
        ("{apiVersion: apps/v1, kind: ReplicaSet, spec: {selector: {matchLabels: {a: b}}, template: {metadata: "
         "{labels: {a: b}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}",
         'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'),
        (f"{{apiVersion: apps/v1, kind: DaemonSet, spec: {{{TEMPLATE}, updateStrategy: {{rollingUpdate: "
         "{maxUnavailable: 0}}}}", "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 "
         "when maxSurge is 0"),
        (f"{{apiVersion: apps/v1, kind: StatefulSet, spec: {{{TEMPLATE}, podManagementPolicy: Any}}}}",
         "spec.podManagementPolicy: Invalid value: \"Any\": must be 'OrderedReady' or 'Parallel'"),
        ("{apiVersion: batch/v1, kind: Job, spec: {completionMode: Indexed, parallelism: 1, template: {spec: "
         "{restartPolicy: Never, containers: [{name: c, image: i}]}}}}",
         "spec.completions: Required value: when completion mode is Indexed"),
        ("{apiVersion: v1, kind: Service, spec: {}}", "spec.ports: Required value"),
        ("{apiVersion: v1, kind: Service, spec: {ports: [{port: 80, nodePort: 30000}]}}",
         "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"),
        ("{apiVersion: v1, kind: Service, spec: {clusterIP: x, ports: [{port: 80}]}}",
         'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
        ("{apiVersion: v1, kind: Service, spec: {type: ExternalName}}", "spec.externalName: Required value"),
        ("{apiVersion: v1, kind: ConfigMap, data: {'a b': x}}",
         'data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters'),
        ("{apiVersion: v1, kind: Secret, type: kubernetes.io/tls}", "data[tls.crt]: Required value"),
        ("{apiVersion: v1, kind: PersistentVolumeClaim, spec: {resources: {requests: {storage: 1Gi}}}}",
         "spec.accessModes: Required value: at least 1 access mode is required"),
        ("{apiVersion: v1, kind: PersistentVolume, spec: {accessModes: [Any], capacity: {storage: 1Gi}, hostPath: "
         "{path: /x}}}", 'spec.accessModes: Unsupported value: "Any": supported values: "ReadOnlyMany", '
         '"ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"'),
        ("{apiVersion: storage.k8s.io/v1, kind: StorageClass}", "provisioner: Required value"),
        ("{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {}}",
         "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"),
        ("{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {rules: [{http: {paths: [{path: x, pathType: Prefix, "
         "backend: {service: {name: s, port: {number: 80}}}}]}}]}}",
         'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path'),
        ("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {ingress: [{from: [{}]}]}}",
         "spec.ingress[0].from[0]: Required value: must specify a peer"),
        ("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, "
         "except: [11.0.0.0/16]}}]}]}}",
         'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be'),
        ("{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {minReplicas: 3, maxReplicas: 2, "
         "scaleTargetRef: {kind: Deployment, name: d}}}",
         "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"),
        ("{apiVersion: policy/v1, kind: PodDisruptionBudget, spec: {minAvailable: 101%}}",
         'spec.minAvailable: Invalid value: "101%": must not be greater than 100%'),
        ("{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, rules: [{apiGroups: [''], resources: [pods]}]}",
         "rules[0].verbs: Required value: verbs must contain at least one value"),
        ("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {kind: Thing, name: r}}",
         'roleRef.kind: Unsupported value: "Thing": supported values: "ClusterRole", "Role"'),
        ("{apiVersion: v1, kind: Node, spec: {taints: [{key: a, effect: Never}]}}",
         'spec.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", '
         '"NoExecute"'),
        ("{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, value: 2000000001}",
         "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"),
        ("{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: system-x}, value: 5}",
         "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
         "error: system-x is not a known system priority class"),
        ("{apiVersion: v1, kind: ResourceQuota, spec: {hard: {frobs: 1}}}",
         'spec.hard[frobs]: Invalid value: "frobs": must be a standard resource type or fully qualified'),
        ("{apiVersion: v1, kind: LimitRange, spec: {limits: [{type: Container, min: {cpu: 2}, max: {cpu: 1}}]}}",
         'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'),
        ("{apiVersion: coordination.k8s.io/v1, kind: Lease, spec: {leaseDurationSeconds: 0}}",
         "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"),
    ],
)  # fmt: skip
def test_kinds(manifest: str, complaint: str) -> None:
    """One telling rule of each kind, first."""
    assert causes(manifest)[0].startswith(complaint)


@pytest.mark.parametrize("resource", sorted(RULES))
def test_an_empty_object_is_judged(resource: Any) -> None:
    """No rule needs a field that might be missing, on creation or on update."""
    kind = KINDS.get(resource)
    assert kind is not None
    bare: JsonObject = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}}
    validate_create(kind, bare)
    validate_update(kind, {**bare, "spec": {}, "metadata": {"name": "x", "labels": {"a": "b"}}}, bare)


# -- updates -------------------------------------------------------------------------------------------------------


def change(manifest: str, edit: str) -> list[str]:
    """Complaints about replacing the spec's (or the object's) fields by those of `edit`."""
    old = yaml.safe_load(manifest)
    kind = KINDS.by_kind(old["apiVersion"], old["kind"])
    assert kind is not None
    old = apply_defaults(kind, {**old, "metadata": {"name": "x", "uid": "u"}})
    patch = yaml.safe_load(edit)
    new = {**old, **{key: {**old.get(key, {}), **value} if isinstance(value, dict) else value
                     for key, value in patch.items()}}  # fmt: skip
    return [str(cause) for cause in validate_update(kind, apply_defaults(kind, new), old)]


CLAIM = (
    "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], storageClassName: s, "
    "resources: {requests: {storage: 2Gi}}}, status: {phase: Bound, capacity: {storage: 2Gi}}}"
)


@pytest.mark.parametrize(
    ("manifest", "edit", "complaint"),
    [
        (f"{{apiVersion: v1, kind: Pod, spec: {{{RIGHT}}}}}", "{spec: {containers: [{name: c, image: j}]}}", ""),
        (f"{{apiVersion: v1, kind: Pod, spec: {{{RIGHT}}}}}", "{spec: {tolerations: [{operator: Exists}]}}", ""),
        (f"{{apiVersion: v1, kind: Pod, spec: {{{RIGHT}}}}}", "{spec: {nodeName: n}}", "spec: Forbidden: pod updates"),
        (f"{{apiVersion: v1, kind: Pod, spec: {{{RIGHT}, schedulingGates: [{{name: g}}]}}}}",
         "{spec: {schedulingGates: [], nodeSelector: {a: b}}}", ""),
        (f"{{apiVersion: v1, kind: Pod, spec: {{{RIGHT}}}}}",
         "{spec: {containers: [{name: c, image: i}, {name: d, image: i}]}}",
         "spec.containers: Forbidden: pod updates may not add or remove containers"),
        (CLAIM, "{spec: {resources: {requests: {storage: 3Gi}}}}", ""),
        (CLAIM, "{spec: {resources: {requests: {storage: 1Gi}}}}",
         "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"),
        (CLAIM, "{spec: {storageClassName: t}}", "spec: Forbidden: spec is immutable after creation except"),
        ("{apiVersion: v1, kind: ConfigMap, immutable: true, data: {a: b}}", "{data: {a: c}}",
         "data: Forbidden: field is immutable when `immutable` is set"),
        ("{apiVersion: storage.k8s.io/v1, kind: StorageClass, provisioner: a/b}", "{provisioner: a/c}",
         "provisioner: Forbidden: updates to provisioner are forbidden."),
        ("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {kind: Role, name: r}}",
         "{roleRef: {name: s}}",
         'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"s"}: '),
        (f"{{apiVersion: apps/v1, kind: StatefulSet, spec: {{serviceName: a, {TEMPLATE}}}}}", "{spec: {replicas: 4}}",
         ""),
        ("{apiVersion: batch/v1, kind: Job, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: "
         "[{name: c, image: i}]}}}}", "{spec: {parallelism: 3, suspend: false}}", ""),
        ("{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, "
         "image: i}]}}}}", "{spec: {completions: 3}}", "spec.completions: Invalid value: 3: field is immutable"),
        ("{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, value: 3}", "{value: 4}",
         "value: Forbidden: may not be changed in an update."),
    ],
)  # fmt: skip
def test_updates(manifest: str, edit: str, complaint: str) -> None:
    """What may change may; what may not is named."""
    found = change(manifest, edit)
    assert (found == []) if not complaint else found[0].startswith(complaint)


# -- schedules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("*/5 * * * *", None),
        ("0 9-17/2 1,15 jan-MAR mon", None),
        ("@hourly", None),
        ("@every 1h30m", None),
        ("every day", "expected exactly 5 fields, found 2: [every day]"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
    ],
)
def test_schedules(schedule: str, why: str | None) -> None:
    """As robfig/cron reads them."""
    assert schedule_error(schedule) == why
