"""Which time of a schedule is owed to a CronJob now, and when to look again (cronjob/utils.go).

Counted from the last time that made a Job, else from the CronJob's creation; with startingDeadlineSeconds from no
earlier than that before now. Of several times that were missed only the last is owed. Their number is estimated from
the span between the first two, so that a CronJob that slept for years costs no more than one that slept for a minute.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.clock import SECOND, parse_time
from engine.controllers.cronjob.cron import Schedule
from store.types import JsonObject

TOO_MANY: Final = 100
_PADDING: Final = 100_000
"""Looks come 100 ms after the time (nextScheduleDelta)."""


class InvalidSchedule(Exception):
    """The schedule can be read but never comes due."""


class Owed(NamedTuple):
    """What has come due."""

    since: int
    """Where counting began."""
    time: int | None
    """The last time that has come, None when none has."""
    missed: int
    """About how many came before it too, 0 when just one or none has come."""


def owed(cronjob: JsonObject, schedule: Schedule, now: int, within_deadline: bool = True) -> Owed:
    """Raises InvalidSchedule."""
    since = parse_time((cronjob.get("status") or {}).get("lastScheduleTime") or _created(cronjob))
    deadline = cronjob["spec"].get("startingDeadlineSeconds")
    if within_deadline and deadline is not None:
        since = max(since, type(since)(now - deadline * SECOND))
    first = schedule.next(since)
    second = schedule.next(first) if first is not None else None
    if first is None or second is None:
        raise InvalidSchedule("time difference between two schedules is less than 1 second")
    if now < first:
        return Owed(since, None, 0)
    if now < second:
        return Owed(since, first, 0)
    span = round((second - first) / SECOND)
    missed = (now - first) // SECOND // span + 1
    latest: int | None = None
    time = schedule.next(first + (missed - 2) * span * SECOND)
    while time is not None and time <= now:
        latest, time = time, schedule.next(time)
    return Owed(since, latest, missed)


def next_look(cronjob: JsonObject, schedule: Schedule, now: int) -> int | None:
    """Microseconds until the next time comes due; None: it never does."""
    try:
        state = owed(cronjob, schedule, now, within_deadline=False)
    except InvalidSchedule:
        return None
    begin = state.time if state.time is not None else (now if state.missed else state.since)
    time = schedule.next(begin)
    return None if time is None else max(time + _PADDING - now, 1)


def _created(cronjob: JsonObject) -> str:
    return str(cronjob["metadata"]["creationTimestamp"])
