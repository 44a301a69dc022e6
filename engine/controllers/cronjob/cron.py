"""When a schedule comes due next, by the rules of robfig/cron v3, which Kubernetes uses.

A schedule names minutes of the local calendar of its time zone, and comes due at each instant at which the local clock
shows one of them. So what daylight saving time skips in spring does not happen that day, and what it repeats in autumn
happens twice. `@every` knows no calendar: it adds its span to the last time.

The calendar is walked by croniter, which is held to these rules: it is given the values that the fields stand for and
never the text (it reads some texts differently), and local times without a zone; days on which clocks change, where it
would move what falls into the gap, are read minute by minute instead.

A schedule that does not come due until the end of the fifth year from now (31 February) never does.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, croniter

from engine.api.validation.cron import Every, Fields, parse_schedule
from engine.clock import SECOND

_YEARS: Final = 5
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_ALL_DAYS: Final = 31
_ALL_WEEKDAYS: Final = 7
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
        self._walker = croniter(
            _expression(fields), day_or=not fields.both_days, max_years_between_matches=_YEARS + 1,
        )  # fmt: skip
        self._last: tuple[int, int | None] = (-1, None)
        """The latest question, in seconds, and its answer: CronJobs ask twice, and share their schedules."""

    def next(self, after: int) -> int | None:
        first = after // SECOND + 1
        if first != self._last[0]:
            self._last = (first, self._next(first))
        found = self._last[1]
        return None if found is None else found * SECOND

    def _next(self, first: int) -> int | None:
        """The first time that is not before `first`, both in seconds since the epoch."""
        wall = datetime.fromtimestamp(first, self._zone).replace(tzinfo=None)
        last_year = wall.year + _YEARS
        wall -= _SECOND
        day = (wall + _SECOND).date()
        while day.year <= last_year:
            if self._changes(day):
                found = self._scan(day, max(first, round(self._midnight(day).timestamp())))
                if found is not None:
                    return found
                wall = datetime.combine(day + _DAY, time()) - _SECOND
            try:
                after: datetime = self._walk(wall)
            except CroniterBadDateError:
                return None
            if after.date() == day or not self._changes(after.date()):
                return round(after.replace(tzinfo=self._zone).timestamp()) if after.year <= last_year else None
            day = after.date()
        return None

    def _walk(self, wall: datetime) -> datetime:
        """The next local time after `wall` on a calendar that knows no zones. Raises CroniterBadDateError."""
        self._walker.set_current(wall)
        found: datetime = self._walker.get_next(datetime)
        return found

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)

    def _changes(self, day: date) -> bool:
        """Clocks change between this midnight and the next."""
        return self._midnight(day).utcoffset() != self._midnight(day + _DAY).utcoffset()

    def _scan(self, day: date, first: int) -> int | None:
        """On a day on which clocks change: minute by minute."""
        if not self._has_day(day):
            return None
        instant = -(-first // _MINUTE) * _MINUTE
        while (local := datetime.fromtimestamp(instant, self._zone)).date() <= day:
            if local.date() == day and local.hour in self._fields.hours and local.minute in self._fields.minutes:
                return instant
            instant += _MINUTE
        return None

    def _has_day(self, day: date) -> bool:
        by_month = day.month in self._fields.months and day.day in self._fields.days
        by_week = day.month in self._fields.months and day.isoweekday() % 7 in self._fields.weekdays
        return (by_month and by_week) if self._fields.both_days else (by_month or by_week)


def _expression(fields: Fields) -> str:
    """The values, for croniter. Written out in full a field is a star to it: that both days have to match is told
    apart from that (`day_or`), and where one is enough and one is full, every day is meant."""
    days, weekdays = fields.days, fields.weekdays
    if not fields.both_days and (len(days) == _ALL_DAYS or len(weekdays) == _ALL_WEEKDAYS):
        days, weekdays = tuple(range(1, _ALL_DAYS + 1)), tuple(range(_ALL_WEEKDAYS))
    return " ".join(
        ",".join(map(str, field)) for field in (fields.minutes, fields.hours, days, fields.months, weekdays)
    )
