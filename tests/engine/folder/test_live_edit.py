"""An object as a text that is edited: tried out, saved, refused at the line."""

from __future__ import annotations

import pytest

from engine.api.errors import ApiError
from engine.api.kinds import CONFIGMAPS
from engine.client import FieldChange, Plan
from engine.folder.live_edit import edit
from store.types import Resource
from tests.engine.folder.conftest import SOMEBODY, World

DEPLOYMENTS = Resource("apps", "deployments")
TEXT = """\
apiVersion: v1
data:
  key: old
kind: ConfigMap
metadata:
  name: a
  namespace: default
  resourceVersion: "{revision}"
"""
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:1
"""


def editing(world: World, text: str, *, dry_run: bool = False) -> Plan:
    return edit(
        world.api, SOMEBODY, CONFIGMAPS, "default", "a", text, dry_run=dry_run, field_manager="console"
    )  # fmt: skip


def there(world: World) -> str:
    """A ConfigMap is there; its text."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": "old"}}
    env = world.api.create(SOMEBODY, CONFIGMAPS, "default", obj, field_manager="somebody")
    return TEXT.format(revision=env.revision)


def test_what_is_tried_out_is_not_written(world: World) -> None:
    """The fields that would change are told; the object is as it was. Saved, it is changed."""
    text = there(world).replace("old", "new")
    changes = (FieldChange("data.key", "old", "new"),)
    tried = editing(world, text, dry_run=True)
    assert [(each.action, each.changes) for each in tried.objects] == [("change", changes)]
    assert world.live("a").obj["data"] == {"key": "old"}
    assert editing(world, text) == tried
    assert world.live("a").obj["data"] == {"key": "new"}


def test_a_text_that_changes_nothing_writes_nothing(world: World) -> None:
    """Saved as it was read, the object keeps its revision, and those who wrote its fields stay in managedFields."""
    text = there(world)
    before = world.live("a")
    assert [each.action for each in editing(world, text).objects] == ["unchanged"]
    assert world.live("a").revision == before.revision
    editing(world, text.replace("old", "new"))
    managers = [each["manager"] for each in world.live("a").obj["metadata"]["managedFields"]]
    assert managers == ["console", "somebody"] or managers == ["somebody", "console"]


@pytest.mark.parametrize(
    ("change", "line", "path"),
    [
        (("replicas: 1", "replicas: -1"), 6, "spec.replicas"),
        (("replicas: 1", "replicas: one"), 6, "spec.replicas"),
        (("replicas: 1", "replicaz: 1"), 6, "spec.replicaz"),
        (("image: web:1", 'image: ""'), 14, "spec.template.spec.containers[0].image"),
        (("  replicas: 1", "  replicas: 1\n  replicas: 2"), 7, ""),
        (("kind: Deployment", "kind: Deployment: x"), 2, ""),
    ],
)
def test_a_refusal_stands_at_its_line(world: World, change: tuple[str, str], line: int, path: str) -> None:
    """The field is named, nothing is written."""
    world.save("web.yaml", WEB)
    before = world.api.get(DEPLOYMENTS, "default", "web")
    plan = edit(
        world.api, SOMEBODY, DEPLOYMENTS, "default", "web", WEB.replace(*change), dry_run=False, field_manager="console"
    )
    errors = [each for each in plan.diagnostics if each.severity == "error"]
    assert (errors[0].line, errors[0].path) == (line, path)
    assert [each.action for each in plan.objects] == ["error"]
    assert world.api.get(DEPLOYMENTS, "default", "web").revision == before.revision


@pytest.mark.parametrize("text", ["", "# nothing\n", TEXT + "---\n" + TEXT])
def test_not_one_object(world: World, text: str) -> None:
    """No object, or two, cannot replace one."""
    there(world)
    assert [each.action for each in editing(world, text).objects] == ["error"]
    assert editing(world, text).diagnostics


def test_a_conflict_is_raised(world: World) -> None:
    """Somebody wrote since the text was read; and an object that is gone cannot be edited."""
    text = there(world)
    world.api.patch(SOMEBODY, CONFIGMAPS, "default", "a", "merge", {"data": {"key": "theirs"}})
    with pytest.raises(ApiError) as conflict:
        editing(world, text.replace("old", "new"))
    assert conflict.value.code == 409
    world.api.delete(SOMEBODY, CONFIGMAPS, "default", "a")
    with pytest.raises(ApiError) as missing:
        editing(world, text)
    assert missing.value.code == 404
