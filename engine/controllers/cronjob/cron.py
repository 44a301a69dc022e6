"""When a schedule comes due next, by the rules of robfig/cron v3, which Kubernetes uses.

A schedule names minutes of the local calendar of its time zone, and comes due at each instant at which the local clock
shows one of them. So what daylight saving time skips in spring does not happen that day, and what it repeats in autumn
happens twice. `@every` knows no calendar: it adds its span to the last time.

A schedule that does not come due until the end of the fifth year from now (31 February) never does.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.api.validation.cron import Every, Fields, parse_schedule
from engine.clock import SECOND

_YEARS: Final = 5
_DAY: Final = timedelta(days=1)
_MINUTE: Final = 60


class UnknownZone(Exception):
    """There is no such time zone."""


class Schedule(Protocol):
    """Instants in cluster time (microseconds)."""

    def next(self, after: int) -> int | None:
        """The first time after an instant; None: never."""


@lru_cache(maxsize=1024)
def schedule_of(text: str, zone: str = "") -> Schedule:
    """The schedule of a CronJob. `zone`: spec.timeZone, "" is UTC. Raises Unreadable, UnknownZone."""
    parsed = parse_schedule(text)
    where = zone_of(zone)
    return Interval(parsed) if isinstance(parsed, Every) else Calendar(parsed, where)


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """Raises UnknownZone."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(f"unknown time zone {name}") from error


class Interval:
    """`@every`."""

    def __init__(self, every: Every) -> None:
        self._span = every.seconds * SECOND

    def next(self, after: int) -> int:
        return after // SECOND * SECOND + self._span


class Calendar:
    """Five fields, in a time zone."""

    def __init__(self, fields: Fields, zone: tzinfo) -> None:
        self._fields, self._zone = fields, zone
        self._of_day = [hour * 60 + minute for hour in fields.hours for minute in fields.minutes]
        """Minutes of a day, ascending."""

    def next(self, after: int) -> int | None:
        first = after // SECOND + 1
        local = datetime.fromtimestamp(first, self._zone)
        day, last_year = local.date(), local.year + _YEARS
        while day.year <= last_year:
            if day.month not in self._fields.months:
                day = day.replace(day=monthrange(day.year, day.month)[1]) + _DAY
                continue
            if self._has_day(day):
                found = self._on(day, first)
                if found is not None:
                    return found * SECOND
            day += _DAY
        return None

    def _has_day(self, day: date) -> bool:
        by_month = day.day in self._fields.days
        by_week = day.isoweekday() % 7 in self._fields.weekdays
        return (by_month and by_week) if self._fields.both_days else (by_month or by_week)

    def _on(self, day: date, first: int) -> int | None:
        """The first time on a local day that is not before `first`, both in seconds since the epoch."""
        midnight = datetime.combine(day, time(), self._zone)
        begin = round(midnight.timestamp())
        if midnight.utcoffset() != (midnight + _DAY).utcoffset():
            return self._scan(day, max(begin, first))
        earliest = max(0, -((begin - first) // _MINUTE))
        at = bisect_left(self._of_day, earliest)
        return begin + self._of_day[at] * _MINUTE if at < len(self._of_day) else None

    def _scan(self, day: date, first: int) -> int | None:
        """On a day on which clocks change: minute by minute."""
        instant = -(-first // _MINUTE) * _MINUTE
        while (local := datetime.fromtimestamp(instant, self._zone)).date() <= day:
            if local.date() == day and local.hour in self._fields.hours and local.minute in self._fields.minutes:
                return instant
            instant += _MINUTE
        return None
