"""Endpoints, the older list of a Service's pods."""

from __future__ import annotations

import pytest

from engine.api.kinds import ENDPOINTS, PODS, SERVICES
from tests.engine.controllers.service_world import ServiceWorld
from tests.engine.controllers.world import USER


@pytest.fixture
def world() -> ServiceWorld:
    return ServiceWorld("endpoints-controller")


def test_endpoints_as_kubernetes_writes_them(world: ServiceWorld) -> None:
    """Labels, annotation and subsets are those of a real v1.36; addresses are sorted."""
    second = world.pod("web-1", ip="10.244.1.9", node="node-1")
    world.pod("web-2", ip="10.244.0.4")
    world.service()
    made = world.endpoints()
    assert made["metadata"]["labels"] == {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    assert made["metadata"]["annotations"] == {
        "endpoints.kubernetes.io/last-change-trigger-time": "2026-11-23T09:00:00Z"
    }
    (subset,) = made["subsets"]
    assert subset["ports"] == [{"port": 80, "protocol": "TCP"}]
    assert [address["ip"] for address in subset["addresses"]] == ["10.244.0.4", "10.244.1.9"]
    assert subset["addresses"][1] == {
        "ip": "10.244.1.9", "nodeName": "node-1",
        "targetRef": {"kind": "Pod", "name": "web-1", "namespace": "default", "uid": second.uid},
    }  # fmt: skip


def test_ready_apart_from_not_ready(world: ServiceWorld) -> None:
    """Pods that are not ready are listed apart; those that leave are not listed; nothing else is written."""
    world.service()
    world.pod("web-1")
    world.pod("web-2", ready=False)
    world.run(1)
    (subset,) = world.endpoints()["subsets"]
    names = [[a["targetRef"]["name"] for a in subset[key]] for key in ("addresses", "notReadyAddresses")]
    assert names == [["web-1"], ["web-2"]]
    for name in ("web-1", "web-2"):
        world.api.delete(USER, PODS, "default", name)
    world.run(1)
    assert "subsets" not in world.endpoints()
    world.writes()
    world.run(3600)
    assert world.writes() == []


def test_subsets_by_ports(world: ServiceWorld) -> None:
    """Pods that offer other ports are in a subset of their own; one without any is in none."""
    world.service(ports=[{"name": "http", "port": 80, "targetPort": "http"}, {"name": "dns", "port": 53,
                         "targetPort": 53, "protocol": "UDP"}])  # fmt: skip
    world.pod("both", ports=[{"name": "http", "containerPort": 8080}])
    world.pod("one")
    world.run(1)
    assert [[(p["name"], p["port"]) for p in subset["ports"]] for subset in world.endpoints()["subsets"]] == [
        [("dns", 53)], [("dns", 53), ("http", 8080)],
    ]  # fmt: skip


def test_over_capacity(world: ServiceWorld) -> None:
    """Of 1,100 pods a thousand are listed, ready ones first, and an annotation says so; below, it goes."""
    world.service()
    for number in range(1100):
        world.pod(f"web-{number:04}", ready=number >= 200)
    world.run(1)
    made = world.endpoints()
    (subset,) = made["subsets"]
    assert (len(subset["addresses"]), len(subset["notReadyAddresses"])) == (900, 100)
    assert made["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"] == "truncated"
    for number in range(200):
        world.gone(f"web-{number:04}")
    world.run(1)
    made = world.endpoints()
    assert len(made["subsets"][0]["addresses"]) == 900
    assert "endpoints.kubernetes.io/over-capacity" not in (made["metadata"].get("annotations") or {})


def test_with_and_after_the_service(world: ServiceWorld) -> None:
    """Deleted Endpoints come back while there is a Service, and go with it; those of others stay."""
    world.service()
    world.pod("web-1")
    world.api.create(USER, ENDPOINTS, "default", {"metadata": {"name": "mine"}})
    world.run(1)
    world.api.delete(USER, ENDPOINTS, "default", "web")
    world.run(1)
    assert world.endpoints()["subsets"]
    world.api.delete(USER, SERVICES, "default", "web")
    world.run(1)
    assert [env.name for env in world.store.list(ENDPOINTS)] == ["mine"]


def test_the_trigger_time(world: ServiceWorld) -> None:
    """The annotation says when the change began: the pod's readiness; a deletion has none."""
    world.service()
    world.run(10)
    world.pod("web-1")
    world.run(1)
    note = "endpoints.kubernetes.io/last-change-trigger-time"
    assert world.endpoints()["metadata"]["annotations"][note] == "2026-11-23T09:00:10Z"
    world.gone("web-1")
    world.run(1)
    assert "annotations" not in world.endpoints()["metadata"]
