"""Pods that stay Pending: the scheduler says why, `why` says it node by node, and one change lets them go."""

from __future__ import annotations

from engine.api.kinds import PODS
from engine.api.server import Caller
from tests.engine.broken_clusters.ward import ZONE, Ward

SCHEDULER = Caller("system:kube-scheduler")
HELPS_NOT = "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."


def asks(cpu: str) -> dict[str, object]:
    return {"resources": {"requests": {"cpu": cpu}}}


def test_insufficient_cpu(ward: Ward) -> None:
    """Five cpu fit on no node of four; the figures are told, and a smaller request or a larger node helps."""
    ward.deploy("web", container=asks("5"))
    ward.run(5)
    assert ward.phases("web") == ["Pending"]
    assert ward.unscheduled("web") == (
        f"0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, {HELPS_NOT}"
    )
    details = {detail for node in ward.why("web").nodes for detail in node.details}
    assert details == {"needs cpu 5, free 4 of 4"}
    ward.apply("""
        apiVersion: v1
        kind: Node
        metadata: {name: large, annotations: {kubarium.dev/capacity: 'cpu=8,memory=16Gi,pods=110'}}
    """)
    ward.until(lambda: ward.available("web") == 1, 60)
    assert ward.nodes("web") == ["large"]


def test_insufficient_memory(ward: Ward) -> None:
    """Too much memory is asked for; a smaller request runs."""
    ward.deploy("web", container={"resources": {"requests": {"memory": "20Gi"}}})
    ward.run(5)
    assert "3 Insufficient memory" in ward.unscheduled("web")
    container = {"name": "c", "resources": {"requests": {"memory": "1Gi"}}}
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": {"containers": [container]}}}})
    ward.until(lambda: ward.available("web") == 1, 60)
    ward.run(60)
    assert ward.phases("web") == ["Running"]


def test_untolerated_taint(ward: Ward) -> None:
    """Every node is tainted; a toleration, or no taint, lets the pod in."""
    for letter in "abc":
        taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
        ward.patch("Node", f"node-{letter}", {"spec": {"taints": [taint]}})
    ward.deploy("web")
    ward.deploy("db", tolerations=[{"key": "dedicated", "operator": "Equal", "value": "db"}])
    ward.run(10)
    assert ward.available("db") == 1
    assert ward.unscheduled("web").startswith("0/3 nodes are available: 3 node(s) had untolerated taint(s). ")
    assert ward.why("web").nodes[0].details == ("untolerated taint dedicated=db:NoSchedule",)
    ward.patch("Node", "node-b", {"spec": {"taints": None}})
    ward.until(lambda: ward.available("web") == 1, 60)
    assert ward.nodes("web") == ["node-b"]


def test_node_selector_without_a_match(ward: Ward) -> None:
    """No node has the label; the pod goes to the one that is given it."""
    ward.deploy("web", nodeSelector={"disk": "ssd"})
    ward.run(5)
    assert ward.unscheduled("web") == (
        f"0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, "
        f"{HELPS_NOT}"
    )
    ward.patch("Node", "node-c", {"metadata": {"labels": {"disk": "ssd"}}})
    ward.until(lambda: ward.available("web") == 1, 60)
    assert ward.nodes("web") == ["node-c"]


def test_anti_affinity_too_strict(ward: Ward) -> None:
    """Four replicas, never two in a zone, three zones: the last one waits for a fourth zone."""
    term = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "web"}}}
    ward.deploy("web", 4, affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})
    ward.run(30)
    assert ward.available("web") == 3
    assert "3 node(s) didn't match pod anti-affinity rules" in ward.unscheduled("web")
    ward.apply("{apiVersion: v1, kind: Node, metadata: {name: node-d, labels: {topology.kubernetes.io/zone: zone-d}}}")
    ward.until(lambda: ward.available("web") == 4, 60)
    assert ward.nodes("web") == ["node-a", "node-b", "node-c", "node-d"]


def test_topology_spread_too_strict(ward: Ward) -> None:
    """One zone is cordoned, so that the skew cannot be kept; softened, the last replica runs."""
    ward.patch("Node", "node-c", {"spec": {"unschedulable": True}})
    spread = {
        "maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }  # fmt: skip
    ward.deploy("web", 3, topologySpreadConstraints=[spread])
    ward.run(30)
    assert ward.available("web") == 2
    said = ward.unscheduled("web")
    assert "2 node(s) didn't match pod topology spread constraints" in said
    assert "1 node(s) were unschedulable" in said
    soft = [{**spread, "whenUnsatisfiable": "ScheduleAnyway"}]
    patch = {"topologySpreadConstraints": [{"$patch": "replace"}, *soft]}
    ward.patch("Deployment", "web", {"spec": {"template": {"spec": patch}}})
    ward.until(lambda: ward.status("Deployment", "web").get("updatedReplicas") == 3 and ward.available("web") == 3, 120)


def test_cordon_forgotten(ward: Ward) -> None:
    """Two nodes are full, the third is empty and cordoned; uncordoned it takes the pod at once."""
    ward.patch("Node", "node-a", {"spec": {"unschedulable": True}})
    ward.deploy("full", 2, container=asks("3500m"))
    ward.until(lambda: ward.available("full") == 2, 60)
    ward.deploy("web", container=asks("1"))
    ward.run(10)
    assert ward.unscheduled("web").startswith(
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. "
    )
    ward.patch("Node", "node-a", {"spec": {"unschedulable": None}})
    ward.until(lambda: ward.available("web") == 1, 60)
    assert ward.nodes("web") == ["node-a"]


def test_batch_starves_critical(ward: Ward) -> None:
    """Batch fills the cluster and critical waits; with a PriorityClass one batch pod makes room, and only one."""
    ward.deploy("batch", 3, container=asks("3500m"))
    ward.until(lambda: ward.available("batch") == 3, 60)
    ward.deploy("critical", container=asks("2"))
    ward.run(10)
    assert ward.unscheduled("critical").endswith("3 No preemption victims found for incoming pod.")
    ward.apply("""
        apiVersion: scheduling.k8s.io/v1
        kind: PriorityClass
        metadata: {name: critical}
        value: 1000000
    """)
    ward.patch("Deployment", "critical", {"spec": {"template": {"spec": {"priorityClassName": "critical"}}}})
    ward.until(lambda: ward.available("critical") == 1, 120)
    assert len(ward.events("Preempted")) == 1
    assert ward.available("batch") == 2
    assert ward.phases("batch") == ["Pending", "Running", "Running"]
    assert all(pod.name.startswith("critical") for pod in ward.pods("critical") if pod.key.resource == PODS)
