"""A live value put into a manifest's text: nothing else in it changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.folder.documents import read_text
from engine.folder.fields import Path as FieldPath
from engine.folder.fields import value_at
from engine.folder.splice import splice

if TYPE_CHECKING:
    from tests.engine.folder.conftest import World

SAMPLE = Path(__file__).parent.parent.parent.parent / "sample-cluster"
TEXT = """\
# shop
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web   # the name
  labels:
    app: web
spec:
  replicas: 3 # three
  template:
    spec:
      containers:
      # the first
      - name: web
        image: "nginx:1.27"
        args: [a, b]

      - image: busybox
        name: side
      volumes: {}
"""


def put(path: FieldPath, value: Any) -> str | None:
    return splice(TEXT, read_text(TEXT).documents[1], path, value)


CONTAINERS: FieldPath = ("spec", "template", "spec", "containers")


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        (("spec", "replicas"), 5, "replicas: 3 # three", "replicas: 5 # three"),
        ((*CONTAINERS, 0, "image"), "nginx:1.28", '"nginx:1.27"', '"nginx:1.28"'),
        ((*CONTAINERS, 0, "args"), ["x"], "[a, b]", "[x]"),
        (("metadata", "labels", "tier"), "front", "    app: web\n", "    app: web\n    tier: front\n"),
        ((*CONTAINERS, 0, "command"), ["sh"], "[a, b]\n", "[a, b]\n        command:\n        - sh\n"),
        ((*CONTAINERS, 1, "image"), None, "- image: busybox\n        name: side", "- name: side"),
        ((*CONTAINERS, 1), None, "      - image: busybox\n        name: side\n", ""),
        (("spec", "paused"), True, "      volumes: {}\n", "      volumes: {}\n  paused: true\n"),
        (("metadata", "labels"), {"a": "b"}, "  labels:\n    app: web", "  labels:\n    a: b"),
        (("spec", "strategy", "type"), "Recreate", "volumes: {}\n", "volumes: {}\n  strategy:\n    type: Recreate\n"),
    ],
)  # fmt: skip
def test_one_value_changes(path: FieldPath, value: Any, before: str, after: str) -> None:
    """Set, added or removed at its place; comments, quotes and blank lines stay."""
    assert TEXT.count(before) == 1
    assert put(path, value) == TEXT.replace(before, after)


def test_what_cannot_be_put_in_is_said() -> None:
    """No such list item, the last field of a map: no text instead of a wrong one."""
    assert put((*CONTAINERS, 7, "image"), "x") is None
    assert put(("metadata", "labels", "app"), None) is None


def _leaves(value: Any, path: FieldPath = ()) -> list[FieldPath]:
    if isinstance(value, dict) and value:
        return [leaf for key in value for leaf in _leaves(value[key], (*path, key))]
    if isinstance(value, list) and value:
        return [leaf for index, item in enumerate(value) for leaf in _leaves(item, (*path, index))]
    return [path]


FILES = [t for t in (path.read_text() for path in sorted(SAMPLE.rglob("*.yaml"))) if read_text(t).documents]
VALUES = st.one_of(st.integers(-9, 9), st.booleans(), st.sampled_from(["on", "1e3", "", "a: b", "#", "it's", "ü 中"]))


@settings(max_examples=60, deadline=None)
@given(st.data(), VALUES)
def test_all_other_lines_stay_byte_for_byte(data: st.DataObject, value: Any) -> None:
    """Any scalar of the sample cluster's manifests, set to any scalar."""
    text = data.draw(st.sampled_from(FILES))
    document = data.draw(st.sampled_from(read_text(text).documents))
    path = data.draw(st.sampled_from([p for p in _leaves(document.obj) if p[0] not in ("apiVersion", "kind")]))
    if path[:1] == ("metadata",) or "\n" in str(value_at(document.obj, path)):
        return
    result = splice(text, document, path, value)
    assert result is not None
    before, after = text.split("\n"), result.split("\n")
    differing = [n for n, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert len(differing) <= 1
    assert value_at(next(d for d in read_text(result).documents if d.line == document.line).obj, path) == value


def test_drift_is_told_and_taken_into_the_text(world: World) -> None:
    """Somebody's change, spliced into the text, is what the file says from then on."""
    text = "# before\n" + world.deployment("web") + "# after\n"
    world.save("web.yaml", text)
    live = world.live("web", resource=_deployments())
    world.change(live, spec={**live.obj["spec"], "replicas": 4})
    (drifted,) = world.folder.drift("web.yaml")
    assert (drifted.name, [tuple(change) for change in drifted.changes]) == ("web", [("spec.replicas", 4, 1)])
    taken = world.folder.take_live("web.yaml", text)
    assert taken.text == text.replace("replicas: 1", "replicas: 4")
    assert (taken.taken, taken.left) == (("web: spec.replicas",), ())
    assert world.save("web.yaml", taken.text).state == "applied"
    assert world.folder.drift("web.yaml") == ()
    assert world.live("web", resource=_deployments()).obj["spec"]["replicas"] == 4


def test_a_deleted_object_cannot_be_taken(world: World) -> None:
    """The text stays, and that is said."""
    text = world.configmap("a")
    world.save("a.yaml", text)
    world.delete(world.live("a"))
    taken = world.folder.take_live("a.yaml", text)
    assert (taken.text, taken.taken) == (text, ())
    assert "was deleted" in taken.left[0]


def test_a_file_that_nobody_applied_has_no_drift(world: World) -> None:
    """Nor has one that is not there."""
    assert world.folder.drift("none.yaml") == ()
    assert world.folder.take_live("none.yaml", "a: 1\n").text == "a: 1\n"


def test_only_what_was_typed_is_tried(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents that are applied as they stand cost no dry run, drifted ones do."""
    text = "---\n".join(world.configmap(name) for name in ("a", "b", "c"))
    world.save("a.yaml", text)
    world.change(world.live("b"), data={"key": "changed"})
    tried: list[str] = []
    monkeypatch.setattr("engine.folder.plan._dry_run", _recording(tried))
    plan = world.folder.plan("a.yaml", text.replace("name: c", "name: d"))
    assert tried == ["b", "d"]
    assert plan.objects[0].action == "unchanged"


def _recording(tried: list[str]) -> Any:
    from engine.folder import plan

    real = plan._dry_run

    def dry_run(api: Any, caller: Any, path: str, document: Any, *rest: Any) -> Any:
        tried.append(document.name)
        return real(api, caller, path, document, *rest)

    return dry_run


def _deployments() -> Any:
    from store.types import Resource

    return Resource("apps", "deployments")
