"""Quantities and durations as the kubelet needs them: integers, from text that a person wrote.

What a catalogue or an annotation says is not validated by the API; `ValueError` tells what is wrong with it.
What a pod's spec asks for is read by `engine.scheduler.resources`.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.api import quantity
from engine.clock import SECOND
from engine.flags import parse_duration


def units(text: str | int | float) -> int:
    """A quantity in whole units (bytes, pods), rounded up as Kubernetes' `Value()` does."""
    return _read(quantity.value, text)


def milli(text: str | int | float) -> int:
    """A quantity in thousandths (millicores), rounded up as Kubernetes' `MilliValue()` does."""
    return _read(quantity.milli, text)


def _read(reader: Callable[[str], int], text: str | int | float) -> int:
    try:
        return reader(str(text).strip())
    except quantity.QuantityError as error:
        raise ValueError(f"no quantity: {text!r} (expected such as 250m, 64Mi, 2)") from error


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
