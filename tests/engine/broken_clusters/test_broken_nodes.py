"""A machine that runs out of something."""

from __future__ import annotations

from tests.engine.broken_clusters.ward import Ward


def taints(ward: Ward, node: str) -> list[str]:
    return [taint["key"] for taint in ward.get("Node", node)["spec"].get("taints") or ()]


def test_node_under_pressure(ward: Ward) -> None:
    """24: condition, taint, evictions, and no new pods there; with the memory free again all of it goes."""
    greedy = {"metadata": {"annotations": {"kubarium.dev/memory": "2Gi"}}}
    ward.deploy("report", 3, container={"resources": {"requests": {"memory": "100Mi"}}})
    ward.patch("Deployment", "report", {"spec": {"template": greedy}})
    ward.until(lambda: ward.available("report") == 3, 120)
    ward.run(5)
    pod = ward.pods("report")[0]
    node = pod.obj["spec"]["nodeName"]
    ward.annotate_node(node, usage="memory=14300Mi")
    ward.until(lambda: ward.find("Pod", pod.name) is None or ward.status("Pod", pod.name)["phase"] == "Failed", 60)
    evicted = next(p for p in ward.pods("report") if p.obj["status"].get("reason") == "Evicted")
    assert evicted.obj["status"]["message"].startswith(
        "The node was low on resource: memory. Threshold quantity: 100Mi"
    )
    assert ward.messages("EvictionThresholdMet", node) == ["Attempting to reclaim memory"]
    ward.until(lambda: "node.kubernetes.io/memory-pressure" in taints(ward, node), 60)
    condition = ward.condition("Node", node, "MemoryPressure")
    assert (condition["status"], condition["reason"]) == ("True", "KubeletHasInsufficientMemory")
    ward.until(lambda: ward.available("report") == 3, 120)
    before = [pod.name for pod in ward.pods("report")]
    ward.scale("report", 8)
    ward.until(lambda: ward.available("report") == 8, 120)
    added = [pod for pod in ward.pods("report") if pod.name not in before]
    assert len(added) == 5
    assert node not in [pod.obj["spec"]["nodeName"] for pod in added]
    ward.annotate_node(node, usage=None)
    ward.until(lambda: ward.condition("Node", node, "MemoryPressure")["status"] == "False", 400)
    ward.until(lambda: taints(ward, node) == [], 30)
    ward.scale("report", 16)
    ward.until(lambda: ward.available("report") == 16, 120)
    assert node in ward.nodes("report")
