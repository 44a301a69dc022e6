"""Component flags: Go durations, unknown names, malformed values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import HOUR, MINUTE, SECOND
from engine.flags import BadFlag, Flags, parse_duration


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("40s", 40 * SECOND),
        ("1h30m", HOUR + 30 * MINUTE),
        ("1.5s", 1_500_000),
        ("300ms", 300_000),
        ("0", 0),
        ("-2m", -2 * MINUTE),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, micros: int) -> None:
    """Units add up, fractions count, a sign is allowed."""
    assert parse_duration(text) == micros


@pytest.mark.parametrize("text", ["", "40", "s", "1h 30m", "1d", "five", "1h30", "-"])
def test_other_texts_are_no_durations(text: str) -> None:
    """A number without a unit is refused, as by Go."""
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration(text)


@given(st.integers(0, 100), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_up(hours: int, minutes: int, seconds: int) -> None:
    """Each part counts for itself."""
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * HOUR + minutes * MINUTE + seconds * SECOND


def test_defaults_are_kubernetes_own_and_given_values_win() -> None:
    """v1.36 waits 50 s for a silent node; the older 40 s is one setting away."""
    assert Flags().duration("node-monitor-grace-period") == 50 * SECOND
    assert Flags({"node-monitor-grace-period": "40s"}).duration("node-monitor-grace-period") == 40 * SECOND
    assert Flags().number("node-eviction-rate") == 0.1


@pytest.mark.parametrize(
    "given_flags",
    [
        {"node-monitor-grace": "40s"},
        {"node-eviction-rate": "fast"},
        {"event-ttl": "60"},
        {"event-ttl": "-1h"},
        {"node-eviction-rate": "-1"},
        {"unhealthy-zone-threshold": "nan"},
        {"node-monitor-period": "0s"},
        {"node-status-update-frequency": "0"},
        {"service-node-port-range": "30000-20000"},
        {"service-node-port-range": "many"},
        {"service-cluster-ip-range": "10.96.0.0/12,10.0.0.0/8"},
        {"service-cluster-ip-range": "ten"},
    ],
)
def test_bad_flags_name_themselves(given_flags: dict[str, str]) -> None:
    """The error tells the flag, and the value if that is what is wrong."""
    with pytest.raises(BadFlag, match=next(iter(given_flags))):
        Flags(given_flags)


@pytest.mark.parametrize(
    ("text", "ports"), [("30000-32767", range(30000, 32768)), ("30000+10", range(30000, 30011)), ("80", range(80, 81))]
)
def test_ranges_of_ports(text: str, ports: range) -> None:
    """From one to another, so many more, or one; ranges of addresses are one, or one of each family."""
    assert Flags({"service-node-port-range": text}).ports("service-node-port-range") == ports
    both = Flags({"service-cluster-ip-range": "10.96.0.0/12, fd00:96::/112"})
    assert both.ranges("service-cluster-ip-range") == ["10.96.0.0/12", "fd00:96::/112"]
