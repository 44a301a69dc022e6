"""Instants and spans as kubectl prints them.

Instants are microseconds since the Unix epoch, UTC (cluster time); spans are microseconds. Kubernetes writes instants
as RFC 3339; what does not parse reads as None, so that one odd object never breaks a table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from engine.client.printing import SECOND, age, human_duration, parse_time

__all__ = ["SECOND", "age", "clock_text", "human_duration", "parse_span", "parse_time", "rfc1123z", "rfc3339"]


def rfc1123z(text: str | None) -> str:
    """`Mon, 23 Nov 2026 09:07:09 +0000`: how describe prints instants."""
    instant = parse_time(text)
    if instant is None:
        return "<unset>"
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


def clock_text(instant: int, day: bool = True) -> str:
    """`2026-11-23 09:07:09`, without the day `09:07:09`."""
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S")


_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def parse_span(text: str) -> int:
    """Span of `90s`, `5m`, `1h30m`, `2d`. Raises ValueError if it is none."""
    total, number = 0, ""
    for char in text.strip():
        if char.isdigit():
            number += char
        elif number and char in _UNITS:
            total += int(number) * _UNITS[char]
            number = ""
        else:
            raise ValueError(f"no time span: {text!r}")
    if number or not text.strip():
        raise ValueError(f"no time span: {text!r} (write 90s, 5m, 1h30m)")
    return total * SECOND


def rfc3339(instant: int) -> str:
    """`2026-11-23T09:02:05Z`."""
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
