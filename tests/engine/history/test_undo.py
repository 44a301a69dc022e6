"""Undo: each kind of write is taken back, with what followed from it, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.api.errors import ApiError
from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS
from engine.api.server import Caller, DeleteOptions
from engine.client import UndoPlan
from tests.engine.history.past_world import ADMIN, SERVICES, SHOP, STATEFULSETS, PastWorld, workload


@pytest.fixture
def world() -> PastWorld:
    world = PastWorld()
    world.create(DEPLOYMENTS, workload("Deployment", "web"))
    world.create(CONFIGMAPS, {"metadata": {"name": "config"}, "data": {"colour": "blue"}})
    world.run(20)
    return world


def plan(world: PastWorld) -> UndoPlan:
    deeds = world.past.deeds(None)
    assert deeds is not None
    return world.past.undo_plan(deeds)


def steps(world: PastWorld) -> list[tuple[str, str, str]]:
    return [(step.action, step.resource, step.name) for step in plan(world).steps]


def test_a_creation_is_deleted(world: PastWorld) -> None:
    """With everything that was made because of it."""
    world.create(DEPLOYMENTS, workload("Deployment", "api"))
    world.run(20)
    assert steps(world) == [("delete", "deployments.apps", "api")]
    world.undo()
    world.settle()
    assert world.names(DEPLOYMENTS) == ["web"]
    assert [name for name in world.names(PODS) if name.startswith("api")] == []


def test_an_edit_gets_back_what_it_changed_and_only_that(world: PastWorld) -> None:
    """Fields that somebody else wrote since stay, and the plan says where."""
    world.patch(CONFIGMAPS, "config", {"data": {"colour": "red", "size": "big"}})
    other = Caller("somebody", groups=ADMIN)
    world.api.patch(other, CONFIGMAPS, SHOP, "config", "merge", {"data": {"size": "huge", "shape": "round"}})
    (step,) = plan(world).steps
    assert [tuple(change) for change in step.changes] == [("data.colour", "red", "blue")]
    assert step.note == "changed since by others and kept: data.size"
    world.undo()
    assert world.get(CONFIGMAPS, "config")["data"] == {"colour": "blue", "size": "huge", "shape": "round"}


def test_a_scale_is_taken_back(world: PastWorld) -> None:
    """The pods follow."""
    world.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 5}}, subresource="scale")
    world.run(20)
    world.undo()
    world.settle()
    assert world.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 2
    assert len(world.names(PODS)) == 2


def test_a_deleted_workload_comes_back_and_makes_its_pods_anew(world: PastWorld) -> None:
    """A cascade is undone at its top: what controllers made is left to them."""
    before = world.declared()
    world.delete(DEPLOYMENTS, "web")
    world.settle()
    assert world.names(PODS) == []
    assert steps(world) == [("create", "deployments.apps", "web")]
    world.undo()
    world.settle()
    assert world.declared() == before
    assert world.get(DEPLOYMENTS, "web")["status"]["availableReplicas"] == 2


@pytest.mark.parametrize("wait", [0, 0.1, 90], ids=["at once", "while it terminates", "when all is gone"])
def test_a_deleted_namespace_comes_back_with_all_that_was_declared_in_it(world: PastWorld, wait: float) -> None:
    """Whenever it is undone: what is still terminating is put back when it is gone."""
    world.create(STATEFULSETS, workload("StatefulSet", "db", 1))
    world.create(SERVICES, {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})
    world.create(PODS, {"metadata": {"name": "bare"}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}})
    world.run(20)
    before = world.declared()
    world.delete(NAMESPACES, SHOP, "")
    world.run(wait)
    result = world.undo()
    assert result.problems == ()
    world.settle()
    world.settle()
    assert world.declared() == before
    assert {name[:3] for name in world.names(PODS)} == {"web", "db-", "bar"}
    assert all(world.get(PODS, name)["status"]["phase"] == "Running" for name in world.names(PODS))


def test_an_owner_and_its_uncontrolled_dependent_find_each_other_again(world: PastWorld) -> None:
    """The owner has another uid; the reference follows it."""
    owner = world.api.get(CONFIGMAPS, SHOP, "config")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "config", "uid": owner.uid}
    world.create(CONFIGMAPS, {"metadata": {"name": "leaf", "ownerReferences": [reference]}})
    world.run(1)
    world.delete(CONFIGMAPS, "config")
    world.run(5)
    assert "leaf" not in world.names(CONFIGMAPS)
    world.undo()
    world.run(30)
    uid = world.api.get(CONFIGMAPS, SHOP, "config").uid
    assert uid != owner.uid
    assert world.get(CONFIGMAPS, "leaf")["metadata"]["ownerReferences"] == [{**reference, "uid": uid}]


def test_orphans_are_adopted_by_the_workload_that_comes_back(world: PastWorld) -> None:
    """Nothing is made twice."""
    world.delete(DEPLOYMENTS, "web", options=DeleteOptions(propagation="Orphan"))
    world.run(10)
    pods = world.names(PODS)
    world.undo()
    world.settle()
    assert world.names(PODS) == pods


def test_a_drain_is_one_action(world: PastWorld) -> None:
    """The node takes pods again, and bare pods are there again."""
    world.create(PODS, {"metadata": {"name": "bare"}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}})
    world.run(10)
    before = world.declared()
    world.drain(world.get(PODS, "bare")["spec"]["nodeName"])
    world.settle()
    assert "bare" not in world.names(PODS)
    world.undo()
    world.settle()
    assert world.declared() == before
    assert not any(env.obj["spec"].get("unschedulable") for env in world.store.list(NODES))


def test_a_save_of_the_folder_is_one_action(tmp_path: Path) -> None:
    """What the file brought, changed and pruned is taken back; loading the folder at the start is not offered."""
    file = tmp_path / "all.yaml"
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: shop}\ndata: {a: '%s'}\n---\n"
    file.write_text(text % ("one", 1) + text % ("two", 1))
    world = PastWorld(tmp_path)
    folder = world.cluster.folder
    assert folder is not None
    assert world.past.deeds(None) is None
    before = world.declared()
    file.write_text(text % ("one", 2) + text % ("three", 1))
    folder.load(folder.watcher.read_all())
    world.run(5)
    assert sorted(steps(world)) == [
        ("change", "configmaps", "one"), ("create", "configmaps", "two"), ("delete", "configmaps", "three"),
    ]  # fmt: skip
    world.undo()
    world.run(5)
    assert world.declared() == before


def test_an_undo_is_undone(world: PastWorld) -> None:
    """And then the action counts as not undone: the next undo takes it back again."""
    world.patch(CONFIGMAPS, "config", {"data": {"colour": "red"}})
    undo = world.undo()
    assert world.get(CONFIGMAPS, "config")["data"] == {"colour": "blue"}
    assert [intent.undone for intent in world.past.intents(2)] == [False, True]
    world.undo(undo.intent)
    assert world.get(CONFIGMAPS, "config")["data"] == {"colour": "red"}
    world.undo()
    assert world.get(CONFIGMAPS, "config")["data"] == {"colour": "blue"}


def test_actions_are_undone_one_by_one(world: PastWorld) -> None:
    """Newest first."""
    for colour in ("red", "green"):
        world.patch(CONFIGMAPS, "config", {"data": {"colour": colour}})
    world.undo()
    assert world.get(CONFIGMAPS, "config")["data"] == {"colour": "red"}
    world.undo()
    assert world.get(CONFIGMAPS, "config")["data"] == {"colour": "blue"}


def test_what_is_gone_or_taken_is_kept_and_said(world: PastWorld) -> None:
    """Nothing is overwritten."""
    world.delete(CONFIGMAPS, "config")
    world.api.create(Caller("somebody", groups=ADMIN), CONFIGMAPS, SHOP, {"metadata": {"name": "config"}})
    (step,) = plan(world).steps
    assert (step.action, step.note) == ("keep", "another of that name is there")
    assert plan(world).empty
    world.undo()
    assert "data" not in world.get(CONFIGMAPS, "config")


Action = Callable[[PastWorld], None]
ACTIONS: dict[str, Action] = {
    "create": lambda w: w.create(DEPLOYMENTS, workload("Deployment", f"d{len(w.names(DEPLOYMENTS))}", 1)),
    "pod": lambda w: w.create(
        PODS, {"metadata": {"name": "bare"}, "spec": {"nodeName": "two", "containers": [{"name": "c", "image": "c:1"}]}}
    ),
    "edit": lambda w: w.patch(DEPLOYMENTS, "web", {"metadata": {"labels": {"n": str(w.store.revision)}}}),
    "image": lambda w: w.patch(
        DEPLOYMENTS, "web", {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:2"}]}}}}
    ),
    "scale": lambda w: w.patch(
        DEPLOYMENTS, "web", {"spec": {"replicas": 1 + w.store.revision % 4}}, subresource="scale"
    ),
    "delete": lambda w: w.delete(DEPLOYMENTS, "web"),
    "foreground": lambda w: w.delete(DEPLOYMENTS, "web", options=DeleteOptions(propagation="Foreground")),
    "config": lambda w: w.patch(CONFIGMAPS, "config", {"data": {"n": str(w.store.revision)}}),
    "unconfig": lambda w: w.delete(CONFIGMAPS, "config"),
    "drain": lambda w: w.drain("two"),
    "namespace": lambda w: w.delete(NAMESPACES, SHOP, ""),
    "save": lambda w: _save(w, _declared_by_folder(w.store.revision)),
    "remove": lambda w: _save(w, ""),
}
EACH_KIND = ("save", "create", "pod", "edit", "scale", "drain", "save", "delete", "remove", "namespace")
"""Each kind of write, a cascade of a Deployment and one of a namespace among them, in one sequence."""


def _save(world: PastWorld, text: str) -> None:
    """Save a file of the folder; without its namespace it would wait, and be applied when an undo brings that back."""
    world.get(NAMESPACES, SHOP, "")
    world.save(text)


def _declared_by_folder(number: int) -> str:
    """A Deployment that differs each time, and a ConfigMap that is in every other version."""
    labels = "{app: filed}"
    web = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: filed, namespace: {SHOP}}}
spec:
  replicas: {1 + number % 3}
  selector: {{matchLabels: {labels}}}
  template: {{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: c, image: "filed:{number}"}}]}}}}
"""
    words = (
        f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: words, namespace: {SHOP}}}\ndata: {{n: '{number}'}}\n"
    )
    return web + (words if number % 2 else "")


@settings(max_examples=12)
@example(EACH_KIND, False)
@example(("namespace",), True)
@given(st.lists(st.sampled_from(sorted(ACTIONS)), min_size=1, max_size=6), st.booleans())
def test_any_sequence_of_actions_is_undone_step_by_step(names: Sequence[str], hasty: bool) -> None:
    """After each undo what is declared is what was declared before the action, whatever else happened.

    `hasty`: the last action is undone while what it deleted is still terminating.
    """
    with TemporaryDirectory() as folder:
        world = PastWorld(Path(folder))
        world.create(DEPLOYMENTS, workload("Deployment", "web"))
        world.create(CONFIGMAPS, {"metadata": {"name": "config"}, "data": {"colour": "blue"}})
        world.settle()
        before = []
        for number, name in enumerate(names, 1):
            state, last = world.declared(), _last(world)
            try:
                ACTIONS[name](world)
            except ApiError:
                continue  # what it is about was deleted by an earlier one
            world.run(1 if hasty and number == len(names) else 60)
            if _last(world) != last:
                before.append(state)
        assert names != EACH_KIND or len(before) == len(EACH_KIND)
        for state in reversed(before):
            assert world.undo().problems == ()
            world.settle()
            world.settle()
            assert world.declared() == state


def _last(world: PastWorld) -> str:
    """The action that an undo would take back."""
    deeds = world.past.deeds(None)
    return deeds.intent.id if deeds is not None else ""
