"""Budgets and autoscalers in a whole cluster: scheduler, kubelets and all controllers."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import TooManyRequests
from engine.api.kinds import DEPLOYMENTS, HPAS, IMAGES, NODES, PDBS, PODS
from tests.engine.controllers.test_workload_stories import Town
from tests.engine.controllers.world import USER


def deployment(replicas: int, requests: dict[str, str]) -> dict[str, Any]:
    container = {"name": "c", "image": "i:1", "resources": {"requests": requests}}
    return {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    }


def ready(town: Town) -> int:
    return int(town.status(DEPLOYMENTS, "web").get("readyReplicas", 0))


def test_a_node_is_drained_within_the_budget() -> None:
    """One pod after the other: an eviction is refused until the pod that was evicted before has been replaced."""
    town = Town(2)
    town.api.create(USER, DEPLOYMENTS, "default", deployment(4, {}))
    town.until(lambda: ready(town) == 4)
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    town.api.create(USER, PDBS, "default", {"metadata": {"name": "web"}, "spec": spec})
    town.run(0.1)
    town.api.patch(USER, NODES, "", "node-0", "merge", {"spec": {"unschedulable": True}})

    def left() -> list[str]:
        return [pod.name for pod in town.pods() if pod.obj["spec"].get("nodeName") == "node-0"]

    assert len(left()) >= 2
    refusals: list[str] = []
    lowest = 4
    for _ in range(200):
        for name in left():
            if "deletionTimestamp" not in _metadata(town, name):
                refusals += _evict(town, name)
        lowest = min(lowest, ready(town))
        town.run(0.25)
    assert left() == []
    assert ready(town) == 4
    assert lowest >= 3
    assert set(refusals) == {"Cannot evict pod as it would violate the pod's disruption budget."}
    status = town.status(PDBS, "web")
    assert (status["currentHealthy"], status["desiredHealthy"], status["disruptionsAllowed"]) == (4, 3, 1)
    assert "disruptedPods" not in status


def _evict(town: Town, name: str) -> list[str]:
    try:
        town.api.evict(USER, "default", name)
    except TooManyRequests as error:
        return [error.message]
    return []


def _metadata(town: Town, name: str) -> dict[str, Any]:
    return dict(town.api.get(PODS, "default", name).obj["metadata"])


@pytest.mark.parametrize(("used", "settled", "steps"), [("90m", 5, [4, 5]), ("50m", 3, []), ("10m", 2, [2])])
def test_an_autoscaler_follows_the_simulated_usage(used: str, settled: int, steps: list[int]) -> None:
    """What the image says it uses is what the replicas follow: more, the same, or in five minutes less."""
    town = Town(2)
    image = {"metadata": {"name": "i"}, "spec": {"image": "i", "cpu": used}}
    town.api.create(USER, IMAGES, "", {"apiVersion": "kubarium.dev/v1alpha1", "kind": "Image", **image})
    town.api.create(USER, DEPLOYMENTS, "default", deployment(3, {"cpu": "100m"}))
    target = {"type": "Utilization", "averageUtilization": 50}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    town.api.create(USER, HPAS, "default", {"apiVersion": "autoscaling/v2", "metadata": {"name": "web"}, "spec": spec})
    town.run(60)
    assert ready(town) == (settled if settled >= 3 else 3)
    town.run(600)
    assert ready(town) == settled
    status = town.status(HPAS, "web")
    assert (status["currentReplicas"], status["desiredReplicas"]) == (settled, settled)
    assert status["currentMetrics"][0]["resource"]["current"] == {
        "averageUtilization": int(used[:-1]), "averageValue": used
    }  # fmt: skip
    said = [message for message in town.messages("web") if message.startswith("New size")]
    assert [int(message.split(";")[0].rpartition(" ")[2]) for message in said] == steps
    before = town.cluster.store.revision
    town.run(8)
    assert [c["status"] for c in status["conditions"]][:2] == ["True", "True"]
    assert town.status(HPAS, "web") == status
    assert town.cluster.store.revision - before < 50
