"""FailedScheduling in Kubernetes v1.36's words."""

from __future__ import annotations

import pytest

from engine.api.kinds import NODES
from engine.scheduler.messages import fit_error, histogram, truncated
from store.types import JsonObject
from tests.engine.scheduler.cluster_world import SchedulerWorld, pod_spec

NOT_HELPFUL = (
    "no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)


@pytest.fixture
def world() -> SchedulerWorld:
    found = SchedulerWorld()
    for number in range(3):
        found.node(f"node-{number}")
    return found


def refusal(world: SchedulerWorld, spec: JsonObject) -> str:
    world.pod("pod", spec)
    world.settle()
    condition = world.condition("pod")
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    [event] = world.events("FailedScheduling")
    assert event["message"] == condition["message"]
    assert event["type"] == "Warning"
    assert event["action"] == "Scheduling"
    return str(condition["message"])


def test_too_big(world: SchedulerWorld) -> None:
    """A pod larger than any node: no preemption would help."""
    assert refusal(world, pod_spec("64", "1Ti")) == (
        f"0/3 nodes are available: 3 Insufficient cpu, 3 Insufficient memory. {NOT_HELPFUL}"
    )


def test_no_matching_label(world: SchedulerWorld) -> None:
    """A node selector that no node satisfies."""
    assert refusal(world, pod_spec(nodeSelector={"disk": "nope"})) == (
        f"0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. {NOT_HELPFUL}"
    )


def test_full_nodes(world: SchedulerWorld) -> None:
    """Nodes that are full: preemption could help, but there are no victims."""
    for number in range(3):
        world.pod(f"filler-{number}", pod_spec("3", nodeName=f"node-{number}"))
    world.settle()
    assert refusal(world, pod_spec("3")) == (
        "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
    )


def test_preemption_policy_never(world: SchedulerWorld) -> None:
    """A pod that may not preempt says so."""
    for number in range(3):
        world.pod(f"filler-{number}", pod_spec("3", nodeName=f"node-{number}"))
    world.settle()
    assert refusal(world, pod_spec("3", preemptionPolicy="Never")) == (
        "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, "
        "preemption: not eligible due to preemptionPolicy=Never."
    )


def test_taken_port(world: SchedulerWorld) -> None:
    """A host port that is taken on the one node that matches."""
    ports = [{"containerPort": 80, "hostPort": 8080, "protocol": "TCP"}]
    world.pod("holder", {"nodeName": "node-0", "containers": [{"name": "c", "image": "i", "ports": ports}]})
    world.settle()
    spec = {
        "nodeSelector": {"kubernetes.io/hostname": "node-0"},
        "containers": [{"name": "c", "image": "i", "ports": ports}],
    }
    assert refusal(world, spec) == (
        "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 2 node(s) didn't match "
        "Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No "
        "preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling."
    )


def test_cordoned_and_tainted(world: SchedulerWorld) -> None:
    """Two cordoned nodes and a tainted one."""
    world.change(NODES, "node-0", spec={"unschedulable": True})
    world.change(NODES, "node-1", spec={"unschedulable": True})
    world.change(NODES, "node-2", spec={"taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}]})
    world.settle()
    assert refusal(world, pod_spec()) == (
        f"0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) were unschedulable. {NOT_HELPFUL}"
    )


def test_daemon_pod_elsewhere(world: SchedulerWorld) -> None:
    """A pod that names its node in matchFields (as DaemonSets' do): the other nodes never come into question."""
    by_name = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [by_name]}}}
    assert refusal(world, pod_spec("5", affinity=affinity)) == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims "
        "to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )


def test_condition_carries_the_generation(world: SchedulerWorld) -> None:
    """The condition has the fields of v1.36."""
    refusal(world, pod_spec("64"))
    assert set(world.condition("pod")) == {
        "lastProbeTime", "lastTransitionTime", "message", "observedGeneration", "reason", "status", "type",
    }  # fmt: skip


def test_reasons_are_sorted_as_strings() -> None:
    """10 comes before 2."""
    assert histogram({"b": 2, "a": 10}) == "10 a, 2 b"


def test_pre_filter_speaks_alone() -> None:
    """A refusal of the pod as such replaces the counts."""
    assert fit_error(3, {"x": 1}, ["more"], "pod affinity terms conflict") == (
        "0/3 nodes are available: pod affinity terms conflict. more"
    )


def test_long_messages_are_cut() -> None:
    """At most 1024 characters."""
    assert truncated("x" * 1024) == "x" * 1024
    assert truncated("x" * 1025) == "x" * 1020 + " ..."
