"""ReplicaSet: world → one step → expected writes, and stories on virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import PODS, REPLICASETS
from tests.engine.controllers.world import USER, World, workload

STRAY: dict[str, Any] = {
    "metadata": {"name": "stray", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


def status(world: World, name: str = "web") -> dict[str, Any]:
    return dict(world.api.get(REPLICASETS, "default", name).obj["status"])


def test_creates_what_is_missing(sets: World) -> None:
    """Three pods are asked for: three are made, named, labelled and owned, and an event tells of each."""
    sets.create(REPLICASETS, workload(3))
    sets.settle()
    pods = sets.pods()
    assert [pod.obj["metadata"]["ownerReferences"][0]["name"] for pod in pods] == ["web"] * 3
    assert all(pod.labels == {"app": "web"} and pod.name.startswith("web-") for pod in pods)
    assert sorted(sets.messages("SuccessfulCreate")) == sorted(f"Created pod: {pod.name}" for pod in pods)
    assert status(sets) == {
        "replicas": 3, "fullyLabeledReplicas": 3, "terminatingReplicas": 0, "observedGeneration": 1,
    }  # fmt: skip


def test_does_nothing_when_all_is_well(sets: World) -> None:
    """With the right number of pods and the status written, nothing more happens."""
    sets.create(REPLICASETS, workload(3))
    sets.run(10)
    sets.writes()
    sets.run(3600)
    assert sets.writes() == []


def test_counts_ready_and_available(sets: World) -> None:
    """Ready pods without minReadySeconds are available at once."""
    sets.create(REPLICASETS, workload(2))
    sets.settle()
    sets.report(sets.pods()[0])
    sets.run(1)
    assert status(sets)["readyReplicas"] == 1
    assert status(sets)["availableReplicas"] == 1


def test_min_ready_seconds_delays_availability(sets: World) -> None:
    """With minReadySeconds a pod is available that much later, and nobody needs to remind the controller."""
    sets.create(REPLICASETS, workload(1, minReadySeconds=30))
    sets.settle()
    sets.report(sets.pods()[0])
    sets.run(29.9)
    assert "availableReplicas" not in status(sets)
    sets.run(0.2)
    assert status(sets)["availableReplicas"] == 1


def test_replaces_a_pod_that_is_being_deleted(sets: World) -> None:
    """A terminating pod does not count: another takes its place at once, and it is counted as terminating."""
    sets.create(REPLICASETS, workload(2))
    sets.run(1)
    sets.api.bind(USER, "default", sets.pods()[0].name, "node-1")
    sets.api.delete(USER, PODS, "default", sets.pods()[0].name)
    sets.run(1)
    assert len(sets.live_pods()) == 2
    assert len(sets.pods()) == 3
    assert status(sets)["terminatingReplicas"] == 1


def test_replaces_a_finished_pod(sets: World) -> None:
    """A failed pod stays, and is replaced."""
    sets.create(REPLICASETS, workload(1))
    sets.settle()
    sets.report(sets.pods()[0], ready=False, phase="Failed")
    sets.run(1)
    assert len(sets.pods()) == 2
    assert status(sets)["replicas"] == 1


def test_deletes_pods_that_are_too_many(sets: World) -> None:
    """Scaled down, it gives up the pods that are not ready, and says so."""
    sets.create(REPLICASETS, workload(4))
    sets.settle()
    ready = sets.pods()[1:3]
    for pod in ready:
        sets.report(pod)
    sets.spec(REPLICASETS, "web", replicas=2)
    sets.run(1)
    assert [pod.name for pod in sets.live_pods()] == [pod.name for pod in ready]
    assert len(sets.messages("SuccessfulDelete")) == 2


def test_scales_down_hundreds_in_steps(sets: World) -> None:
    """A scale down of many pods takes many steps at one instant, and ends at the number asked for."""
    sets.create(REPLICASETS, workload(300))
    sets.run(1)
    sets.spec(REPLICASETS, "web", replicas=7)
    before = sets.elapsed
    sets.settle()
    assert len(sets.live_pods()) == 7
    assert sets.elapsed == before


def test_adopts_matching_orphans(sets: World) -> None:
    """A pod that matches and belongs to nobody is taken up, and counts."""
    sets.create(PODS, STRAY)
    sets.create(REPLICASETS, workload(1))
    sets.settle()
    (pod,) = sets.pods()
    assert pod.name == "stray"
    assert pod.owner is not None


def test_adopts_a_later_orphan_and_drops_the_surplus(sets: World) -> None:
    """An orphan that comes later is adopted, and one pod too many is deleted."""
    sets.create(REPLICASETS, workload(1))
    sets.run(1)
    sets.create(PODS, STRAY)
    sets.run(1)
    assert len(sets.live_pods()) == 1


def test_releases_a_pod_whose_labels_changed(sets: World) -> None:
    """Quarantined by a label, a pod is given up and replaced."""
    sets.create(REPLICASETS, workload(1))
    sets.run(1)
    name = sets.pods()[0].name
    sets.edit(PODS, name, lambda o: {**o, "metadata": {**o["metadata"], "labels": {"app": "quarantine"}}})
    sets.run(1)
    pods = {pod.name: pod for pod in sets.pods()}
    assert pods[name].owner is None
    assert len(pods) == 2


def test_a_refusal_is_told_once_and_backs_off(sets: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While creation is refused: one try per attempt, a FailedCreate event, ReplicaFailure; it heals by itself."""
    tries = sets.refuse_pods(monkeypatch)
    sets.create(REPLICASETS, workload(5))
    sets.run(1)
    assert tries == pytest.approx([0, 0.005, 0.015, 0.035, 0.075, 0.155, 0.315, 0.635])
    failure = status(sets)["conditions"][0]
    assert (failure["type"], failure["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert failure["message"] == 'pods "web-" is forbidden: exceeded quota: q'
    assert sets.events("FailedCreate") == [
        ("Warning", "FailedCreate", 'Error creating: pods "web-" is forbidden: exceeded quota: q', 8)
    ]
    monkeypatch.undo()
    sets.run(2)
    assert len(sets.pods()) == 5
    assert "conditions" not in status(sets)


def test_ten_thousand_pods_make_few_status_writes(sets: World) -> None:
    """Two thousand pods that report over two seconds cost at most one status write per 50 ms."""
    sets.create(REPLICASETS, workload(2000))
    sets.run(1)
    sets.writes()
    for pod in sets.pods():
        sets.report(pod)
        sets.run(0.001)
    sets.run(1)
    assert status(sets)["availableReplicas"] == 2000
    assert len(sets.writes(REPLICASETS)) <= 2 / 0.05 + 2
