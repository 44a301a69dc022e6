"""The kubelet's small parts: quantities, durations, image references, commands, waits, the timer wheel, addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import MINUTE, SECOND, Clock
from engine.flags import parse_duration
from engine.kubelet import amounts, references
from engine.kubelet.addresses import NodeAddresses, PodAddresses
from engine.kubelet.backoff import Backoff
from engine.kubelet.behaviour import JOB_RUN, Curve, behaviour_of, parse_ending
from engine.kubelet.commands import interpret
from engine.kubelet.facts import facts_of
from engine.kubelet.wheel import Wheel
from store.types import Uid


@pytest.mark.parametrize(
    ("text", "whole", "thousandths"),
    [("250m", 1, 250), ("2", 2, 2000), ("0.1", 1, 100), ("1Ki", 1024, 1024000), ("1e3", 1000, 1000000), ("5n", 1, 1)],
)
def test_quantities_round_up(text: str, whole: int, thousandths: int) -> None:
    """Quantities become integers as Kubernetes' Value() and MilliValue() do: rounded up."""
    assert (amounts.units(text), amounts.milli(text)) == (whole, thousandths)


@pytest.mark.parametrize("text", ["", "x", "5Xi", "1.2.3", "--1", "1mi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    """A text that is no quantity raises ValueError and names it."""
    with pytest.raises(ValueError, match="no quantity"):
        amounts.units(text)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (0, "0s"), (345_000, "345ms"), (1_200_000, "1.2s"), (10 * SECOND, "10s"), (80 * SECOND, "1m20s"),
        (5 * MINUTE, "5m0s"), (3_661 * SECOND, "1h1m1s"), (2_640_000, "2.64s"),
    ],
)  # fmt: skip
def test_spans_print_as_go_prints_them(span: int, text: str) -> None:
    """Durations in messages are Go's."""
    assert amounts.go_duration(span) == text


@given(st.integers(min_value=0, max_value=10**12).map(lambda n: n * 1000))
def test_printed_spans_read_back(span: int) -> None:
    """What is printed as a Go duration reads back as the same span."""
    assert parse_duration(amounts.go_duration(span)) == span


@pytest.mark.parametrize(
    ("image", "full", "familiar"),
    [
        ("nginx", "docker.io/library/nginx:latest", "nginx"),
        ("shop/web:1.2", "docker.io/shop/web:1.2", "shop/web"),
        ("quay.io/a/b", "quay.io/a/b:latest", "quay.io/a/b"),
        ("localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x"),
        ("docker.io/nginx:1", "docker.io/library/nginx:1", "nginx"),
        ("r.io/x@sha256:" + "ab" * 32, "r.io/x@sha256:" + "ab" * 32, "r.io/x"),
    ],
)
def test_references_are_completed(image: str, full: str, familiar: str) -> None:
    """A reference gets its registry and its tag as containerd completes it."""
    assert str(references.parse(image)) == full
    assert references.parse(image).familiar == familiar


@pytest.mark.parametrize("image", ["", "Nginx", "nginx:", "a b", "nginx:ta g", "/x", "x//y", "x@sha256:12", "-x"])
def test_bad_references_are_refused(image: str) -> None:
    """What is no image reference is refused in the kubelet's words."""
    with pytest.raises(references.InvalidReference, match="couldn't parse image name"):
        references.parse(image)


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_is_refused(text: str) -> None:
    """No text makes the parser fail in another way; what it completes, it leaves alone."""
    try:
        full = str(references.parse(text))
    except references.InvalidReference:
        return
    assert str(references.parse(full)) == full


@pytest.mark.parametrize(
    ("words", "after", "code"),
    [
        (["sleep", "30"], 30 * SECOND, 0), (["/bin/sleep", "1m"], 60 * SECOND, 0), (["sleep", "infinity"], None, 0),
        (["sh", "-c", "exit 3"], 0, 3), (["false"], 0, 1), (["true"], 0, 0),
        (["/bin/sh", "-c", "echo hi; sleep 5; exit 2"], 5 * SECOND, 2),
        (["sh", "-c", "false && sleep 100"], 0, 1), (["sh", "-ec", "false\nsleep 9"], 0, 1),
        (["sh", "-c", "while true; do sleep 1; done"], None, 0), (["tail", "-f", "/dev/null"], None, 0),
    ],
)  # fmt: skip
def test_known_commands_are_interpreted(words: list[str], after: int | None, code: int) -> None:
    """sleep, exit, true, false and echo do what they do."""
    script = interpret(words)
    assert script is not None
    assert (script.after, script.code) == (after, code)


@pytest.mark.parametrize(
    "words",
    [[], ["nginx", "-g", "daemon off;"], ["sh", "-c", "ls | wc"], ["sh", "-c", "echo $X"], ["sh", "-c", "echo 'x"]],
)
def test_other_commands_are_not_guessed(words: list[str]) -> None:
    """A command whose outcome is not certain is left alone."""
    assert interpret(words) is None


@given(st.lists(st.text(max_size=20), max_size=4))
def test_no_command_line_breaks_the_interpreter(words: list[str]) -> None:
    """Any command line is interpreted or left alone."""
    interpret(words)
    interpret(["sh", "-c", *words])


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("true", (0, 1)),
        ("30s", (30 * SECOND, 1)),
        ("5", (5 * SECOND, 1)),
        ("exit=3 after=1m", (MINUTE, 3)),
        ("exit=7", (0, 7)),
    ],
)
def test_endings_are_read(text: str, ending: tuple[int, int]) -> None:
    """The annotations' little language: true, a duration, exit= and after=."""
    assert parse_ending(text, 1) == ending


@pytest.mark.parametrize("text", ["yes", "exit=x", "exit=300", "code=1", "after=soon"])
def test_bad_endings_are_refused(text: str) -> None:
    """What the language does not hold is refused with the word that was wrong."""
    with pytest.raises(ValueError):
        parse_ending(text, 1)


def test_back_off_doubles_up_to_its_limit_and_starts_over() -> None:
    """10, 20, 40 … 300 s; after ten minutes without a failure 10 s again."""
    waits, at, backoff = [], 0, Backoff(10 * SECOND, 300 * SECOND)
    for _ in range(8):
        until = backoff.until(at)
        waits.append((until - at) // SECOND)
        backoff.advance(at)
        at = until
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]
    late = at + 601 * SECOND
    assert backoff.until(late) == late
    backoff.advance(late)
    assert backoff.delay == 10 * SECOND


def test_memory_passes_a_bound_when_it_grows_over_it() -> None:
    """A growing curve tells when it passes a bound; one that ends below never does."""
    assert Curve(100, 10, None).passes(200) == 10_100_000
    assert Curve(100, 10, 200).passes(200) is None
    assert Curve(300).passes(200) is not None
    assert Curve(100, 10, 150).at(60 * SECOND) == 150


def test_a_wheel_turns_each_member_once_per_period() -> None:
    """Members are called at their phases with a single timer on the clock; a removed one is not called again."""
    clock, calls = Clock(1000 * SECOND), []
    wheel = Wheel(clock, 10 * SECOND, lambda member: calls.append((member, clock.now() - 1000 * SECOND)))
    wheel.add("b", 7 * SECOND)
    wheel.add("a", 2 * SECOND)
    wheel.add("c", 7 * SECOND)
    while clock.advance(1021 * SECOND):
        pass
    assert [(m, t // SECOND) for m, t in calls] == [("a", 2), ("b", 7), ("c", 7), ("a", 12), ("b", 17), ("c", 17)]
    wheel.remove("b")
    wheel.remove("a")
    while clock.advance(1030 * SECOND):
        pass
    assert calls[-1][0] == "c"
    assert len(calls) == 7


def test_pod_addresses_go_round_their_range() -> None:
    """An address that was given back is not handed out again at once, and none is handed out twice."""
    addresses = PodAddresses("10.244.3.0/29")
    first = addresses.take(Uid("a"))
    addresses.give_back(Uid("a"))
    taken = [addresses.take(Uid(str(n))) for n in range(5)]
    assert first == "10.244.3.2"
    assert taken == ["10.244.3.3", "10.244.3.4", "10.244.3.5", "10.244.3.6", "10.244.3.2"]
    assert addresses.take(Uid("z")) == ""


def test_node_addresses_count_on_past_a_block() -> None:
    """The 255th machine is in the next block; its pods' range is the next /24."""
    network = NodeAddresses()
    hosts = [network.host() for _ in range(256)]
    ranges = [network.pod_range() for _ in range(300)]
    assert (hosts[0], hosts[253], hosts[254]) == ("192.168.0.1", "192.168.0.254", "192.168.1.1")
    assert (ranges[0], ranges[256]) == ("10.244.0.0/24", "10.245.0.0/24")
    assert len(set(hosts)) == 256


def test_facts_know_what_a_pod_takes_from_the_node() -> None:
    """The scheduler's own count: sidecars beside everything after them, one init step after another, overhead."""
    spec = {
        "containers": [{"name": "a", "resources": {"requests": {"cpu": "100m", "memory": "1Mi"}}}],
        "initContainers": [
            {"name": "i", "resources": {"requests": {"cpu": "1"}}},
            {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m", "example.com/x": "2"}}},
        ],
        "overhead": {"memory": "1Mi"},
    }
    facts = facts_of(spec)
    assert (facts.cpu, facts.memory, facts.storage, facts.extended) == (1000, 2 * 2**20, 0, {"example.com/x": 2})
    larger = facts_of({**spec, "overhead": {}, "resources": {"requests": {"cpu": "3"}}})
    assert (larger.cpu, facts_of({**spec, "overhead": {}}).cpu) == (3000, 1000)


def test_facts_are_computed_once_per_template() -> None:
    """Pods that share their container list share their facts."""
    containers = [{"name": "c", "image": "x"}]
    assert facts_of({"containers": containers, "nodeName": "a"}) is facts_of(
        {"containers": containers, "nodeName": "b"}
    )


def test_a_wide_range_gives_addresses_too() -> None:
    """Ranges beyond one octet, and IPv6, are counted through as well."""
    assert [PodAddresses("10.8.0.0/16").take(Uid("a")), PodAddresses("fd00::/64").take(Uid("a"))] == [
        "10.8.0.2",
        "fd00::2",
    ]


@pytest.mark.parametrize(
    ("container", "annotations", "ends"),
    [
        ({}, {}, JOB_RUN),
        ({"command": ["python", "batch.py"]}, {}, JOB_RUN),
        ({"command": ["sleep", "60"]}, {}, 60 * SECOND),
        ({"command": ["sleep", "infinity"]}, {}, None),
        ({}, {"kubarium.dev/complete": "30s"}, 30 * SECOND),
        ({}, {"kubarium.dev/complete": "false"}, None),
        ({}, {"kubarium.dev/hang": "true"}, None),
        ({}, {"kubarium.dev/memory": "64Mi"}, None),
    ],
)
def test_a_job_ends_unless_somebody_said_otherwise(
    container: dict[str, object], annotations: dict[str, str], ends: int | None
) -> None:
    """A container of a Job's pod of which nothing is declared exits 0 after a while; elsewhere it runs on."""
    facts = facts_of({"containers": [{"name": "c", "image": "i", **container}], "restartPolicy": "Never"}).apps[0]
    behaviour, complaints = behaviour_of(facts, annotations, None, of_job=True)
    assert (behaviour.exit_after, behaviour.exit_code, complaints) == (ends, 0, ())
    if ends == JOB_RUN:
        assert behaviour_of(facts, annotations, None)[0].exit_after is None
