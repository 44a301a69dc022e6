"""Namespaces that are deleted: emptied in two passes, told by conditions, then let go."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import CONFIGMAPS, EVENTS, NAMESPACES, PODS, SERVICEACCOUNTS
from tests.engine.controllers.world import USER, World

POD: dict[str, Any] = {
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i"}], "terminationGracePeriodSeconds": 30},
}


def doomed() -> World:
    """A namespace `team` with a ConfigMap."""
    world = World(["namespace-controller"])
    world.namespace("team")
    world.create(CONFIGMAPS, {"metadata": {"name": "settings"}}, "team")
    return world


def conditions(world: World) -> dict[str, tuple[str, str, str]]:
    status = world.api.get(NAMESPACES, "", "team").obj["status"]
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}


def test_a_namespace_that_stays_is_left_alone() -> None:
    """Nothing is written about a namespace that nobody deletes."""
    world = doomed()
    world.writes()
    world.run(600)
    assert world.writes() == []


def test_content_goes_and_then_the_namespace() -> None:
    """Five seconds after the deletion everything in it and the namespace itself are gone; others are untouched."""
    world = doomed()
    world.create(CONFIGMAPS, {"metadata": {"name": "settings"}}, "default")
    world.api.delete(USER, NAMESPACES, "", "team")
    world.run(4.9)
    assert world.api.find(CONFIGMAPS, "team", "settings") is not None
    world.run(0.2)
    assert world.api.find(CONFIGMAPS, "team", "settings") is None
    assert world.api.find(NAMESPACES, "", "team") is None
    assert world.api.find(CONFIGMAPS, "default", "settings") is not None


def test_pods_go_first_and_get_their_grace() -> None:
    """While a pod terminates the rest stays, and the conditions say what remains; looked at again in 5 s steps."""
    world = doomed()
    world.create(PODS, POD, "team")
    world.api.bind(USER, "team", "p", "node-1")
    world.api.delete(USER, NAMESPACES, "", "team")
    world.run(6)
    assert "deletionTimestamp" in world.api.get(PODS, "team", "p").obj["metadata"]
    assert world.api.find(CONFIGMAPS, "team", "settings") is not None
    assert conditions(world) == {
        "NamespaceDeletionDiscoveryFailure": ("False", "ResourcesDiscovered", "All resources successfully discovered"),
        "NamespaceDeletionGroupVersionParsingFailure": (
            "False", "ParsedGroupVersions", "All legacy kube types successfully parsed",
        ),
        "NamespaceDeletionContentFailure": (
            "False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization",
        ),
        "NamespaceContentRemaining": (
            "True", "SomeResourcesRemain", "Some resources are remaining: pods. has 1 resource instances",
        ),
        "NamespaceFinalizersRemaining": (
            "False", "ContentHasNoFinalizers", "All content-preserving finalizers finished",
        ),
    }  # fmt: skip
    world.gone("p", "team")
    world.run(16)
    assert world.api.find(NAMESPACES, "", "team") is None


def test_finalizers_are_waited_for() -> None:
    """Content with a finalizer keeps the namespace, which says how many and which; it goes when they do."""
    world = doomed()
    world.create(CONFIGMAPS, {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}, "team")
    world.api.delete(USER, NAMESPACES, "", "team")
    world.run(60)
    found = conditions(world)
    assert found["NamespaceContentRemaining"][2] == (
        "Some resources are remaining: configmaps. has 1 resource instances"
    )
    assert found["NamespaceFinalizersRemaining"] == (
        "True", "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
    )  # fmt: skip
    world.edit(
        CONFIGMAPS, "held", lambda o: {**o, "metadata": {**o["metadata"], "finalizers": []}}, namespace="team"
    )  # fmt: skip
    world.run(20)
    assert world.api.find(NAMESPACES, "", "team") is None


def test_many_objects_go_in_steps() -> None:
    """Hundreds of objects of several kinds go at one instant of cluster time."""
    world = doomed()
    for number in range(120):
        world.create(CONFIGMAPS, {"metadata": {"name": f"c{number}"}}, "team")
        world.create(SERVICEACCOUNTS, {"metadata": {"name": f"s{number}"}}, "team")
        world.create(EVENTS, {"metadata": {"name": f"e{number}"}, "involvedObject": {"namespace": "team"}}, "team")
    world.api.delete(USER, NAMESPACES, "", "team")
    world.run(5)
    assert world.api.find(NAMESPACES, "", "team") is None
    assert world.store.list(EVENTS, "team") == []
