"""Deleting: grace, finalizers, propagation and preconditions as Kubernetes' registry has them."""

from __future__ import annotations

import pytest

from engine.api.errors import Conflict, Forbidden, NotFound
from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS, JOBS, NAMESPACES, PODS
from store.types import JsonObject, Uid
from tests.engine.api.door import COMPONENT, PERSON, Door

CONFIG: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}


def config(door: Door, **meta: object) -> JsonObject:
    return {**CONFIG, "metadata": {"name": "c", **meta}}


def test_what_nothing_holds_is_gone_at_once(door: Door) -> None:
    """A ConfigMap without finalizers leaves with one revision."""
    env = door.create(config(door))
    assert door.delete(env) is None
    assert door.events(CONFIGMAPS) == [("ADDED", "c"), ("DELETED", "c")]


def test_a_running_pod_is_given_its_grace(door: Door) -> None:
    """The pod is marked: deletionTimestamp lies in the future by its grace, generation counts it."""
    env = door.pod(node="n1")
    marked = door.delete(env)
    assert marked is not None
    meta = marked.obj["metadata"]
    assert meta["deletionTimestamp"] == "2026-11-23T09:00:30Z"
    assert (meta["deletionGracePeriodSeconds"], meta["generation"]) == (30, 2)


def test_an_unscheduled_pod_has_no_grace(door: Door) -> None:
    """It runs nowhere, so it goes at once; watchers see it marked first, as from Kubernetes."""
    env = door.pod()
    assert door.delete(env) is None
    assert door.events() == [("ADDED", "p"), ("MODIFIED", "p"), ("DELETED", "p")]


def test_an_ended_pod_has_no_grace(door: Door) -> None:
    """A pod that succeeded goes at once, wherever it was."""
    env = door.pod(node="n1")
    env = door.api.update_status(COMPONENT, env, {**env.obj["status"], "phase": "Succeeded"})
    assert door.delete(env) is None


def test_a_second_delete_changes_nothing(door: Door) -> None:
    """While grace runs, deleting again writes nothing."""
    env = door.pod(node="n1")
    marked = door.delete(env)
    door.wait(10)
    assert door.delete(env) is marked
    assert door.delete(env, grace_period_seconds=60) is marked


def test_a_second_delete_may_shorten_grace(door: Door) -> None:
    """The new end counts from the first delete."""
    env = door.pod(node="n1")
    door.delete(env)
    door.wait(4)
    marked = door.delete(env, grace_period_seconds=5)
    assert marked is not None
    assert marked.obj["metadata"]["deletionTimestamp"] == "2026-11-23T09:00:05Z"
    assert marked.obj["metadata"]["generation"] == 2


@pytest.mark.parametrize("first", [True, False])
def test_force_takes_a_pod_away(door: Door, first: bool) -> None:
    """Grace 0 removes a running pod, marked before or not."""
    env = door.pod(node="n1")
    if first:
        door.delete(env)
    assert door.delete(env, grace_period_seconds=0) is None
    assert door.gone(env)


def test_finalizers_hold_an_object(door: Door) -> None:
    """It is marked with grace 0, stays, and goes with its last finalizer in one revision."""
    env = door.create(config(door, finalizers=["example.com/a", "example.com/b"]))
    marked = door.delete(env)
    assert marked is not None
    assert marked.obj["metadata"]["deletionGracePeriodSeconds"] == 0
    assert door.delete(env) is marked
    door.events(CONFIGMAPS)
    for left in (["example.com/b"], []):
        obj = door.now(env)
        door.api.update(
            COMPONENT, CONFIGMAPS, "default", "c", {**obj, "metadata": {**obj["metadata"], "finalizers": left}}
        )
    assert door.gone(env)
    assert door.events(CONFIGMAPS) == [("MODIFIED", "c"), ("DELETED", "c")]


def test_a_pod_with_finalizers_waits_for_both(door: Door) -> None:
    """Its grace ends first, then its finalizers go."""
    env = door.pod(node="n1", finalizers=["example.com/a"])
    door.delete(env)
    left = door.delete(env, grace_period_seconds=0)
    assert left is not None
    obj = left.obj
    meta = {k: v for k, v in obj["metadata"].items() if k != "finalizers"}
    door.api.update(COMPONENT, PODS, "default", "p", {**obj, "metadata": meta})
    assert door.gone(env)


def test_no_new_finalizers_while_going(door: Door) -> None:
    """A finalizer that was not there may not be added any more."""
    env = door.create(config(door, finalizers=["example.com/a"]))
    door.delete(env)
    obj = door.now(env)
    obj = {**obj, "metadata": {**obj["metadata"], "finalizers": ["example.com/a", "example.com/b"]}}
    with pytest.raises(Exception, match="no new finalizers can be added if the object is being deleted"):
        door.api.update(PERSON, CONFIGMAPS, "default", "c", obj)


@pytest.mark.parametrize(
    ("propagation", "finalizers"), [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])]
)
def test_propagation_becomes_a_finalizer(door: Door, propagation: str, finalizers: list[str]) -> None:
    """The garbage collector finds there what to do with the dependents."""
    env = door.create(config(door))
    marked = door.delete(env, propagation=propagation)
    assert marked is not None
    assert marked.obj["metadata"]["finalizers"] == finalizers


def test_a_later_policy_replaces_the_earlier(door: Door) -> None:
    """Foreground, then Background: the finalizer goes, and the object with it."""
    env = door.create(config(door))
    door.delete(env, propagation="Foreground")
    assert door.delete(env, propagation="Background") is None


def test_jobs_orphan_by_default(door: Door) -> None:
    """For old clients' sake, a Job deleted without a policy keeps its pods."""
    env = door.api.create(COMPONENT, JOBS, "default", {
        "metadata": {"name": "j"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}},
    })  # fmt: skip
    marked = door.delete(env)
    assert marked is not None
    assert marked.obj["metadata"]["finalizers"] == ["orphan"]


def test_preconditions(door: Door) -> None:
    """A delete that means another object or another state is a Conflict."""
    env = door.create(config(door))
    with pytest.raises(
        Conflict, match=r'on ConfigMap "c": the UID in the precondition \(x\) does not match the UID in record'
    ):
        door.delete(env, uid=Uid("x"))
    with pytest.raises(Conflict, match=r"the ResourceVersion in the precondition \(1\) does not match"):
        door.delete(env, resource_version="1")
    assert door.delete(env, uid=env.uid, resource_version=str(env.revision)) is None


def test_the_systems_priority_classes_stay(door: Door) -> None:
    """They cannot be deleted; others can."""
    head = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
    system = door.create({**head, "metadata": {"name": "system-node-critical"}, "value": 2_000_001_000})
    mine = door.create({**head, "metadata": {"name": "mine"}, "value": 1})
    with pytest.raises(Forbidden, match="this is a system priority class and cannot be deleted"):
        door.delete(system)
    assert door.delete(mine) is None


def test_deleting_nothing_is_not_found(door: Door) -> None:
    """As Kubernetes says it."""
    with pytest.raises(NotFound, match=r'deployments.apps "x" not found'):
        door.api.delete(PERSON, DEPLOYMENTS, "default", "x")


def test_a_dry_run_deletes_nothing(door: Door) -> None:
    """It answers as if, and writes no revision."""
    env = door.create(config(door))
    pod = door.pod(node="n1")
    before = door.store.revision
    assert door.delete(env, dry_run=True) is None
    marked = door.delete(pod, dry_run=True)
    assert marked is not None
    assert "deletionTimestamp" in marked.obj["metadata"]
    assert door.store.revision == before


def test_deletecollection_takes_what_matches(door: Door) -> None:
    """Only what the selector means is deleted."""
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "2"}), ("c", {"x": "1"})):
        door.create({**CONFIG, "metadata": {"name": name, "labels": labels}})
    found = door.api.delete_collection(PERSON, CONFIGMAPS, "default", labels="x=1")
    assert [env.name for env in found.items] == ["a", "c"]
    assert [env.name for env in door.store.list(CONFIGMAPS)] == ["b"]


def test_a_namespace_ends_in_two_steps(door: Door) -> None:
    """Deleting makes it Terminating and closed to new objects; finalize takes it away."""
    env = door.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    assert env.obj["spec"] == {"finalizers": ["kubernetes"]}
    assert env.obj["status"] == {"phase": "Active"}
    assert env.labels == {"kubernetes.io/metadata.name": "shop"}
    marked = door.delete(env)
    assert marked is not None
    assert marked.obj["status"]["phase"] == "Terminating"
    assert "deletionGracePeriodSeconds" not in marked.obj["metadata"]
    error = door.refusal({**CONFIG, "metadata": {"name": "c", "namespace": "shop"}})
    assert isinstance(error, Forbidden)
    assert error.message == (
        'configmaps "c" is forbidden: unable to create new content in namespace shop because it is being terminated'
    )
    assert error.causes[0].reason == "NamespaceTerminating"
    assert door.delete(env) is marked
    door.api.update(COMPONENT, NAMESPACES, "", "shop", {**marked.obj, "spec": {}}, subresource="finalize")
    assert door.gone(env)


def test_some_namespaces_may_not_be_deleted(door: Door) -> None:
    """The cluster could not live without them."""
    with pytest.raises(Forbidden, match='namespaces "default" is forbidden: this namespace may not be deleted'):
        door.api.delete(PERSON, NAMESPACES, "", "default")
