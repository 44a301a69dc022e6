"""ReplicationController: the same as a ReplicaSet, with an older face."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import EVENTS, PODS, REPLICATIONCONTROLLERS
from tests.engine.controllers.world import World

OLD: dict[str, Any] = {
    "metadata": {"name": "old"},
    "spec": {
        "replicas": 2,
        "template": {"metadata": {"labels": {"app": "old"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    },
}


@pytest.fixture
def world() -> World:
    return World(["replicationcontroller-controller"])


def test_makes_pods_by_its_template_labels(world: World) -> None:
    """Without a selector it is the template's labels; pods are owned, and events come from `replication-controller`."""
    world.create(REPLICATIONCONTROLLERS, OLD)
    world.settle()
    pods = world.pods()
    assert len(pods) == 2
    assert all(pod.obj["metadata"]["ownerReferences"][0]["kind"] == "ReplicationController" for pod in pods)
    assert sorted(world.messages("SuccessfulCreate")) == sorted(f"Created pod: {pod.name}" for pod in pods)
    assert {env.obj["source"]["component"] for env in world.store.list(EVENTS)} == {"replication-controller"}


def test_status_has_no_terminating_figure(world: World) -> None:
    """Its status is that of a ReplicaSet without terminatingReplicas."""
    world.create(REPLICATIONCONTROLLERS, OLD)
    world.run(1)
    world.all_ready()
    world.run(1)
    assert world.api.get(REPLICATIONCONTROLLERS, "default", "old").obj["status"] == {
        "replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 1,
    }  # fmt: skip


def test_does_nothing_when_all_is_well(world: World) -> None:
    """With the right number of pods nothing is written."""
    world.create(REPLICATIONCONTROLLERS, OLD)
    world.run(1)
    world.writes()
    world.run(3600)
    assert world.writes() == []


def test_adopts_and_releases(world: World) -> None:
    """A matching orphan is adopted; a pod that is relabelled is let go and replaced."""
    world.create(
        PODS, {"metadata": {"name": "stray", "labels": {"app": "old"}}, "spec": OLD["spec"]["template"]["spec"]}
    )
    world.create(REPLICATIONCONTROLLERS, OLD)
    world.run(1)
    assert len(world.pods()) == 2
    world.edit(PODS, "stray", lambda o: {**o, "metadata": {**o["metadata"], "labels": {"app": "x"}}})
    world.run(1)
    assert world.api.get(PODS, "default", "stray").owner is None
    assert len(world.pods()) == 3


def test_scales_down(world: World) -> None:
    """Fewer replicas: the surplus goes."""
    world.create(REPLICATIONCONTROLLERS, OLD)
    world.run(1)
    world.spec(REPLICATIONCONTROLLERS, "old", replicas=1)
    world.run(1)
    assert len(world.pods()) == 1
