"""CronJob schedules as Kubernetes reads them (robfig/cron v3 ParseStandard): five fields or `@every 1h30m`.

`parse_schedule` gives what a schedule says; `schedule_error` says in robfig's words why one cannot be read, None when
it can. Fields take lists, ranges, steps and the English names of months and weekdays, in any case; Sunday is 0 and
never 7; `?` is `*`; seconds, years and `L`, `W`, `#` do not exist. Days of the month and of the week both have to match
when either is a star, else one of them is enough.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from engine.clock import SECOND
from engine.flags import parse_duration


class _Field(NamedTuple):
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (_Field(0, 59), _Field(0, 23), _Field(1, 31), _Field(1, 12, _MONTHS), _Field(0, 6, _DAYS))
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip


class Every(NamedTuple):
    """`@every`: a fixed span."""

    seconds: int
    """At least 1."""


class Fields(NamedTuple):
    """Five fields: the values that match, ascending."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    """0 is Sunday."""
    both_days: bool
    """A day must match by month and by week (one of the two is a star); else one is enough."""


class Unreadable(Exception):
    """The schedule cannot be read; the text is robfig's."""


def schedule_error(schedule: str) -> str | None:
    try:
        parse_schedule(schedule)
    except Unreadable as wrong:
        return str(wrong)
    return None


def parse_schedule(schedule: str) -> Fields | Every:
    """Raises Unreadable."""
    if not schedule:
        raise Unreadable("empty spec string")
    if schedule.startswith("@every "):
        return _every(schedule)
    if schedule.startswith("@"):
        if schedule not in _DESCRIPTORS:
            raise Unreadable(f"unrecognized descriptor: {schedule}")
        schedule = _DESCRIPTORS[schedule]
    texts = schedule.split()
    if len(texts) != 5:
        raise Unreadable(f"expected exactly 5 fields, found {len(texts)}: [{' '.join(texts)}]")
    values: list[tuple[int, ...]] = []
    stars: list[bool] = []
    for text, field in zip(texts, _FIELDS, strict=True):
        ranges = [_range(part, field) for part in text.split(",")]
        values.append(tuple(sorted({value for each, _ in ranges for value in each})))
        stars.append(any(star for _, star in ranges))
    minutes, hours, days, months, weekdays = values
    return Fields(minutes, hours, days, months, weekdays, stars[2] or stars[4])


def _every(schedule: str) -> Every:
    text = schedule[len("@every ") :]
    try:
        span = parse_duration(text.replace("\u03bcs", "\u00b5s"))  # Go takes the Greek letter for the sign
    except ValueError as error:
        raise Unreadable(f'failed to parse duration {schedule}: time: invalid duration "{text}"') from error
    return Every(max(1, span // SECOND))


def _range(text: str, field: _Field) -> tuple[range, bool]:
    """The values of one part of a field, and whether it is a star."""
    pieces = text.split("/")
    ends = pieces[0].split("-")
    star = ends[0] in ("*", "?")
    if star:
        start, end = field.low, field.high
    else:
        start = _number_or_name(ends[0], field)
        if len(ends) > 2:
            raise Unreadable(f"too many hyphens: {text}")
        end = _number_or_name(ends[1], field) if len(ends) == 2 else start
    if len(pieces) > 2:
        raise Unreadable(f"too many slashes: {text}")
    step = 1
    if len(pieces) == 2:
        step = _number(pieces[1])
        if len(ends) == 1:
            end = field.high
    if start < field.low:
        raise Unreadable(f"beginning of range ({start}) below minimum ({field.low}): {text}")
    if end > field.high:
        raise Unreadable(f"end of range ({end}) above maximum ({field.high}): {text}")
    if start > end:
        raise Unreadable(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise Unreadable(f"step of range should be a positive number: {text}")
    return range(start, end + 1, step), star and step == 1


def _number_or_name(text: str, field: _Field) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.low
    return _number(text)


def _number(text: str) -> int:
    if not re.match(r"[-+]?\d+\Z", text, re.ASCII):
        raise Unreadable(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    if int(text) < 0:
        raise Unreadable(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)
