"""Stories of Services, told by the whole cluster: scheduler, kubelets, controllers and all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.api.kinds import DEPLOYMENTS, ENDPOINTS, ENDPOINTSLICES, NODES, PODS, SERVICES
from engine.api.server import Caller
from engine.client import Reach
from engine.clock import MINUTE, SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.kubelet.machine import KUBELET
from engine.network.proxy import choose
from engine.network.reach import reach
from store.store import Store

SAMPLE = Path(__file__).parents[3] / "sample-cluster"
START = parse_time("2026-01-01T00:00:00Z")
USER = Caller("tester")


class Story:
    """A cluster with three nodes and a Deployment `web` behind a Service."""

    def __init__(self) -> None:
        self.cluster = Cluster(Store(), Clock(START), ClusterOptions(seed=7))
        self.api = self.cluster.api
        self.cluster.start(stepped=True)
        amounts = {"cpu": "8", "memory": "16Gi", "pods": "110"}
        for number in range(3):
            self.api.create(
                USER, NODES, "",
                {"metadata": {"name": f"node-{number}"}, "status": {"capacity": amounts, "allocatable": amounts}},
            )  # fmt: skip
        self.run(20)
        labels = {"app": "web"}
        container = {"name": "c", "image": "i:1", "ports": [{"name": "http", "containerPort": 8080}]}
        self.api.create(
            USER, DEPLOYMENTS, "default",
            {
                "metadata": {"name": "web"},
                "spec": {
                    "replicas": 3, "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
                },
            },
        )  # fmt: skip
        ports = [{"port": 80, "targetPort": "http"}]
        self.api.create(
            USER, SERVICES, "default", {"metadata": {"name": "web"}, "spec": {"selector": labels, "ports": ports}}
        )
        self.run(30)

    def run(self, seconds: float) -> None:
        self.cluster.run_for(round(seconds * SECOND))
        assert self.cluster.crashes == 0

    def conditions(self) -> list[tuple[bool, bool, bool]]:
        """(ready, serving, terminating) of each endpoint, sorted."""
        out = []
        for env in self.api.store.list(ENDPOINTSLICES, "default"):
            if env.labels["kubernetes.io/service-name"] == "web":
                for each in env.obj["endpoints"] or ():
                    c = each["conditions"]
                    out.append((c["ready"], c["serving"], c["terminating"]))
        return sorted(out)

    def scale(self, replicas: int) -> None:
        self.api.patch(USER, DEPLOYMENTS, "default", "web", "merge", {"spec": {"replicas": replicas}})


@pytest.fixture
def story() -> Story:
    return Story()


def test_endpoints_follow_a_deployment(story: Story) -> None:
    """Scaled up and down, a Service lists exactly what runs; then nothing is written for an hour."""
    assert story.conditions() == [(True, True, False)] * 3
    story.scale(5)
    story.run(20)
    assert story.conditions() == [(True, True, False)] * 5
    story.scale(1)
    story.run(60)
    assert story.conditions() == [(True, True, False)]
    before = [env.revision for env in story.api.store.list(ENDPOINTSLICES)]
    story.run(3600)
    assert [env.revision for env in story.api.store.list(ENDPOINTSLICES)] == before


def test_a_lost_node(story: Story) -> None:
    """As with a real v1.36: a minute after the node fell silent its endpoint is not ready, five minutes later its pod
    is evicted: terminating, and replaced at once."""
    pods = [pod for pod in story.api.store.list(PODS, "default") if pod.labels.get("app") == "web"]
    node = pods[0].obj["spec"]["nodeName"]
    lost = sum(pod.obj["spec"]["nodeName"] == node for pod in pods)
    story.api.patch(USER, NODES, "", node, "merge", {"metadata": {"annotations": {KUBELET: "stopped"}}})
    story.run(39)
    assert story.conditions() == [(True, True, False)] * 3
    story.run(26)
    assert story.conditions() == [(False, False, False)] * lost + [(True, True, False)] * (3 - lost)
    story.run(310)
    assert story.conditions() == [(False, False, True)] * lost + [(True, True, False)] * 3


def test_a_service_and_what_is_its_own(story: Story) -> None:
    """With the Service go its Endpoints and its slices."""
    story.api.delete(USER, SERVICES, "default", "web")
    story.run(5)
    for resource in (ENDPOINTS, ENDPOINTSLICES):
        assert [env.name for env in story.api.store.list(resource, "default")] == ["kubernetes"]


# -- the sample cluster --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    root = tmp_path_factory.mktemp("story") / "sample"
    shutil.copytree(SAMPLE, root)
    cluster = Cluster(Store(), Clock(START), ClusterOptions(seed=7, folder=str(root)))
    cluster.start(stepped=True)
    cluster.run_for(MINUTE)
    return cluster


def from_pod(cluster: Cluster, namespace: str, app: str, *target: Any) -> Reach:
    pod = next(pod for pod in cluster.store.list(PODS, namespace) if pod.labels.get("app.kubernetes.io/name") == app)
    return reach(cluster.api, (namespace, pod.name), *target)


def test_the_services_of_the_sample(sample: Cluster) -> None:
    """Every Service with a selector has endpoints ready for every port, but for those of the faulty workloads."""
    empty = []
    for env in sample.store.list(SERVICES):
        if env.obj["spec"].get("selector"):
            for port in env.obj["spec"]["ports"]:
                if not choose(sample.store, env, port, "").backends:
                    empty.append(env.name)
    assert empty == ["payments", "recommendations"]


def test_who_talks_to_whom_in_the_sample(sample: Cluster) -> None:
    """The shop reaches its parts and its data by name; others do not get at the data; the way in and out is open."""
    assert from_pod(sample, "shop", "storefront", "cart", 8080).ok
    assert from_pod(sample, "shop", "cart", "redis.shop-data", 6379).ok
    assert from_pod(sample, "shop", "storefront", "payments", 8080).refused_by == "Service shop/payments"
    denied = from_pod(sample, "team-insights", "dashboards", "postgres.shop-data", 5432)
    assert denied.refused_by == "NetworkPolicy shop-data/default-deny, shop-data/shop"
    assert from_pod(sample, "shop", "checkout", "bank", 443).endpoint == "payments.bank.example.com:443"
    node = sample.api.get(NODES, "", "worker-a1").obj["status"]["addresses"][0]["address"]
    assert from_pod(sample, "team-insights", "dashboards", node, 30080).service == "shop/edge"
