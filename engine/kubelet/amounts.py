"""Quantities and durations as the kubelet needs them: integers, from text that the API has validated.

What a catalogue or an annotation says is not validated by the API; `ValueError` tells what is wrong with it.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from engine.clock import SECOND
from engine.flags import parse_duration

_SCALE: Final = {
    "": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15),
    "E": Decimal(10**18), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
    "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip
_QUANTITY: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkKMGTPE]?i?)")


@lru_cache(maxsize=4096)
def _decimal(text: str) -> Decimal:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in _SCALE:
        raise ValueError(f"no quantity: {text!r} (expected such as 250m, 64Mi, 2)")
    try:
        return Decimal(match[1]) * _SCALE[match[2]]
    except InvalidOperation as error:
        raise ValueError(f"no quantity: {text!r}") from error


@lru_cache(maxsize=4096)
def units(text: str | int | float) -> int:
    """A quantity in whole units (bytes, pods), rounded up as Kubernetes' `Value()` does."""
    return int(_decimal(str(text)).to_integral_value(ROUND_CEILING))


@lru_cache(maxsize=4096)
def milli(text: str | int | float) -> int:
    """A quantity in thousandths (millicores), rounded up as Kubernetes' `MilliValue()` does."""
    return int((_decimal(str(text)) * 1000).to_integral_value(ROUND_CEILING))


def span(value: str | int | float) -> int:
    """Microseconds of a Go duration (`1m30s`), or of a plain number of seconds."""
    if isinstance(value, (int, float)):
        return round(value * SECOND)
    text = value.strip()
    try:
        return round(float(text) * SECOND)
    except ValueError:
        return parse_duration(text)


def go_duration(micros: int) -> str:
    """A span as Go prints a time.Duration: `1.2s`, `345ms`, `1m20s`, `5m0s`."""
    if micros < SECOND:
        if micros <= 0:
            return "0s"
        return f"{_trim(micros, 1000)}ms" if micros >= 1000 else f"{micros}µs"
    whole, rest = divmod(micros, 60 * SECOND)
    text = f"{_trim(rest, SECOND)}s"
    hours, minutes = divmod(whole, 60)
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _trim(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0")
