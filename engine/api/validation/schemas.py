"""Whether an openAPIV3Schema of a definition is one that a custom resource can have.

First the structure: every field is described outside of the value validations (allOf, anyOf, oneOf, not), metadata is
left alone, defaults fit. Then what a Kubernetes schema may use at all, and how its lists and maps are keyed; and only
if all that is well, whether the validation rules can be read. Sources: apiextensions-apiserver
pkg/apiserver/schema/validation.go, schema/defaulting/validation.go, pkg/apis/apiextensions/validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from engine.api import rules, structural
from engine.api.errors import Cause
from engine.api.internal_schema import rule_inside, schema_inside
from engine.api.validation.causes import Causes, forbidden, invalid, not_supported, required

Schema = Mapping[str, Any]
TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_AT_STATUS_ROOT: Final = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum", "MaxLength",
    "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items", "Properties",
    "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
"""What the root may say of a kind whose status is a subresource."""
_UNSTRUCTURED: Final = ("id", "$ref", "definitions", "dependencies", "patternProperties", "additionalItems")
_NESTED: Final = (
    ("default", "must be undefined to be structural"), ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"), ("nullable", "must be false to be structural"),
    ("externalDocs", "must be undefined to be structural"),
    ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
    ("x-kubernetes-embedded-resource", "must be false to be structural"),
    ("x-kubernetes-int-or-string", "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)  # fmt: skip
"""What a value validation may not say, and why."""
_REASONS: Final = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_INT_OR_STRING: Final = [{"type": "integer"}, {"type": "string"}]


def validate_schema(causes: Causes, schema: Schema, path: str, *, status: bool) -> None:
    """Everything about a version's schema. `status`: the kind has the status subresource."""
    if status:
        _status_root(causes, schema, path)
    if schema.get("nullable"):
        causes.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    if not any(schema_uses(schema, each) for each in _UNSTRUCTURED):
        found: Causes = []
        _structure(found, schema, path, "root")
        _complete(found, schema, schema, path)
        causes.extend(sorted(found, key=str))
        if not found:
            _defaults(causes, schema, path, root=True)
    seen = len(causes)
    _allowed(causes, schema, path, _Where())
    if not causes and len(causes) == seen:
        _compiled(causes, rules.rooted(schema) if rules.uses(schema) else schema, path, None)


def _status_root(causes: Causes, schema: Schema, path: str) -> None:
    inside = schema_inside(schema)
    for name, value in inside.items():
        if value in (None, "", False):
            continue
        if name == "Type":
            if value != "object":
                text = 'only "object" is allowed as the type at the root of the schema if the status subresource is '
                causes.append(invalid(f"{path}.type", value, f"{text}enabled"))
                return
        elif name not in _AT_STATUS_ROOT:
            text = (
                f"only [{' '.join(_AT_STATUS_ROOT)}] fields are allowed at the root of the schema if the status "
                "subresource is enabled"
            )
            shown = orjson.dumps(inside).decode()
            causes.append(Cause("FieldValueInvalid", path, f"Invalid value: {shown}: {text}"))
            return


def schema_uses(schema: Any, key: str) -> bool:
    """Whether a schema, or one in it, says something under this key."""
    if isinstance(schema, Mapping):
        return bool(schema.get(key)) or any(
            schema_uses(each, key)
            for name in ("properties", "items", "additionalProperties", "allOf", "anyOf", "oneOf", "not")
            for each in _within(schema.get(name), name)
        )
    return False


def _within(value: Any, name: str) -> Sequence[Any]:
    if name == "properties":
        return list((value or {}).values())
    return value if isinstance(value, list) else [value]


# -- structure -------------------------------------------------------------------------------------------------------


def _structure(causes: Causes, schema: Schema, path: str, level: str) -> None:
    """validateStructuralInvariants. `level`: root, item or field."""
    kind, items = schema.get("type") or "", schema.get("items")
    properties = schema.get("properties") or {}
    if kind == "array" and items is None:
        causes.append(required(f"{path}.items", "must be specified"))
    if isinstance(items, Mapping):
        _structure(causes, items, f"{path}.items", "item")
    for name, each in properties.items():
        _structure(causes, each, f"{path}.properties[{name}]", "field")
    extra = schema.get("additionalProperties")
    if extra is not None:
        if level == "root":
            causes.append(forbidden(f"{path}.additionalProperties", "must not be used at the root"))
        if isinstance(extra, Mapping):
            _structure(causes, extra, f"{path}.additionalProperties", "field")
    either, preserve = schema.get("x-kubernetes-int-or-string"), schema.get("x-kubernetes-preserve-unknown-fields")
    embedded = schema.get("x-kubernetes-embedded-resource")
    for key in ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"):
        if either and schema.get(key):
            causes.append(invalid(f"{path}.{key}", True, "must be false if x-kubernetes-int-or-string is true"))
    _value_validation(causes, schema, path, level, int_or_string=bool(either))
    if embedded and kind != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        causes.append(invalid(f"{path}.type", kind, text) if kind else required(f"{path}.type", text))
    elif not kind and not either and not preserve:
        where = {"root": "at the root", "item": "for specified array items", "field": "for specified object fields"}
        causes.append(required(f"{path}.type", f"must not be empty {where[level]}"))
    if embedded and extra is not None:
        text = "must not be used if x-kubernetes-embedded-resource is set"
        causes.append(forbidden(f"{path}.additionalProperties", text))
    if level == "root" and kind and kind != "object":
        causes.append(invalid(f"{path}.type", kind, "must be object at the root"))
    _type_meta(causes, properties, path, level, bool(level == "root" or embedded))
    if embedded and not preserve and not properties:
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        causes.append(required(f"{path}.properties", text))


def _type_meta(causes: Causes, properties: Schema, path: str, level: str, checked: bool) -> None:
    for name in ("kind", "apiVersion"):
        if checked and name in properties and properties[name].get("type") != "string":
            value = properties[name].get("type") or ""
            causes.append(invalid(f"{path}.properties[{name}].type", value, "must be string"))
    metadata = properties.get("metadata")
    if metadata is None:
        return
    at = f"{path}.properties[metadata]"
    if checked and metadata.get("type") != "object":
        causes.append(invalid(f"{at}.type", metadata.get("type") or "", "must be object"))
    if level == "root":
        said = {key for key, value in metadata.items() if value not in (None, "", [], {}, False)} - {"type", "default"}
        if set(metadata.get("properties") or ()) <= {"name", "generateName"}:
            said.discard("properties")
        if said:
            text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            causes.append(forbidden(at, text))


def _value_validation(
    causes: Causes, schema: Schema, path: str, level: str, *, int_or_string: bool, any_of: bool = True
) -> None:
    """What restricts values without describing structure. `any_of`: look at it, it is not the int-or-string pattern."""
    if any_of and not (int_or_string and schema.get("anyOf") == _INT_OR_STRING):
        for index, each in enumerate(schema.get("anyOf") or ()):
            _nested(causes, each, f"{path}.anyOf[{index}]", level)
    for index, each in enumerate(schema.get("allOf") or ()):
        pattern = int_or_string and index == 0 and each.get("anyOf") == _INT_OR_STRING
        _nested(causes, each, f"{path}.allOf[{index}]", level, any_of=not pattern)
    for index, each in enumerate(schema.get("oneOf") or ()):
        _nested(causes, each, f"{path}.oneOf[{index}]", level)
    if isinstance(schema.get("not"), Mapping):
        _nested(causes, schema["not"], f"{path}.not", level)
    pattern = schema.get("pattern")
    if pattern:
        try:
            re.compile(pattern)
        except re.error as error:
            text = f"must be a valid regular expression, but isn't: error parsing regexp: {_go_error(pattern, error)}"
            causes.append(invalid(f"{path}.pattern", pattern, text))


def _go_error(pattern: str, error: re.error) -> str:
    """The commonest of Go's complaints; Python's own for the others."""
    if "unterminated subpattern" in error.msg:
        return f"missing closing ): `{pattern}`"
    if "unbalanced parenthesis" in error.msg:
        return f"unexpected ): `{pattern}`"
    if "unterminated character set" in error.msg:
        return f"missing closing ]: `{pattern[error.pos or 0 :]}`"
    if "nothing to repeat" in error.msg:
        return f"missing argument to repetition operator: `{pattern[error.pos or 0 : (error.pos or 0) + 1]}`"
    return f"{error.msg}: `{pattern}`"


def _nested(causes: Causes, schema: Schema, path: str, level: str, *, any_of: bool = True) -> None:
    """validateNestedValueValidation."""
    _value_validation(causes, schema, path, level, int_or_string=False, any_of=any_of)
    if isinstance(schema.get("items"), Mapping):
        _nested(causes, schema["items"], f"{path}.items", level)
    for name, each in (schema.get("properties") or {}).items():
        _nested(causes, each, f"{path}.properties[{name}]", "field")
    if schema.get("type"):
        causes.append(forbidden(f"{path}.type", "must be empty to be structural"))
    if schema.get("additionalProperties") is not None:
        causes.append(forbidden(f"{path}.additionalProperties", "must be undefined to be structural"))
    for key, why in _NESTED:
        if schema.get(key):
            causes.append(forbidden(f"{path}.{key}", why))
    if "metadata" in (schema.get("properties") or {}):
        causes.append(forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context"))


def _complete(causes: Causes, schema: Schema, owner: Schema, path: str) -> None:
    """Every field that a value validation speaks of is described outside of it (validateStructuralCompleteness)."""
    for name in ("allOf", "anyOf", "oneOf"):
        for index, each in enumerate(schema.get(name) or ()):
            _described(causes, each, owner, f"{path}.{name}[{index}]", path)
    if isinstance(schema.get("not"), Mapping):
        _described(causes, schema["not"], owner, f"{path}.not", path)
    for name, each in (schema.get("properties") or {}).items():
        _complete(causes, each, each, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            _complete(causes, schema[name], schema[name], f"{path}.{name}")


def _described(causes: Causes, schema: Schema, owner: Schema, path: str, owner_path: str) -> None:
    for name in ("allOf", "anyOf", "oneOf"):
        for index, each in enumerate(schema.get(name) or ()):
            _described(causes, each, owner, f"{path}.{name}[{index}]", owner_path)
    for name, each in (schema.get("properties") or {}).items():
        known = (owner.get("properties") or {}).get(name)
        place = f"{owner_path}.properties[{name}]"
        if known is None:
            causes.append(required(place, f"because it is defined in {path}.properties[{name}]"))
        else:
            _described(causes, each, known, f"{path}.properties[{name}]", place)
    if isinstance(schema.get("items"), Mapping):
        if isinstance(owner.get("items"), Mapping):
            _described(causes, schema["items"], owner["items"], f"{path}.items", f"{owner_path}.items")
        else:
            causes.append(required(f"{owner_path}.items", f"because it is defined in {path}.items"))


def _defaults(causes: Causes, schema: Schema, path: str, *, root: bool = False) -> None:
    """Defaults have no unknown fields, and are values that the schema takes."""
    value = schema.get("default")
    if value is not None and not root:
        at = f"{path}.default"
        if structural.prune({**schema, "default": None}, value, ("",))[1]:
            causes.append(invalid(at, value, "must not have unknown fields"))
        wrong = structural.validate(schema, value)
        for each in wrong:
            causes.append(Cause(each.reason, f"{at}.{each.field}" if each.field else at, each.message))
        if not wrong:
            causes.extend(rules.judge_at(schema, value, at))
    for name, each in (schema.get("properties") or {}).items():
        _defaults(causes, each, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            _defaults(causes, schema[name], f"{path}.{name}")


# -- what a schema may use -------------------------------------------------------------------------------------------


class _Where(NamedTuple):
    """What is known of the place in the schema."""

    root: bool = True
    no_defaults: str | None = None
    """Why there may be none; None when there may."""
    metadata: bool = False
    """Within what applies to an object's metadata."""


def _allowed(causes: Causes, schema: Schema, path: str, where: _Where) -> None:
    """ValidateCustomResourceDefinitionOpenAPISchema."""
    _keywords(causes, schema, path, where)
    properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
    inner = where._replace(root=False)
    if extra is not None:
        if properties and extra is not True:
            text = "additionalProperties and properties are mutual exclusive"
            causes.append(forbidden(f"{path}.additionalProperties", text))
        if isinstance(extra, Mapping):
            why = "inside additionalProperties applying to object metadata" if where.metadata else inner.no_defaults
            _allowed(causes, extra, f"{path}.additionalProperties", inner._replace(no_defaults=why))
    for name, each in properties.items():
        below = inner
        if (where.root or schema.get("x-kubernetes-embedded-resource")) and name in ("metadata", "kind", "apiVersion"):
            below = below._replace(metadata=True)
            if where.root:
                below = below._replace(no_defaults=f"in top-level {name}")
        _allowed(causes, each, f"{path}.properties[{name}]", below)
    if isinstance(schema.get("not"), Mapping):
        _allowed(causes, schema["not"], f"{path}.not", inner)
    for key in ("allOf", "oneOf", "anyOf"):
        for index, each in enumerate(schema.get(key) or ()):
            _allowed(causes, each, f"{path}.{key}[{index}]", inner)
    if isinstance(schema.get("items"), Mapping):
        _allowed(causes, schema["items"], f"{path}.items", inner)
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        causes.append(invalid(f"{path}.x-kubernetes-preserve-unknown-fields", False, "must be true or undefined"))
    _list_and_map_types(causes, schema, path)
    for index, rule in enumerate(schema.get(rules.RULES) or ()):
        _rule(causes, rule, f"{path}.{rules.RULES}[{index}]")


def _rule(causes: Causes, rule: Schema, path: str) -> None:
    source, message = str(rule.get("rule") or ""), str(rule.get("message") or "")
    told = message.strip()
    if not source.strip():
        causes.append(required(f"{path}.rule", "rule is not specified"))
    elif message and not told:
        causes.append(invalid(f"{path}.message", message, "must be non-empty if specified"))
    elif "\n" in told or "\r" in told:
        causes.append(invalid(f"{path}.message", message, "must not contain line breaks"))
    elif "\n" in source.strip() and not told:
        causes.append(required(f"{path}.message", "message must be specified if rule contains line breaks"))
    expression = rule.get("messageExpression") or ""
    if expression and not expression.strip():
        causes.append(required(f"{path}.messageExpression", "messageExpression must be non-empty if specified"))
    if rule.get("reason") is not None and rule["reason"] not in _REASONS:
        causes.append(not_supported(f"{path}.reason", rule["reason"], _REASONS))
    field = rule.get("fieldPath") or ""
    if field and not field.strip():
        causes.append(invalid(f"{path}.fieldPath", field, "must be non-empty if specified"))


def _compiled(causes: Causes, schema: Schema, path: str, loose: str | None) -> None:
    """Whether the rules can be used. `loose`: where old and new values cannot be told to be the same any more."""
    properties = schema.get("properties") or {}
    extra, items = schema.get("additionalProperties"), schema.get("items")
    if isinstance(extra, Mapping):
        _compiled(causes, extra, f"{path}.additionalProperties", loose)
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    for name, each in properties.items():
        _compiled(causes, each, f"{path}.properties[{name}]", loose or (path if atomic else None))
    if isinstance(items, Mapping):
        keyed = schema.get("x-kubernetes-list-type") == "map"
        _compiled(causes, items, f"{path}.items", loose or (None if keyed else path))
    for index, rule in enumerate(schema.get(rules.RULES) or ()):
        at = f"{path}.{rules.RULES}[{index}]"
        shown = orjson.dumps(rule_inside(rule)).decode()
        wrong = rules.compile_problem(schema, rule)
        if wrong:
            causes.append(Cause("FieldValueInvalid", f"{at}.rule", f"Invalid value: {shown}: {wrong}"))
            continue
        if rule.get("messageExpression") and (wrong := rules.compile_problem(schema, rule, message=True)):
            causes.append(Cause("FieldValueInvalid", f"{at}.messageExpression", f"Invalid value: {shown}: {wrong}"))
        changes = "oldSelf" in rules.names_in(rules.compiled(rule["rule"]))
        if changes and loose is not None:
            text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {loose}"
            causes.append(invalid(f"{at}.rule", rule["rule"], text))
        elif not changes and rule.get("optionalOldSelf") is not None:
            text = "may not be set if oldSelf is not used in rule"
            causes.append(invalid(f"{at}.optionalOldSelf", rule["optionalOldSelf"], text))


def _keywords(causes: Causes, schema: Schema, path: str, where: _Where) -> None:
    kind = schema.get("type") or ""
    if kind and kind not in TYPES:
        causes.append(not_supported(f"{path}.type", kind, TYPES))
    if schema.get("default") is not None and where.no_defaults is not None:
        causes.append(forbidden(f"{path}.default", f"must not be set {where.no_defaults}"))
    for key in ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"):
        if schema.get(key):
            causes.append(forbidden(f"{path}.{key}", f"{key} is not supported"))
    if kind == "null":
        causes.append(forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative"))
    if where.metadata and schema.get("x-kubernetes-embedded-resource"):
        text = "must not be used inside of resource meta"
        causes.append(forbidden(f"{path}.x-kubernetes-embedded-resource", text))
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        causes.append(forbidden(f"{path}.uniqueItems", text))


def _list_and_map_types(causes: Causes, schema: Schema, path: str) -> None:
    kind, items = schema.get("type") or "", schema.get("items")
    list_type, map_type = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-map-type")
    keys: Sequence[str] = schema.get("x-kubernetes-list-map-keys") or ()
    if map_type is not None and kind != "object":
        text = "must be object if x-kubernetes-map-type is specified"
        causes.append(invalid(f"{path}.type", kind, text) if kind else required(f"{path}.type", text))
    if map_type not in (None, "atomic", "granular"):
        causes.append(not_supported(f"{path}.x-kubernetes-map-type", map_type, ("atomic", "granular")))
    if list_type is not None and kind != "array":
        text = "must be array if x-kubernetes-list-type is specified"
        causes.append(invalid(f"{path}.type", kind, text) if kind else required(f"{path}.type", text))
    elif list_type == "set" and isinstance(items, Mapping):
        _set_items(causes, items, f"{path}.items")
    if list_type not in (None, "atomic", "set", "map"):
        causes.append(not_supported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "set", "map")))
    if keys and list_type != "map":
        at, text = f"{path}.x-kubernetes-list-type", "must be map if x-kubernetes-list-map-keys is non-empty"
        causes.append(required(at, text) if list_type is None else invalid(at, list_type, text))
    if list_type == "map":
        _map_items(causes, keys, items, path)
    if list_type in ("set", "map") and isinstance(items, Mapping) and items.get("nullable"):
        text = f"cannot be nullable when x-kubernetes-list-type is {list_type}"
        causes.append(forbidden(f"{path}.items.nullable", text))
    if list_type == "map" and isinstance(items, Mapping):
        _map_keys(causes, keys, items, f"{path}.items")


def _set_items(causes: Causes, items: Schema, path: str) -> None:
    for kind, key in (("array", "x-kubernetes-list-type"), ("object", "x-kubernetes-map-type")):
        value = items.get(key)
        loose = value not in (None, "atomic") if kind == "array" else value != "atomic"
        if items.get("type") == kind and loose:
            text = "must be atomic as item of a list with x-kubernetes-list-type=set"
            causes.append(invalid(f"{path}.{key}", items.get("x-kubernetes-list-type"), text))


def _map_items(causes: Causes, keys: Sequence[str], items: Any, path: str) -> None:
    if not keys:
        text = "must not be empty if x-kubernetes-list-type is map"
        causes.append(required(f"{path}.x-kubernetes-list-map-keys", text))
    if items is None:
        causes.append(required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map"))
    if not isinstance(items, Mapping):
        return
    if items.get("type") != "object":
        text = "must be object if parent array's x-kubernetes-list-type is map"
        causes.append(invalid(f"{path}.items.type", items.get("type") or "", text))
        return
    for index, key in enumerate(keys):
        each = (items.get("properties") or {}).get(key)
        if each is None:
            text = "entries must all be names of item properties"
            causes.append(invalid(f"{path}.x-kubernetes-list-map-keys", list(keys), text))
        elif each.get("type") in ("array", "object"):
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            causes.append(invalid(f"{path}.items.properties[{key}].type", "object", text))
        if key in keys[:index]:
            text = "must not contain duplicate entries"
            causes.append(invalid(f"{path}.x-kubernetes-list-map-keys", list(keys), text))


def _map_keys(causes: Causes, keys: Sequence[str], items: Schema, path: str) -> None:
    needed = items.get("required") or ()
    for key in keys:
        each = (items.get("properties") or {}).get(key)
        if each is None:
            continue
        at, which = f"{path}.properties[{key}]", "this property is in x-kubernetes-list-map-keys, so it"
        if key not in needed and each.get("default") is None:
            causes.append(required(f"{at}.default", f"{which} must have a default or be a required property"))
        if each.get("nullable"):
            causes.append(forbidden(f"{at}.nullable", f"{which} cannot be nullable"))
