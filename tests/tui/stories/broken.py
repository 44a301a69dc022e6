"""Twelve broken things as files of one folder, one story each: how it looks, why, and the edit that mends it."""

from __future__ import annotations

from typing import NamedTuple

WEB = "registry.example/web:1.2"


class Broken(NamedTuple):
    """One broken thing and its cure, as a person meets it."""

    name: str
    text: str
    """The file `<name>.yaml`."""
    kind: str
    """Where one looks."""
    row: str
    """Name of the row to ask."""
    symptom: tuple[str, ...]
    """What is seen there."""
    why: tuple[str, ...]
    """What `w` says."""
    changes: tuple[tuple[str, str], ...]
    """Words to find in the file → what is typed over them."""
    healthy: tuple[str, ...]
    """What is seen when it is mended."""
    file: str = ""
    """The file to mend, when it is another one."""


def deployment(name: str, spec: str = "", container: str = "", image: str = WEB) -> str:
    """One pod of `app=<name>`; `spec` and `container` are lines of the pod's spec and its container."""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: shop
spec:
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
{_lines(spec, 6)}      containers:
      - name: main
        image: {image}
{_lines(container, 8)}"""


def _lines(text: str, column: int) -> str:
    return "".join(f"{' ' * column}{line}\n" for line in text.splitlines())


BASE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: v1
kind: Node
metadata:
  name: node-a
  labels: {topology.kubernetes.io/zone: zone-a}
  annotations: {kubarium.dev/capacity: "cpu=8,memory=16Gi"}
---
apiVersion: v1
kind: Node
metadata:
  name: node-b
  labels: {topology.kubernetes.io/zone: zone-b}
  annotations: {kubarium.dev/capacity: "cpu=8,memory=16Gi"}
spec:
  taints:
  - {key: dedicated, value: data, effect: NoSchedule}
---
apiVersion: v1
kind: Node
metadata:
  name: node-c
  labels: {topology.kubernetes.io/zone: zone-c}
  annotations: {kubarium.dev/capacity: "cpu=8,memory=16Gi"}
spec:
  unschedulable: true
---
apiVersion: kubarium.dev/v1alpha1
kind: Image
metadata: {name: web}
spec: {image: registry.example/web, tags: ["1.*"], probes: [{path: /ready}, {path: "", status: 404}]}
---
apiVersion: kubarium.dev/v1alpha1
kind: Image
metadata: {name: hungry}
spec: {image: registry.example/hungry, memory: {start: 50Mi, growthPerSecond: 20Mi, max: 300Mi}}
---
apiVersion: kubarium.dev/v1alpha1
kind: Image
metadata: {name: strict}
spec: {image: registry.example/strict, executables: [/bin/strict]}
---
apiVersion: kubarium.dev/v1alpha1
kind: Image
metadata: {name: slow}
spec: {image: registry.example/slow, startupDelay: 40s}
"""
RUNS = ("1/1", "Running")

BROKEN = (
    Broken(
        "typo", deployment("typo", image="registry.example/web:l.2"), "pods", "typo",
        ("ImagePullBackOff",), ("registry.example/web:l.2",), (("web:l.2", "web:1.2"),), RUNS,
    ),
    Broken(
        "config", deployment("config", container="envFrom:\n- configMapRef: {name: settigns}")
        + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop}\ndata: {colour: red}\n",
        "pods", "config", ("CreateContainerConfigError",), ("settigns",), (("settigns", "settings"),), RUNS,
    ),
    Broken(
        "command", deployment("command", container="command: [stritc]", image="registry.example/strict:1"),
        "pods", "command", ("CrashLoopBackOff",), ("stritc",), (("[stritc]", "[strict]"),), RUNS,
    ),
    Broken(
        "memory",
        deployment("memory", container="resources: {limits: {memory: 100Mi}}", image="registry.example/hungry:1"),
        "pods", "memory", ("CrashLoopBackOff",), ("OOMKilled", "100Mi"), (("100Mi", "400Mi"),), RUNS,
    ),
    Broken(
        "liveness",
        deployment(
            "liveness", image="registry.example/slow:1",
            container="livenessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5, failureThreshold: 3}",
        ),
        "pods", "liveness", ("CrashLoopBackOff",), ("iveness",), (("Threshold: 3", "Threshold: 30"),), RUNS,
    ),
    Broken(
        "readiness",
        deployment("readiness", container="readinessProbe: {httpGet: {path: /redy, port: 80}, periodSeconds: 2}"),
        "pods", "readiness", ("0/1", "Running"), ("404",), (("/redy", "/ready"),), RUNS,
    ),
    Broken(
        "cordon", deployment("cordon", spec="nodeSelector: {topology.kubernetes.io/zone: zone-c}"), "pods", "cordon",
        ("Pending",), ("unschedulable",), (("unschedulable: true", "unschedulable: false"),), RUNS, "base.yaml",
    ),
    Broken(
        "cpu", deployment("cpu", container="resources: {requests: {cpu: 9}}"),
        "pods", "cpu", ("Pending",), ("cpu 9",), (("cpu: 9", "cpu: 1"),), RUNS,
    ),
    Broken(
        "taint", deployment("taint", spec="nodeSelector: {topology.kubernetes.io/zone: zone-b}\ntolerations: []"),
        "pods", "taint", ("Pending",), ("dedicated=data",), (("tolerations: []", "tolerations: [{operator: Exists}]"),),
        RUNS,
    ),
    Broken(
        "label", deployment("label", spec="nodeSelector: {topology.kubernetes.io/zone: zone-aa}"),
        "pods", "label", ("Pending",), ("zone-aa",), (("zone-aa", "zone-a"),), RUNS,
    ),
    Broken(
        "account", deployment("account", spec="serviceAccountName: worker"),
        "deployments", "account", ("0/1",), ("worker",), (("worker", "default"),),
        ("1/1",),
    ),
    Broken(
        "claim",
        deployment(
            "claim", spec="volumes:\n- {name: data, persistentVolumeClaim: {claimName: dtaa}}",
            container="volumeMounts: [{name: data, mountPath: /data}]",
        ),
        "pods", "claim", ("Pending",), ("dtaa",), (("persistentVolumeClaim: {claimName: dtaa}", "emptyDir: {}"),), RUNS,
    ),
)  # fmt: skip
