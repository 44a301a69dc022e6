"""PodDisruptionBudgets: what their status says, and what evictions make of it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import TooManyRequests
from engine.api.kinds import DEPLOYMENTS, JOBS, PDBS, PODS
from engine.clock import rfc3339
from engine.controllers.disruption import DisruptionController
from tests.engine.controllers.world import KUBELET, USER, World, workload

CONTROLLERS = ["deployment-controller", "replicaset-controller", "disruption-controller"]


def budget(name: str = "pdb", app: str = "web", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": app}}, **spec}}


def status(world: World, name: str = "pdb") -> dict[str, Any]:
    found = dict(world.api.get(PDBS, "default", name).obj["status"])
    found["conditions"] = [(c["type"], c["status"], c["reason"], c["message"]) for c in found["conditions"]]
    return found


def web(replicas: int = 4) -> World:
    """A Deployment of ready pods."""
    world = World(CONTROLLERS)
    world.create(DEPLOYMENTS, workload(replicas))
    world.roll_out()
    return world


def numbers(world: World, name: str = "pdb") -> tuple[int, int, int, int]:
    """(expected, healthy, desired, allowed)"""
    found = status(world, name)
    return (
        found["expectedPods"], found["currentHealthy"], found["desiredHealthy"], found["disruptionsAllowed"]
    )  # fmt: skip


def test_a_new_budget_says_how_many_may_go() -> None:
    """One write, with all its numbers and one condition."""
    world = web()
    world.writes()
    world.create(PDBS, budget(minAvailable=3))
    world.settle()
    assert world.writes() == ["ADDED poddisruptionbudgets.policy default/pdb",
                              "MODIFIED poddisruptionbudgets.policy default/pdb"]  # fmt: skip
    assert status(world) == {
        "observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 4, "desiredHealthy": 3, "expectedPods": 4,
        "conditions": [("DisruptionAllowed", "True", "SufficientPods", "")],
    }  # fmt: skip


def test_does_nothing_when_nothing_changed() -> None:
    """A restart finds everything as it is, and so does the next hour."""
    world = web()
    world.create(PDBS, budget(minAvailable=3))
    world.settle()
    world.writes()
    world.runners["disruption-controller"].start()
    world.run(3600)
    assert world.writes() == []


@pytest.mark.parametrize(
    ("spec", "desired"),
    [
        ({"minAvailable": 2}, 2),
        ({"minAvailable": 9}, 9),
        ({"minAvailable": "50%"}, 3),
        ({"maxUnavailable": 1}, 4),
        ({"maxUnavailable": "30%"}, 3),
        ({"maxUnavailable": 7}, 0),
        ({"maxUnavailable": "100%"}, 0),
    ],
)  # fmt: skip
def test_numbers_and_percentages(spec: dict[str, Any], desired: int) -> None:
    """Both bounds, whole or in percent of the controllers' scale, rounded up."""
    world = web(5)
    world.create(PDBS, budget(**spec))
    world.settle()
    assert numbers(world) == (5, 5, desired, max(5 - desired, 0))


def test_the_scale_counts_not_the_pods_that_are_there() -> None:
    """During a rollout two ReplicaSets of one Deployment count once, and a missing pod is missed."""
    world = web(4)
    world.create(PDBS, budget(maxUnavailable=1))
    world.edit(
        DEPLOYMENTS, "web",
        lambda obj: {**obj, "spec": {**obj["spec"], "template": workload(4, image="i:2")["spec"]["template"]}},
    )  # fmt: skip
    world.run(1)
    assert len({pod.owner for pod in world.pods()}) == 2
    assert numbers(world)[0] == 4
    world.roll_out()
    assert numbers(world) == (4, 4, 3, 1)


def test_without_pods_nothing_is_allowed_and_an_event_says_so() -> None:
    """Said twice, by the sync after the budget's creation and by that after its own status."""
    world = World(CONTROLLERS)
    world.create(PDBS, budget(minAvailable=0))
    world.settle()
    assert numbers(world) == (0, 0, 0, 0)
    assert status(world)["conditions"] == [("DisruptionAllowed", "False", "InsufficientPods", "")]
    assert world.events() == [("Normal", "NoPods", "No matching pods found", 2)]


def test_pods_of_no_controller_are_not_counted_in_percent() -> None:
    """An UnmanagedPods warning tells what to write instead."""
    world = World(CONTROLLERS)
    world.create(PODS, {"metadata": {"name": "bare", "labels": {"app": "web"}}, "spec": BARE})
    world.create(PDBS, budget(maxUnavailable="50%"))
    world.settle()
    assert numbers(world) == (0, 0, 0, 0)
    assert world.messages("UnmanagedPods")[0] == (
        "Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: web,},"
        "MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged. As a result, the status of the "
        "PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please "
        'set ".spec.minAvailable" field of the PDB to an integer value.'
    )


BARE: dict[str, Any] = {"containers": [{"name": "c", "image": "i"}]}


def test_pods_of_a_controller_without_scale_cannot_be_counted() -> None:
    """A Job has none: SyncFailed, and nothing may be evicted."""
    world = World([*CONTROLLERS, "job-controller"])
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {**BARE, "restartPolicy": "Never"}}
    world.create(JOBS, {"metadata": {"name": "j"}, "spec": {"template": template}})
    world.settle()
    world.all_ready()
    world.create(PDBS, budget(maxUnavailable=1))
    world.settle()
    why = "jobs.batch does not implement the scale subresource"
    assert status(world)["conditions"] == [("DisruptionAllowed", "False", "SyncFailed", why)]
    assert status(world)["disruptionsAllowed"] == 0
    assert world.messages("CalculateExpectedPodCountFailed") == [
        f"Failed to calculate the number of expected pods: {why}"
    ]


def test_two_budgets_for_a_pod_are_told() -> None:
    """The pod gets a warning; both budgets are counted."""
    world = web(1)
    world.create(PDBS, budget("a", minAvailable=0))
    world.create(PDBS, budget("b", minAvailable=0))
    world.settle()
    world.spec(DEPLOYMENTS, "web", replicas=2)
    world.roll_out()
    assert numbers(world, "a") == numbers(world, "b") == (2, 2, 0, 2)
    (message,) = world.messages("MultiplePodDisruptionBudgets")
    assert message.endswith('matches multiple PodDisruptionBudgets.  Chose "a" arbitrarily.')


def test_evictions_spend_the_budget_until_other_pods_are_ready() -> None:
    """One goes, the next is refused in Kubernetes' words; once the replacement is ready there is room again."""
    world = web(3)
    world.create(PDBS, budget(minAvailable=2))
    world.settle()
    first, second, _ = world.pods()
    world.api.evict(USER, "default", first.name)
    with pytest.raises(TooManyRequests) as refused:
        world.api.evict(USER, "default", second.name)
    assert refused.value.message == "Cannot evict pod as it would violate the pod's disruption budget."
    world.settle()
    with pytest.raises(TooManyRequests) as refused:
        world.api.evict(USER, "default", second.name)
    assert [cause.message for cause in refused.value.causes] == [
        "The disruption budget pdb needs 2 healthy pods and has 2 currently"
    ]
    assert "disruptedPods" not in status(world)
    assert numbers(world)[1:] == (2, 2, 0)
    world.roll_out()
    assert numbers(world) == (3, 3, 2, 1)
    world.api.evict(USER, "default", second.name)


def test_a_budget_that_was_not_counted_yet_refuses() -> None:
    """Its generation has not been observed: 429, and when to come again."""
    world = web(3)
    world.create(PDBS, budget(minAvailable=1))
    with pytest.raises(TooManyRequests) as refused:
        world.api.evict(USER, "default", world.pods()[0].name)
    assert refused.value.retry_after == 10
    assert [cause.message for cause in refused.value.causes] == [
        "The disruption budget pdb is still being processed by the server."
    ]


def test_a_pod_that_was_not_deleted_counts_again_after_two_minutes() -> None:
    """disruptedPods holds it back, then lets it go with a warning."""
    world = web(3)
    world.create(PDBS, budget(minAvailable=1))
    world.settle()
    env = world.api.get(PDBS, "default", "pdb")
    name = world.pods()[0].name
    spent = {**env.obj["status"], "disruptionsAllowed": 1, "disruptedPods": {name: rfc3339(world.clock.now())}}
    world.api.update_status(USER, env, spent)
    world.run(1)
    assert status(world)["disruptedPods"].keys() == {name}
    assert numbers(world) == (3, 2, 1, 1)
    world.run(118)
    assert numbers(world) == (3, 2, 1, 1)
    world.run(3)
    assert numbers(world) == (3, 3, 1, 2)
    assert "disruptedPods" not in status(world)
    assert world.messages("NotDeleted") == ["Pod was expected by PDB default/default to be deleted but it wasn't"]


def test_a_stale_disruption_target_is_taken_back() -> None:
    """After two minutes, unless the kubelet itself ends the pod."""
    world = web(2)
    stamp = rfc3339(world.clock.now())
    for pod, reason in zip(world.pods(), ("EvictionByEvictionAPI", "TerminationByKubelet"), strict=True):
        condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "lastTransitionTime": stamp}
        conditions = [*pod.obj["status"]["conditions"], condition]
        world.api.update_status(KUBELET, pod, {**pod.obj["status"], "conditions": conditions})
    world.run(119)
    assert _targets(world) == ["True", "True"]
    world.run(2)
    assert _targets(world) == ["False", "True"]
    world.writes()
    world.run(600)
    assert world.writes() == []


def _targets(world: World) -> list[str]:
    return [c["status"] for p in world.pods() for c in p.obj["status"]["conditions"] if c["type"] == "DisruptionTarget"]


def test_pods_that_only_change_their_status_cost_nothing() -> None:
    """Budgets are looked at when a pod comes, goes, is relabelled or changes its readiness; not otherwise."""
    world = web(1)
    world.create(PDBS, budget(minAvailable=1))
    world.settle()
    controller = world.runners["disruption-controller"].controller
    assert isinstance(controller, DisruptionController)
    watch = controller.watches()[1]
    world.log.clear()
    world.report(world.pods()[0], restarts=3)
    assert [list(watch.keys(event)) for event in world.log if event.now.key.resource == PODS] == [[]]
    world.log.clear()
    world.report(world.pods()[0], ready=False)
    assert [list(watch.keys(event)) for event in world.log if event.now.key.resource == PODS] == [[("default", "pdb")]]
    world.settle()
    assert numbers(world) == (1, 0, 1, 0)


def test_a_large_budget_gathers_changes() -> None:
    """Of 1,000 pods: what happens within 200 ms is counted once, and nothing is missed."""
    world = web(1000)
    world.create(PDBS, budget(maxUnavailable="10%"))
    world.run(1)
    assert numbers(world) == (1000, 1000, 900, 100)
    world.writes()
    for pod in world.pods()[:30]:
        world.report(pod, ready=False)
        world.run(0.005)
    world.run(1)
    assert numbers(world) == (1000, 970, 900, 70)
    assert len(world.writes(PDBS)) == 1
