"""Logs on demand, and the refusals of `kubectl logs`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.api.errors import ApiError, BadRequest, InternalError, Invalid, NotFound
from engine.clock import SECOND
from engine.kubelet.logs import Limit, Line, LogOptions, encode
from tests.engine.kubelet.machines import USER, Machines


def lines(machines: Machines, pod: str = "p", container: str = "", **options: int) -> list[str]:
    asked = LogOptions(container, **options)  # type: ignore[arg-type]
    return [text for _, text in machines.streams.logs("default", pod, asked)]


class Heard:
    """What a follower was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ends = 0

    def receive(self, lines: Sequence[Line]) -> None:
        self.lines += [text for _, text in lines]

    def ended(self) -> None:
        self.ends += 1


def test_declared_lines_come_at_their_times(machines: Machines) -> None:
    """Lines by template and period, in order; a first line says that they are simulated."""
    machines.image("web", image="web", logs=[
        {"text": "listening"},
        {"text": "request {n} in {container} of {pod} after {seconds}s", "at": "10s", "every": "10s"},
    ])  # fmt: skip
    machines.pod(containers=[{"image": "web:1"}])
    machines.when(state="running")
    machines.run(31)
    found = list(machines.streams.logs("default", "p", LogOptions("c")))
    assert [text for _, text in found] == [
        "[simulated] log of image web:1", "listening", "request 0 in c of p after 10s", "request 1 in c of p after 20s",
        "request 2 in c of p after 30s",
    ]  # fmt: skip
    assert [(at - found[0][0]) // SECOND for at, _ in found] == [0, 0, 10, 20, 30]
    assert lines(machines, tail=2) == ["request 1 in c of p after 20s", "request 2 in c of p after 30s"]


def test_commands_print_what_they_print(machines: Machines) -> None:
    """echo's words are the log; the previous run's too."""
    machines.pod(containers=[{"command": ["sh", "-c", "echo hello; sleep 5; echo bye; exit 1"]}])
    machines.when(state="running")
    assert lines(machines) == ["hello"]
    machines.when(restartCount=1, state="running")
    assert lines(machines) == ["hello"]
    assert lines(machines, previous=True) == ["hello", "bye"]


def test_an_undeclared_image_says_that_it_is_simulated(machines: Machines) -> None:
    """One line that nobody takes for a real log."""
    machines.pod()
    machines.when(state="running")
    assert lines(machines)[0].startswith("[simulated] container c, image nginx:1.27")


def test_refusals_are_those_of_kubernetes(machines: Machines) -> None:
    """No pod, no container, no choice, not started, no image, no previous run."""
    machines.image("gone", image="gone", exists=False)
    machines.pod("two", containers=[{"name": "a"}, {"name": "b"}])
    machines.pod("bad", containers=[{"image": "gone:1"}])
    machines.run(0)
    with pytest.raises(NotFound, match='pods "x" not found'):
        lines(machines, "x")
    with pytest.raises(BadRequest, match="container z is not valid for pod two"):
        lines(machines, "two", "z")
    with pytest.raises(BadRequest, match=r"a container name must be specified for pod two, choose one of: \[a b\]"):
        lines(machines, "two")
    with pytest.raises(BadRequest, match='container "a" in pod "two" is waiting to start: ContainerCreating'):
        lines(machines, "two", "a")
    machines.when("bad", reason="ErrImagePull")
    with pytest.raises(BadRequest, match="is waiting to start: image can't be pulled"):
        lines(machines, "bad")
    machines.run(6)
    with pytest.raises(BadRequest, match="is waiting to start: trying and failing to pull image"):
        lines(machines, "bad")
    with pytest.raises(BadRequest, match='previous terminated container "a" in pod "two" not found'):
        lines(machines, "two", "a", previous=True)


def test_a_pod_that_is_not_scheduled_has_no_log(machines: Machines) -> None:
    """Nothing, and no error: there is no node to ask."""
    from engine.api.kinds import PODS

    spec = {"containers": [{"name": "c", "image": "i"}]}
    machines.api.create(USER, PODS, "default", {"metadata": {"name": "p"}, "spec": spec})
    assert lines(machines) == []


def test_options_out_of_range_are_invalid(machines: Machines) -> None:
    """Each in the words of the API server."""
    machines.pod()
    machines.when(state="running")
    for options, text in (
        ({"tail": -1}, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ({"limit_bytes": 0}, "limitBytes: Invalid value: 0: must be greater than 0"),
        ({"since_seconds": 0}, "sinceSeconds: Invalid value: 0: must be greater than 0"),
    ):
        with pytest.raises(Invalid) as refusal:
            lines(machines, "p", "", **options)
        assert str(refusal.value) == f'PodLogOptions "p" is invalid: {text}'
    with pytest.raises(Invalid, match="at most one of `sinceTime` or `sinceSeconds` may be specified"):
        lines(machines, since_seconds=1, since_time=1)


def test_since_takes_what_is_young_enough_of_the_tail(machines: Machines) -> None:
    """The tail is counted over the whole log, then the old lines of it go."""
    machines.image("web", image="web", logs=[{"text": "line {n}", "at": "10s", "every": "10s"}])
    machines.pod(containers=[{"image": "web:1"}])
    machines.when(state="running")
    machines.run(45)
    assert lines(machines, since_seconds=20) == ["line 2", "line 3"]
    assert lines(machines, since_seconds=20, tail=1) == ["line 3"]
    assert lines(machines, since_seconds=20, tail=4) == ["line 2", "line 3"]
    assert lines(machines, since_time=machines.clock.now()) == []
    assert lines(machines, tail=0) == []


def test_timestamps_and_bytes_are_those_of_the_log() -> None:
    """Nanoseconds in each line; the limit cuts within a line, timestamps counted."""
    at = 1_795_424_829_250_000
    options = LogOptions(timestamps=True, limit_bytes=40)
    limit = Limit(options)
    assert limit.cut(encode([(at, "one")], options)) == b"2026-11-23T09:07:09.250000000Z one\n"
    assert not limit.reached
    assert limit.cut(encode([(at, "two")], options)) == b"2026-"
    assert limit.reached


def test_several_templates_are_one_log(machines: Machines) -> None:
    """In the order of time, and the tail is that of all together."""
    machines.image("web", image="web", logs=[
        {"text": "a{n}", "at": "1s", "every": "3s"}, {"text": "b{n}", "at": "2s", "every": "4s"}, {"text": "once"},
    ])  # fmt: skip
    machines.pod(containers=[{"image": "web:1"}])
    machines.when(state="running")
    machines.run(12)
    whole = lines(machines)
    assert whole[1:8] == ["once", "a0", "b0", "a1", "b1", "a2", "a3"]
    for tail in range(len(whole) + 2):
        assert lines(machines, tail=tail) == whole[max(0, len(whole) - tail) :]


def test_a_follower_hears_each_line_in_its_time_and_the_end(machines: Machines) -> None:
    """From now on, no line twice; the end of the container is the end of the stream."""
    machines.image("web", image="web", logs=[{"text": "line {n}", "at": "10s", "every": "10s"}], exit={"after": "35s"})
    machines.pod(containers=[{"image": "web:1"}], restartPolicy="Never")
    machines.when(state="running")
    machines.run(15)
    heard = Heard()
    stream = machines.streams.follow("default", "p", LogOptions(tail=1), heard.receive, heard.ended)
    assert [text for _, text in stream.lines] == ["line 0"]
    machines.run(10)
    assert heard.lines == ["line 1"]
    machines.run(60)
    assert (heard.lines, heard.ends) == (["line 1", "line 2"], 1)


def test_following_what_has_ended_ends_at_once(machines: Machines) -> None:
    """The log as it is, and nobody to wait for."""
    machines.pod(containers=[{"command": ["echo", "done"]}], restartPolicy="Never")
    machines.when(state="terminated")
    heard = Heard()
    stream = machines.streams.follow("default", "p", LogOptions(), heard.receive, heard.ended)
    assert ([text for _, text in stream.lines], stream.follower) == (["done"], None)


def test_a_deleted_pod_ends_its_followers_and_a_closed_one_hears_nothing(machines: Machines) -> None:
    """Nothing is kept of either."""
    machines.pod()
    machines.when(state="running")
    heard, closed = Heard(), Heard()
    machines.streams.follow("default", "p", LogOptions(), heard.receive, heard.ended)
    machines.streams.follow("default", "p", LogOptions(), closed.receive, closed.ended).close()
    machines.delete()
    machines.run(60)
    assert (heard.ends, closed.ends) == (1, 0)


def test_a_stopped_kubelet_tells_no_logs(machines: Machines) -> None:
    """The API server cannot dial it."""
    machines.pod()
    machines.when(state="running")
    machines.annotate_node("n1", kubelet="stopped")
    machines.run(1)
    with pytest.raises(
        InternalError, match=r"containerLogs/default/p/c.*: dial tcp .*:10250: connect: connection ref"
    ) as refusal:
        lines(machines)
    assert "reason" not in refusal.value.status()


def test_a_container_of_several_has_to_be_named(machines: Machines) -> None:
    """Init containers are in the list too."""
    machines.pod(containers=[{"name": "a"}, {"name": "b"}], initContainers=[{"name": "i", "image": "x"}])
    machines.run(1)
    with pytest.raises(ApiError, match=r"choose one of: \[i a b\]"):
        lines(machines)
