"""Kubernetes quantities for display: read into integers, print as Kubernetes or as people like them.

CPU is counted in millicores, everything else in whole units (bytes for memory). Unreadable text counts as 0: the API
refuses it long before, and a table must not break over one object.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

_BINARY: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL: Final = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1), "k": Decimal(10**3),
    "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
}  # fmt: skip


@lru_cache(maxsize=4096)
def parse(text: str) -> Decimal:
    """Value of a quantity; 0 when it cannot be read."""
    for suffix, factor in _BINARY.items():
        if text.endswith(suffix):
            return _number(text[:-2]) * factor
    if text and text[-1] in _DECIMAL:
        return _number(text[:-1]) * _DECIMAL[text[-1]]
    return _number(text)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


@lru_cache(maxsize=4096)
def _millis(text: str) -> int:
    return int((parse(text) * 1000).to_integral_value(ROUND_CEILING))


@lru_cache(maxsize=4096)
def _units(text: str) -> int:
    return int(parse(text).to_integral_value(ROUND_CEILING))


def millis(value: Any) -> int:
    """Millicores of a CPU quantity (None: 0)."""
    return 0 if value is None else _millis(str(value))


def units(value: Any) -> int:
    """Whole units (bytes) of a quantity (None: 0)."""
    return 0 if value is None else _units(str(value))


def cpu_text(value: int) -> str:
    """Millicores in canonical form: `250m`, `3`."""
    return str(value // 1000) if value % 1000 == 0 else f"{value}m"


def binary_text(value: int) -> str:
    """Whole units in canonical BinarySI: `128Mi`, `0`."""
    if value == 0:
        return "0"
    for suffix, factor in reversed(_BINARY.items()):
        if value % factor == 0:
            return f"{value // factor}{suffix}"
    return str(value)


def decimal_text(value: int) -> str:
    """Whole units in canonical DecimalSI: `500M`."""
    for suffix in ("E", "P", "T", "G", "M", "k"):
        factor = int(_DECIMAL[suffix])
        if value and value % factor == 0:
            return f"{value // factor}{suffix}"
    return str(value)


def sum_text(values: Iterable[str]) -> str:
    """The sum printed in the format of its first term that is not 0, as Kubernetes' Quantity.Add keeps it."""
    total, binary = 0, None
    for value in values:
        amount = units(value)
        if binary is None and amount:
            binary = value.endswith("i")
        total += amount
    return binary_text(total) if binary else decimal_text(total)


def short_cpu(value: int) -> str:
    """Millicores for a glance: `250m`, `3.5`, `40`."""
    if value < 1000:
        return f"{value}m" if value else "0"
    return f"{value / 1000:.1f}".removesuffix(".0")


def short_bytes(value: int) -> str:
    """Bytes for a glance: `512Mi`, `31.4Gi`."""
    if value == 0:
        return "0"
    amount, unit = float(value), ""
    for unit in ("", "Ki", "Mi", "Gi", "Ti", "Pi"):
        if amount < 1024 or unit == "Pi":
            break
        amount /= 1024
    return f"{amount:.1f}".removesuffix(".0") + unit if amount < 100 else f"{amount:.0f}{unit}"


def percent(part: int, whole: int) -> int:
    """Whole percents, rounded down as kubectl does; 0 of nothing is 0."""
    return part * 100 // whole if whole else 0
