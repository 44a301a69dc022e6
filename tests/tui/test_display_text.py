"""Times, amounts and YAML as Kubernetes prints them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tui.quantity import binary_text, cpu_text, millis, percent, short_bytes, short_cpu, sum_text, units
from tui.texts import events_text, wrap_words, yaml_text
from tui.theme import bar
from tui.times import human_duration, parse_span, parse_time, rfc1123z, rfc3339

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-2, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (121, "2m1s"), (599, "9m59s"), (600, "10m"),
     (179 * MINUTE, "179m"), (180 * MINUTE, "3h"), (3 * HOUR + 300, "3h5m"), (8 * HOUR, "8h"), (47 * HOUR, "47h"),
     (48 * HOUR, "2d"), (51 * HOUR, "2d3h"), (8 * DAY, "8d"), (2 * 365 * DAY, "2y"), (740 * DAY, "2y10d"),
     (9 * 365 * DAY, "9y")],
)  # fmt: skip
def test_ages_read_as_kubectl_writes_them(seconds: int, text: str) -> None:
    """duration.HumanDuration at its borders."""
    assert human_duration(seconds * SECOND) == text


def test_times_are_read_and_written() -> None:
    """RFC 3339 in, with and without fractions; RFC 1123 out; nonsense is None."""
    instant = parse_time("2026-11-23T09:07:09Z")
    assert instant is not None
    assert parse_time("2026-11-23T09:07:09.000000Z") == instant
    assert rfc3339(instant) == "2026-11-23T09:07:09Z"
    assert rfc1123z("2026-11-23T09:07:09Z") == "Mon, 23 Nov 2026 09:07:09 +0000"
    assert parse_time("yesterday") is None
    assert rfc1123z(None) == "<unset>"


def test_spans_of_filters() -> None:
    """90s, 1h30m; anything else is refused."""
    assert parse_span("1h30m") == 5400 * SECOND
    with pytest.raises(ValueError, match="time span"):
        parse_span("5x")


@given(st.integers(0, 10**9))
def test_amounts_come_back(value: int) -> None:
    """What is printed in canonical form reads as the same amount."""
    assert millis(cpu_text(value)) == value
    assert units(binary_text(value)) == value


def test_amounts() -> None:
    """Suffixes, rounding up, sums in the first one's format, short forms."""
    assert millis("0.1") == 100
    assert millis("100u") == 1
    assert units("1.5Gi") == 1_610_612_736
    assert sum_text(["128Mi", "64Mi"]) == "192Mi"
    assert sum_text(["500M", "100M"]) == "600M"
    assert (short_cpu(250), short_cpu(3500), short_cpu(40_000)) == ("250m", "3.5", "40")
    assert (short_bytes(512 * 2**20), short_bytes(0)) == ("512Mi", "0")
    assert percent(1, 3) == 33
    assert percent(1, 0) == 0


@given(st.integers(0, 500), st.integers(0, 100), st.integers(1, 20))
def test_gauges_keep_their_width(part: int, whole: int, width: int) -> None:
    """A gauge is as wide as it is asked to be, also overfull or of nothing."""
    assert len(bar(part, whole, width)) == width


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["spec", "status", "data"]), JSON))
def test_yaml_reads_back(obj: dict[str, object]) -> None:
    """The shown YAML is the object."""
    whole = {"metadata": {"name": "a", "managedFields": [1]}, **obj}
    read = yaml.safe_load(yaml_text(whole))
    assert read == {**whole, "metadata": {"name": "a"}}


def test_yaml_looks_like_kubectl() -> None:
    """Sorted keys, lists not indented, times and numbers in strings quoted, long texts as blocks."""
    text = yaml_text({"b": ["x", "1"], "a": {"t": "2026-11-23T09:07:09Z", "s": "one\ntwo\n"}})
    assert text == 'a:\n  s: |\n    one\n    two\n  t: "2026-11-23T09:07:09Z"\nb:\n- x\n- "1"'
    odd = yaml_text({"a": ["True", "", "n", "1:30", "null", "*", "{{x}}", "plain"]})
    assert odd == """a:\n- "True"\n- ""\n- "n"\n- "1:30"\n- "null"\n- '*'\n- '{{x}}'\n- plain"""


def test_events_are_counted() -> None:
    """Repeats read `5s (x3 over 60s)`."""
    now = parse_time("2026-11-23T09:07:09Z")
    assert now is not None
    event = {
        "metadata": {}, "type": "Warning", "reason": "BackOff", "message": "Back-off", "count": 3,
        "firstTimestamp": rfc3339(now - 60 * SECOND), "lastTimestamp": rfc3339(now - 5 * SECOND),
    }  # fmt: skip
    assert events_text([event], now)[1].startswith("5s (x3 over 60s)   Warning   BackOff   Back-off")


def test_long_sentences_are_folded() -> None:
    """Words stay whole."""
    assert wrap_words("aaaaaaaaaaaa bbbbbbbbbbbb cc", 20) == ["aaaaaaaaaaaa", "bbbbbbbbbbbb cc"]
