"""Custom resource definitions: what they may say, what may not change, who gets the names, which version is old."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from engine.api.errors import Invalid
from engine.api.kinds import CRDS, version_rank
from engine.api.validation.causes import Causes
from engine.api.validation.definitions import definition, definition_update
from engine.api.validation.schemas import validate_schema
from store.types import JsonObject, Resource
from tests.engine.api.door import PERSON, Door

TABS = Resource("example.com", "tabs")
ANYTHING = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


def version(name: str, **more: Any) -> JsonObject:
    return {"name": name, "served": True, "storage": name == "v1", "schema": ANYTHING, **more}


def tabs(*versions: JsonObject, plural: str = "tabs", **spec: Any) -> JsonObject:
    names = {"plural": plural, "kind": "Tab", "singular": "tab", "listKind": "TabList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {"group": "example.com", "scope": "Cluster", "names": names, "versions": list(versions or
                 [version("v1")]), "conversion": {"strategy": "None"}, **spec},
    }  # fmt: skip


def complaints(obj: JsonObject) -> list[str]:
    causes: Causes = []
    definition(causes, obj)
    return [str(each) for each in causes]


def test_a_sound_definition_is_not_complained_of() -> None:
    """Several versions, a scale, columns, defaults, a keyed list."""
    item = {"type": "object", "required": ["n"], "properties": {"n": {"type": "string"}}}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "default": {"a": 1}, "properties": {
        "a": {"type": "integer", "default": 2},
        "l": {"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"]},
        "p": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
    }}}}  # fmt: skip
    scale = {"scale": {"specReplicasPath": ".spec.a", "statusReplicasPath": ".status.a"}, "status": {}}
    column = {"name": "A", "type": "integer", "jsonPath": ".spec.a"}
    more = {"schema": {"openAPIV3Schema": schema}, "subresources": scale, "additionalPrinterColumns": [column]}
    assert complaints(tabs(version("v1", **more), version("v1beta1"))) == []


_LABEL = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character"
)


@pytest.mark.parametrize(("change", "texts"), [
    ({"group": "example"}, ["spec.group: Invalid value: \"example\": should be a domain with at least one dot"]),
    ({"group": ""}, ["spec.group: Required value"]),
    ({"scope": "World"},
     ['spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"']),
    ({"names": {"plural": "tabs", "kind": "Tab", "singular": "Tab", "listKind": "Tab", "shortNames": ["T"]}},
     [f'spec.names.singular: Invalid value: "Tab": {_LABEL}', f'spec.names.shortNames[0]: Invalid value: "T": {_LABEL}',
      'spec.names.listKind: Invalid value: "Tab": kind and listKind may not be the same']),
    ({"names": {"plural": "tabs"}},
     [f"spec.names.{each}: Required value" for each in ("singular", "kind", "listKind")]),
    ({"versions": []}, ["spec.versions: Invalid value: null: must have exactly one version marked as storage version",
                        "status.storedVersions: Invalid value: null: must have at least one stored version"]),
    ({"preserveUnknownFields": True}, ["spec.preserveUnknownFields: Invalid value: true: cannot set to true, set "]),
    ({"conversion": {"strategy": "Webhook"}},
     ["spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
      "spec.conversion.conversionReviewVersions: Required value"]),
    ({"versions": [version("v1", deprecationWarning="old")]},
     ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions']),
    ({"versions": [version("v1", schema=None)]}, ["spec.versions[0].schema.openAPIV3Schema: Required value"]),
    ({"versions": [version("v1", subresources={"scale": {"specReplicasPath": "spec.a"}})]},
     ['spec.subresources.scale.specReplicasPath: Invalid value: "spec.a": must be a simple json path starting with .',
      "spec.subresources.scale.statusReplicasPath: Required value"]),
    ({"versions": [version("v1", additionalPrinterColumns=[{"type": "text", "jsonPath": "a"}])]},
     ["spec.additionalPrinterColumns[0].name: Required value", 'spec.additionalPrinterColumns[0].type: Invalid value: '
      '"text": must be one of boolean,date,integer,number,string',
      'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "a": must be a simple json path starting with .']),
])  # fmt: skip
def test_what_a_definition_may_not_say(change: JsonObject, texts: list[str]) -> None:
    """Kubernetes' paths, order and words."""
    found = [each for each in complaints(tabs(**change)) if not each.startswith("metadata.name")]
    assert len(found) == len(texts)
    for said, text in zip(found, texts, strict=True):
        assert said.startswith(text)


def test_versions_are_printed_as_the_server_holds_them() -> None:
    """By Go names; what they have alike is not among them."""
    said = complaints(tabs(version("v1"), version("v1")))
    one = '{"Name":"v1","Served":true,"Storage":true,"Deprecated":false,"DeprecationWarning":null,"Schema":null,'
    one += '"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}'
    assert said[0] == f"spec.versions: Invalid value: [{one},{one}]: must contain unique version names"
    unlike = complaints(tabs(version("v1"), version("v1", schema={"openAPIV3Schema": {"type": "object"}})))
    assert '"Schema":{"OpenAPIV3Schema":{"ID":"","Schema":"","Ref":null,"Description":"","Type":"object",' in unlike[0]


def test_kubernetes_own_groups_need_an_approval() -> None:
    """A URL, or a reason that begins with `unapproved`."""
    obj = tabs(group="x.k8s.io")
    obj["metadata"]["name"] = "tabs.x.k8s.io"
    path = "metadata.annotations[api-approved.kubernetes.io]"
    assert complaints(obj)[0].startswith(f"{path}: Required value: protected groups must have approval annotation")
    obj["metadata"]["annotations"] = {"api-approved.kubernetes.io": "yes"}
    assert complaints(obj)[0].startswith(f'{path}: Invalid value: "yes": ')
    obj["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, for a test"}
    assert complaints(obj) == []


# -- schemas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("field", "texts"), [
    ("{}", [".type: Required value: must not be empty for specified object fields"]),
    ("{type: array}", [".items: Required value: must be specified"]),
    ("{type: array, items: {}}", [".items.type: Required value: must not be empty for specified array items"]),
    ("{type: text}", ['.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", '
                      '"object", "string"']),
    ("{type: string, pattern: '('}", ['.pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: '
                                      "error parsing regexp: missing closing ): `(`"]),
    ("{type: array, items: {type: string}, uniqueItems: true}",
     [".uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"]),
    ("{type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}",
     [".additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"]),
    ("{type: string, default: 1}",
     ['.default: Invalid value: "integer":  in body must be of type string: "integer"']),
    ("{type: object, default: {b: 1}, properties: {a: {type: string}}}",
     ['.default: Invalid value: {"b":1}: must not have unknown fields']),
    ("{type: object, anyOf: [{type: object, properties: {a: {description: x}}}]}",
     [".anyOf[0].properties[a].description: Forbidden: must be empty to be structural",
      ".anyOf[0].type: Forbidden: must be empty to be structural",
      ".properties[a]: Required value: because it is defined in spec.x.properties[f].anyOf[0].properties[a]"]),
    ("{type: array, x-kubernetes-list-type: map, items: {type: string}}",
     [".x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
      '.items.type: Invalid value: "string": must be object if parent array\'s x-kubernetes-list-type is map']),
    ("{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [n, m], items: {type: object, properties: "
     "{n: {type: string}}}}",
     ['.x-kubernetes-list-map-keys: Invalid value: ["n","m"]: entries must all be names of item properties',
      ".items.properties[n].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a "
      "default or be a required property"]),
    ("{type: array, x-kubernetes-list-type: set, items: {type: object}}",
     [".items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with "
      "x-kubernetes-list-type=set"]),
    ("{type: string, x-kubernetes-map-type: flat}",
     ['.type: Invalid value: "string": must be object if x-kubernetes-map-type is specified',
      '.x-kubernetes-map-type: Unsupported value: "flat": supported values: "atomic", "granular"']),
    ("{type: object, x-kubernetes-embedded-resource: true}",
     [".properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without "
      "x-kubernetes-preserve-unknown-fields"]),
    ("{x-kubernetes-int-or-string: true, x-kubernetes-preserve-unknown-fields: true}",
     [".x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is "
      "true"]),
    ("{$ref: x, type: string}", [".$ref: Forbidden: $ref is not supported"]),
])  # fmt: skip
def test_what_a_schema_may_not_say(field: str, texts: list[str]) -> None:
    """Structure first, then what a schema may use."""
    causes: Causes = []
    schema = {"type": "object", "properties": {"f": yaml.safe_load(field)}}
    validate_schema(causes, schema, "spec.x", status=False)
    assert [str(each) for each in causes] == [f"spec.x.properties[f]{text}" for text in texts]


def test_what_the_root_may_not_say() -> None:
    """Metadata is left alone, and a status subresource narrows the root."""

    def of(schema: str, *, status: bool = False) -> list[str]:
        causes: Causes = []
        validate_schema(causes, yaml.safe_load(schema), "s", status=status)
        return [str(each) for each in causes]

    assert of("{type: string}") == ['s.type: Invalid value: "string": must be object at the root']
    assert of("{type: object, properties: {metadata: {type: object, properties: {name: {type: string}}}}}") == []
    assert of("{type: object, properties: {metadata: {type: object, required: [name]}}}") == [
        "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata "
        "is implicitly specified"
    ]
    assert of("{type: object, additionalProperties: {type: string}}") == [
        "s.additionalProperties: Forbidden: must not be used at the root"
    ]
    found = of("{type: object, anyOf: [{required: [a]}]}", status=True)
    assert found[0].startswith('s: Invalid value: {"ID":"","Schema":"","Ref":null,')
    assert found[0].endswith("fields are allowed at the root of the schema if the status subresource is enabled")


# -- changes and names -----------------------------------------------------------------------------------------------


def test_what_an_established_definition_may_not_change() -> None:
    """Scope, kind, group and plural; and what was stored once stays a version."""
    conditions = [{"type": "Established", "status": "True"}]
    old = {**tabs(), "status": {"conditions": conditions, "storedVersions": ["v1beta1", "v1"]}}
    new = tabs(scope="Namespaced", names={"plural": "tubs", "kind": "Tub", "singular": "tub", "listKind": "TubList"})
    causes: Causes = []
    definition_update(causes, new, old)
    assert [str(each) for each in causes][:3] == [
        'spec.scope: Invalid value: "Namespaced": field is immutable',
        'spec.names.kind: Invalid value: "Tub": field is immutable',
        'spec.names.plural: Invalid value: "tubs": field is immutable',
    ]
    assert str(causes[3]).startswith('status.storedVersions[0]: Invalid value: "v1beta1": missing from spec.versions')


def test_names_are_free_again_when_their_definition_is_gone(door: Door) -> None:
    """The one that waited is accepted and served; one that never was can be deleted too."""
    first, second = door.create(tabs()), door.create(tabs(plural="tubs"))
    third = door.create(tabs(plural="tibs"))
    status = second.obj["status"]
    assert status["acceptedNames"] == {"plural": "tubs", "kind": ""}
    assert (status["conditions"][0]["reason"], status["conditions"][0]["message"]) == (
        "ListKindConflict", '"TabList" is already in use',
    )  # fmt: skip
    assert door.delete(third) is None
    assert door.delete(first) is None
    now = door.api.get(CRDS, "", "tubs.example.com").obj["status"]
    assert [each["status"] for each in now["conditions"]] == ["True", "True"]
    assert door.api.kinds.get(Resource("example.com", "tubs")) is not None


def test_objects_are_kept_in_the_storage_version(door: Door) -> None:
    """Whatever version they came in, so that every version can change them."""
    door.create(tabs(version("v1beta1"), version("v1")))
    made = door.create(
        {"apiVersion": "example.com/v1beta1", "kind": "Tab", "metadata": {"name": "t"}, "spec": {"a": 1}}
    )
    assert made.obj["apiVersion"] == "example.com/v1"
    patch = {"spec": {"a": 2}}
    new = door.api.patch(PERSON, TABS, "", "t", "merge", patch, field_validation="Strict")
    assert (new.obj["apiVersion"], new.obj["spec"]) == ("example.com/v1", {"a": 2})


def test_old_versions_say_so(door: Door) -> None:
    """By their own words, or by naming the best version that is served."""
    old = version("v1alpha1", deprecated=True), version("v1beta1", deprecated=True, deprecationWarning="use v1")
    door.create(tabs(*old, version("v1")))

    def told(name: str) -> str:
        found = door.api.kinds.version(TABS, name)
        assert found is not None
        return found.deprecation

    assert told("v1alpha1") == "example.com/v1alpha1 Tab is deprecated; use example.com/v1 Tab"
    assert (told("v1beta1"), told("v1")) == ("use v1", "")
    assert sorted(["v1", "v2alpha1", "x", "v2", "v1beta2"], key=version_rank) == [
        "v2",
        "v1",
        "v1beta2",
        "v2alpha1",
        "x",
    ]


def test_definitions_are_refused_at_the_door(door: Door) -> None:
    """As a 422 with a cause per complaint."""
    error = door.refusal(tabs(scope="World"))
    assert isinstance(error, Invalid)
    assert [(each.reason, each.field) for each in error.causes] == [("FieldValueNotSupported", "spec.scope")]
