"""Schedules come due exactly when a clock on the wall, read minute by minute, shows one of their minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api.validation.cron import Every, Fields, Unreadable, parse_schedule, schedule_error
from engine.clock import HOUR, MINUTE, SECOND, parse_time
from engine.controllers.cronjob.cron import UnknownZone, schedule_of

CLOCK_CHANGES = [
    ("America/New_York", "2026-03-07T12:00:00Z"), ("America/New_York", "2026-10-31T12:00:00Z"),
    ("Europe/Berlin", "2026-03-28T12:00:00Z"), ("Europe/Berlin", "2026-10-24T12:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T00:00:00Z"), ("Australia/Lord_Howe", "2026-10-03T00:00:00Z"),
    ("America/Havana", "2026-03-07T12:00:00Z"), ("America/Havana", "2026-10-31T12:00:00Z"),
    ("Africa/Cairo", "2026-04-23T10:00:00Z"), ("Asia/Kathmandu", "2026-06-01T00:00:00Z"),
    ("UTC", "2026-02-27T12:00:00Z"),
]  # fmt: skip
"""Zones and moments before their clocks change, also at midnight and by half an hour."""


def part(low: int, high: int) -> st.SearchStrategy[str]:
    """One field, as people write it. (A range of one value is left out: croniter takes it for all of them.)"""
    number = st.integers(low, high)
    pair = st.sets(number, min_size=2, max_size=2).map(sorted)
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.integers(2, 20).map(lambda step: f"*/{step}"),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.lists(number, min_size=1, max_size=4).map(lambda values: ",".join(map(str, values))),
    )


SCHEDULES = st.tuples(part(0, 59), part(0, 23), part(1, 31), part(1, 12), part(0, 6)).map(" ".join)


def naive(fields: Fields, zone: ZoneInfo, after: int, until: int) -> int | None:
    """The first minute after an instant at which the local clock matches."""
    instant = after // MINUTE * MINUTE + MINUTE
    while instant <= until:
        local = datetime.fromtimestamp(instant // SECOND, zone)
        days = (local.day in fields.days, (local.weekday() + 1) % 7 in fields.weekdays)
        if (
            local.minute in fields.minutes and local.hour in fields.hours and local.month in fields.months
            and (all(days) if fields.both_days else any(days))
        ):  # fmt: skip
            return instant
        instant += MINUTE
    return None


@settings(max_examples=60, deadline=None)
@given(SCHEDULES, st.sampled_from(CLOCK_CHANGES), st.integers(0, 30 * 60 * 60))
def test_as_a_clock_read_minute_by_minute(text: str, change: tuple[str, str], offset: int) -> None:
    """Around every change of clocks: skipped minutes are skipped, repeated ones come twice."""
    zone, begin = change
    after = parse_time(begin) + offset * SECOND
    horizon = after + 30 * HOUR
    fields = parse_schedule(text)
    assert isinstance(fields, Fields)
    found = schedule_of(text, zone).next(after)
    expected = naive(fields, ZoneInfo(zone), after, horizon)
    assert (found if found is not None and found <= horizon else None) == expected


@settings(max_examples=100, deadline=None)
@given(part(0, 59), part(0, 23), part(1, 28), part(1, 12), st.integers(1_700_000_000, 1_900_000_000))
def test_as_croniter_where_the_two_agree(minute: str, hour: str, day: str, month: str, after: int) -> None:
    """Far ahead, in UTC and without days of the week, the library comes to the same time."""
    text = f"{minute} {hour} {day} {month} *"
    expected = croniter(text, datetime.fromtimestamp(after, UTC)).get_next(datetime)
    assert schedule_of(text).next(after * SECOND) == round(expected.timestamp()) * SECOND


def times(text: str, zone: str, begin: str, count: int) -> list[str]:
    """The next times, as the local clock shows them."""
    schedule, instant = schedule_of(text, zone), int(parse_time(begin))
    shown = []
    for _ in range(count):
        found = schedule.next(instant)
        assert found is not None
        instant = found
        local = datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone or "UTC"))
        shown.append(local.strftime("%m-%d %H:%M%z"))
    return shown


def test_what_spring_skips_does_not_happen() -> None:
    """02:30 on the night that clocks go forward: not that day."""
    shown = times("30 2 * * *", "America/New_York", "2026-03-07T05:00:00Z", 2)
    assert shown == ["03-07 02:30-0500", "03-09 02:30-0400"]


def test_what_autumn_repeats_happens_twice() -> None:
    """01:30 on the night that clocks go back: in summer time and again in winter time."""
    shown = times("30 1 * * *", "America/New_York", "2026-11-01T04:00:00Z", 3)
    assert shown == ["11-01 01:30-0400", "11-01 01:30-0500", "11-02 01:30-0500"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("0 0 13 * 5", "01-02 00:00+0000"),  # the 13th or a Friday
        ("0 0 1-31 * 1", "01-02 00:00+0000"),  # written out, a full range is no star: any day of the month is enough
        ("0 0 * * 1", "01-05 00:00+0000"),
        ("0 0 */2 * 1", "01-03 00:00+0000"),  # a star with a step is no star either
        ("0 0 ? JAN MON-wed", "01-05 00:00+0000"),
        ("5/20 * * * *", "01-01 00:25+0000"),
        ("@monthly", "02-01 00:00+0000"),
        ("@weekly", "01-04 00:00+0000"),
        ("@every 1h30m", "01-01 01:40+0000"),
    ],
)
def test_readings(text: str, first: str) -> None:
    """Days of month and week, steps, names and descriptors, as robfig/cron reads them."""
    assert times(text, "", "2026-01-01T00:10:00Z", 1) == [first]


def test_the_31st_of_february_never_comes() -> None:
    """A schedule that can be read need not come due; one for leap years does."""
    assert schedule_of("0 0 31 2 *").next(parse_time("2026-01-01T00:00:00Z")) is None
    assert times("0 0 29 2 *", "", "2026-01-01T00:00:00Z", 1) == ["02-29 00:00+0000"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("0 0 * * 7", "end of range (7) above maximum (6): 7"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"),
        ("@never", "unrecognized descriptor: @never"),
        ("0 0 L * *", 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
    ],
)
def test_what_robfig_refuses(text: str, error: str) -> None:
    """In its words."""
    assert schedule_error(text) == error
    with pytest.raises(Unreadable):
        schedule_of(text)


def test_an_unknown_zone() -> None:
    """It is named."""
    with pytest.raises(UnknownZone, match="unknown time zone Mars/Base"):
        schedule_of("* * * * *", "Mars/Base")


@given(st.integers(0, 10**6))
def test_every_is_at_least_a_second(milliseconds: int) -> None:
    """Spans are cut to whole seconds, and never under one."""
    assert parse_schedule(f"@every {milliseconds}ms") == Every(max(1, milliseconds // 1000))


def test_a_year_of_minutes_is_read_quickly() -> None:
    """Each step looks at one day, not at all minutes before it: days far ahead are reached by whole months."""
    schedule = schedule_of("0 0 1 1 *", "Europe/Berlin")
    begin = parse_time("2026-01-01T12:00:00Z")
    found = schedule.next(begin)
    assert found is not None
    assert datetime.fromtimestamp(found // SECOND, UTC) == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert timedelta(microseconds=found - begin) < timedelta(days=366)
