"""Preemption: who goes, from which node, in which words, and for whom the room is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api.kinds import NODES, PDBS, PODS
from engine.clock import SECOND, rfc3339
from engine.scheduler.explain import why
from engine.scheduler.plugins.default_preemption import DefaultPreemption
from store.types import Envelope, JsonObject, ObjectKey
from tests.engine.scheduler.cluster_world import NAMESPACE, USER, SchedulerWorld, pod_spec


@pytest.fixture
def world() -> SchedulerWorld:
    found = SchedulerWorld()
    for number in range(3):
        found.node(f"node-{number}")
    return found


def running(
    world: SchedulerWorld, name: str, node: str, cpu: str = "3", priority: int = 0, started: int = 0, **meta: Any
) -> None:
    world.pod(name, pod_spec(cpu, priority=priority, nodeName=node, terminationGracePeriodSeconds=1), **meta)
    world.change(PODS, name, status={"phase": "Running", "startTime": rfc3339(world.clock.now() + started * SECOND)})


def budget(world: SchedulerWorld, allowed: int, **selector: str) -> None:
    obj = {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "budget", "namespace": NAMESPACE, "uid": "budget"},
        "spec": {"selector": {"matchLabels": selector}}, "status": {"disruptionsAllowed": allowed},
    }  # fmt: skip
    world.store.put(ObjectKey(*PDBS, NAMESPACE, "budget"), obj, USER.author, world.clock.now())


def leaving(world: SchedulerWorld) -> list[str]:
    """Pods that are being deleted, by name."""
    return [p.name for p in world.store.list(PODS) if "deletionTimestamp" in p.obj["metadata"]]


def status(world: SchedulerWorld, pod: str) -> JsonObject:
    found: JsonObject = world.api.get(PODS, NAMESPACE, pod).obj["status"]
    return found


def test_the_story(world: SchedulerWorld) -> None:
    """Three full nodes and an important pod: one victim goes, in Kubernetes' words, and the pod takes its place."""
    for number in range(3):
        running(world, f"low-{number}", f"node-{number}")
    high = world.pod("high", pod_spec("3", priority=1000))
    world.settle()
    [victim] = leaving(world)
    node = world.node_of(victim)
    assert world.message("high") == "0/3 nodes are available: 3 Insufficient cpu."
    assert status(world, "high")["nominatedNodeName"] == node
    [event] = world.events("Preempted")
    assert event["message"] == f"Preempted by pod {high.uid} on node {node}"
    assert (event["type"], event["action"]) == ("Normal", "Preempting")
    assert event["involvedObject"]["name"] == victim
    assert event["related"]["name"] == "high"
    [condition] = [c for c in status(world, victim)["conditions"] if c["type"] == "DisruptionTarget"]
    assert (condition["status"], condition["reason"]) == ("True", "PreemptionByScheduler")
    assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
    world.play(SECOND)
    world.delete(victim)
    world.play(2 * SECOND)
    assert world.node_of("high") == node
    assert "nominatedNodeName" not in status(world, "high")
    assert not world.scheduler.nominator


def test_nobody_of_lower_priority(world: SchedulerWorld) -> None:
    """A pod does not preempt its equals."""
    for number in range(3):
        running(world, f"low-{number}", f"node-{number}", priority=5)
    world.pod("pod", pod_spec("3", priority=5))
    world.settle()
    assert not leaving(world)
    assert world.message("pod") == (
        "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are "
        "available: 3 No preemption victims found for incoming pod."
    )


def test_never(world: SchedulerWorld) -> None:
    """preemptionPolicy Never waits in the queue, however important."""
    running(world, "low", "node-0")
    world.pod(
        "pod", pod_spec("3", priority=9, preemptionPolicy="Never", nodeSelector={"kubernetes.io/hostname": "node-0"})
    )
    world.settle()
    assert not leaving(world)
    assert world.message("pod").endswith("preemption: not eligible due to preemptionPolicy=Never.")


def test_not_enough_even_without_them(world: SchedulerWorld) -> None:
    """Where the pods of lower priority are too small, the message says what would still be missing."""
    for number in range(3):
        running(world, f"top-{number}", f"node-{number}", "2", priority=100)
        running(world, f"low-{number}", f"node-{number}", "1")
    world.pod("pod", pod_spec("3", priority=50))
    world.settle()
    assert not leaving(world)
    assert world.message("pod").endswith("preemption: 0/3 nodes are available: 3 Insufficient cpu.")


def test_as_few_as_possible(world: SchedulerWorld) -> None:
    """Only those go whose room is needed, the least important first."""
    world.change(NODES, "node-1", spec={"unschedulable": True})
    world.change(NODES, "node-2", spec={"unschedulable": True})
    for number in range(4):
        running(world, f"p{number}", "node-0", "1", priority=number)
    world.pod("high", pod_spec("2", priority=1000))
    world.settle()
    assert leaving(world) == ["p0", "p1"]


def test_longest_running_stay(world: SchedulerWorld) -> None:
    """Of equals on a node the one that started last goes."""
    for name in ("node-1", "node-2"):
        world.change(NODES, name, spec={"unschedulable": True})
    running(world, "old", "node-0", "2", started=0)
    running(world, "new", "node-0", "2", started=5)
    world.pod("high", pod_spec("2", priority=1000))
    world.settle()
    assert leaving(world) == ["new"]


@pytest.mark.parametrize(
    ("node_0", "node_1", "node_2", "chosen"),
    [
        ([7], [5], [6], 1),
        ([5, 5], [5], [5, 4], 1),
        ([5, 1], [5, 2], [5, 3], 0),
    ],
)
def test_the_cheapest_node(
    world: SchedulerWorld, node_0: list[int], node_1: list[int], node_2: list[int], chosen: int
) -> None:
    """The lowest of the highest priorities, then the least sum of them, which also means the fewest pods."""
    for number, priorities in enumerate((node_0, node_1, node_2)):
        for index, priority in enumerate(priorities):
            running(world, f"p{number}-{index}", f"node-{number}", str(4 // len(priorities)), priority=priority)
    world.pod("high", pod_spec("4", priority=1000))
    world.settle()
    assert {world.node_of(name) for name in leaving(world)} == {f"node-{chosen}"}


def test_latest_start_of_equal_nodes(world: SchedulerWorld) -> None:
    """Equally costly nodes: where the victim started last."""
    for number, started in enumerate((1, 9, 4)):
        running(world, f"p{number}", f"node-{number}", started=started)
    world.pod("high", pod_spec("4", priority=1000))
    world.settle()
    assert leaving(world) == ["p1"]


def test_budgets_are_spared(world: SchedulerWorld) -> None:
    """A node whose victims have disruptions left is preferred, even if they are more important."""
    running(world, "guarded", "node-0", priority=1, labels={"app": "db"})
    running(world, "free", "node-1", priority=8)
    world.change(NODES, "node-2", spec={"unschedulable": True})
    budget(world, 0, app="db")
    world.pod("high", pod_spec("3", priority=1000))
    world.settle()
    assert leaving(world) == ["free"]


def test_budgets_yield_in_the_end(world: SchedulerWorld) -> None:
    """With no other way a budget is violated; of two pods under it the one that it allows goes."""
    for name in ("node-1", "node-2"):
        world.change(NODES, name, spec={"unschedulable": True})
    running(world, "guarded", "node-0", labels={"app": "db"})
    budget(world, 0, app="db")
    world.pod("high", pod_spec("3", priority=1000))
    world.settle()
    assert leaving(world) == ["guarded"]


def test_the_room_is_kept(world: SchedulerWorld) -> None:
    """While the victim terminates, a less important pod does not slip in; one that fits beside both does."""
    for name in ("node-1", "node-2"):
        world.change(NODES, name, spec={"unschedulable": True})
    running(world, "low", "node-0", "3")
    world.pod("high", pod_spec("3", priority=1000))
    world.settle()
    world.delete("low")
    world.pod("sneaky", pod_spec("2", priority=10))
    world.pod("small", pod_spec("1", priority=10))
    assert world.scheduler.queue.get(world.api.get(PODS, NAMESPACE, "high").uid) is not None
    world.settle()
    assert world.node_of("sneaky") == ""
    world.play(3 * SECOND)
    assert world.node_of("high") == "node-0"
    assert world.node_of("small") == "node-0"
    assert world.node_of("sneaky") == ""


def test_a_more_important_one_takes_the_room(world: SchedulerWorld) -> None:
    """A nomination does not hold against higher priority; who had it is told."""
    for name in ("node-1", "node-2"):
        world.change(NODES, name, spec={"unschedulable": True})
    running(world, "low", "node-0", "3")
    world.pod("high", pod_spec("3", priority=1000))
    world.settle()
    world.pod("higher", pod_spec("3", priority=2000))
    world.settle()
    assert status(world, "higher")["nominatedNodeName"] == "node-0"
    assert "nominatedNodeName" not in status(world, "high")
    assert len(world.events("Preempted")) == 1


def test_waits_for_those_who_go(world: SchedulerWorld) -> None:
    """Tried again while its victim terminates, a pod does not look for another one."""
    for number in range(3):
        running(world, f"low-{number}", f"node-{number}")
    world.pod("high", pod_spec("3", priority=1000))
    world.settle()
    world.node("tiny", cpu="1")
    world.play(20 * SECOND)
    assert len(leaving(world)) == 1
    world.change(PODS, "high", spec={"tolerations": [{"key": "x", "operator": "Exists"}]})
    world.play(SECOND)
    assert len(leaving(world)) == 1
    assert world.message("high").endswith("preemption: not eligible due to a terminating pod on the nominated node.")


def test_anti_affinity_can_be_preempted(world: SchedulerWorld) -> None:
    """A pod in the way by its labels is removed as one that takes resources is."""
    for number in range(3):
        running(world, f"web-{number}", f"node-{number}", "100m", priority=3 - number, labels={"app": "web"})
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
    anti = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    world.pod("high", pod_spec("1", priority=1000, affinity=anti))
    world.settle()
    assert world.message("high") == "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules."
    assert leaving(world) == ["web-2"]
    world.delete("web-2")
    world.play(2 * SECOND)
    assert world.node_of("high") == "node-2"


def test_host_ports_can_be_preempted(world: SchedulerWorld) -> None:
    """So is one that holds a host port."""
    ports = [{"containerPort": 80, "hostPort": 8080, "protocol": "TCP"}]
    for number in range(3):
        world.pod(
            f"p{number}",
            {"nodeName": f"node-{number}", "priority": 0, "containers": [{"name": "c", "image": "i", "ports": ports}]},
        )
    world.pod("high", {"priority": 9, "containers": [{"name": "c", "image": "i", "ports": ports}]})
    world.settle()
    assert len(leaving(world)) + len(world.events("Preempted")) >= 1


def test_why_tells_whom_preemption_would_remove(world: SchedulerWorld) -> None:
    """Asking does not do it."""
    for number in range(3):
        running(world, f"low-{number}", f"node-{number}")
    world.settle()
    world.scheduler._started = False
    world.pod("high", pod_spec("3", priority=1000))
    found = why(world.api, world.scheduler, NAMESPACE, "high")
    assert found.explanation[0].startswith("Preemption makes room on node-")
    assert not leaving(world)


def test_a_restarted_scheduler_keeps_the_room(world: SchedulerWorld) -> None:
    """status.nominatedNodeName is taken in at the start."""
    world.pod("high", pod_spec("3", priority=1000, schedulingGates=[{"name": "x"}]))
    world.change(PODS, "high", status={"nominatedNodeName": "node-0"})
    late = type(world.scheduler)(
        world.api, world.clock, world.loop, world.informers, world.seed, world.scheduler.reports.recorder, world.store,
    )  # fmt: skip
    late.start()
    assert late.nominator.node_of(world.api.get(PODS, NAMESPACE, "high").uid) == "node-0"


sizes = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4), st.booleans()), max_size=4)


@settings(max_examples=80, deadline=None)
@given(st.lists(sizes, min_size=1, max_size=5), st.integers(1, 4), st.integers(1, 5))
def test_victims_are_necessary_and_sufficient(
    cluster: list[list[tuple[int, int, bool]]], cpu: int, priority: int
) -> None:
    """Without the victims the pod fits; with any of them it does not; none is as important; no better node was left."""
    world = SchedulerWorld()
    for number, pods in enumerate(cluster):
        world.node(f"n{number}", cpu="6")
        left = 6
        for index, (size, importance, guarded) in enumerate(pods):
            if size <= left:
                left -= size
                running(world, f"p{number}-{index}", f"n{number}", str(size), importance, labels={"g": str(guarded)})
    budget(world, 1, g="True")
    world.settle()
    table = world.scheduler.nodes
    free = {row: int(table.allocatable[0, row] - table.requested[0, row]) for row in table.rows()}
    before = {row: dict(table.pods[row]) for row in table.rows()}
    world.pod("high", pod_spec(str(cpu), priority=priority))
    world.settle()
    nominated = status(world, "high").get("nominatedNodeName", "")
    if world.node_of("high"):
        assert not leaving(world)
        return
    could = [
        row for row in table.rows()
        if free[row] + sum(p.requests["cpu"] for p in before[row].values() if p.priority < priority) >= cpu * 1000
    ]  # fmt: skip
    assert bool(nominated) == bool(could)
    if nominated:
        row = table.row(nominated)
        assert row is not None
        gone = [before[row][world.api.get(PODS, NAMESPACE, name).uid] for name in leaving(world)]
        freed = sum(pod.requests["cpu"] for pod in gone)
        assert free[row] + freed >= cpu * 1000
        assert all(pod.priority < priority for pod in gone)
        assert all(free[row] + freed - pod.requests["cpu"] < cpu * 1000 for pod in gone)


def test_the_plugin_alone_changes_nothing(world: SchedulerWorld) -> None:
    """PostFilter decides; writing is the scheduler's."""
    running(world, "low", "node-0")
    env: Envelope = world.pod("high", pod_spec("4", priority=9, schedulingGates=[{"name": "x"}]))
    world.settle()
    plugin = world.scheduler.profiles["default-scheduler"].by_name["DefaultPreemption"]
    assert isinstance(plugin, DefaultPreemption)
    for name in ("node-1", "node-2"):
        world.change(NODES, name, spec={"unschedulable": True})
    world.settle()
    revision = world.store.revision
    found, scheduler = world.scheduler.class_of(env), world.scheduler
    result = plugin.post_filter(
        env, found, scheduler.nodes, scheduler.diagnosis(env, found), scheduler.profile_of(found)
    )
    assert result.nominated == "node-0"
    assert world.store.revision == revision
