"""What is wrong with an expression before it has a value to work on.

Types come from an OpenAPI schema: fields that it does not describe are undefined, names that nobody declared are
undeclared, and operators do not mix strings with numbers. Where the schema says nothing everything is allowed.
Refusals are SyntaxProblem, in cel-go's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from engine.cel.evaluate import field_name
from engine.cel.library import FUNCTIONS, NAMESPACES
from engine.cel.syntax import (
    Call,
    Expression,
    Index,
    ListOf,
    Literal,
    Macro,
    MapOf,
    Name,
    Select,
    SyntaxProblem,
    located,
)

Schema = Mapping[str, Any]
_KINDS: Final = {"integer": "int", "number": "double", "string": "string", "boolean": "bool"}
_FORMATS: Final = {
    "date-time": "google.protobuf.Timestamp", "date": "google.protobuf.Timestamp", "byte": "bytes",
    "duration": "google.protobuf.Duration",
}  # fmt: skip
_COMPARING: Final = frozenset({"_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_"})
_COUNTING: Final = frozenset({"_+_", "_-_", "_*_", "_/_", "_%_"})
_LOGIC: Final = frozenset({"_&&_", "_||_", "!_"})
_TRUTHS: Final = frozenset({
    *_COMPARING, *_LOGIC, "@in", "startsWith", "endsWith", "matches", "contains", "isSorted", "isIP", "isCIDR", "isURL",
    "isQuantity", "hasValue",
})  # fmt: skip
_RESULTS: Final = {"size": "int", "int": "int", "double": "double", "string": "string"}


class Type(NamedTuple):
    """What is known of a value; both None: nothing."""

    schema: Schema | None = None
    kind: str | None = None
    """Of a scalar: int, double, string, bool …"""


DYN: Final = Type()
_CONDITION: Final = Type(None, "bool")
_TEXT: Final = Type({"type": "string"}, "string")


def type_of(schema: Any) -> Type:
    """The type of a schema's values."""
    if not isinstance(schema, Mapping) or schema.get("x-kubernetes-int-or-string") or schema.get("nullable"):
        return Type(schema if isinstance(schema, Mapping) and schema.get("type") in ("object", "array") else None)
    kind = _KINDS.get(str(schema.get("type")))
    if kind == "string":
        kind = _FORMATS.get(schema.get("format", ""), kind)
    return Type(schema, kind)


def check(source: str, expression: Expression, names: Mapping[str, Type]) -> Type:
    """The type of the expression's value. SyntaxProblem for what cannot be."""
    return _Checker(source).type(expression, names)


class _Checker:
    def __init__(self, source: str) -> None:
        self._source = source

    def _wrong(self, at: int, what: str) -> SyntaxProblem:
        return SyntaxProblem(located(self._source, at, what))

    def type(self, expression: Expression, names: Mapping[str, Type]) -> Type:
        match expression:
            case Literal(value):
                kinds = {bool: "bool", int: "int", float: "double", str: "string", bytes: "bytes"}
                return Type(None, kinds.get(type(value)))
            case Name(name, at):
                if name not in names:
                    raise self._wrong(at, f"undeclared reference to '{name}' (in container '')")
                return names[name]
            case Select():
                return self._select(expression, names)
            case Index():
                return self._index(expression, names)
            case ListOf(items):
                found = [self.type(each, names) for each in items]
                return Type({"type": "array", "items": found[0].schema or {}}) if found else DYN
            case MapOf(entries):
                for key, value in entries:
                    self.type(key, names)
                    self.type(value, names)
                return DYN
            case Macro():
                return self._macro(expression, names)
            case Call():
                return self._call(expression, names)

    def _select(self, expression: Select, names: Mapping[str, Type]) -> Type:
        schema = self.type(expression.operand, names).schema
        if expression.optional or schema is None or schema.get("type") != "object":
            return _CONDITION if expression.has else DYN
        properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
        name = field_name(expression.field)
        name = name if name in properties else expression.field
        if name not in properties and not extra and (properties or not _open(schema)):
            raise self._wrong(expression.at, f"undefined field '{expression.field}'")
        return _CONDITION if expression.has else type_of(properties.get(name, extra))

    def _index(self, expression: Index, names: Mapping[str, Type]) -> Type:
        schema = self.type(expression.operand, names).schema or {}
        self.type(expression.key, names)
        if expression.optional:
            return DYN
        return type_of(schema.get("items") if schema.get("type") == "array" else schema.get("additionalProperties"))

    def _macro(self, macro: Macro, names: Mapping[str, Type]) -> Type:
        schema = self.type(macro.over, names).schema or {}
        a_list = schema.get("type") == "array"
        item = type_of(schema.get("items") if a_list else schema.get("additionalProperties"))
        if len(macro.variables) == 2:
            own = {macro.variables[0]: Type(None, "int") if a_list else DYN, macro.variables[1]: item}
        else:
            own = {macro.variables[0]: item if a_list else _TEXT if schema else DYN}
        scope = {**names, **own}
        if macro.filter is not None:
            self.type(macro.filter, scope)
        body = self.type(macro.body, scope)
        if macro.name in ("all", "exists", "exists_one"):
            return _CONDITION
        return Type(schema or None) if macro.name == "filter" else Type({"type": "array", "items": body.schema or {}})

    def _call(self, call: Call, names: Mapping[str, Type]) -> Type:
        name, target = call.name, call.target
        if isinstance(target, Name) and target.name in NAMESPACES and target.name not in names:
            name, target = f"{target.name}.{name}", None
        if name in ("optMap", "optFlatMap"):
            return DYN
        found = [self.type(each, names) for each in ([target] if target is not None else []) + list(call.arguments)]
        if name == "_?_:_":
            return found[1] if found[1].kind == found[2].kind else DYN
        if name in _COMPARING or name in _COUNTING:
            self._same_kinds(call, [each.kind for each in found])
            return _CONDITION if name in _COMPARING else found[0] if found[0].kind == found[1].kind else DYN
        if name not in FUNCTIONS and name not in _LOGIC and name not in ("@in", "-_"):
            raise self._wrong(call.at, f"undeclared reference to '{name}' (in container '')")
        return _CONDITION if name in _TRUTHS else Type(None, _RESULTS.get(name))

    def _same_kinds(self, call: Call, kinds: list[str | None]) -> None:
        a, b = kinds
        if a is None or b is None or a == b:
            return
        numbers = {a, b} <= {"int", "double"} and call.name in _COMPARING - {"_==_", "_!=_"}
        times = all(each.startswith("google.protobuf.") for each in (a, b)) and call.name in _COUNTING
        if not numbers and not times:
            text = f"found no matching overload for '{call.name}' applied to '({a}, {b})'"
            raise self._wrong(call.at, text)


def _open(schema: Schema) -> bool:
    """Whether an object may have fields that its schema does not describe."""
    return bool(schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource"))
