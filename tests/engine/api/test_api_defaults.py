"""Defaults: what Kubernetes fills in, kind by kind, without a change of what it was given."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from engine.api.defaults import DEFAULTERS, apply_defaults
from engine.api.defaults.pods import pull_policy
from engine.api.kinds import builtin_kinds
from store.types import JsonObject

KINDS = builtin_kinds()
TEMPLATE = "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1'}]}}"
POD_SPEC = {
    "containers": [
        {
            "image": "i:1", "imagePullPolicy": "IfNotPresent", "name": "c", "resources": {},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        }
    ],
    "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
    "securityContext": {}, "terminationGracePeriodSeconds": 30,
}  # fmt: skip


def filled(manifest: str) -> JsonObject:
    obj = yaml.safe_load(manifest)
    kind = KINDS.by_kind(obj["apiVersion"], obj["kind"])
    assert kind is not None
    before = copy.deepcopy(obj)
    out = apply_defaults(kind, obj)
    assert obj == before
    assert apply_defaults(kind, out) == out
    return out


def test_pod() -> None:
    """A pod gets a template's defaults, requests from limits, and service links."""
    out = filled(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i, "
        "resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {cpu: '0.25'}}}]}}"
    )
    assert out["spec"]["enableServiceLinks"] is True
    assert out["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "250m", "memory": "1Gi"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("manifest", "spec"),
    [
        (f"{{apiVersion: apps/v1, kind: Deployment, spec: {{{TEMPLATE}}}}}", {
            "progressDeadlineSeconds": 600, "replicas": 1, "revisionHistoryLimit": 10,
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"},
        }),
        (f"{{apiVersion: apps/v1, kind: Deployment, spec: {{strategy: {{type: Recreate}}, {TEMPLATE}}}}}", {
            "progressDeadlineSeconds": 600, "replicas": 1, "revisionHistoryLimit": 10, "strategy": {"type": "Recreate"},
        }),
        (f"{{apiVersion: apps/v1, kind: ReplicaSet, spec: {{{TEMPLATE}}}}}", {"replicas": 1}),
        (f"{{apiVersion: apps/v1, kind: DaemonSet, spec: {{{TEMPLATE}}}}}", {
            "revisionHistoryLimit": 10,
            "updateStrategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}, "type": "RollingUpdate"},
        }),
        (f"{{apiVersion: apps/v1, kind: StatefulSet, spec: {{serviceName: h, {TEMPLATE}}}}}", {
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "podManagementPolicy": "OrderedReady", "replicas": 1, "revisionHistoryLimit": 10, "serviceName": "h",
            "updateStrategy": {"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"},
        }),
        (f"{{apiVersion: batch/v1, kind: Job, spec: {{{TEMPLATE}}}}}", {
            "backoffLimit": 6, "completionMode": "NonIndexed", "completions": 1, "manualSelector": False,
            "parallelism": 1, "podReplacementPolicy": "TerminatingOrFailed", "suspend": False,
        }),
    ],
)  # fmt: skip
def test_workloads(manifest: str, spec: JsonObject) -> None:
    """The spec as a real v1.36 gave it back."""
    out = dict(filled(manifest)["spec"])
    assert out.pop("template") == {"metadata": {"labels": {"a": "b"}}, "spec": POD_SPEC}
    assert out == spec


def test_job_selector() -> None:
    """A new job selects its pods by its uid, and its template and labels carry it."""
    out = filled(f"{{apiVersion: batch/v1, kind: Job, metadata: {{name: j, uid: u}}, spec: {{{TEMPLATE}}}}}")
    assert out["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    labels = out["spec"]["template"]["metadata"]["labels"]
    assert labels == {
        "a": "b", "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "j",
        "controller-uid": "u", "job-name": "j",
    }  # fmt: skip
    assert out["metadata"]["labels"] == labels


def test_cronjob() -> None:
    """The job inside gets its pod's defaults and no more."""
    out = filled(
        "{apiVersion: batch/v1, kind: CronJob, spec: {schedule: '* * * * *', jobTemplate: {spec: {template: "
        "{spec: {restartPolicy: Never, containers: [{name: c, image: 'i:1'}]}}}}}}"
    )
    assert out["spec"] == {
        "concurrencyPolicy": "Allow", "failedJobsHistoryLimit": 1, "schedule": "* * * * *",
        "successfulJobsHistoryLimit": 3, "suspend": False,
        "jobTemplate": {
            "metadata": {},
            "spec": {"template": {"metadata": {}, "spec": {**POD_SPEC, "restartPolicy": "Never"}}},
        },
    }  # fmt: skip


def test_services() -> None:
    """Ports have protocols and targets; what is reachable from outside has a traffic policy."""
    out = filled("{apiVersion: v1, kind: Service, spec: {type: NodePort, ports: [{port: 80}]}}")
    assert out["spec"] == {
        "externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "sessionAffinity": "None", "type": "NodePort",
    }  # fmt: skip
    headless = filled("{apiVersion: v1, kind: Service, spec: {clusterIP: None, ports: [{port: 80}]}}")
    assert headless["spec"]["clusterIPs"] == ["None"]
    external = filled("{apiVersion: v1, kind: Service, spec: {type: ExternalName, externalName: a.b}}")
    assert external["spec"] == {"externalName": "a.b", "sessionAffinity": "None", "type": "ExternalName"}


@pytest.mark.parametrize(
    ("manifest", "path", "value"),
    [
        ("{apiVersion: v1, kind: Secret}", "type", "Opaque"),
        ("{apiVersion: v1, kind: PersistentVolume, spec: {}}", "spec.persistentVolumeReclaimPolicy", "Retain"),
        ("{apiVersion: v1, kind: PersistentVolumeClaim, spec: {}}", "spec.volumeMode", "Filesystem"),
        ("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {egress: [{}]}}", "spec.policyTypes",
         ["Ingress", "Egress"]),
        ("{apiVersion: storage.k8s.io/v1, kind: StorageClass, provisioner: a/b}", "volumeBindingMode", "Immediate"),
        ("{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {maxReplicas: 3}}", "spec.metrics",
         [{"resource": {"name": "cpu", "target": {"averageUtilization": 80, "type": "Utilization"}},
           "type": "Resource"}]),
        ("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {kind: Role, name: r}, "
         "subjects: [{kind: User, name: u}, {kind: ServiceAccount, name: s}]}", "subjects",
         [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"},
          {"kind": "ServiceAccount", "name": "s"}]),
        ("{apiVersion: v1, kind: LimitRange, spec: {limits: [{type: Container, max: {cpu: 2000m}, min: {cpu: 1}}]}}",
         "spec.limits",
         [{"default": {"cpu": "2"}, "defaultRequest": {"cpu": "2"}, "max": {"cpu": "2"}, "min": {"cpu": "1"},
           "type": "Container"}]),
        ("{apiVersion: v1, kind: ResourceQuota, spec: {hard: {memory: 2048Mi}}}", "spec.hard", {"memory": "2Gi"}),
    ],
)  # fmt: skip
def test_other_kinds(manifest: str, path: str, value: Any) -> None:
    """One telling default of each."""
    at: Any = filled(manifest)
    for step in path.split("."):
        at = at[step]
    assert at == value


def test_parts_of_pods() -> None:
    """Probes, volumes, environment, host networking."""
    out = filled(
        "{apiVersion: v1, kind: Pod, spec: {hostNetwork: true, serviceAccount: sa, containers: [{name: c, image: i, "
        "ports: [{containerPort: 80}], env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}], "
        "livenessProbe: {httpGet: {port: 80}, periodSeconds: 0}}], volumes: [{name: a}, {name: b, secret: {secretName: "
        "s}}, {name: c, hostPath: {path: /x}}, {name: d, projected: {sources: [{serviceAccountToken: {path: t}}]}}]}}"
    )["spec"]
    assert out["serviceAccountName"] == "sa"
    container = out["containers"][0]
    assert container["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]
    assert container["env"][0]["valueFrom"]["fieldRef"] == {"apiVersion": "v1", "fieldPath": "metadata.name"}
    assert container["livenessProbe"] == {
        "failureThreshold": 3, "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, "periodSeconds": 10,
        "successThreshold": 1, "timeoutSeconds": 1,
    }  # fmt: skip
    assert out["volumes"] == [
        {"emptyDir": {}, "name": "a"},
        {"name": "b", "secret": {"defaultMode": 420, "secretName": "s"}},
        {"hostPath": {"path": "/x", "type": ""}, "name": "c"},
        {
            "name": "d",
            "projected": {
                "defaultMode": 420,
                "sources": [{"serviceAccountToken": {"expirationSeconds": 3600, "path": "t"}}],
            },
        },
    ]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"), ("nginx:latest", "Always"), ("nginx:1.27", "IfNotPresent"),
        ("r.example.com:5000/nginx", "Always"), ("r.example.com:5000/nginx:2", "IfNotPresent"),
        ("nginx@sha256:abcdef0123", "IfNotPresent"), ("nginx:latest@sha256:abcdef0123", "IfNotPresent"),
    ],
)  # fmt: skip
def test_pull_policy(image: str, policy: str) -> None:
    """By tag; a registry's port is none."""
    assert pull_policy(image) == policy


def test_what_lacks_nothing_is_itself() -> None:
    """Filled objects are shared, not copied."""
    obj = filled(f"{{apiVersion: apps/v1, kind: Deployment, spec: {{{TEMPLATE}}}}}")
    kind = KINDS.by_kind("apps/v1", "Deployment")
    assert kind is not None
    assert apply_defaults(kind, obj)["spec"] is obj["spec"]


@pytest.mark.parametrize("resource", sorted(DEFAULTERS))
def test_an_empty_object_can_be_filled(resource: Any) -> None:
    """No defaulter needs a field that might be missing."""
    kind = KINDS.get(resource)
    assert kind is not None
    assert apply_defaults(kind, {"apiVersion": kind.api_version, "kind": kind.kind}) is not None
