"""Selectors: which objects a request, a Service or a ReplicaSet means.

- `parse_labels("app=web,tier in (a,b),!old")` reads a label selector as kubectl writes it;
- `from_spec({"matchLabels": …, "matchExpressions": …})` one from an object's spec: none matches nothing, an empty one
  everything;
- `parse_fields("status.phase!=Running", kind)` a field selector, over the few fields that Kubernetes offers per kind
  (engine.api.field_labels).

All three are cached and their results immutable and hashable. What cannot be read is a BadRequest in the words of
k8s.io/apimachinery/pkg/labels and fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from engine.api import errors
from engine.api.field_labels import Getter, field_getter
from engine.api.names import label_key_errors, label_value_errors
from store.types import Envelope

Operator = Literal["=", "==", "!=", "in", "notin", "exists", "!", "gt", "lt"]
_BINARY: Final = "in, notin, =, ==, !=, gt, lt"
_INT64: Final = re.compile(r"[+-]?\d+\Z", re.ASCII)


class Requirement(NamedTuple):
    """One condition on one label."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()
    """Sorted; empty for `exists` and `!`."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        has = labels.get(self.key)
        operator = self.operator
        if operator in ("in", "=", "=="):
            return has is not None and has in self.values
        if operator in ("notin", "!="):
            return has is None or has not in self.values
        if operator == "exists":
            return has is not None
        if operator == "!":
            return has is None
        if has is None or not _INT64.match(has):
            return False
        return int(has) > int(self.values[0]) if operator == "gt" else int(has) < int(self.values[0])

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(self.values) or ','})"
        sign = {"gt": ">", "lt": "<"}.get(self.operator, self.operator)
        return f"{self.key}{sign}{self.values[0]}"


class LabelSelector:
    """Conditions that must all hold. Compares and hashes by them; prints as kubectl reads."""

    __slots__ = ("_hash", "_others", "equality", "nothing", "requirements")

    def __init__(self, requirements: Sequence[Requirement] = (), *, nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda r: r.key))
        self.nothing = nothing
        """It selects no object at all."""
        exact = [r for r in self.requirements if r.operator in ("=", "==", "in") and len(r.values) == 1]
        self.equality: tuple[tuple[str, str], ...] = tuple((r.key, r.values[0]) for r in exact)
        """Labels that a matching object must have with these values: what an index can use."""
        self._others = tuple(r for r in self.requirements if r not in exact)
        self._hash = hash((self.requirements, nothing))

    @property
    def everything(self) -> bool:
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        if self.nothing:
            return False
        if labels is None:
            labels = {}
        for key, value in self.equality:
            if labels.get(key) != value:
                return False
        for requirement in self._others:  # noqa: SIM110 - called for every object of a list: no generator
            if not requirement.matches(labels):
                return False
        return True

    def __str__(self) -> str:
        return "<none>" if self.nothing else ",".join(map(str, self.requirements))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LabelSelector)
            and self.requirements == other.requirements
            and self.nothing == other.nothing
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"<LabelSelector {self}>"


EVERYTHING: Final = LabelSelector()
NOTHING: Final = LabelSelector(nothing=True)


# -- label selectors as text ---------------------------------------------------------------------------------------

_TOKEN: Final = re.compile(r"[ \t\r\n]*(==|!=|[()=!,<>]|[^ \t\r\n=!(),<>]+|\Z)")
_SIGNS: Final = frozenset({"=", "==", "!=", "<", ">", "(", ")", ",", "!"})


class _Reader:
    """Tokens of a selector, one ahead. `in` and `notin` are words where a value is expected."""

    def __init__(self, text: str) -> None:
        self._tokens = [m[1] for m in _TOKEN.finditer(text)]
        self._at = 0

    def peek(self) -> str:
        """ "" at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._at += 1
        return token


@lru_cache(maxsize=4096)
def parse_labels(text: str) -> LabelSelector:
    """A selector as `kubectl -l` takes it; "" matches everything. BadRequest when it cannot be read."""
    reader = _Reader(text)
    requirements: list[Requirement] = []
    while True:
        token = reader.peek()
        if not token:
            break
        if token in _SIGNS and token != "!":
            raise errors.BadRequest(f"found '{token}', expected: !, identifier, or 'end of string'")
        requirements.append(_requirement(reader))
        token = reader.take()
        if not token:
            break
        if token != ",":
            raise errors.BadRequest(f"found '{token}', expected: ',' or 'end of string'")
        ahead = reader.peek()
        if not ahead or (ahead in _SIGNS and ahead != "!"):
            raise errors.BadRequest(f"found '{ahead}', expected: identifier after ','")
    return LabelSelector(requirements) if requirements else EVERYTHING


def _requirement(reader: _Reader) -> Requirement:
    token = reader.take()
    absent = token == "!"
    if absent:
        token = reader.take()
    if not token or token in _SIGNS:
        raise _unreadable(f"found '{token}', expected: identifier")
    key = token
    for message in label_key_errors(key):
        raise _unreadable(f'<nil>: Invalid value: "{key}": {message}')
    if absent:
        return Requirement(key, "!")
    if reader.peek() in ("", ","):
        return Requirement(key, "exists")
    token = reader.take()
    if token not in ("in", "notin", "=", "==", "!=", ">", "<"):
        raise _unreadable(f"found '{token}', expected: {_BINARY}")
    operator: Operator = {"in": "in", "notin": "notin", "=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt"}[token]  # type: ignore[assignment]
    values = _value_list(reader) if operator in ("in", "notin") else [_exact_value(reader)]
    return _checked(key, operator, values)


def _value_list(reader: _Reader) -> list[str]:
    token = reader.take()
    if token != "(":
        raise _unreadable(f"found '{token}' expected: '('")
    values: list[str] = []
    ahead = reader.peek()
    if ahead == ")":
        reader.take()
        return values
    if not ahead or (ahead in _SIGNS and ahead != ","):
        raise _unreadable(f"found '{ahead}', expected: ',', ')' or identifier")
    while True:
        token = reader.take()
        if token == ",":
            if not values:
                values.append("")
            ahead = reader.peek()
            if ahead in (")", ","):
                values.append("")
                if ahead == ")":
                    break
                continue
        elif not token or token in _SIGNS:
            raise _unreadable(f"found '{token}', expected: ',', or identifier")
        else:
            values.append(token)
            ahead = reader.peek()
            if ahead == ")":
                break
            if ahead != ",":
                raise _unreadable(f"found '{ahead}', expected: ',' or ')'")
    reader.take()
    return values


def _exact_value(reader: _Reader) -> str:
    if reader.peek() in ("", ","):
        return ""
    token = reader.take()
    if token in _SIGNS:
        raise _unreadable(f"found '{token}', expected: identifier")
    return token


def _checked(key: str, operator: Operator, values: Sequence[str]) -> Requirement:
    if operator in ("in", "notin") and not values:
        raise _unreadable("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
    if operator in ("gt", "lt") and not _INT64.match(values[0]):
        raise _unreadable(
            f"values[0]: Invalid value: \"{values[0]}\": for 'Gt', 'Lt' operators, the value must be an integer"
        )
    for index, value in enumerate(values):
        for message in label_value_errors(value):
            raise _unreadable(f'values[{index}][{key}]: Invalid value: "{value}": {message}')
    return Requirement(key, operator, tuple(sorted(set(values))))


def _unreadable(why: str) -> errors.BadRequest:
    return errors.BadRequest(f"unable to parse requirement: {why}")


# -- label selectors as objects ------------------------------------------------------------------------------------

_OPERATORS: Final[Mapping[str, Operator]] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_by_identity: dict[int, tuple[dict[str, Any], LabelSelector]] = {}
"""id of a spec → the spec (kept, so that its id stays its own) and its selector. Stored objects never change."""
_REMEMBERED: Final = 8192


def from_spec(selector: dict[str, Any] | None) -> LabelSelector:
    """metav1.LabelSelector: None matches nothing, {} matches everything. BadRequest for an unknown operator.

    `selector` must be part of an object that nobody changes: the answer is remembered by identity.
    """
    if selector is None:
        return NOTHING
    known = _by_identity.get(id(selector))
    if known is not None and known[0] is selector:
        return known[1]
    requirements = [Requirement(k, "=", (v,)) for k, v in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        operator = _OPERATORS.get(expression.get("operator", ""))
        if operator is None:
            raise errors.BadRequest(f'"{expression.get("operator", "")}" is not a valid label selector operator')
        values = tuple(sorted(set(expression.get("values") or ())))
        requirements.append(Requirement(expression.get("key", ""), operator, values))
    made = LabelSelector(requirements) if requirements else EVERYTHING
    if len(_by_identity) >= _REMEMBERED:
        _by_identity.clear()
    _by_identity[id(selector)] = (selector, made)
    return made


def from_labels(labels: Mapping[str, str] | None) -> LabelSelector:
    """A plain map, as Services and ReplicationControllers have it: None and {} match nothing."""
    if not labels:
        return NOTHING
    return _from_pairs(tuple(sorted(labels.items())))


@lru_cache(maxsize=8192)
def _from_pairs(pairs: tuple[tuple[str, str], ...]) -> LabelSelector:
    return LabelSelector([Requirement(key, "=", (value,)) for key, value in pairs])


# -- field selectors -----------------------------------------------------------------------------------------------


class FieldTerm(NamedTuple):
    field: str
    value: str
    negated: bool
    get: Getter

    def __str__(self) -> str:
        escaped = re.sub(r"([\\,=])", r"\\\1", self.value)
        return f"{self.field}{'!=' if self.negated else '='}{escaped}"


class FieldSelector:
    """Conditions on fields that must all hold."""

    __slots__ = ("terms",)

    def __init__(self, terms: Sequence[FieldTerm]) -> None:
        self.terms = tuple(terms)

    @property
    def equality(self) -> tuple[tuple[str, str], ...]:
        """Fields that must have these values."""
        return tuple((term.field, term.value) for term in self.terms if not term.negated)

    def matches(self, env: Envelope) -> bool:
        for term in self.terms:  # noqa: SIM110
            if (term.get(env) == term.value) is term.negated:
                return False
        return True

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSelector) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.terms)


_TERM: Final = re.compile(r"((?:\\.|[^\\,])*)(?:,|\Z)")


@lru_cache(maxsize=2048)
def parse_fields(text: str, kind: Any) -> FieldSelector:
    """A selector as `kubectl --field-selector` takes it, for a `kinds.Kind`. BadRequest for an unknown field."""
    terms = []
    for part in (m[1] for m in _TERM.finditer(text)):
        if not part:
            continue
        field, sign, raw = _split(part)
        if not sign:
            raise errors.BadRequest(f"invalid selector: '{text}'; can't understand '{part}'")
        value = _unescaped(raw)
        terms.append(FieldTerm(field, value, sign == "!=", field_getter(kind, field)))
    return FieldSelector(terms)


def _split(part: str) -> tuple[str, str, str]:
    at = 0
    while at < len(part):
        if part[at] == "\\":
            at += 2
            continue
        for sign in ("!=", "==", "="):
            if part.startswith(sign, at):
                return part[:at], sign, part[at + len(sign) :]
        at += 1
    return part, "", ""


def _unescaped(value: str) -> str:
    bare = re.sub(r"\\[\\,=]", "", value)
    if "\\" in bare:
        wrong = bare[bare.index("\\") :][:2]
        raise errors.BadRequest(f"invalid field selector: invalid escape sequence: {wrong}")
    if "=" in bare:
        raise errors.BadRequest("invalid field selector: unescaped character in value: =")
    return re.sub(r"\\([\\,=])", r"\1", value)
