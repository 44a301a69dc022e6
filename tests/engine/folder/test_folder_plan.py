"""What saving would do, told without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.api.kinds import CONFIGMAPS
from engine.client import FieldChange, Plan

if TYPE_CHECKING:
    from tests.engine.folder.conftest import World


def actions(plan: Plan) -> list[tuple[str, str]]:
    return [(planned.action, planned.name) for planned in plan.objects]


def test_a_plan_of_every_kind_of_change(world: World) -> None:
    """Created, changed, unchanged and pruned objects are told with lines and fields, and nothing is written."""
    world.save("a.yaml", "---\n".join(world.configmap(name) for name in ("same", "changed", "gone")))
    before = world.store.revision
    plan = world.folder.plan(
        "a.yaml",
        "---\n".join(
            [world.configmap("same"), world.configmap("changed", "new") + "  more: x\n", world.configmap("fresh")]
        ),
    )
    assert plan.diagnostics == ()
    assert actions(plan) == [("unchanged", "same"), ("change", "changed"), ("create", "fresh"), ("prune", "gone")]
    assert [planned.line for planned in plan.objects] == [1, 8, 16, 0]
    assert plan.objects[1].changes == (FieldChange("data.key", "v", "new"), FieldChange("data.more", None, "x"))
    assert world.store.revision == before
    assert world.find("gone") is not None


def test_a_plan_of_a_new_file(world: World) -> None:
    """A file that is not there yet can be planned, with the namespace that it brings itself."""
    text = world.namespace("team") + "---\n" + world.configmap("a", namespace="team")
    plan = world.folder.plan("new.yaml", text)
    assert actions(plan) == [("create", "team"), ("create", "a")]
    assert plan.diagnostics == ()


def test_a_plan_of_a_document_that_would_wait(world: World) -> None:
    """A missing namespace is a warning at its place, an unknown kind of another group too."""
    plan = world.folder.plan("new.yaml", world.configmap("a", namespace="nowhere"))
    assert [(d.line, d.severity) for d in plan.diagnostics] == [(5, "warning")]
    assert actions(plan) == [("create", "a")]
    plan = world.folder.plan("new.yaml", "apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: x}\n")
    assert [(d.line, d.severity, d.path) for d in plan.diagnostics] == [(2, "warning", "kind")]


def test_a_plan_with_errors(world: World) -> None:
    """Refusals are told at their lines and broken text prunes nothing; the rest is planned."""
    world.save("a.yaml", world.configmap("a") + "---\n" + world.configmap("b"))
    plan = world.folder.plan("a.yaml", world.configmap("a").replace("\ndata:", "\ndota:") + "---\nkind: [\n")
    assert actions(plan) == [("error", "a")]
    assert [d.line for d in plan.diagnostics if d.severity == "error"] == [5, 8]
    assert 'unknown field "dota"' in plan.objects[0].message


def test_a_plan_with_duplicates(world: World) -> None:
    """An object that another file declares already is an error; one that only a later file declares is not."""
    world.save("b.yaml", world.configmap("x"))
    assert "already declared in b.yaml:1" in world.folder.plan("c.yaml", world.configmap("x")).objects[0].message
    assert actions(world.folder.plan("a.yaml", world.configmap("x", "new"))) == [("change", "x")]
    twice = world.configmap("z") + "---\n" + world.configmap("z")
    assert actions(world.folder.plan("a.yaml", twice)) == [("create", "z"), ("error", "z")]


def test_a_plan_undoes_drift(world: World) -> None:
    """Saving a drifted file would change the field back."""
    world.save("a.yaml", world.configmap("a"))
    world.change(world.live("a"), data={"key": "changed"})
    plan = world.folder.plan("a.yaml", world.configmap("a"))
    assert plan.objects[0].changes == (FieldChange("data.key", "changed", "v"),)
    assert world.live("a").obj["data"] == {"key": "changed"}


def test_a_plan_leaves_others_objects_alone(world: World) -> None:
    """What the folder did not create is not among what would be pruned."""
    world.api.create(world.somebody, CONFIGMAPS, "default", {"metadata": {"name": "a"}, "data": {"key": "v"}})
    world.save("a.yaml", world.configmap("a"))
    assert actions(world.folder.plan("a.yaml", "")) == []
