"""Instants and spans as kubectl prints them.

Instants are microseconds since the Unix epoch, UTC (cluster time); spans are microseconds. Kubernetes writes instants
as RFC 3339; what does not parse reads as None, so that one odd object never breaks a table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

SECOND: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=65_536)
def parse_time(text: str | None) -> int | None:
    """Instant of an RFC 3339 time; None if there is none or it cannot be read."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    if parsed.tzinfo is None:
        return None
    span = parsed - _EPOCH
    return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds


def human_duration(span: int) -> str:
    """`duration.HumanDuration` of apimachinery: `13s`, `4m55s`, `3h5m`, `2d3h`, `14d`, `2y10d`."""
    seconds = span // SECOND
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _two(hours // 24, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{hours // 24}d"
    years = hours // 24 // 365
    if hours < 24 * 365 * 8:
        return _two(years, "y", hours // 24 % 365, "d")
    return f"{years}y"


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"


def age(text: str | None, now: int, missing: str = "<unknown>") -> str:
    """Span since an RFC 3339 time (translateTimestampSince); `missing` without one."""
    instant = parse_time(text)
    return missing if instant is None else human_duration(now - instant)
