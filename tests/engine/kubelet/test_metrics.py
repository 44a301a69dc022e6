"""What metrics-server would report."""

from __future__ import annotations

from engine.api.kinds import NODES, PODS
from engine.kubelet.metrics import Metrics
from tests.engine.kubelet.machines import Machines


def test_pods_are_reported_when_two_samples_can_have_been_taken(machines: Machines) -> None:
    """Ten seconds after the start of the last container, with usage as metrics-server writes it."""
    metrics = Metrics(machines.api, machines.kubelets)
    machines.image("web", image="web", cpu="250m", memory={"start": "10Mi"})
    machines.pod(containers=[{"image": "web:1"}, {"name": "d"}])
    machines.when(state="running")
    machines.run(5)
    assert metrics.list("pods", "default") == []
    assert metrics.find("pods", "default", "p") is None
    machines.run(10)
    (found,) = metrics.list("pods", None)
    assert (found["kind"], found["apiVersion"], found["window"]) == ("PodMetrics", "metrics.k8s.io/v1beta1", "15s")
    assert found["metadata"]["annotations"] == {"kubarium.dev/simulated": "true"}
    assert found["containers"] == [
        {"name": "c", "usage": {"cpu": "250000000n", "memory": "10240Ki"}},
        {"name": "d", "usage": {"cpu": "0", "memory": "0Ki"}},
    ]
    assert metrics.find("nodes", "", "n1") == {
        "kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {**metrics.list("nodes", None)[0]["metadata"]}, "timestamp": found["timestamp"], "window": "15s",
        "usage": {"cpu": "250000000n", "memory": "10240Ki"},
    }  # fmt: skip


def test_stopped_kubelets_and_finished_pods_report_nothing(machines: Machines) -> None:
    """As nobody can ask them."""
    metrics = Metrics(machines.api, machines.kubelets)
    machines.pod("done", containers=[{"command": ["true"]}], restartPolicy="Never")
    machines.pod()
    machines.when(state="running")
    machines.run(20)
    assert [usage.env.name for usage in metrics.pods(machines.store.list(PODS))] == ["p"]
    machines.annotate_node("n1", kubelet="stopped")
    machines.run(1)
    assert metrics.pods(machines.store.list(PODS)) == []
    assert metrics.nodes(machines.store.list(NODES)) == []
