"""`headroom`: how many more pods like one the nodes would take, and what ends it on each."""

from __future__ import annotations

import pytest

from engine.api.errors import NotFound
from engine.client import Headroom
from engine.scheduler.headroom import headroom
from tests.engine.scheduler.cluster_world import NAMESPACE, SchedulerWorld, pod_spec


def room(world: SchedulerWorld, pod: str = "web") -> Headroom:
    return headroom(world.api, world.scheduler, NAMESPACE, pod)


def test_what_is_left_is_divided_by_what_the_pod_asks() -> None:
    """Two cores with one pod of half a core on them take three more; a node with a taint takes none, and says why."""
    world = SchedulerWorld()
    world.node("a", cpu="2")
    world.node("gpu", cpu="8", taints=[{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}])
    world.pod("web", pod_spec("500m"))
    world.settle()
    found = room(world)
    assert found.pods == 3
    by_node = {each.node: each for each in found.nodes}
    assert by_node["a"].pods == 3
    assert by_node["a"].limit == "cpu: 1.5 left, 0.5 each"
    assert (by_node["gpu"].pods, by_node["gpu"].limit) == (0, "node(s) had untolerated taint(s)")


def test_so_many_do_fit() -> None:
    """The scheduler agrees: so many more are placed, and the next one is not."""
    world = SchedulerWorld()
    world.node("a", cpu="2")
    world.node("b", cpu="1")
    world.pod("web", pod_spec("300m"))
    world.settle()
    most = room(world).pods
    for number in range(most + 1):
        world.pod(f"more-{number}", pod_spec("300m"))
    world.settle()
    placed = [number for number in range(most + 1) if world.node_of(f"more-{number}")]
    assert len(placed) == most
    assert room(world).pods == 0


def test_a_port_of_the_host_is_taken_once_per_node() -> None:
    """A pod with a host port fits once on each node where it is not yet."""
    world = SchedulerWorld()
    for name in ("a", "b", "c"):
        world.node(name)
    spec = pod_spec("100m")
    spec["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]
    world.pod("web", spec)
    world.settle()
    found = room(world)
    assert found.pods == 2
    assert sorted(each.pods for each in found.nodes) == [0, 1, 1]
    assert {each.limit for each in found.nodes if each.pods} == {"one of them per node"}


def test_a_pod_that_waits_has_no_room() -> None:
    """Nothing fits more of what does not fit once; a pod that is not there is an error."""
    world = SchedulerWorld()
    world.node("a", cpu="1")
    world.pod("web", pod_spec("3"))
    world.settle()
    assert room(world).pods == 0
    with pytest.raises(NotFound):
        room(world, "nobody")
