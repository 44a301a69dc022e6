"""Validation rules of custom resources: they judge objects and changes, and are judged themselves."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from engine.api.errors import Invalid
from engine.api.rules import UNCHECKED, judge, judge_at
from engine.api.validation.causes import Causes
from engine.api.validation.schemas import validate_schema
from store.types import JsonObject, Resource
from tests.engine.api.door import PERSON, Door

SCHEMA: JsonObject = yaml.safe_load("""
type: object
properties:
  spec:
    type: object
    required: [size]
    properties:
      size: {type: string, enum: [small, large]}
      min: {type: integer}
      max: {type: integer}
      ratio: {type: number}
      until: {type: string, format: date-time}
      note:
        type: string
        x-kubernetes-validations: [{rule: "self == oldSelf", message: note is immutable}]
      parts:
        type: array
        x-kubernetes-list-type: map
        x-kubernetes-list-map-keys: [name]
        items:
          type: object
          required: [name]
          properties: {name: {type: string}, n: {type: integer}}
          x-kubernetes-validations:
          - rule: "!has(self.n) || self.n >= oldSelf.?n.orValue(0)"
            messageExpression: "'no less than ' + string(oldSelf.n)"
    x-kubernetes-validations:
    - {rule: "!has(self.min) || self.min <= self.max"}
    - rule: "self.size != 'large' || has(self.max)"
      message: large needs a max
      reason: FieldValueRequired
      fieldPath: .max
    - {rule: "!has(self.ratio) || self.ratio * 2.0 <= 3.0", message: too much, reason: FieldValueForbidden}
    - rule: "!has(self.until) || self.until > timestamp('2026-01-01T00:00:00Z')"
      messageExpression: "'until ' + self.size"
""")
WIDGETS = Resource("example.com", "widgets")


def verdicts(spec: JsonObject, old: JsonObject | None = None) -> list[str]:
    whole: dict[str, Any] = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    before = () if old is None else ({**whole, "spec": old},)
    return [str(each) for each in judge(SCHEMA, {**whole, "spec": spec}, *before)]


@pytest.mark.parametrize(("spec", "texts"), [
    ({"size": "small", "min": 1, "max": 2}, []),
    ({"size": "small", "min": 3, "max": 2},
     ['spec: Invalid value: "object": failed rule: !has(self.min) || self.min <= self.max']),
    ({"size": "small", "min": 3}, ['spec: Invalid value: "object": no such key: max evaluating rule: !has(self.min) || '
                                   "self.min <= self.max"]),
    ({"size": "large"}, ["spec.max: Required value: large needs a max"]),
    ({"size": "small", "ratio": 2}, ["spec: Forbidden: too much"]),
    ({"size": "small", "until": "2025-01-01T00:00:00Z"}, ['spec: Invalid value: "object": until small']),
    ({"size": "small", "note": "x"}, []),
])  # fmt: skip
def test_rules_judge_an_object(spec: JsonObject, texts: list[str]) -> None:
    """By their message, their expression or themselves; rules about changes keep silent."""
    assert verdicts(spec) == texts


def test_rules_judge_a_change() -> None:
    """Fields by name and items by their keys are told to be the same; what is new has no old value."""
    old = {"size": "small", "note": "a", "parts": [{"name": "p", "n": 5}]}
    assert verdicts({**old, "note": "b"}, old) == ['spec.note: Invalid value: "string": note is immutable']
    assert verdicts({**old, "parts": [{"name": "q", "n": 1}, {"name": "p", "n": 4}]}, old) == [
        'spec.parts[1]: Invalid value: "object": no less than 5'
    ]


def test_what_has_not_changed_is_not_judged_again() -> None:
    """A rule that came later does not stop changes beside."""
    wrong = {"size": "small", "min": 3, "max": 2}
    assert verdicts(wrong, wrong) == []
    assert len(verdicts({**wrong, "note": "x"}, wrong)) == 1


def test_an_old_value_may_be_optional() -> None:
    """Then a rule about changes judges new values too."""
    rule = {"rule": "oldSelf.hasValue() || self == 'first'", "optionalOldSelf": True}
    schema = {"type": "string", "x-kubernetes-validations": [rule]}
    assert judge_at(schema, "first", "x") == []
    assert len(judge_at(schema, "second", "x")) == 1


def definition() -> JsonObject:
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}],
        },
    }  # fmt: skip


def widget(**spec: Any) -> JsonObject:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def test_rules_are_asked_when_the_form_is_right(door: Door) -> None:
    """Else it is told that they were not."""
    door.create(definition())
    refused = door.refusal(widget(size="huge", min=3, max=1))
    assert isinstance(refused, Invalid)
    assert [each.reason for each in refused.causes] == ["FieldValueNotSupported", "FieldValueInvalid"]
    assert refused.causes[1] == UNCHECKED
    door.create(widget(size="small", note="a"))
    with pytest.raises(Invalid, match="note is immutable"):
        door.api.patch(
            PERSON, WIDGETS, "default", "w", "merge", {"spec": {"note": "b"}}, field_validation="Strict"
        )  # fmt: skip


@pytest.mark.parametrize(("rule", "text"), [
    ({"rule": " "}, "rule: Required value: rule is not specified"),
    ({"rule": "true", "message": " "}, 'message: Invalid value: " ": must be non-empty if specified'),
    ({"rule": "true ||\n true"}, "message: Required value: message must be specified if rule contains line breaks"),
    ({"rule": "true", "reason": "Why"}, 'reason: Unsupported value: "Why": supported values: "FieldValueDuplicate", '),
    ({"rule": "self.zz == 1"},
     'rule: Invalid value: {"Rule":"self.zz == 1","Message":"","MessageExpression":"","Reason":null,"FieldPath":"",'
     "\"OptionalOldSelf\":null}: compilation failed: ERROR: <input>:1:5: undefined field 'zz'"),
    ({"rule": "self.a"}, "rule: Invalid value: "), ({"rule": "self.a == oldSelf.a"},
     'rule: Invalid value: "self.a == oldSelf.a": oldSelf cannot be used on the uncorrelatable portion of the schema '
     "within s.properties[l]"),
    ({"rule": "true", "messageExpression": "1"}, "messageExpression: Invalid value: "),
    ({"rule": "true", "optionalOldSelf": True},
     "optionalOldSelf: Invalid value: true: may not be set if oldSelf is not "),
])  # fmt: skip
def test_rules_are_judged_with_their_schema(rule: JsonObject, text: str) -> None:
    """Texts, and whether they can be used where they stand."""
    items = {"type": "object", "properties": {"a": {"type": "integer"}}, "x-kubernetes-validations": [rule]}
    schema = {"type": "object", "properties": {"l": {"type": "array", "items": items}}}
    causes: Causes = []
    validate_schema(causes, schema, "s", status=False)
    (said,) = [str(each) for each in causes]
    assert said.startswith(f"s.properties[l].items.x-kubernetes-validations[0].{text}")


def test_a_default_obeys_the_rules() -> None:
    """It is judged as a value would be."""
    schema = {"type": "object", "properties": {"spec": {
        "type": "object", "default": {}, "properties": {"min": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.min <= 1"}],
    }}}  # fmt: skip
    causes: Causes = []
    validate_schema(causes, schema, "s", status=False)
    assert [str(each) for each in causes] == [
        's.properties[spec].default: Invalid value: "object": no such key: min evaluating rule: self.min <= 1'
    ]
