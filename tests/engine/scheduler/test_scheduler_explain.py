"""`why`: node by node while a pod waits, in the kubelet's words once it has a node."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import NotFound
from engine.api.kinds import NODES, PODS
from engine.client import WhyReport
from engine.clock import MINUTE
from engine.scheduler.explain import why
from store.types import JsonObject
from tests.engine.scheduler.cluster_world import NAMESPACE, SchedulerWorld, pod_spec

GPU = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


@pytest.fixture
def world() -> SchedulerWorld:
    return SchedulerWorld()


def report(world: SchedulerWorld, pod: str = "web") -> WhyReport:
    return why(world.api, world.scheduler, NAMESPACE, pod)


def set_status(world: SchedulerWorld, pod: str = "web", **status: Any) -> None:
    """As its kubelet would."""
    world.change(PODS, pod, status=status)


def container(name: str = "c", ready: bool = False, last: JsonObject | None = None, **state: Any) -> JsonObject:
    found: JsonObject = {"name": name, "ready": ready, "restartCount": 3 if last else 0, "state": state}
    return {**found, "lastState": {"terminated": last}} if last else found


def running(world: SchedulerWorld, spec: JsonObject | None = None) -> None:
    world.node("a")
    world.pod("web", spec)
    world.settle()
    assert world.node_of("web") == "a"


# -- without a node ------------------------------------------------------------------------------------------------


def test_each_node_says_why_not(world: SchedulerWorld) -> None:
    """One verdict per node: Kubernetes' reason of the first plugin, figures of all that refuse."""
    world.node("full", cpu="1", labels={"disktype": "ssd"})
    world.node("hdd", labels={"disktype": "hdd"})
    world.node("gpu", taints=[GPU], labels={"disktype": "ssd"})
    world.node("off", unschedulable=True, cpu="1", labels={"disktype": "ssd"})
    world.pod("web", pod_spec("3", nodeSelector={"disktype": "ssd"}))
    world.settle()
    found = report(world)
    assert found.headline == world.message("web")
    by_node = {verdict.node: verdict for verdict in found.nodes}
    assert list(by_node) == ["full", "gpu", "hdd", "off"]
    assert by_node["full"].details == ("needs cpu 3, free 1 of 1",)
    assert by_node["full"].reasons == ("Insufficient cpu",)
    assert by_node["hdd"].details == ("label disktype is hdd, wants ssd",)
    assert by_node["gpu"].details == ("untolerated taint dedicated=gpu:NoSchedule",)
    assert by_node["off"].plugin == "NodeUnschedulable"
    assert by_node["off"].details == ("cordoned", "needs cpu 3, free 1 of 1")
    assert not any(verdict.fits for verdict in found.nodes)


def test_says_what_would_help_most(world: SchedulerWorld) -> None:
    """The change that lets the most nodes fit comes first."""
    for number in range(3):
        world.node(f"gpu-{number}", taints=[GPU])
    world.node("small", cpu="1")
    world.pod("web", pod_spec("3"))
    world.settle()
    lines = report(world).explanation
    assert lines[0] == "Would make it fit on 3 nodes: tolerating dedicated=gpu:NoSchedule."
    assert lines[1].startswith(
        "Would make it fit on small: asking for less (the most that is free on one of them: cpu 1)"
    )
    assert "again when something changes for TaintToleration, NodeResourcesFit" in lines[-1]


def test_no_single_change_helps(world: SchedulerWorld) -> None:
    """It says so when every node has two reasons."""
    world.node("a", cpu="1", taints=[GPU])
    world.pod("web", pod_spec("3"))
    world.settle()
    assert report(world).explanation[0].startswith("No single change helps")


def test_a_pod_about_to_be_tried(world: SchedulerWorld) -> None:
    """Nodes that fit come first, best score first, with the score by plugin."""
    world.node("a")
    world.node("b", cpu="16", memory="64Gi")
    world.settle()
    world.scheduler._started = False
    world.pod("web", pod_spec("2", "2Gi"))
    found = report(world)
    assert found.headline == "2 of 2 nodes would take the pod"
    assert [verdict.node for verdict in found.nodes] == ["b", "a"]
    best = found.nodes[0]
    assert best.score == sum(best.scores.values())
    assert set(best.scores) == {"TaintToleration", "NodeResourcesFit", "NodeResourcesBalancedAllocation"}


def test_attempts_newest_first(world: SchedulerWorld) -> None:
    """Kept attempts, with their time and result."""
    world.node("a", cpu="1")
    world.pod("web", pod_spec("2"))
    world.settle()
    world.play(MINUTE)
    world.node("b")
    world.settle()
    newest, oldest = report(world).attempts
    assert (newest["attempt"], newest["result"], newest["node"]) == (2, "Scheduled", "b")
    assert newest["time"] == "2026-11-23T09:01:00Z"
    assert oldest["result"] == "Unschedulable"
    assert oldest["message"] == world.events("FailedScheduling")[0]["message"]


def test_not_for_this_scheduler(world: SchedulerWorld) -> None:
    """Gates, another scheduler and an empty cluster have answers of their own."""
    world.pod("gated", pod_spec(schedulingGates=[{"name": "x.io/y"}]))
    world.pod("other", pod_spec(schedulerName="mine"))
    world.pod("web")
    world.settle()
    assert "scheduling gates" in report(world, "gated").headline
    assert report(world, "other").headline == "Waiting for scheduler mine"
    assert report(world).headline == "no nodes available to schedule pods"
    with pytest.raises(NotFound):
        report(world, "nobody")


# -- with a node ---------------------------------------------------------------------------------------------------


def test_all_is_well(world: SchedulerWorld) -> None:
    """A pod that runs says so, and where."""
    running(world)
    set_status(world, phase="Running", containerStatuses=[container(ready=True, running={})])
    assert report(world).headline == "Running on a, 1 of 1 containers ready"


@pytest.mark.parametrize(
    ("reason", "message", "hint"),
    [
        ("ImagePullBackOff", 'Back-off pulling image "x"', "image cannot be pulled"),
        ("CreateContainerConfigError", 'configmap "x" not found', "is missing"),
        ("CrashLoopBackOff", "back-off 40s restarting failed container=c pod=web", "waits longer before each restart"),
    ],
)
def test_waiting(world: SchedulerWorld, reason: str, message: str, hint: str) -> None:
    """The container's waiting reason and message are the headline; the last end is told."""
    running(world)
    last = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-23T09:00:05Z"}
    waiting = container(waiting={"reason": reason, "message": message}, last=last)
    set_status(world, phase="Running", containerStatuses=[waiting])
    found = report(world)
    assert found.headline == f"{reason}: {message}"
    assert hint in found.explanation[0]
    assert found.explanation[-1] == (
        "Container c ended with exit code 137 (OOMKilled) at 2026-11-23T09:00:05Z. Restarted 3×."
    )


def test_not_ready(world: SchedulerWorld) -> None:
    """A running container that is not ready points at its readiness probe."""
    spec = pod_spec()
    spec["containers"][0]["readinessProbe"] = {"httpGet": {"path": "/", "port": 80}}
    running(world, spec)
    set_status(world, phase="Running", containerStatuses=[container(running={})])
    found = report(world)
    assert found.headline == "Container c is not ready"
    assert "readiness probe" in found.explanation[0]


def test_init_containers(world: SchedulerWorld) -> None:
    """The init container that runs is named."""
    init = [{"name": "one", "image": "i"}, {"name": "two", "image": "i"}]
    running(world, pod_spec(initContainers=init))
    statuses = [container("one", terminated={"exitCode": 0}), container("two", running={})]
    waiting = container(waiting={"reason": "PodInitializing"})
    set_status(world, phase="Pending", initContainerStatuses=statuses, containerStatuses=[waiting])
    assert report(world).headline == "Init container two is running (1 of 2 done)"


def test_ended(world: SchedulerWorld) -> None:
    """A failed pod tells how its containers ended."""
    running(world)
    set_status(world, phase="Failed", containerStatuses=[container(terminated={"exitCode": 1, "reason": "Error"})])
    found = report(world)
    assert found.headline == "Failed"
    assert found.explanation == ("Container c ended with exit code 1 (Error).",)


def test_node_that_is_not_ready(world: SchedulerWorld) -> None:
    """A lost node is the headline, whatever the containers last said."""
    running(world)
    lost = {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}
    world.change(NODES, "a", status={"conditions": [lost]})
    assert report(world).headline == "Node a is not ready (Kubelet stopped posting node status.)"
