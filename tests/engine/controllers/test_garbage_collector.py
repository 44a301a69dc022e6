"""Garbage collection by owner: background, foreground, orphans, absent and invalid owners."""

from __future__ import annotations

from typing import Literal

import pytest

from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS, REPLICASETS
from engine.api.server import DeleteOptions
from store.types import Envelope, JsonObject
from tests.engine.controllers.world import USER, World, workload


@pytest.fixture
def world() -> World:
    """Only the collector is served."""
    return World(["garbage-collector-controller"])


def reference(owner: Envelope, block: bool = False) -> JsonObject:
    ref: JsonObject = {
        "apiVersion": owner.obj["apiVersion"], "kind": owner.obj["kind"], "name": owner.name, "uid": owner.uid,
    }  # fmt: skip
    return {**ref, "blockOwnerDeletion": True} if block else ref


def owned(world: World, name: str, *owners: Envelope, block: bool = False, **meta: object) -> Envelope:
    """A ConfigMap with these owners."""
    refs = [reference(owner, block) for owner in owners]
    return world.create(CONFIGMAPS, {"metadata": {"name": name, "ownerReferences": refs, **meta}})


def names(world: World) -> list[str]:
    return [env.name for env in world.store.list(CONFIGMAPS)]


def delete(
    world: World, name: str, how: Literal["Background", "Foreground", "Orphan"] = "Background"
) -> None:  # fmt: skip
    world.api.delete(USER, CONFIGMAPS, "default", name, DeleteOptions(propagation=how))


def test_dependents_go_with_their_owner(world: World) -> None:
    """In the background, through several generations, and nothing else goes."""
    root = owned(world, "root")
    child = owned(world, "child", root)
    owned(world, "grandchild", child)
    owned(world, "stranger")
    world.settle()
    delete(world, "root")
    world.settle()
    assert names(world) == ["stranger"]


def test_does_nothing_while_owners_live(world: World) -> None:
    """Owned objects whose owners exist are not touched, at the start or later."""
    root = owned(world, "root")
    owned(world, "child", root)
    world.settle()
    world.writes()
    world.run(3600)
    assert world.writes() == []


def test_another_owner_keeps_it(world: World) -> None:
    """With one owner gone and one left, only the reference goes."""
    first, second = owned(world, "first"), owned(world, "second")
    owned(world, "child", first, second)
    delete(world, "first")
    world.settle()
    refs = world.api.get(CONFIGMAPS, "default", "child").obj["metadata"]["ownerReferences"]
    assert [ref["name"] for ref in refs] == ["second"]


def test_an_owner_that_never_was(world: World) -> None:
    """A reference to a uid that does not exist, or that another object bears the name of, counts as gone."""
    root = owned(world, "root")
    ref = {**reference(root), "uid": "00000000-0000-4000-8000-000000000000"}
    world.create(CONFIGMAPS, {"metadata": {"name": "child", "ownerReferences": [ref]}})
    world.settle()
    assert names(world) == ["root"]


def test_foreground_waits_for_blocking_dependents(world: World) -> None:
    """The owner stays, marked, until the dependent that blocks it is gone."""
    root = owned(world, "root")
    owned(world, "child", root, block=True, finalizers=["example.com/hold"])
    delete(world, "root", "Foreground")
    world.run(1)
    assert names(world) == ["child", "root"]
    assert world.api.get(CONFIGMAPS, "default", "root").obj["metadata"]["finalizers"] == ["foregroundDeletion"]
    world.edit(CONFIGMAPS, "child", lambda o: {**o, "metadata": {**o["metadata"], "finalizers": []}})
    world.run(1)
    assert names(world) == []


def test_foreground_goes_down_the_generations(world: World) -> None:
    """Deployment, ReplicaSet and pods: the lowest go first, the top goes last."""
    root = owned(world, "root")
    child = owned(world, "child", root, block=True)
    owned(world, "grandchild", child, block=True)
    world.settle()
    world.writes()
    delete(world, "root", "Foreground")
    world.run(2)
    gone = [line.rsplit("/", 1)[1] for line in world.writes(CONFIGMAPS) if line.startswith("DELETED")]
    assert gone == ["grandchild", "child", "root"]


def test_foreground_does_not_wait_for_others(world: World) -> None:
    """A dependent that does not block is deleted, but not waited for."""
    root = owned(world, "root")
    owned(world, "child", root, finalizers=["example.com/hold"])
    delete(world, "root", "Foreground")
    world.run(1)
    assert names(world) == ["child"]
    assert "deletionTimestamp" in world.api.get(CONFIGMAPS, "default", "child").obj["metadata"]


def test_a_circle_ends(world: World) -> None:
    """Two objects that own each other are both deleted."""
    first = owned(world, "first")
    second = owned(world, "second", first, block=True)
    world.edit(
        CONFIGMAPS,
        "first",
        lambda o: {**o, "metadata": {**o["metadata"], "ownerReferences": [reference(second, True)]}},
    )
    delete(world, "first", "Foreground")
    world.run(2)
    assert names(world) == []


def test_orphans_are_set_free(world: World) -> None:
    """With Orphan the owner goes and its dependents stay, without the reference."""
    root = owned(world, "root")
    for number in range(60):
        owned(world, f"child-{number:02}", root)
    delete(world, "root", "Orphan")
    world.run(1)
    assert len(names(world)) == 60
    assert all("ownerReferences" not in env.obj["metadata"] for env in world.store.list(CONFIGMAPS))


def test_an_owner_in_another_namespace_is_invalid(world: World) -> None:
    """The event names the reference; the dependent goes, as if its owner were absent."""
    world.create(NAMESPACES, {"metadata": {"name": "other"}}, "")
    owner = world.create(CONFIGMAPS, {"metadata": {"name": "root"}}, "other")
    world.create(CONFIGMAPS, {"metadata": {"name": "child", "ownerReferences": [reference(owner)]}})
    world.settle()
    assert names(world) == ["root"]
    assert world.events() == [
        (
            "Warning", "OwnerRefInvalidNamespace",
            f"ownerRef [v1/ConfigMap, namespace: default, name: root, uid: {owner.uid}] "
            'does not exist in namespace "default"',
            1,
        )
    ]  # fmt: skip


def test_a_cluster_scoped_dependent_of_a_namespaced_owner_stays(world: World) -> None:
    """Such a reference can never be valid, so nothing is concluded from it."""
    ref = {**reference(owned(world, "root")), "uid": "00000000-0000-4000-8000-000000000000"}
    world.create(NODES, {"metadata": {"name": "n", "ownerReferences": [ref]}}, "")
    world.settle()
    assert world.api.find(NODES, "", "n") is not None


def test_a_deployment_takes_its_pods_along() -> None:
    """Deleting a Deployment deletes its ReplicaSets and their pods; nothing makes them anew."""
    world = World(["garbage-collector-controller", "deployment-controller", "replicaset-controller"])
    world.create(DEPLOYMENTS, workload(200))
    world.roll_out()
    world.api.delete(USER, DEPLOYMENTS, "default", "web")
    world.run(5)
    assert world.store.list(REPLICASETS) == []
    assert world.store.list(PODS) == []
