"""Each kind of bad file shows its error at its line, with the field's path, and the good files are applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from engine.api.errors import BadRequest, Cause, invalid
from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS
from engine.folder.diagnose import diagnostics_of
from engine.folder.documents import read_text

if TYPE_CHECKING:
    from tests.engine.folder.conftest import World

BAD = {
    "syntax": ("kind: [ConfigMap\nmetadata\n", 2, "", "did not find expected ',' or ']'"),
    "half-written": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  lab", 5, "", "could not find expected ':'",
    ),
    "unknown-field": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\nspec:\n  replcas: 2\n  selector:\n"
        "    matchLabels: {a: b}\n  template:\n    metadata:\n      labels: {a: b}\n    spec:\n      containers:\n"
        "      - name: c\n        image: i\n",
        6, "spec.replcas", 'unknown field "spec.replcas"',
    ),
    "wrong-type": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\nspec:\n  replicas: three\n  selector:\n"
        "    matchLabels: {a: b}\n  template:\n    metadata:\n      labels: {a: b}\n    spec:\n      containers:\n"
        "      - name: c\n        image: i\n",
        6, "spec.replicas", "cannot unmarshal string into Go struct field",
    ),
    "wrong-type-in-map": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  fine: a\n  number: 1\n",
        7, "data.number", "cannot unmarshal number",
    ),
    "missing-required": (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containers:\n  - name: c\n  - image: i\n",
        None, "spec.containers[0].image", "Required value",
    ),
    "bad-label": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  labels:\n    ok: fine\n    tier: 'bad value!'\n",
        7, "metadata.labels.tier", "a valid label must be",
    ),
    "bad-name": ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Bad_Name\n", 4, "metadata.name", "RFC 1123"),
    "unknown-kind": ("apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n", 2, "kind", "no matches for kind"),
    "no-name": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", 3, "metadata.name", "name may not be empty"),
}  # fmt: skip


def test_each_bad_file_is_told_at_its_line(make_world: Callable[..., World]) -> None:
    """Ten bad files and two good ones: ten errors in the right places, two applied."""
    world = make_world()
    for name, (text, *_) in BAD.items():
        world.write(f"{name}.yaml", text.replace("name: x\n", f"name: {name}\n"))
    world.write("missing-namespace.yaml", world.configmap("x", namespace="nowhere"))
    world.write("duplicate.yaml", world.configmap("good"))
    world.write("a-good.yaml", world.configmap("good") + "---\n" + world.deployment("web"))
    world.start()
    for name, (_, line, path, words) in BAD.items():
        file = world.file(f"{name}.yaml")
        assert file.state == "error", name
        told = [d for d in file.diagnostics if words in d.message and d.severity == "error"]
        assert told, (name, file.diagnostics)
        assert told[0].path == path, (name, told)
        if line is not None:
            assert told[0].line == line, (name, told)
    assert world.file("missing-namespace.yaml").state == "waiting"
    duplicate = world.file("duplicate.yaml")
    assert [(d.line, d.message) for d in duplicate.diagnostics] == [
        (1, "configmaps default/good is already declared in a-good.yaml:1")
    ]
    assert world.file("a-good.yaml").state == "applied"
    assert world.find("good") is not None
    assert world.find("web", resource=DEPLOYMENTS) is not None


def test_an_immutable_change(world: World) -> None:
    """A changed selector is refused at its line, the live object stays, and deleting it lets the file through."""
    world.save("web.yaml", world.deployment("web"))
    file = world.save("web.yaml", world.deployment("web", app="other"))
    assert file.state == "error"
    assert any(
        (d.line, d.path) == (8, "spec.selector") and "field is immutable" in d.message for d in file.diagnostics
    ), file.diagnostics
    live = world.live("web", resource=DEPLOYMENTS)
    assert live.obj["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    world.delete(live)
    world.cluster.loop.settle()
    assert world.file("web.yaml").state == "applied"


def test_errors_are_cured_by_the_next_save(world: World) -> None:
    """Once corrected, a file is applied and its diagnostics are gone."""
    text, *_ = BAD["unknown-field"]
    assert world.save("a.yaml", text).state == "error"
    file = world.save("a.yaml", text.replace("replcas", "replicas"))
    assert (file.state, file.diagnostics) == ("applied", ())


_TEXT = """kind: Deployment
apiVersion: apps/v1
metadata:
  name: x
spec:
  bad: 1
  replicas: x
  template:
    spec:
      containers:
      - {image: q}
      - name: 5
"""


@pytest.mark.parametrize(
    ("message", "line", "path"),
    [
        ('strict decoding error: unknown field "spec.bad", unknown field "spec.template.oops"', 6, "spec.bad"),
        ("json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
         7, "spec.replicas"),
        ("json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type "
         "string", 12, "spec.template.spec.containers.name"),
        ("something else", 1, ""),
    ],
)  # fmt: skip
def test_refusals_without_causes_are_read_for_fields(message: str, line: int, path: str) -> None:
    """Strict decoding and Go's JSON errors name fields in their text; what names none stands at the document's head."""
    diagnostics = diagnostics_of(BadRequest(message), read_text(_TEXT).documents[0])
    assert (diagnostics[0].line, diagnostics[0].path) == (line, path)


def test_causes_point_at_values_or_at_what_they_are_missing_from() -> None:
    """Bad values are told where they stand, missing fields at their parent, map complaints at the quoted entry."""
    document = read_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\n  labels:\n    'bad key!': v\n"
        "spec:\n  replicas: -1\n"
    ).documents[0]
    error = invalid("apps", "Deployment", "x", [
        Cause("FieldValueInvalid", "spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
        Cause("FieldValueRequired", "spec.selector", "Required value"),
        Cause("FieldValueInvalid", "metadata.labels", 'Invalid value: "bad key!": name part must consist of …'),
    ])  # fmt: skip
    assert [(d.line, d.column, d.path) for d in diagnostics_of(error, document)] == [
        (6, 17, "metadata.labels[bad key!]"), (7, 1, "spec.selector"), (8, 13, "spec.replicas"),
    ]  # fmt: skip


def test_a_crash_stays_with_its_document(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception in one document is its error; the others are applied."""
    real = world.api.apply

    def apply(
        caller: object, resource: object, namespace: str, obj: dict[str, dict[str, str]], **more: object
    ) -> object:
        if obj["metadata"]["name"] == "b":
            raise RuntimeError("out of order")
        return real(caller, resource, namespace, obj, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(world.api, "apply", apply)
    file = world.save("a.yaml", "---\n".join(world.configmap(name) for name in "abc"))
    assert (file.state, file.message) == ("error", "internal error: out of order")
    assert [env.name for env in world.store.list(CONFIGMAPS, "default")] == ["a", "c"]
