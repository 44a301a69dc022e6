"""Custom resources: served while their definition is there, judged by its schema."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import structural
from engine.api.errors import BadRequest, Invalid, MethodNotAllowed, NotFound, UnsupportedMediaType
from engine.api.kinds import CRDS, builtin_kinds
from engine.api.server import Api
from engine.seed import Seed
from store.types import Resource
from tests.engine.api.door import PERSON, Door

WIDGETS = Resource("example.com", "widgets")
SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 10, "description": "How big."},
        "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
        "code": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
        "parts": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "port": {"x-kubernetes-int-or-string": True},
        "names": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


def definition(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [{
                "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object", "properties": {"spec": SPEC, "status": {"type": "object", "properties": {
                        "phase": {"type": "string"},
                    }}},
                }},
            }],
        } | spec,
    }  # fmt: skip


def widget(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1} | spec}


@pytest.fixture
def served(door: Door) -> Door:
    door.create(definition())
    return door


def test_a_definition_serves_its_kind_at_once(door: Door) -> None:
    """Names are accepted, conditions say so, and the kind resolves by all its names."""
    env = door.create(definition())
    status = env.obj["status"]
    assert {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]} == {
        "NamesAccepted": ("True", "NoConflicts", "no conflicts found"),
        "Established": ("True", "InitialNamesAccepted", "the initial names have been accepted"),
    }
    assert status["acceptedNames"]["listKind"] == "WidgetList"
    assert status["storedVersions"] == ["v1"]
    for word in ("widgets", "widget", "wd", "Widget", "widgets.example.com"):
        kind = door.api.kinds.resolve(word)
        assert kind is not None
        assert kind.resource == WIDGETS
    assert door.create(widget()).obj["spec"] == {"size": 1, "color": "red"}


def test_a_definition_is_served_again_after_reopening(served: Door) -> None:
    """A new API over the same store knows it."""
    api = Api(served.store, served.clock, Seed(1), builtin_kinds())
    assert api.kinds.get(WIDGETS) is not None


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 11}, "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"),
        ({"size": "x"}, 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'),
        ({"color": "green"}, 'spec.color: Unsupported value: "green": supported values: "red", "blue"'),
        ({"code": "A"}, "spec.code: Invalid value: \"A\": spec.code in body should match '^[a-z]+$'"),
        ({"code": "abcdef"}, "spec.code: Too long: may not be more than 5 bytes"),
        ({"parts": [{"n": "x"}]},
         'spec.parts[0].n: Invalid value: "string": spec.parts[0].n in body must be of type integer: "string"'),
        ({"names": {"a": 1}},
         'spec.names.a: Invalid value: "integer": spec.names.a in body must be of type string: "integer"'),
        ({"port": True},
         'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"'),
    ],
)  # fmt: skip
def test_the_schema_is_enforced_in_kubernetes_words(served: Door, spec: dict[str, Any], text: str) -> None:
    """Types, bounds, enums and patterns."""
    error = served.refusal(widget(**spec))
    assert isinstance(error, Invalid)
    assert error.message == f'Widget.example.com "w" is invalid: {text}'


def test_required_fields(served: Door) -> None:
    """What the schema requires must be there."""
    error = served.refusal({**widget(), "spec": {}})
    assert error.message == 'Widget.example.com "w" is invalid: spec.size: Required value'


def test_unknown_fields_are_refused_or_pruned(served: Door) -> None:
    """Strictly refused, else dropped; what is declared free is kept whole."""
    manifest = widget(foo=1, parts=[{"n": 1, "m": 2}], free={"any": {"thing": 1}})
    error = served.refusal(manifest)
    assert isinstance(error, BadRequest)
    assert error.message == (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: '
        'unknown field "spec.foo", unknown field "spec.parts[0].m"'
    )
    env = served.create(manifest, validation="Ignore")
    assert env.obj["spec"] == {"size": 1, "color": "red", "parts": [{"n": 1}], "free": {"any": {"thing": 1}}}


def test_custom_objects_have_generation_and_status(served: Door) -> None:
    """The spec counts, the status has its own door and is dropped on creation."""
    env = served.create(widget() | {"status": {"phase": "Done"}})
    assert "status" not in env.obj
    assert env.obj["metadata"]["generation"] == 1
    env = served.api.patch(PERSON, WIDGETS, "default", "w", "merge", {"spec": {"size": 2}})
    assert env.obj["metadata"]["generation"] == 2
    env = served.api.update_status(PERSON, env, {"phase": "Done"})
    assert env.obj["metadata"]["generation"] == 2


def test_one_is_not_one_point_zero(served: Door) -> None:
    """JSON tells true, 1 and 1.0 apart, and so do updates of free fields."""
    env = served.create(widget(free={"a": 1}))
    new = served.api.patch(PERSON, WIDGETS, "default", "w", "merge", {"spec": {"free": {"a": True}}})
    assert new is not env
    assert new.obj["spec"]["free"]["a"] is True


def test_no_strategic_patches(served: Door) -> None:
    """Custom resources have no merge keys."""
    served.create(widget())
    with pytest.raises(UnsupportedMediaType, match="application/merge-patch"):
        served.api.patch(PERSON, WIDGETS, "default", "w", "strategic", {"spec": {"size": 2}})


def test_apply_works_on_custom_objects(served: Door) -> None:
    """By merge patch."""
    manifest = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {size: %d, code: %s}}"
    env = served.apply(manifest % (1, "a"))
    assert served.apply(manifest % (1, "a")) is env
    assert served.apply(manifest % (2, "b")).obj["spec"] == {"size": 2, "code": "b", "color": "red"}


def test_deleting_a_definition_takes_its_objects(served: Door) -> None:
    """The kind is served no longer, and nothing of it is left."""
    crd = served.api.get(CRDS, "", "widgets.example.com")
    one = served.create(widget())
    assert served.delete(crd) is None
    assert served.gone(one)
    assert served.gone(crd)
    assert served.api.kinds.get(WIDGETS) is None
    with pytest.raises(NotFound):
        served.api.list(WIDGETS)


def test_a_definition_waits_for_held_objects(served: Door) -> None:
    """Finalizers hold the object, the object holds the definition; nothing new is created meanwhile."""
    crd = served.api.get(CRDS, "", "widgets.example.com")
    one = served.create(widget() | {"metadata": {"name": "w", "finalizers": ["example.com/x"]}})
    marked = served.delete(crd)
    assert marked is not None
    assert marked.obj["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert {c["type"]: c["status"] for c in marked.obj["status"]["conditions"]}["Terminating"] == "True"
    error = served.refusal(widget() | {"metadata": {"name": "v"}})
    assert isinstance(error, MethodNotAllowed)
    served.api.patch(PERSON, WIDGETS, "default", "w", "merge", {"metadata": {"finalizers": None}})
    assert served.gone(one)
    assert served.gone(crd)


def test_a_changed_schema_is_the_schema(served: Door) -> None:
    """What it allows now is allowed from now on."""
    assert isinstance(served.refusal(widget(size=50)), Invalid)
    crd = definition()
    version = crd["spec"]["versions"][0]
    spec = {**SPEC, "properties": {"size": {"type": "integer"}}}
    version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    served.api.update(PERSON, CRDS, "", "widgets.example.com", crd, field_validation="Strict")
    assert served.create(widget(size=50)).obj["spec"] == {"size": 50}


def test_definitions_must_make_sense(door: Door) -> None:
    """Their name is plural.group, and one version is stored."""
    wrong = definition()
    wrong["metadata"] = {"name": "w"}
    wrong["spec"]["versions"][0]["storage"] = False
    error = door.refusal(wrong)
    assert isinstance(error, Invalid)
    assert 'metadata.name: Invalid value: "w": must be spec.names.plural+"."+spec.group' in error.message
    assert "spec.versions: Invalid value" in error.message


def test_two_definitions_may_not_share_names(served: Door) -> None:
    """The second is not established and serves nothing."""
    other = definition(names={"plural": "gadgets", "kind": "Gadget", "shortNames": ["wd"]})
    other["metadata"] = {"name": "gadgets.example.com"}
    env = served.create(other)
    assert {c["type"]: c["status"] for c in env.obj["status"]["conditions"]} == {
        "NamesAccepted": "False", "Established": "False",
    }  # fmt: skip
    assert served.api.kinds.resolve("gadgets") is None


def test_their_fields_can_be_explained(served: Door) -> None:
    """Completion and explain read the definition's schema."""
    schema = served.api.schema
    assert [doc.name for doc in schema.fields("example.com/v1", "Widget", ["spec", "parts", "[]"])] == ["n"]
    doc = schema.describe("example.com/v1", "Widget", ["spec", "size"])
    assert doc is not None
    assert (doc.type, doc.required, doc.description) == ("integer", True, "How big.")
    assert [doc.name for doc in schema.fields("example.com/v1", "Widget", ["spec", "color"])] == ["red", "blue"]


def test_kubariums_own_kind_has_a_schema(door: Door) -> None:
    """Image is served without a definition."""
    manifest = {"apiVersion": "kubarium.dev/v1alpha1", "kind": "Image", "metadata": {"name": "x"}, "spec": {"nope": 1}}
    assert isinstance(door.refusal(manifest), BadRequest)


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "array", "minItems": 2}, [1], "should have at least 2 items"),
        ({"type": "string", "minLength": 2}, "a", "should be at least 2 chars long"),
        ({"type": "string", "format": "date-time"}, "now", 'must be of type date-time: "now"'),
        ({"type": "number", "exclusiveMinimum": True, "minimum": 0}, 0, "should be greater than 0"),
        ({"type": "integer", "multipleOf": 3}, 4, "should be a multiple of 3"),
    ],
)  # fmt: skip
def test_other_rules(schema: dict[str, Any], value: Any, text: str) -> None:
    """Sizes and formats."""
    (cause,) = structural.validate({"type": "object", "properties": {"x": schema}}, {"x": value})
    assert cause.message.endswith(f"x in body {text}")


@pytest.mark.parametrize(("schema", "value", "texts"), [
    ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {},
     ["must validate at least one schema (anyOf)", "x.a: Required value"]),
    ({"oneOf": [{"minimum": 1}, {"maximum": 5}]}, 3,
     ["must validate one and only one schema (oneOf). Found 2 valid alternatives"]),
    ({"oneOf": [{"minimum": 9}, {"minimum": 8}]}, 3,
     ["must validate one and only one schema (oneOf). Found none valid",
      "x: Invalid value: 3: x in body should be greater than or equal to 9"]),
    ({"allOf": [{"minimum": 9}]}, 3, ["x: Invalid value: 3: x in body should be greater than or equal to 9",
                                      "must validate all the schemas (allOf). None validated"]),
    ({"not": {"enum": [1]}}, 1, ["must not validate the schema (not)"]),
])  # fmt: skip
def test_combinations_are_told_of_the_object_as_a_whole(schema: dict[str, Any], value: Any, texts: list[str]) -> None:
    """Without a field, and with what is wrong by the first option."""
    causes = structural.validate({"type": "object", "properties": {"x": schema}}, {"x": value})
    wanted = [text if ": " in text else f'<nil>: Invalid value: "": "x" {text}' for text in texts]
    assert [str(each) for each in causes] == wanted


def test_what_was_wrong_before_is_let_pass(served: Door) -> None:
    """A schema that got stricter does not stop changes of other fields."""
    served.create(widget(size=9))
    crd = dict(served.api.get(CRDS, "", "widgets.example.com").obj)
    crd["spec"] = definition()["spec"]
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = {
        **SPEC, "properties": {**SPEC["properties"], "size": {"type": "integer", "maximum": 5}},
    }  # fmt: skip
    served.api.update(PERSON, CRDS, "", "widgets.example.com", crd, field_validation="Strict")
    served.api.patch(PERSON, WIDGETS, "default", "w", "merge", {"spec": {"color": "blue"}}, field_validation="Strict")
    with pytest.raises(Invalid, match="should be less than or equal to 5"):
        served.api.patch(PERSON, WIDGETS, "default", "w", "merge", {"spec": {"size": 8}}, field_validation="Strict")


def test_a_status_has_a_schema_too(served: Door) -> None:
    """It is judged where it is written."""
    served.create(widget())
    with pytest.raises(Invalid, match=r'status.phase in body must be of type string: "integer"'):
        served.api.patch(
            PERSON, WIDGETS, "default", "w", "merge", {"status": {"phase": 1}}, subresource="status",
            field_validation="Strict",
        )  # fmt: skip


@pytest.mark.parametrize(("form", "right", "wrong"), [
    ("ipv4", "10.0.0.1", "10.0.0"), ("ipv6", "::1", "10.0.0.1"), ("cidr", "10.0.0.0/8", "10.0.0.0"),
    ("uri", "http://a/b", "::"), ("uri", "/a", "a b"), ("email", "a@b.c", "a"), ("duration", "1h30m", "5q"),
    ("duration", "2 days", ""), ("mac", "00:1b:2c:3d:4e:5f", "00:1b"), ("hostname", "a.b-c.d", "-a"),
    ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"), ("date", "2026-01-01", "today"), ("made-up", "x", None),
])  # fmt: skip
def test_formats(form: str, right: str, wrong: str | None) -> None:
    """Those that Kubernetes checks; others are only words."""
    schema = {"type": "object", "properties": {"x": {"type": "string", "format": form}}}
    assert structural.validate(schema, {"x": right}) == []
    if wrong is not None:
        (cause,) = structural.validate(schema, {"x": wrong})
        told = f'Invalid value: "{wrong}": x in body must be of type {form}: "{wrong}"'
        assert (cause.reason, cause.message) == ("FieldValueTypeInvalid", told)


def test_objects_within_say_what_they_are() -> None:
    """apiVersion and kind are needed wherever an object is embedded."""
    inner = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"l": {"type": "array", "items": inner}}}
    causes = structural.validate(schema, {"l": [{"apiVersion": "v1", "kind": "Pod"}, {"kind": ""}]})
    assert [str(each) for each in causes] == [
        "l[1].apiVersion: Required value: must not be empty", "l[1].kind: Required value: must not be empty",
    ]  # fmt: skip


def test_fields_that_may_be_selected(door: Door) -> None:
    """Those that the definition declares, as text; others are refused."""
    made = definition()
    made["spec"]["versions"][0]["selectableFields"] = [{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.size"}]
    door.create(made)
    door.create(widget(color="blue", size=3))
    for selector, count in (("spec.color=blue", 1), ("spec.color=red", 0), ("spec.size=3,spec.color!=red", 1)):
        assert len(door.api.list(WIDGETS, "default", fields=selector).items) == count
    with pytest.raises(BadRequest, match=r"field label not supported: spec\.code"):
        door.api.list(WIDGETS, "default", fields="spec.code=a")


def test_lists_with_keys_have_no_duplicates() -> None:
    """Of sets and of maps."""
    schema = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"]}
    (cause,) = structural.validate({"properties": {"x": schema}}, {"x": [{"a": 1}, {"a": 2}, {"a": 1, "b": 2}]})
    assert str(cause) == 'x[2]: Duplicate value: {"a":1}'


def test_custom_objects_are_not_replaced_blindly(served: Door) -> None:
    """A PUT must say which version it replaces; a patch need not."""
    env = served.create(widget())
    with pytest.raises(Invalid, match="must be specified for an update"):
        served.api.update(PERSON, WIDGETS, "default", "w", widget(size=2), field_validation="Strict")
    body = {**env.obj, "spec": {"size": 2}}
    assert served.api.update(PERSON, WIDGETS, "default", "w", body, field_validation="Strict").obj["spec"]["size"] == 2


def test_a_finalizer_that_anybody_may_use_is_warned_of(served: Door) -> None:
    """When it is new; built-in kinds refuse it."""
    warnings: list[str] = []
    env = served.create({**widget(), "metadata": {"name": "w", "finalizers": ["b", "a.io/x"]}}, warnings=warnings)
    text = "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts"
    assert warnings == [f'metadata.finalizers: "b": {text} with other finalizer writers']
    changed = {**env.obj, "spec": {"size": 2}}
    served.api.update(PERSON, WIDGETS, "default", "w", changed, field_validation="Strict", warnings=warnings)
    assert len(warnings) == 1
