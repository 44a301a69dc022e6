"""CronJob schedules as Kubernetes reads them (robfig/cron v3 ParseStandard): five fields or `@every 1h30m`.

`schedule_error` says in robfig's words why a schedule cannot be read, None when it can.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class _Field(NamedTuple):
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (_Field(0, 59), _Field(0, 23), _Field(1, 31), _Field(1, 12, _MONTHS), _Field(0, 6, _DAYS))
_DESCRIPTORS: Final = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_DURATION: Final = re.compile(
    r"[-+]?(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*\Z"
)


class _Unreadable(Exception):
    pass


def schedule_error(schedule: str) -> str | None:
    if not schedule:
        return "empty spec string"
    if schedule.startswith("@"):
        if schedule in _DESCRIPTORS:
            return None
        if schedule.startswith("@every "):
            duration = schedule[len("@every ") :]
            if _DURATION.match(duration) or duration == "0":
                return None
            return f'failed to parse duration {schedule}: time: invalid duration "{duration}"'
        return f"unrecognized descriptor: {schedule}"
    fields = schedule.split()
    if len(fields) != 5:
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    try:
        for text, field in zip(fields, _FIELDS, strict=True):
            for part in text.split(","):
                _check_range(part, field)
    except _Unreadable as wrong:
        return str(wrong)
    return None


def _check_range(text: str, field: _Field) -> None:
    pieces = text.split("/")
    ends = pieces[0].split("-")
    if ends[0] in ("*", "?"):
        start, end = field.low, field.high
    else:
        start = _number_or_name(ends[0], field)
        if len(ends) > 2:
            raise _Unreadable(f"too many hyphens: {text}")
        end = _number_or_name(ends[1], field) if len(ends) == 2 else start
    if len(pieces) > 2:
        raise _Unreadable(f"too many slashes: {text}")
    step = 1
    if len(pieces) == 2:
        step = _number(pieces[1])
        if len(ends) == 1:
            end = field.high
    if start < field.low:
        raise _Unreadable(f"beginning of range ({start}) below minimum ({field.low}): {text}")
    if end > field.high:
        raise _Unreadable(f"end of range ({end}) above maximum ({field.high}): {text}")
    if start > end:
        raise _Unreadable(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise _Unreadable(f"step of range should be a positive number: {text}")


def _number_or_name(text: str, field: _Field) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.low
    return _number(text)


def _number(text: str) -> int:
    if not re.match(r"[-+]?\d+\Z", text, re.ASCII):
        raise _Unreadable(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    if int(text) < 0:
        raise _Unreadable(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)
