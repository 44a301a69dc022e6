"""A small believable cluster of plain objects for tests of the console: nodes in zones, a shop, faults."""

from __future__ import annotations

from typing import Any

from engine.client import Json
from tests.tui.fake_client import ago

ZONES = ("zone-a", "zone-b", "zone-c")


def node(index: int, *, ready: bool = True, taints: Any = (), unschedulable: bool = False, role: str = "") -> Json:
    labels = {"topology.kubernetes.io/zone": ZONES[index % 3], "kubernetes.io/hostname": f"worker-{index}"}
    if role:
        labels[f"node-role.kubernetes.io/{role}"] = ""
    spec: dict[str, Any] = {"taints": list(taints)}
    if unschedulable:
        spec["unschedulable"] = True
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"worker-{index}", "labels": labels, "creationTimestamp": ago(7200)},
        "spec": spec,
        "status": {
            "conditions": [
                {"type": "Ready", "status": "True" if ready else "Unknown", "lastTransitionTime": ago(60)},
            ],
            "allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "nodeInfo": {"kubeletVersion": "v1.36.0"},
        },
    }


def pod(
    name: str, namespace: str = "shop", *, node: str | None = "worker-0", phase: str = "Running", waiting: str = "",
    restarts: int = 0, app: str = "web", cpu: str = "250m", age: int = 600, owner: str = "",
) -> Json:  # fmt: skip
    state: dict[str, Any] = {"waiting": {"reason": waiting}} if waiting else {"running": {"startedAt": ago(age)}}
    status: dict[str, Any] = {"phase": phase}
    if node is not None and phase == "Running":
        status |= {
            "podIP": "10.0.0.7",
            "containerStatuses": [
                {"name": app, "ready": not waiting, "restartCount": restarts, "state": state, "started": True}
            ],
            "conditions": [{"type": "Ready", "status": "False" if waiting else "True"}],
        }
    if node is None:
        status["conditions"] = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    spec: dict[str, Any] = {
        "containers": [{"name": app, "image": f"{app}:1", "resources": {"requests": {"cpu": cpu, "memory": "256Mi"}}}]
    }
    if node is not None:
        spec["nodeName"] = node
    meta: dict[str, Any] = {
        "name": name, "namespace": namespace, "labels": {"app": app}, "creationTimestamp": ago(age),
    }  # fmt: skip
    if owner:
        meta["ownerReferences"] = [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": f"rs-{owner}", "controller": True}
        ]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def namespace(name: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "creationTimestamp": ago(7200)},
        "status": {"phase": "Active"},
    }


def event(name: str, about: Json, reason: str, message: str, type: str = "Normal", seconds: int = 30) -> Json:
    meta = about["metadata"]
    resource = f"{about['kind'].lower()}s"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": meta.get("namespace", "default"), "creationTimestamp": ago(seconds)},
        "involvedObject": {
            "kind": about["kind"],
            "name": meta["name"],
            "namespace": meta.get("namespace", ""),
            "uid": f"{resource}-{meta.get('namespace', '')}-{meta['name']}",
        },
        "reason": reason,
        "message": message,
        "type": type,
        "count": 1,
        "firstTimestamp": ago(seconds),
        "lastTimestamp": ago(seconds),
        "source": {"component": "kubelet"},
    }


def deployment(name: str, namespace: str = "shop", replicas: int = 3, ready: int = 3) -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}, "creationTimestamp": ago(3600)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": name, "image": f"{name}:1"}]},
            },
        },
        "status": {
            "replicas": replicas,
            "readyReplicas": ready,
            "updatedReplicas": replicas,
            "availableReplicas": ready,
        },
    }


def world(pods: int = 40) -> list[tuple[str, Json]]:
    """(resource, object) of a whole little cluster."""
    objects: list[tuple[str, Json]] = [("namespaces", namespace(n)) for n in ("default", "shop", "data", "kube-system")]
    objects += [("nodes", node(i)) for i in range(6)]
    gpu = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    objects += [("nodes", node(6, taints=[gpu])), ("nodes", node(7, unschedulable=True))]
    objects += [
        ("pods", pod(f"web-{i:03}", node=f"worker-{i % 6}", namespace="shop" if i % 2 else "data", owner="web-1"))
        for i in range(pods)
    ]
    pending = pod("big", node=None, phase="Pending", app="big", cpu="3")
    crashing = pod("crash", waiting="CrashLoopBackOff", restarts=4, app="crash")
    objects += [("pods", pending), ("pods", crashing)]
    objects += [("deployments.apps", deployment("web")), ("deployments.apps", deployment("slow", ready=1))]
    objects.append(
        ("events", event("e1", pending, "FailedScheduling", "0/8 nodes are available: 8 Insufficient cpu.", "Warning"))
    )
    objects.append(("events", event("e2", crashing, "BackOff", "Back-off restarting failed container", "Warning", 5)))
    return objects
