"""Validation rules of custom resources (x-kubernetes-validations): expressions over the object, and over the old one.

A rule stands in the schema of the value that it judges, `self`. One that speaks of `oldSelf` judges changes only, where
old and new can be told to be the same thing: fields, entries of maps, items of keyed lists. What has not changed is not
judged again. Source: apiextensions-apiserver pkg/apiserver/schema/cel.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from engine.api.errors import Cause
from engine.cel.checking import DYN, Type, check, type_of
from engine.cel.evaluate import evaluate
from engine.cel.syntax import Call, Expression, Index, ListOf, Literal, Macro, MapOf, Name, Select, SyntaxProblem, parse
from engine.cel.values import NONE, CelError, Optional, duration, timestamp

Schema = Mapping[str, Any]
RULES: Final = "x-kubernetes-validations"
MISSING: Final = object()
"""There is no old value, or none that can be told to be this one's."""
BLOCKING: Final = frozenset(
    {"FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"}
)
"""Complaints after which rules are not asked."""
UNCHECKED: Final = Cause(
    "FieldValueInvalid", "<nil>", "Invalid value: null: some validation rules were not checked because the object was "
    "invalid; correct the existing errors to complete validation",
)  # fmt: skip
_META: Final = {
    "apiVersion": {"type": "string"}, "kind": {"type": "string"},
    "metadata": {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}},
}  # fmt: skip


@lru_cache(maxsize=1024)
def compiled(source: str) -> Expression:
    """The tree of a rule. SyntaxProblem."""
    return parse(source)


def rooted(schema: Schema) -> Schema:
    """The schema of a whole object, as rules see it: with what every object has."""
    return {**schema, "properties": {**(schema.get("properties") or {}), **_META}}


def uses(schema: Any) -> bool:
    """Whether there are rules in a schema."""
    if not isinstance(schema, Mapping):
        return False
    return bool(schema.get(RULES)) or any(
        uses(each)
        for each in (
            *(schema.get("properties") or {}).values(),
            schema.get("items"),
            schema.get("additionalProperties"),
        )
    )


# -- rules themselves ------------------------------------------------------------------------------------------------


def compile_problem(schema: Schema, rule: Mapping[str, Any], *, message: bool = False) -> str:
    """Why a rule (or its messageExpression) cannot be used; "" when it can."""
    source = str(rule["messageExpression"] if message else rule.get("rule", ""))
    self_type = type_of({key: value for key, value in schema.items() if key != "nullable"})
    old = DYN if rule.get("optionalOldSelf") else self_type
    try:
        found = check(source, compiled(source), {"self": self_type, "oldSelf": old})
    except SyntaxProblem as problem:
        return f"{'messageExpression ' if message else ''}compilation failed: {problem}"
    wanted = "string" if message else "bool"
    if found.kind not in (None, wanted) or (found.schema or {}).get("type") in ("object", "array"):
        return f"{'messageExpression' if message else 'cel expression'} must evaluate to a {wanted}"
    return ""


def names_in(expression: Expression) -> Iterator[str]:
    """Every variable that an expression speaks of."""
    match expression:
        case Name(name):
            yield name
        case Select(operand):
            yield from names_in(operand)
        case Index(operand, index):
            yield from names_in(operand)
            yield from names_in(index)
        case Call(_, target, arguments):
            for each in (*((target,) if target is not None else ()), *arguments):
                yield from names_in(each)
        case Macro():
            for part in (expression.over, expression.body, *((expression.filter,) if expression.filter else ())):
                yield from names_in(part)
        case ListOf(items):
            for each in items:
                yield from names_in(each)
        case MapOf(entries):
            for entry in entries:
                yield from names_in(entry[0])
                yield from names_in(entry[1])
        case Literal():
            return


# -- judging ---------------------------------------------------------------------------------------------------------


def judge(schema: Schema, value: Any, old: Any = MISSING) -> list[Cause]:
    """What the rules of a schema say against a whole object. `old`: the object before an update."""
    causes: list[Cause] = []
    _judge(rooted(schema), value, old, "", causes)
    return causes


def judge_at(schema: Schema, value: Any, path: str) -> list[Cause]:
    """What the rules of a schema say against a value at a path: a default."""
    causes: list[Cause] = []
    _judge(schema, value, MISSING, path, causes)
    return causes


def _judge(schema: Schema, value: Any, old: Any, path: str, causes: list[Cause]) -> None:
    if value is None:
        return
    rules = schema.get(RULES) or ()
    if rules:
        causes.extend(_verdicts(schema, rules, value, old, path))
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
        for key in sorted(value):
            inner = properties.get(key, extra)
            if isinstance(inner, Mapping) and uses(inner):
                _judge(inner, value[key], before.get(key, MISSING), f"{path}.{key}" if path else key, causes)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping) and uses(schema["items"]):
        known = items_by_key(schema, old)
        for index, each in enumerate(value):
            _judge(schema["items"], each, known.get(item_key(schema, each), MISSING), f"{path}[{index}]", causes)


def items_by_key(schema: Schema, items: Any) -> dict[Any, Any]:
    """The items of a keyed list by their keys; empty for any other value."""
    if not isinstance(items, list) or schema.get("x-kubernetes-list-type") != "map":
        return {}
    return {item_key(schema, each): each for each in items}


def item_key(schema: Schema, item: Any) -> Any:
    """The keys of an item, hashable; None for what has none."""
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(item, dict):
        return None
    return tuple(str(item.get(key)) for key in schema.get("x-kubernetes-list-map-keys") or ())


def _verdicts(schema: Schema, rules: Any, value: Any, old: Any, path: str) -> Iterator[Cause]:
    bound = typed(schema, value)
    before = MISSING if old is MISSING or old is None else typed(schema, old)
    for rule in rules:
        source = str(rule.get("rule", "")).strip()
        try:
            expression = compiled(source)
        except SyntaxProblem as problem:
            yield Cause("FieldValueInvalid", path, f"Invalid value: {_shown(schema)}: rule compile error: {problem}")
            continue
        changes = "oldSelf" in names_in(expression)
        optional = bool(rule.get("optionalOldSelf"))
        if (changes and before is MISSING and not optional) or (not changes and before is not MISSING and old == value):
            continue
        names = {"self": bound}
        if changes:
            held = NONE if before is MISSING else Optional(before, True)
            names["oldSelf"] = held if optional else before
        yield from _verdict(schema, rule, expression, names, path)


def _verdict(
    schema: Schema, rule: Mapping[str, Any], expression: Expression, names: dict[str, Any], path: str
) -> Iterator[Cause]:
    told = str(rule.get("message") or "").strip()
    source = str(rule.get("rule", "")).strip()
    try:
        passed = evaluate(expression, names)
    except CelError as error:
        text = f"{error} evaluating rule: {told or source}"
        yield Cause("FieldValueInvalid", path or "<nil>", f"Invalid value: {_shown(schema)}: {text}")
        return
    if passed is True:
        return
    message = _message(rule, names) or told or f"failed rule: {source}"
    where = f"{path}{rule.get('fieldPath') or ''}" if path else str(rule.get("fieldPath") or "").lstrip(".")
    yield _refusal(str(rule.get("reason") or ""), where or "<nil>", _shown(schema), message)


def _message(rule: Mapping[str, Any], names: dict[str, Any]) -> str:
    """What messageExpression makes; "" when it makes nothing that can be shown."""
    if not rule.get("messageExpression"):
        return ""
    try:
        found = evaluate(compiled(str(rule["messageExpression"])), names)
    except (CelError, SyntaxProblem):
        return ""
    return found.strip() if isinstance(found, str) and "\n" not in found else ""


def _shown(schema: Schema) -> str:
    """What stands for the value: the name of its type."""
    return f'"{schema.get("type") or ""}"'


def _refusal(reason: str, where: str, shown: str, message: str) -> Cause:
    texts = {
        "FieldValueForbidden": "Forbidden", "FieldValueRequired": "Required value",
        "FieldValueDuplicate": f"Duplicate value: {shown}",
    }  # fmt: skip
    if reason == "FieldValueDuplicate":
        return Cause(reason, where, texts[reason])
    return Cause(reason or "FieldValueInvalid", where, f"{texts.get(reason, f'Invalid value: {shown}')}: {message}")


def typed(schema: Any, value: Any) -> Any:
    """A value as expressions see it: times, durations and bytes by their formats, numbers that are not whole."""
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, dict):
        properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
        return {key: typed(properties.get(key, extra), each) for key, each in value.items()}
    if isinstance(value, list):
        return [typed(schema.get("items"), each) for each in value]
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if schema.get("type") == "integer" and isinstance(value, float):
        return int(value)
    if isinstance(value, str) and schema.get("format") in _READERS:
        try:
            return _READERS[schema["format"]](value)
        except (CelError, binascii.Error):
            return value
    return value


_READERS: Final[dict[str, Any]] = {
    "date-time": timestamp, "date": timestamp, "duration": duration, "byte": base64.b64decode,
}  # fmt: skip
__all__ = ["BLOCKING", "MISSING", "UNCHECKED", "Type", "compile_problem", "judge", "uses"]
