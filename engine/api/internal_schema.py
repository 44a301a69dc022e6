"""A definition's versions as kube-apiserver holds them inside: what a refusal of `spec.versions` prints.

As in engine.api.internal_form, the types inside have no JSON names, so Go writes every field by its Go name, missing
ones too. What all versions have alike (schema, subresources, columns) is held once, beside the versions, and is missing
in them: that is also why refusals speak of `spec.validation.openAPIV3Schema` when there is one version.
Source: pkg/apis/apiextensions/types.go, types_jsonschema.go, v1/conversion.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from store.types import JsonObject

_PROPS: Final = (
    "id:s $schema=Schema:s $ref=Ref:- description:s type:s nullable:b format:s title:s default:- maximum:- "
    "exclusiveMaximum:b minimum:- exclusiveMinimum:b maxLength:- minLength:- pattern:s maxItems:- minItems:- "
    "uniqueItems:b multipleOf:- enum:- maxProperties:- minProperties:- required:- items:@ allOf:* oneOf:* anyOf:* "
    "not:& properties:% additionalProperties:? patternProperties:% dependencies:- additionalItems:? definitions:% "
    "externalDocs:- example:- x-kubernetes-preserve-unknown-fields=XPreserveUnknownFields:- "
    "x-kubernetes-embedded-resource=XEmbeddedResource:b x-kubernetes-int-or-string=XIntOrString:b "
    "x-kubernetes-list-map-keys=XListMapKeys:- x-kubernetes-list-type=XListType:- x-kubernetes-map-type=XMapType:- "
    "x-kubernetes-validations=XValidations:!"
)
"""`name=Go:form`: s text, b flag, - as it is, & a schema, * schemas, % schemas by name, @ items, ? a schema or a flag,
! rules."""
_ZERO: Final[Mapping[str, Any]] = {"s": "", "b": False}
_RULE: Final = (
    ("rule", ""), ("message", ""), ("messageExpression", ""), ("reason", None), ("fieldPath", ""),
    ("optionalOldSelf", None),
)  # fmt: skip
_COLUMN: Final = (
    ("name", ""), ("type", ""), ("format", ""), ("description", ""), ("priority", 0), ("jsonPath", ""),
)  # fmt: skip


class _Field(NamedTuple):
    name: str
    go: str
    form: str


def _fields() -> list[_Field]:
    found = []
    for word in _PROPS.split():
        names, _, form = word.rpartition(":")
        name, _, go = names.partition("=")
        found.append(_Field(name, go or ("ID" if name == "id" else name[:1].upper() + name[1:]), form))
    return found


_FIELDS: Final = _fields()


class Hoisted(NamedTuple):
    """Where the API server keeps what versions have alike: True for what stands beside the versions."""

    schema: bool
    subresources: bool
    columns: bool


def hoisted(versions: Sequence[JsonObject]) -> Hoisted:
    """What all versions have alike; of one version that is everything."""

    def alike(name: str) -> bool:
        return all(each.get(name) == versions[0].get(name) for each in versions) if versions else False

    return Hoisted(alike("schema"), alike("subresources"), alike("additionalPrinterColumns"))


def versions_inside(versions: Sequence[JsonObject]) -> list[JsonObject] | None:
    """`spec.versions` by Go names; None, which is printed as null, for none."""
    where = hoisted(versions)
    return [_version(each, where) for each in versions] or None


def _version(version: JsonObject, where: Hoisted) -> JsonObject:
    schema, columns = version.get("schema"), version.get("additionalPrinterColumns")
    return {
        "Name": version.get("name") or "", "Served": bool(version.get("served")),
        "Storage": bool(version.get("storage")), "Deprecated": bool(version.get("deprecated")),
        "DeprecationWarning": version.get("deprecationWarning"),
        "Schema": None if schema is None or where.schema else {
            "OpenAPIV3Schema": schema_inside(schema["openAPIV3Schema"]) if schema.get("openAPIV3Schema") else None
        },
        "Subresources": None if where.subresources else _subresources(version.get("subresources")),
        "AdditionalPrinterColumns": None if where.columns or not columns else [
            {_go(name): each.get(name) or zero for name, zero in _COLUMN} for each in columns
        ],
        "SelectableFields": [
            {"JSONPath": each.get("jsonPath") or ""} for each in version.get("selectableFields") or ()
        ] or None,
    }  # fmt: skip


def _subresources(value: JsonObject | None) -> JsonObject | None:
    if value is None:
        return None
    scale = value.get("scale")
    return {
        "Status": None if value.get("status") is None else {},
        "Scale": None if scale is None else {
            "SpecReplicasPath": scale.get("specReplicasPath") or "",
            "StatusReplicasPath": scale.get("statusReplicasPath") or "",
            "LabelSelectorPath": scale.get("labelSelectorPath"),
        },
    }  # fmt: skip


def rule_inside(rule: Mapping[str, Any]) -> JsonObject:
    """A validation rule by Go names."""
    return {_go(name): rule.get(name, zero) for name, zero in _RULE}


def schema_inside(schema: Mapping[str, Any]) -> JsonObject:
    """A schema by Go names."""
    return {each.go: _value(each.form, schema.get(each.name)) for each in _FIELDS}


def _value(form: str, value: Any) -> Any:
    if value is None or (form in "*%!-" and value in ([], {})):
        return _ZERO.get(form)
    if form == "&":
        return schema_inside(value)
    if form == "*":
        return [schema_inside(each) for each in value]
    if form == "%":
        return {key: schema_inside(value[key]) for key in sorted(value)}
    if form == "@":
        return {"Schema": schema_inside(value), "JSONSchemas": None}
    if form == "?":
        schema = schema_inside(value) if isinstance(value, Mapping) else None
        return {"Allows": True if schema is not None else bool(value), "Schema": schema}
    if form == "!":
        return [rule_inside(each) for each in value]
    return value


def _go(name: str) -> str:
    return "JSONPath" if name == "jsonPath" else name[:1].upper() + name[1:]
