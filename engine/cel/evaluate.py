"""Values of expressions.

Variables are given by name. A field that is not there is an error (`no such key: min`), unless somebody asked with
`has()` or `?.`. `&&` and `||` forgive an error on one side when the other decides; so do `all` and `exists`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from engine.cel.library import FUNCTIONS, NAMESPACES, overload
from engine.cel.syntax import RESERVED, Call, Expression, Index, ListOf, Literal, Macro, MapOf, Name, Select
from engine.cel.values import NONE, CelError, Optional, Quantity, kind_of, same, whole

Variables = Mapping[str, Any]
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "_<_": operator.lt, "_<=_": operator.le, "_>_": operator.gt, "_>=_": operator.ge,
}  # fmt: skip
_ESCAPES: Final = (("__dot__", "."), ("__dash__", "-"), ("__slash__", "/"), ("__underscores__", "__"))
_KEYWORDS: Final = RESERVED | {"true", "false", "null", "in"}


def evaluate(expression: Expression, variables: Variables) -> Any:
    """The value. CelError when there is none."""
    match expression:
        case Literal(value):
            return value
        case Name(name):
            if name not in variables:
                raise CelError(f"no such attribute(s): {name}")
            return variables[name]
        case Select():
            return _select(expression, variables)
        case Index():
            return _index(expression, variables)
        case ListOf(items):
            return [evaluate(each, variables) for each in items]
        case MapOf(entries):
            return {_map_key(evaluate(key, variables)): evaluate(value, variables) for key, value in entries}
        case Macro():
            return _macro(expression, variables)
        case Call():
            return _call(expression, variables)


def field_name(name: str) -> str:
    """The property that an identifier means: `x__dash__y` is `x-y`, `__namespace__` is `namespace`."""
    if name.startswith("__") and name.endswith("__") and name[2:-2] in _KEYWORDS:
        return name[2:-2]
    for escape, char in _ESCAPES:
        name = name.replace(escape, char)
    return name


def _map_key(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise CelError(f"unsupported key type: {kind_of(value)}")
    return value


# -- fields and items ------------------------------------------------------------------------------------------------


def _select(expression: Select, variables: Variables) -> Any:
    holder = evaluate(expression.operand, variables)
    name = field_name(expression.field)
    wrapped = isinstance(holder, Optional)
    if isinstance(holder, Optional):
        if not holder.present:
            return False if expression.has else NONE
        holder = holder.value
    if not isinstance(holder, dict):
        raise CelError(f"no such key: {name}" if holder is None else "no such overload")
    key = name if name in holder else expression.field
    if expression.has:
        return key in holder
    if key in holder:
        return Optional(holder[key], True) if wrapped or expression.optional else holder[key]
    if wrapped or expression.optional:
        return NONE
    raise CelError(f"no such key: {name}")


def _index(expression: Index, variables: Variables) -> Any:
    holder, key = evaluate(expression.operand, variables), evaluate(expression.key, variables)
    wrapped = expression.optional or isinstance(holder, Optional)
    if isinstance(holder, Optional):
        if not holder.present:
            return NONE
        holder = holder.value
    if isinstance(holder, list) and isinstance(key, int | float) and not isinstance(key, bool):
        found = 0 <= key < len(holder) and int(key) == key
        wrong = f"index out of bounds: {key}"
    elif isinstance(holder, dict):
        found, wrong = isinstance(key, str | int | float) and key in holder, f"no such key: {key}"
    else:
        raise overload("_[_]", holder, key)
    if not found:
        if wrapped:
            return NONE
        raise CelError(wrong)
    value = holder[int(key) if isinstance(holder, list) else key]
    return Optional(value, True) if wrapped else value


# -- macros ----------------------------------------------------------------------------------------------------------


def _scopes(macro: Macro, variables: Variables) -> Iterator[Variables]:
    """The variables of each turn. One name is an item or a key; two are index and item, or key and value."""
    over = evaluate(macro.over, variables)
    if not isinstance(over, list | dict):
        raise overload(macro.name, over)
    names = macro.variables
    if len(names) == 1:
        for each in over:
            yield {**variables, names[0]: each}
    else:
        pairs = over.items() if isinstance(over, dict) else enumerate(over)
        for key, value in pairs:
            yield {**variables, names[0]: key, names[1]: value}


def _macro(macro: Macro, variables: Variables) -> Any:
    scopes = _scopes(macro, variables)
    if macro.name in ("all", "exists"):
        return _decided(macro, scopes)
    if macro.name == "exists_one":
        return sum(_truth(evaluate(macro.body, scope)) for scope in scopes) == 1
    if macro.name == "filter":
        over = evaluate(macro.over, variables)
        kept = [each for each, scope in zip(over, scopes, strict=True) if _truth(evaluate(macro.body, scope))]
        return {key: over[key] for key in kept} if isinstance(over, dict) else kept
    return [
        evaluate(macro.body, scope) for scope in scopes if macro.filter is None or _truth(evaluate(macro.filter, scope))
    ]


def _decided(macro: Macro, scopes: Iterator[Variables]) -> bool:
    """`all` is decided by the first that is false, `exists` by the first that is true."""
    deciding = macro.name == "exists"
    failed: CelError | None = None
    for scope in scopes:
        try:
            if _truth(evaluate(macro.body, scope)) is deciding:
                return deciding
        except CelError as error:
            failed = error
    if failed is not None:
        raise failed
    return not deciding


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise overload("bool", value)
    return value


# -- calls -----------------------------------------------------------------------------------------------------------


def _call(call: Call, variables: Variables) -> Any:
    name = call.name
    if name in ("_&&_", "_||_"):
        return _logic(call, variables)
    if name == "_?_:_":
        test, yes, no = call.arguments
        return evaluate(yes if _truth(evaluate(test, variables)) else no, variables)
    target = call.target
    if isinstance(target, Name) and target.name in NAMESPACES and target.name not in variables:
        name, target = f"{target.name}.{name}", None
    if name in ("optMap", "optFlatMap"):
        return _optional_map(call, variables)
    arguments = [evaluate(each, variables) for each in call.arguments]
    if target is not None:
        arguments.insert(0, evaluate(target, variables))
    if name in _OPERATORS:
        return _OPERATORS[name](*arguments)
    if name in _COMPARISONS:
        return _compared(name, *arguments)
    function = FUNCTIONS.get(name)
    if function is None:
        raise overload(name, *arguments)
    try:
        return function(*arguments)
    except (TypeError, AttributeError) as error:
        raise overload(name, *arguments) from error


def _logic(call: Call, variables: Variables) -> bool:
    deciding = call.name == "_||_"
    failed: CelError | None = None
    for each in call.arguments:
        try:
            if _truth(evaluate(each, variables)) is deciding:
                return deciding
        except CelError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return not deciding


def _optional_map(call: Call, variables: Variables) -> Any:
    assert call.target is not None
    held = evaluate(call.target, variables)
    variable, body = call.arguments
    if not isinstance(held, Optional) or not isinstance(variable, Name):
        raise overload(call.name, held)
    if not held.present:
        return NONE
    found = evaluate(body, {**variables, variable.name: held.value})
    return found if call.name == "optFlatMap" else Optional(found, True)


def _compared(name: str, a: Any, b: Any) -> bool:
    numbers = isinstance(a, int | float) and isinstance(b, int | float) and isinstance(a, bool) is isinstance(b, bool)
    if not numbers and (type(a) is not type(b) or not isinstance(a, str | bytes | datetime | timedelta | Quantity)):
        raise overload(name, a, b)
    return _COMPARISONS[name](a, b)


def _arithmetic(name: str, work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def of(a: Any, b: Any) -> Any:
        if kind_of(a) in ("int", "double") and kind_of(a) == kind_of(b):
            found = work(a, b)
            return whole(found) if isinstance(found, int) else found
        times = isinstance(a, datetime | timedelta) and isinstance(b, datetime | timedelta)
        if times or (name == "_+_" and type(a) is type(b) and isinstance(a, str | bytes | list)):
            try:
                return work(a, b)
            except TypeError as error:
                raise overload(name, a, b) from error
        raise overload(name, a, b)

    return of


def _divided(a: Any, b: Any) -> Any:
    if isinstance(a, int):
        if b == 0:
            raise CelError("division by zero")
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return a / b if b else float("nan") if a == 0 else float("inf") * (1 if a > 0 else -1)


def _remainder(a: Any, b: Any) -> Any:
    if not isinstance(a, int):
        raise overload("_%_", a, b)
    if b == 0:
        raise CelError("modulus by zero")
    return a - _divided(a, b) * b


def _negated(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        raise overload("-_", value)
    return -value


def _member_of(value: Any, holder: Any) -> bool:
    if isinstance(holder, dict):
        return isinstance(value, str | int | float) and value in holder
    if isinstance(holder, list):
        return any(same(value, each) for each in holder)
    raise overload("@in", value, holder)


_OPERATORS: Final[Mapping[str, Callable[..., Any]]] = {
    "_==_": same, "_!=_": lambda a, b: not same(a, b), "!_": lambda a: not _truth(a), "-_": _negated,
    "_+_": _arithmetic("_+_", operator.add), "_-_": _arithmetic("_-_", operator.sub),
    "_*_": _arithmetic("_*_", operator.mul), "_/_": _arithmetic("_/_", _divided),
    "_%_": _arithmetic("_%_", _remainder), "@in": _member_of,
}  # fmt: skip
