"""What expressions compute with, beside JSON: timestamps, durations, optional values, quantities.

Whole numbers are Python's within 64 bits. A value of a field with a format (date-time, duration, byte) is what its
format says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final


class CelError(Exception):
    """An expression has no value: a key that is not there, an overflow, a division by zero."""


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that may be missing."""

    value: Any = None
    present: bool = False


NONE: Final = Optional()


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """A resource quantity."""

    nano: int
    """In billionths of its unit."""


_DURATION: Final = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:h|m|s|ms|us|µs|ns))+\Z")
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def duration(text: str) -> timedelta:
    """`1h30m`."""
    match = _DURATION.match(text)
    if match is None and text != "0":
        raise CelError(f"type conversion error from 'string' to 'google.protobuf.Duration': \"{text}\"")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)


def timestamp(text: str) -> datetime:
    """RFC 3339, or a date."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError as error:
        raise CelError(f"type conversion error from 'string' to 'google.protobuf.Timestamp': {text}") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def whole(value: int) -> int:
    """The number, within 64 bits."""
    if not -(2**63) <= value < 2**63:
        raise CelError("integer overflow")
    return value


def kind_of(value: Any) -> str:
    """The name of a value's type."""
    if value is None:
        return "null_type"
    for kind, name in (
        (bool, "bool"), (int, "int"), (float, "double"), (str, "string"), (bytes, "bytes"), (list, "list"),
        (dict, "map"), (datetime, "google.protobuf.Timestamp"), (timedelta, "google.protobuf.Duration"),
        (Optional, "optional_type"), (Quantity, "kubernetes.Quantity"),
    ):  # fmt: skip
        if isinstance(value, kind):
            return name
    return type(value).__name__


def same(a: Any, b: Any) -> bool:
    """Equality: numbers by their value, booleans only with booleans."""
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool) and a == b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    return bool(a == b)
