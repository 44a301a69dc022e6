"""Stories about pods that mind other pods: spreading, keeping away, keeping near, and images that are there already."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.api.kinds import NODES, PODS
from engine.clock import MINUTE, SECOND
from engine.scheduler.explain import why
from store.types import JsonObject
from tests.engine.scheduler.cluster_world import NAMESPACE, SchedulerWorld, pod_spec

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
WEB = {"matchLabels": {"app": "web"}}


@pytest.fixture
def world() -> SchedulerWorld:
    found = SchedulerWorld()
    for number, zone in enumerate("aabbc"):
        found.node(f"n{number}", labels={ZONE: zone})
    return found


def spread(when: str = "DoNotSchedule", key: str = ZONE, **more: object) -> JsonObject:
    constraint = {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": WEB, **more}
    return pod_spec("100m", topologySpreadConstraints=[constraint])


def apart(key: str = HOST, side: str = "podAntiAffinity") -> JsonObject:
    term = {"topologyKey": key, "labelSelector": WEB}
    return pod_spec("100m", affinity={side: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})


def zones(world: SchedulerWorld) -> Counter[str]:
    placed = [world.node_of(env.name) for env in world.store.list(PODS, NAMESPACE)]
    return Counter(world.api.get(NODES, "", node).labels[ZONE] for node in placed if node)


def explained(world: SchedulerWorld, pod: str) -> str:
    return "\n".join(
        line for verdict in why(world.api, world.scheduler, NAMESPACE, pod).nodes for line in verdict.details
    )


def test_spread_over_zones(world: SchedulerWorld) -> None:
    """Twelve pods over three zones of different sizes: four each."""
    for number in range(12):
        world.pod(f"web-{number}", spread(), labels={"app": "web"})
    world.settle()
    assert zones(world) == {"a": 4, "b": 4, "c": 4}


def test_skew_refuses_in_kubernetes_words(world: SchedulerWorld) -> None:
    """A full zone keeps the others from growing; figures say by how much; room there ends the wait."""
    world.change(NODES, "n4", spec={"unschedulable": True})
    for number in range(3):
        world.pod(f"web-{number}", spread(nodeTaintsPolicy="Ignore"), labels={"app": "web"})
    world.settle()
    [waiting] = [f"web-{n}" for n in range(3) if not world.node_of(f"web-{n}")]
    assert world.message(waiting) == (
        "0/5 nodes are available: 1 node(s) were unschedulable, 4 node(s) didn't match pod topology spread constraints."
        " no new claims to deallocate, preemption: 0/5 nodes are available: 1 Preemption is not helpful for scheduling,"
        " 4 No preemption victims found for incoming pod."
    )
    assert f"{ZONE} a has 1 pods of [app=web], c has 0: with this one the skew would be 2, maxSkew is 1" in explained(
        world, waiting
    )
    world.change(NODES, "n4", spec={"unschedulable": False})
    world.play(5 * SECOND)
    assert world.node_of(waiting) == "n4"


def test_missing_label(world: SchedulerWorld) -> None:
    """A node without the topology key is refused, with its own words."""
    world.pod("web", spread(key="rack"), labels={"app": "web"})
    world.settle()
    text = "5 node(s) didn't match pod topology spread constraints (missing required label)"
    assert text in world.message("web")


def test_a_deleted_neighbour_unblocks_spread(world: SchedulerWorld) -> None:
    """The end of a pod in the fullest domain moves who waited for it."""
    for name in ("n1", "n3", "n4"):
        world.delete(name, NODES)
    world.node("tiny", cpu="1m", labels={ZONE: "c"})
    for number in range(3):
        world.pod(f"web-{number}", spread(), labels={"app": "web"})
    world.settle()
    [waiting] = [f"web-{n}" for n in range(3) if not world.node_of(f"web-{n}")]
    world.delete(next(f"web-{n}" for n in range(3) if world.node_of(f"web-{n}")))
    world.play(5 * SECOND)
    assert world.node_of(waiting)


def test_one_per_node(world: SchedulerWorld) -> None:
    """Required anti-affinity against its own kind: one on each node, the sixth waits and is told who is in the way."""
    for number in range(6):
        world.pod(f"web-{number}", apart(), labels={"app": "web"})
    world.settle()
    [waiting] = [f"web-{n}" for n in range(6) if not world.node_of(f"web-{n}")]
    assert world.message(waiting).startswith("0/5 nodes are available: 5 node(s) didn't match pod anti-affinity rules.")
    assert "default/web-" in explained(world, waiting)
    world.node("n5", labels={ZONE: "c"})
    world.play(5 * SECOND)
    assert world.node_of(waiting) == "n5"


def test_those_who_were_there_first_decide(world: SchedulerWorld) -> None:
    """A pod without any affinity is kept off by the anti-affinity of another."""
    hermit = apart(ZONE)
    for number, node in enumerate(("n0", "n2", "n4")):
        world.pod(f"hermit-{number}", {**hermit, "nodeName": node})
    world.settle()
    world.pod("web", labels={"app": "web"})
    world.pod("other", labels={"app": "other"})
    world.settle()
    assert world.node_of("other")
    text = "0/5 nodes are available: 5 node(s) didn't satisfy existing pods anti-affinity rules."
    assert world.message("web").startswith(text)
    assert "default/hermit-2 is in" in explained(world, "web")
    world.delete("hermit-1")
    world.play(5 * SECOND)
    assert world.node_of("web") in ("n2", "n3")


def test_the_first_of_a_group(world: SchedulerWorld) -> None:
    """Pods that want to be together: the first goes anywhere, the others follow; strangers wait for it."""
    world.pod("friend", apart(ZONE, "podAffinity"))
    world.settle()
    assert world.message("friend").startswith("0/5 nodes are available: 5 node(s) didn't match pod affinity rules.")
    for number in range(4):
        world.pod(f"web-{number}", apart(ZONE, "podAffinity"), labels={"app": "web"})
    world.play(5 * SECOND)
    assert len(zones(world)) == 1
    assert world.node_of("friend")


def test_a_new_label_counts(world: SchedulerWorld) -> None:
    """Labelling a running pod makes it the neighbour that another waits for."""
    world.pod("there", labels={"app": "old"})
    world.pod("friend", apart(ZONE, "podAffinity"))
    world.settle()
    world.change(PODS, "there", metadata={"labels": {"app": "web"}})
    world.play(5 * SECOND)
    assert world.node_of("friend")


def test_replicas_of_a_service_spread_by_default(world: SchedulerWorld) -> None:
    """Pods of a Service that say nothing: the system's defaults rank emptier nodes and zones higher."""
    world.service("web", {"app": "web"})
    world.settle()
    for number in range(5):
        world.pod(f"web-{number}", pod_spec("1m", "1Mi"), labels={"app": "web"})
    world.settle()
    assert len({world.node_of(f"web-{n}") for n in range(5)}) == 5


def test_images_attract(world: SchedulerWorld) -> None:
    """The node that has a large image is preferred, and becomes so when it has pulled it."""
    images = [{"names": ["registry.example/big:latest"], "sizeBytes": 900_000_000}]
    spec = {"containers": [{"name": "c", "image": "registry.example/big", "resources": {}}]}
    world.pod("before", spec)
    world.settle()
    world.change(NODES, "n3", status={"images": images})
    world.settle()
    world.pod("web", spec)
    world.settle()
    assert world.node_of("web") == "n3"


def test_terminating_pods_do_not_count_for_spread(world: SchedulerWorld) -> None:
    """A pod that is being deleted no longer holds its zone's place."""
    world.pod("old", {**spread(), "nodeName": "n4"}, labels={"app": "web"})
    for node in ("n1", "n2", "n3"):
        world.delete(node, NODES)
    world.settle()
    world.change(PODS, "old", metadata={"deletionTimestamp": "2026-11-23T09:00:00Z"})
    world.change(NODES, "n0", spec={"unschedulable": True})
    world.settle()
    world.pod("web", spread(), labels={"app": "web"})
    world.play(MINUTE)
    assert world.node_of("web") == "n4"
