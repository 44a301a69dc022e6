"""DaemonSet: world → one step → expected writes, and stories on virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.api.kinds import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS
from engine.api.server import DeleteOptions
from store.types import Envelope, JsonObject
from tests.engine.controllers.world import USER, World

NOT_FOR_ALL: JsonObject = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


@pytest.fixture
def world() -> World:
    world = World(["daemonset-controller"])
    for number in range(3):
        node(world, f"n{number}")
    return world


def node(world: World, name: str, labels: dict[str, str] | None = None, *taints: JsonObject) -> None:
    world.api.create(
        USER, NODES, "", {"metadata": {"name": name, "labels": labels or {}}, "spec": {"taints": list(taints)}}
    )
    world.api.update(USER, NODES, "", name, with_taints(world.api.get(NODES, "", name).obj, *taints))


def with_taints(obj: JsonObject, *taints: JsonObject) -> JsonObject:
    return {**obj, "spec": {**obj.get("spec", {}), "taints": list(taints)}}


def taint(world: World, name: str, *taints: JsonObject) -> None:
    world.edit(NODES, name, lambda obj: with_taints(obj, *taints), namespace="")


def daemon(image: str = "i:1", pod: JsonObject | None = None, **spec: Any) -> JsonObject:
    template = {
        "metadata": {"labels": {"app": "ds"}},
        "spec": {"containers": [{"name": "c", "image": image}], **(pod or {})},
    }
    return {
        "metadata": {"name": "ds"}, "spec": {"selector": {"matchLabels": {"app": "ds"}}, "template": template, **spec}
    }  # fmt: skip


def status(world: World) -> dict[str, Any]:
    return dict(world.api.get(DAEMONSETS, "default", "ds").obj["status"])


def target(pod: Envelope) -> str:
    affinity = pod.obj["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def nodes(world: World) -> list[str]:
    """Where live pods are, or are to be."""
    return sorted(target(pod) for pod in world.live_pods())


def images(world: World) -> list[str]:
    return sorted(pod.obj["spec"]["containers"][0]["image"] for pod in world.live_pods())


def set_image(world: World, image: str) -> None:
    world.spec(DAEMONSETS, "ds", template=daemon(image)["spec"]["template"])


def bind_all(world: World) -> None:
    """The scheduler has put every pod where it belongs."""
    for pod in world.live_pods():
        if not pod.obj["spec"].get("nodeName"):
            world.api.bind(USER, pod.namespace, pod.name, target(pod))


def kubelets(world: World) -> None:
    """Pods are bound, run and are ready; those that were asked to go are gone."""
    bind_all(world)
    for pod in world.pods():
        if "deletionTimestamp" in pod.obj["metadata"]:
            world.gone(pod.name)
    world.all_ready()


def running(world: World, **spec: Any) -> None:
    world.create(DAEMONSETS, daemon(**spec))
    for _ in range(2):
        world.run(1)
        kubelets(world)
    world.run(1)
    assert status(world)["numberAvailable"] == len(world.pods())


def until_quiet(world: World, look: Callable[[], None] = lambda: None) -> None:
    """Kubelets work until nothing is written any more; `look` is called each second."""
    for _ in range(60):
        head = world.store.revision
        world.run(1)
        look()
        kubelets(world)
        if world.store.revision == head:
            return
    raise AssertionError("it does not come to rest")


# -- where pods belong ---------------------------------------------------------------------------------------------


def test_one_pod_per_node(world: World) -> None:
    """Every node gets a pod that is pinned to it, labelled with the template's hash, and an event tells of it."""
    world.create(DAEMONSETS, daemon())
    world.settle()
    assert nodes(world) == ["n0", "n1", "n2"]
    (revision,) = world.store.list(CONTROLLERREVISIONS)
    hash_ = revision.name.removeprefix("ds-")
    for pod in world.pods():
        assert pod.labels == {"app": "ds", "controller-revision-hash": hash_, "pod-template-generation": "1"}
        assert pod.name.startswith("ds-")
    assert sorted(world.messages("SuccessfulCreate")) == sorted(f"Created pod: {pod.name}" for pod in world.pods())
    assert status(world) == {
        "currentNumberScheduled": 3, "desiredNumberScheduled": 3, "numberMisscheduled": 0, "numberReady": 0,
        "updatedNumberScheduled": 3, "numberUnavailable": 3, "observedGeneration": 1,
    }  # fmt: skip


def test_tolerates_what_troubles_a_node(world: World) -> None:
    """The pods get the tolerations of a daemon, behind their own ones."""
    own = {"key": "dedicated", "operator": "Exists"}
    world.create(DAEMONSETS, daemon(pod={"tolerations": [own], "hostNetwork": True}))
    world.settle()
    tolerations = world.pods()[0].obj["spec"]["tolerations"]
    assert tolerations[0] == own
    assert [(t["key"].removeprefix("node.kubernetes.io/"), t["effect"]) for t in tolerations[1:]] == [
        ("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"), ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule"),
        ("network-unavailable", "NoSchedule"),
    ]  # fmt: skip


def test_does_nothing_when_all_is_well(world: World) -> None:
    """With a pod on each node and the status written, nothing more happens, whatever heartbeats come."""
    running(world)
    world.writes()
    for number in range(3):
        world.edit(NODES, f"n{number}", lambda o: {**o, "status": {"phase": "x"}}, namespace="")
    world.run(3600)
    assert not [line for line in world.writes() if "nodes" not in line]


@pytest.mark.parametrize(
    "pod",
    [
        {"nodeSelector": {"disk": "ssd"}},
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
                        ]
                    }
                }
            }
        },
    ],
)
def test_only_nodes_that_are_selected(world: World, pod: JsonObject) -> None:
    """A node selector or a required affinity leaves the other nodes out; a label that comes later lets a node in."""
    node(world, "fast", {"disk": "ssd"})
    world.create(DAEMONSETS, daemon(pod=pod))
    world.run(1)
    assert nodes(world) == ["fast"]
    world.edit(NODES, "n1", lambda o: {**o, "metadata": {**o["metadata"], "labels": {"disk": "ssd"}}}, namespace="")
    world.run(1)
    assert nodes(world) == ["fast", "n1"]
    world.edit(NODES, "n1", lambda o: {**o, "metadata": {**o["metadata"], "labels": {}}}, namespace="")
    world.run(1)
    assert nodes(world) == ["fast"]


def test_taints_keep_new_pods_off_and_leave_old_ones(world: World) -> None:
    """NoSchedule leaves the pod where it is (misscheduled), NoExecute takes it away; without the taint it is back."""
    running(world)
    taint(world, "n0", NOT_FOR_ALL)
    world.run(1)
    assert len(world.live_pods()) == 3
    assert (status(world)["desiredNumberScheduled"], status(world)["numberMisscheduled"]) == (2, 1)
    taint(world, "n0", {**NOT_FOR_ALL, "effect": "NoExecute"})
    world.run(1)
    assert nodes(world) == ["n1", "n2"]
    kubelets(world)
    taint(world, "n0")
    until_quiet(world)
    assert nodes(world) == ["n0", "n1", "n2"]


def test_cordoned_and_lost_nodes_keep_their_pods(world: World) -> None:
    """The taints of a cordoned or an unreachable node are tolerated."""
    running(world)
    taint(
        world, "n0", {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
    )  # fmt: skip
    world.run(60)
    assert len(world.live_pods()) == 3
    assert status(world)["desiredNumberScheduled"] == 3


def test_follows_nodes_that_come_and_go(world: World) -> None:
    """A new node gets a pod; the pod that waits for a node that is gone is deleted."""
    world.create(DAEMONSETS, daemon())
    world.run(1)
    node(world, "n3")
    world.run(1)
    assert nodes(world) == ["n0", "n1", "n2", "n3"]
    world.api.delete(USER, NODES, "", "n3")
    world.run(1)
    assert nodes(world) == ["n0", "n1", "n2"]
    assert status(world)["desiredNumberScheduled"] == 3


def test_a_second_pod_on_a_node_goes(world: World) -> None:
    """Of several pods of a node the oldest stays: an adopted orphan is one too many."""
    running(world)
    stray = {"metadata": {"name": "stray", "labels": {"app": "ds"}}, "spec": {**daemon()["spec"]["template"]["spec"]}}
    stray["spec"]["nodeName"] = "n0"
    world.run(1)
    world.create(PODS, stray)
    world.run(1)
    assert "stray" not in [pod.name for pod in world.live_pods()]
    assert len(world.live_pods()) == 3


def test_a_pod_is_replaced_when_it_is_gone(world: World) -> None:
    """While a pod terminates its node waits; when it is gone another one comes."""
    running(world)
    name = world.pods()[0].name
    world.api.delete(USER, PODS, "default", name)
    world.run(5)
    assert len(world.pods()) == 3
    world.gone(name)
    world.run(1)
    assert len(world.live_pods()) == 3


def test_failed_pods_are_replaced_slower_and_slower(world: World) -> None:
    """A failed pod goes at once, the next one on that node after 1 s, then 2 s, 4 s …"""
    running(world)
    seen: list[float] = []
    for _ in range(3):
        (pod,) = [p for p in world.live_pods() if target(p) == "n0"]
        bind_all(world)
        failed_at = world.elapsed
        world.report(pod, ready=False, phase="Failed")
        while world.store.get(pod.key) is not None and "deletionTimestamp" not in world.api.get(
            PODS, "default", pod.name
        ).obj["metadata"]:  # fmt: skip
            world.run(0.1)
        seen.append(world.elapsed - failed_at)
        if world.store.get(pod.key) is not None:
            world.api.delete(USER, PODS, "default", pod.name, DeleteOptions(grace_period_seconds=0))
        world.run(0.1)
    assert seen[0] < 0.3 < seen[1] < 1.2 < seen[2] < 2.2
    assert world.messages("FailedDaemonPod")[0].endswith("on node n0, will try to kill it")


def test_a_refusal_is_told_and_heals(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While pods are refused each attempt tries one, with an event; afterwards it heals by itself."""
    tries = world.refuse_pods(monkeypatch)
    world.create(DAEMONSETS, daemon())
    world.run(1)
    assert len(tries) == 8
    assert world.messages() == ['Error creating: pods "ds-" is forbidden: exceeded quota: q']
    assert status(world)["currentNumberScheduled"] == 0
    monkeypatch.undo()
    world.run(2)
    assert len(world.pods()) == 3


# -- rollouts ------------------------------------------------------------------------------------------------------


def test_a_rolling_update_takes_one_node_at_a_time(world: World) -> None:
    """maxUnavailable 1: never more than one node is without an available pod."""
    running(world)
    worst = 3

    def look() -> None:
        nonlocal worst
        ready = sum(
            any(c["type"] == "Ready" and c["status"] == "True" for c in pod.obj["status"].get("conditions", ()))
            for pod in world.live_pods()
        )
        worst = min(worst, ready)

    set_image(world, "i:2")
    until_quiet(world, look)
    assert images(world) == ["i:2"] * 3
    assert worst == 2
    assert status(world)["updatedNumberScheduled"] == 3
    assert {pod.labels["pod-template-generation"] for pod in world.pods()} == {"2"}
    assert [env.obj["revision"] for env in world.store.list(CONTROLLERREVISIONS)] in ([1, 2], [2, 1])


def test_max_unavailable_takes_more_at_once(world: World) -> None:
    """A percentage is of the nodes, rounded up: half of three is two."""
    running(world, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}})
    set_image(world, "i:2")
    world.settle()
    assert len(world.live_pods()) == 1


def test_max_surge_brings_the_new_pod_first(world: World) -> None:
    """With maxSurge the old pod goes when the new one is available: no node is ever without one."""
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    running(world, updateStrategy=surge)
    set_image(world, "i:2")
    world.settle()
    assert images(world) == ["i:1", "i:1", "i:1", "i:2"]
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, len(world.live_pods()))
        assert status(world)["numberAvailable"] == 3

    until_quiet(world, look)
    assert images(world) == ["i:2"] * 3
    assert most == 4


def test_on_delete_waits_for_the_person(world: World) -> None:
    """With OnDelete a pod gets the new template when somebody deletes it."""
    running(world, updateStrategy={"type": "OnDelete"})
    set_image(world, "i:2")
    until_quiet(world)
    assert images(world) == ["i:1"] * 3
    assert "updatedNumberScheduled" not in status(world)
    world.api.delete(USER, PODS, "default", world.pods()[0].name)
    until_quiet(world)
    assert images(world) == ["i:1", "i:1", "i:2"]


def test_broken_pods_do_not_hold_up_the_way_back(world: World) -> None:
    """A template that never gets ready stops at one node; the next template replaces it at once."""
    running(world)
    set_image(world, "broken")
    world.run(1)
    for pod in world.pods():
        if "deletionTimestamp" in pod.obj["metadata"]:
            world.gone(pod.name)
    world.run(60)
    assert images(world) == ["broken", "i:1", "i:1"]
    assert status(world)["numberUnavailable"] == 1
    set_image(world, "i:3")
    until_quiet(world)
    assert images(world) == ["i:3"] * 3


def test_min_ready_seconds_pace_a_rollout(world: World) -> None:
    """A new pod counts as available that much later, and the next node waits for it."""
    world.create(DAEMONSETS, daemon(minReadySeconds=10))
    world.run(1)
    kubelets(world)
    world.run(1)
    assert (status(world)["numberReady"], status(world).get("numberAvailable", 0)) == (3, 0)
    world.run(10)
    assert status(world)["numberAvailable"] == 3
    begin = world.elapsed
    set_image(world, "i:2")
    while images(world) != ["i:2"] * 3 or status(world).get("numberAvailable", 0) < 3:
        world.run(1)
        kubelets(world)
    assert 30 <= world.elapsed - begin <= 45


def test_going_back_renumbers_the_earlier_revision(world: World) -> None:
    """An earlier template's revision gets the highest number; old ones go beyond the limit."""
    running(world, revisionHistoryLimit=1)
    first = next(iter(world.store.list(CONTROLLERREVISIONS))).name
    for image in ("i:2", "i:1"):
        set_image(world, image)
        until_quiet(world)
    kept = {env.name: env.obj["revision"] for env in world.store.list(CONTROLLERREVISIONS)}
    assert kept[first] == 3
    for image in ("i:4", "i:5"):
        set_image(world, image)
        until_quiet(world)
    assert sorted(env.obj["revision"] for env in world.store.list(CONTROLLERREVISIONS)) == [4, 5]


def test_a_deleted_revision_is_written_down_again(world: World) -> None:
    """The present template's revision comes back under its name."""
    running(world)
    (revision,) = world.store.list(CONTROLLERREVISIONS)
    world.api.delete(USER, CONTROLLERREVISIONS, "default", revision.name)
    world.run(1)
    assert [env.name for env in world.store.list(CONTROLLERREVISIONS)] == [revision.name]
    assert len(world.live_pods()) == 3
