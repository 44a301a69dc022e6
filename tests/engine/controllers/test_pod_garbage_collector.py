"""Pods that nobody will finish: of missing nodes, never scheduled, too many finished ones."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import NODES, PODS
from engine.api.server import DeleteOptions
from tests.engine.controllers.world import USER, World

SPEC: dict[str, Any] = {"containers": [{"name": "c", "image": "i"}], "terminationGracePeriodSeconds": 30}


def collected(flags: dict[str, str] | None = None) -> World:
    """Node `n` runs pod `p`."""
    world = World(["pod-garbage-collector-controller"], flags)
    world.create(NODES, {"metadata": {"name": "n"}}, "")
    world.create(PODS, {"metadata": {"name": "p"}, "spec": SPEC})
    world.api.bind(USER, "default", "p", "n")
    world.report(world.pods()[0])
    return world


def test_leaves_pods_of_living_nodes_alone() -> None:
    """Nothing is written about them."""
    world = collected()
    world.run(30)
    world.writes()
    world.run(600)
    assert world.writes() == []


def test_orphaned_pods_go_after_the_quarantine() -> None:
    """The node is noticed missing at the next look (each 20 s) and its pods go 40 s later, marked as disrupted."""
    world = collected()
    world.run(25)
    world.api.delete(USER, NODES, "", "n")
    world.run(54.9)
    assert len(world.pods()) == 1
    world.log.clear()
    world.run(0.2)
    assert world.pods() == []
    marked = next(event.now.obj["status"] for event in world.log if event.now.key.resource == PODS)
    assert marked["phase"] == "Failed"
    condition = marked["conditions"][-1]
    assert (condition["type"], condition["status"], condition["reason"], condition["message"]) == (
        "DisruptionTarget", "True", "DeletionByPodGC", "PodGC: node no longer exists",
    )  # fmt: skip


def test_a_node_that_comes_back_keeps_its_pods() -> None:
    """Within the quarantine a node of the same name saves them."""
    world = collected()
    world.api.delete(USER, NODES, "", "n")
    world.run(30)
    world.create(NODES, {"metadata": {"name": "n"}}, "")
    world.run(300)
    assert len(world.pods()) == 1


def test_unscheduled_terminating_pods_go() -> None:
    """A pod that was never scheduled and waits for a deletion that nobody will do is removed at the next look."""
    world = collected()
    world.create(PODS, {"metadata": {"name": "q", "finalizers": ["example.com/hold"]}, "spec": SPEC})
    world.api.delete(USER, PODS, "default", "q", DeleteOptions())
    world.run(21)
    status = world.api.get(PODS, "default", "q").obj["status"]
    assert status["phase"] == "Failed"


def test_the_oldest_finished_pods_go() -> None:
    """Beyond the threshold, oldest first."""
    world = collected({"terminated-pod-gc-threshold": "2"})
    for name in ("a", "b", "c", "d"):
        world.run(2)
        world.create(PODS, {"metadata": {"name": name}, "spec": SPEC})
        world.report(world.api.get(PODS, "default", name), ready=False, phase="Succeeded")
    world.run(30)
    assert [pod.name for pod in world.pods()] == ["c", "d", "p"]


def test_terminating_pods_of_a_node_out_of_service_go() -> None:
    """The taint out-of-service on a node that is not ready frees its terminating pods at once."""
    world = collected()
    world.api.delete(USER, PODS, "default", "p")
    world.run(60)
    assert len(world.pods()) == 1
    taint = {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute", "value": "nodeshutdown"}
    world.edit(NODES, "n", lambda o: {**o, "spec": {"taints": [taint]}}, "")
    world.run(21)
    assert world.pods() == []
