"""Whole clusters whose nodes are fake: controllers, faults and the metrics meet them as they meet others."""

from __future__ import annotations

import pytest

from engine.api.kinds import EVENTS, NODES, PODS
from store.types import JsonObject
from tests.engine.broken_clusters.ward import USER, Ward
from tests.engine.faults.breakage import break_, phase


@pytest.fixture
def ward() -> Ward:
    """Two fake nodes and nothing else."""
    ward = Ward(nodes="")
    for name in ("fake-a", "fake-b"):
        status: JsonObject = {
            "capacity": {"cpu": "64", "memory": "256Gi", "pods": "2000"},
            "nodeInfo": {"containerRuntimeVersion": "fake://1.0"},
        }
        meta = {"name": name, "labels": {"kubernetes.io/hostname": name}}
        ward.api.create(USER, NODES, "", {"metadata": meta, "status": status})
    ward.run(10)
    return ward


def test_a_thousand_pods_run_and_go(ward: Ward) -> None:
    """A thousand replicas are available and gone again as fast as the controllers make and delete them."""
    ward.deploy("web", 1000)
    assert ward.until(lambda: ward.available("web") == 1000, 60) < 30
    assert len({pod.obj["status"]["podIP"] for pod in ward.pods("web")}) == 1000
    assert "kubelet" not in {env.obj.get("source", {}).get("component") for env in ward.store.list(EVENTS)}
    ward.scale("web", 0)
    assert ward.until(lambda: not ward.pods("web"), 60) < 30


def test_a_fake_node_fails_as_others_do(ward: Ward) -> None:
    """50 s to Unknown, 300 s more to eviction; with its kubelet it is ready again and its old pods are gone."""
    ward.deploy("web", 2, nodeSelector={"kubernetes.io/hostname": "fake-a"})
    ward.until(lambda: ward.available("web") == 2, 30)
    ward.run(60)
    victim = ward.pods("web")[0]
    break_(ward, "f", "StopKubelet", {"node": "fake-a"})
    silent = ward.until(lambda: ward.condition("Node", "fake-a", "Ready")["status"] == "Unknown", 120)
    assert 40 <= silent <= 60
    assert ward.condition("Pod", victim.name, "Ready")["status"] == "False"
    evicted = ward.until(lambda: "deletionTimestamp" in ward.get("Pod", victim.name)["metadata"], 400)
    assert 290 <= evicted <= 310
    ward.run(60)
    assert ward.find("Pod", victim.name) is not None
    ward.delete("Fault", "f")
    ward.until(lambda: ward.find("Pod", victim.name) is None, 5)
    ward.until(lambda: ward.condition("Node", "fake-a", "Ready")["status"] == "True", 20)
    ward.run(10)
    assert "taints" not in ward.get("Node", "fake-a")["spec"]


def test_addresses_of_a_removed_node_come_back(ward: Ward) -> None:
    """The pods of a node that is no more hold their addresses until they are gone themselves."""
    spec = {"nodeName": "fake-a", "containers": [{"name": "c", "image": "i"}]}
    pod = ward.api.create(USER, PODS, "shop", {"metadata": {"name": "p"}, "spec": spec})
    ward.run(5)
    pool, address = ward.cluster.kubelets.network.unranged, ward.status("Pod", "p")["podIP"]
    ward.delete("Node", "fake-a")
    ward.run(1)
    assert pool.take(pod.uid) == address
    ward.until(lambda: ward.find("Pod", "p") is None, 200)
    assert pool.take(pod.uid) != address


def test_a_short_silence_leaves_no_trace(ward: Ward) -> None:
    """A node that was unreachable for two minutes: its pods are ready again at once, and were never evicted."""
    ward.deploy("web", 2, nodeSelector={"kubernetes.io/hostname": "fake-a"})
    ward.until(lambda: ward.available("web") == 2, 30)
    pods = {pod.uid for pod in ward.pods("web")}
    break_(ward, "f", "Reboot", {"node": "fake-a"}, "2m")
    ward.until(lambda: ward.available("web") == 0, 100)
    ward.until(lambda: ward.available("web") == 2, 120)
    ward.run(60)
    assert {pod.uid for pod in ward.pods("web")} == pods
    assert ward.condition("Node", "fake-a", "Ready")["status"] == "True"


@pytest.mark.parametrize("action", ["PodCrash", "PodOutOfMemory", "ProbeFailure"])
def test_faults_of_containers_say_that_nothing_happens(ward: Ward, action: str) -> None:
    """There is no container that could crash: the fault says so, touches nothing, and pods run on."""
    ward.deploy("web", 2)
    ward.until(lambda: ward.available("web") == 2, 30)
    before = [pod.revision for pod in ward.pods("web")]
    break_(ward, "f", action, {"namespace": "shop", "selector": {"matchLabels": {"app": "web"}}})
    ward.run(60)
    status = ward.status("Fault", "f")
    assert (phase(ward, "f"), status["affectedCount"]) == ("Active", 0)
    assert status["message"].startswith("nothing happens on fake nodes, which run no containers: web-")
    assert [pod.revision for pod in ward.pods("web")] == before


def test_faults_of_a_nodes_resources_say_that_nothing_happens(ward: Ward) -> None:
    """A fake kubelet measures nothing, so it never comes under pressure."""
    break_(ward, "f", "MemoryPressure", {"node": "fake-a"})
    ward.run(60)
    assert ward.status("Fault", "f")["message"] == "nothing happens on fake nodes, which run no containers: fake-a"
    assert ward.condition("Node", "fake-a", "MemoryPressure")["status"] == "False"


def test_no_metrics(ward: Ward) -> None:
    """Nothing is measured, so nothing is reported, of nodes or of pods."""
    ward.deploy("web", 2)
    ward.run(60)
    assert ward.available("web") == 2
    assert ward.cluster.metrics.list("nodes", None) == ward.cluster.metrics.list("pods", None) == []
