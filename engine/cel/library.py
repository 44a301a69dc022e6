"""The functions of expressions, by name: CEL's own, and the ones that Kubernetes adds for strings, lists, addresses,
URLs and quantities. A method is a function whose first argument is what stands before the dot.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.api.quantity import NANO, QuantityError, parse
from engine.cel.values import NONE, CelError, Optional, Quantity, duration, kind_of, same, timestamp, whole

Function = Callable[..., Any]


def overload(name: str, *arguments: Any) -> CelError:
    """The refusal of a function that does not take these."""
    return CelError(f"no such overload: {name}({', '.join(kind_of(each) for each in arguments)})")


# -- conversions -----------------------------------------------------------------------------------------------------


def _int(value: Any) -> int:
    if isinstance(value, str):
        try:
            return whole(int(value))
        except ValueError as error:
            raise CelError(f"type conversion error from 'string' to 'int': {value}") from error
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, float) and not math.isfinite(value):
        raise CelError("integer overflow")
    return whole(int(value))


def _double(value: Any) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise CelError(f"type conversion error from 'string' to 'double': {value}") from error


def text_of(value: Any) -> str:
    """`string(value)`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return f"{int(seconds) if seconds.is_integer() else seconds}s"
    if isinstance(value, int | str):
        return str(value)
    raise overload("string", value)


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "True", "TRUE", "t", "1", "false", "False", "FALSE", "f", "0"):
        return value.lower() in ("true", "t", "1")
    raise CelError(f"type conversion error from '{kind_of(value)}' to 'bool'")


# -- strings ---------------------------------------------------------------------------------------------------------


def _size(value: Any) -> int:
    if isinstance(value, str | bytes | list | dict):
        return len(value)
    raise overload("size", value)


def _matches(value: str, pattern: str) -> bool:
    return _pattern(pattern).search(value) is not None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise CelError(f"error parsing regexp: {error}") from error


def _find(value: str, pattern: str) -> str:
    found = _pattern(pattern).search(value)
    return found.group() if found is not None else ""


def _find_all(value: str, pattern: str, most: int = -1) -> list[str]:
    found = [each.group() for each in _pattern(pattern).finditer(value)]
    return found if most < 0 else found[:most]


def _split(value: str, by: str, most: int = -1) -> list[str]:
    if most == 0:
        return []
    if not by:
        return list(value)
    return value.split(by) if most < 0 else value.split(by, most - 1)


def _replace(value: str, old: str, new: str, most: int = -1) -> str:
    return value.replace(old, new, most)


def _substring(value: str, start: int, end: int | None = None) -> str:
    end = len(value) if end is None else end
    if not 0 <= start <= end <= len(value):
        raise CelError(f"index out of range: {start if not 0 <= start <= len(value) else end}")
    return value[start:end]


def _char_at(value: str, index: int) -> str:
    if not 0 <= index <= len(value):
        raise CelError(f"index out of range: {index}")
    return value[index : index + 1]


def _index_of(value: str | list[Any], part: Any, start: int = 0) -> int:
    if isinstance(value, str):
        return value.find(part, start)
    return next((at for at, each in enumerate(value) if same(each, part)), -1)


def _last_index_of(value: str | list[Any], part: Any) -> int:
    if isinstance(value, str):
        return value.rfind(part)
    return next((at for at in reversed(range(len(value))) if same(value[at], part)), -1)


def _format(form: str, values: list[Any]) -> str:
    """`"%s is %d".format([a, b])`."""
    rest = iter(values)

    def shown(match: re.Match[str]) -> str:
        clause = match.group(1)
        if clause == "%":
            return "%"
        try:
            value = next(rest)
        except StopIteration:
            raise CelError(f"index {len(values)} out of range") from None
        if clause == "d" and isinstance(value, int):
            return str(value)
        if clause == "s":
            return _listed(value)
        if clause[-1] in "fe" and isinstance(value, int | float):
            return f"%{clause if len(clause) > 1 else '.6' + clause}" % value
        if clause in "xXob" and isinstance(value, int):
            return format(value, clause)
        raise CelError(f"error during formatting: %{clause} does not take {kind_of(value)}")

    return re.sub(r"%(\.\d+[fe]|[sdfexXob%])", shown, form)


def _listed(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_listed, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_listed(key)}: {_listed(each)}" for key, each in sorted(value.items())) + "}"
    return "null" if value is None else text_of(value)


# -- lists -----------------------------------------------------------------------------------------------------------


def _ordered(value: list[Any]) -> bool:
    return all(not b < a for a, b in pairwise(value))


def _sum(value: list[Any]) -> Any:
    return sum(value[1:], value[0]) if value else 0


def _extreme(which: Callable[..., Any], value: list[Any], name: str) -> Any:
    if not value:
        raise CelError(f"{name} called on empty list")
    return which(value)


def _distinct(value: list[Any]) -> list[Any]:
    found: list[Any] = []
    for each in value:
        if not any(same(each, other) for other in found):
            found.append(each)
    return found


def _flatten(value: list[Any]) -> list[Any]:
    return [inner for each in value for inner in (each if isinstance(each, list) else [each])]


def _slice(value: list[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(value):
        raise CelError(f"cannot slice({start}, {end}), list length is {len(value)}")
    return value[start:end]


def _holds(value: Any, part: Any) -> bool:
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    if isinstance(value, _Network):
        inner = part if isinstance(part, _Network) else _Network(part)
        return value.version == inner.version and bool(inner.subnet_of(value))
    raise overload("contains", value, part)


def _contains_all(value: list[Any], parts: list[Any]) -> bool:
    return all(any(same(each, part) for each in value) for part in parts)


# -- addresses, URLs, quantities -------------------------------------------------------------------------------------


class _Network:
    """A CIDR block or an address, of either version."""

    def __init__(self, text: Any) -> None:
        self.of = ipaddress.ip_network(text if isinstance(text, str) else str(text), strict=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of, name)

    def subnet_of(self, other: _Network) -> bool:
        return self.of.subnet_of(other.of)  # type: ignore[arg-type]


def _valid(make: Function) -> Function:
    def check(text: str, *rest: Any) -> bool:
        try:
            make(text, *rest)
        except (ValueError, CelError):
            return False
        return True

    return check


def _ip(text: str) -> Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise CelError(f"IP Address {text!r} parse error during conversion from string") from error


def _cidr(text: str) -> _Network:
    if "/" not in text:
        raise CelError(f"network address parse error during conversion from string: {text}")
    try:
        return _Network(text)
    except ValueError as error:
        raise CelError(f"network address parse error during conversion from string: {text}") from error


def _url(text: str) -> Any:
    found = urlsplit(text)
    if not (found.scheme and (found.netloc or found.path)) and not text.startswith("/"):
        raise CelError("URL parse error during conversion from string: parse "
                       f'"{text}": invalid URI for request')  # fmt: skip
    return found


def _quantity(text: str) -> Quantity:
    try:
        return Quantity(parse(text).nano)
    except QuantityError as error:
        raise CelError(error.message) from error


def _compared(a: Quantity, b: Quantity) -> int:
    return (a > b) - (a < b)


def _nano(value: Any) -> int:
    nano: int = value.nano if isinstance(value, Quantity) else value * NANO
    return nano


def _integer(value: Quantity) -> int:
    if value.nano % NANO:
        raise CelError("cannot convert value to integer")
    return value.nano // NANO


# -- times -----------------------------------------------------------------------------------------------------------


def _part(read: Callable[[datetime], int], seconds: float | None = None) -> Function:
    """A getter of a timestamp, in a time zone if one is named; with `seconds`, of a duration too."""

    def get(value: Any, zone: str = "") -> int:
        if isinstance(value, timedelta):
            if seconds is None:
                raise overload("getter", value)
            return int(value.total_seconds() / seconds)
        if zone:
            try:
                value = value.astimezone(ZoneInfo(zone))
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise CelError(f"unknown time zone {zone}") from error
        return read(value)

    return get


FUNCTIONS: Final[dict[str, Function]] = {
    "size": _size, "int": _int, "uint": _int, "double": _double, "string": text_of, "bool": _bool,
    "bytes": lambda v: v.encode() if isinstance(v, str) else v, "dyn": lambda v: v, "type": kind_of,
    "duration": lambda v: v if isinstance(v, timedelta) else duration(v),
    "timestamp": lambda v: v if isinstance(v, datetime) else timestamp(v),
    "contains": _holds, "startsWith": lambda v, p: v.startswith(p), "endsWith": lambda v, p: v.endswith(p),
    "matches": _matches, "find": _find, "findAll": _find_all, "lowerAscii": lambda v: v.lower(),
    "upperAscii": lambda v: v.upper(), "trim": lambda v: v.strip(), "split": _split, "replace": _replace,
    "substring": _substring, "charAt": _char_at, "indexOf": _index_of, "lastIndexOf": _last_index_of,
    "join": lambda v, by="": by.join(v), "reverse": lambda v: v[::-1], "format": _format,
    "isSorted": _ordered, "sum": _sum, "min": lambda v: _extreme(min, v, "min"),
    "max": lambda v: _extreme(max, v, "max"), "distinct": _distinct, "flatten": _flatten, "slice": _slice,
    "sort": sorted, "sets.contains": _contains_all, "sets.intersects":
    lambda a, b: any(same(x, y) for x in a for y in b),
    "sets.equivalent": lambda a, b: _contains_all(a, b) and _contains_all(b, a),
    "math.greatest": lambda *v: max(v[0] if len(v) == 1 and isinstance(v[0], list) else v),
    "math.least": lambda *v: min(v[0] if len(v) == 1 and isinstance(v[0], list) else v),
    "ip": lambda v: v.network_address if isinstance(v, _Network) else _ip(v), "isIP": _valid(_ip),
    "family": lambda v: v.version, "isLoopback": lambda v: v.is_loopback, "cidr": _cidr, "isCIDR": _valid(_cidr),
    "containsIP": lambda v, a: _holds(v, a), "containsCIDR": lambda v, a: _holds(v, a),
    "prefixLength": lambda v: v.prefixlen, "url": _url, "isURL": _valid(_url), "getScheme": lambda v: v.scheme,
    "getHost": lambda v: v.netloc, "getHostname": lambda v: v.hostname or "", "getPort":
    lambda v: str(v.port or ""), "getEscapedPath": lambda v: v.path, "getQuery": lambda v: parse_qs(v.query),
    "quantity": _quantity, "isQuantity": _valid(_quantity), "asInteger": _integer,
    "asApproximateFloat": lambda v: v.nano / NANO, "isInteger": lambda v: v.nano % NANO == 0,
    "sign": lambda v: (v.nano > 0) - (v.nano < 0), "isGreaterThan": lambda a, b: a > b,
    "isLessThan": lambda a, b: a < b, "compareTo": _compared,
    "add": lambda a, b: Quantity(a.nano + _nano(b)),
    "sub": lambda a, b: Quantity(a.nano - _nano(b)),
    "getFullYear": _part(lambda t: t.year), "getMonth": _part(lambda t: t.month - 1),
    "getDate": _part(lambda t: t.day), "getDayOfMonth": _part(lambda t: t.day - 1),
    "getDayOfWeek": _part(lambda t: t.isoweekday() % 7), "getDayOfYear": _part(lambda t: t.timetuple().tm_yday - 1),
    "getHours": _part(lambda t: t.hour, 3600), "getMinutes": _part(lambda t: t.minute, 60),
    "getSeconds": _part(lambda t: t.second, 1), "getMilliseconds": _part(lambda t: t.microsecond // 1000, 0.001),
    "optional.of": lambda v: Optional(v, True), "optional.none": lambda: NONE,
    "optional.ofNonZeroValue": lambda v: Optional(v, True) if v else NONE,
    "hasValue": lambda v: v.present, "orValue": lambda v, other: v.value if v.present else other,
    "or": lambda v, other: v if v.present else other,
}  # fmt: skip
"""Functions and methods; those of a namespace by their whole name."""
NAMESPACES: Final = frozenset(name.partition(".")[0] for name in FUNCTIONS if "." in name)
