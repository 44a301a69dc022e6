"""Logs that go on, commands and usage, as the console asks for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import pytest

from engine.client import ClientError, ClusterClient, ConnectOptions, LogLine, LogQuery, connect, new_intent
from engine.clock import SECOND

_WAIT = 30.0


class Listener:
    """Stores what it hears and wakes who waits."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.over: Future[Exception | None] = Future()
        self.first = threading.Event()

    def lines(self, lines: Sequence[LogLine]) -> None:
        self.heard += [text for _, text in lines]
        self.first.set()

    def ended(self, why: Exception | None) -> None:
        self.over.set_result(why)


@pytest.fixture(scope="module")
def client() -> Iterator[ClusterClient]:
    """A paused cluster with a node, a declared image and a running pod `p`."""
    made = connect(ConnectOptions(seed=1, speed=0, start=1_795_424_829_000_000))
    made.start()
    image = {"metadata": {"name": "app"}, "spec": {
        "image": "app", "cpu": "250m", "memory": {"start": "64Mi"}, "logs": [{"text": "tick {n}", "every": "60s"}],
    }}  # fmt: skip
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}}
    for resource, namespace, obj in (
        ("nodes", "", {"metadata": {"name": "n1"}}), ("images.kubarium.dev", "", image),
    ):  # fmt: skip
        made.create(resource, namespace, obj, intent=new_intent("set up")).result(_WAIT)
    made.step(30 * SECOND).result(_WAIT)
    made.create("pods", "default", pod, intent=new_intent("set up")).result(_WAIT)
    made.step(40 * SECOND).result(_WAIT)
    yield made
    made.stop()


def test_a_log_is_followed(client: ClusterClient) -> None:
    """What it holds comes at once, what is written comes when cluster time has passed."""
    listener = Listener()
    subscription = client.follow_logs(LogQuery("default", "p"), listener)
    assert listener.first.wait(_WAIT)
    held = list(listener.heard)
    assert held[-1] == "tick 0"
    client.step(60 * SECOND).result(_WAIT)
    assert listener.heard == [*held, "tick 1"]
    subscription.close()
    client.step(60 * SECOND).result(_WAIT)
    assert listener.heard == [*held, "tick 1"]


def test_a_log_that_is_refused_says_why(client: ClusterClient) -> None:
    """As a ClientError, once."""
    listener = Listener()
    client.follow_logs(LogQuery("default", "nope"), listener)
    assert str(listener.over.result(_WAIT)) == 'pods "nope" not found'


def test_commands_are_answered_and_refused(client: ClusterClient) -> None:
    """Exit code, output, errors; a refusal is raised; one that takes time waits for it, or is cancelled."""
    assert client.exec("default", "p", ["hostname"]).result(_WAIT) == (0, "p\n", "")
    unknown = client.exec("default", "p", ["foo"]).result(_WAIT)
    assert (unknown.code, 'exec: "foo": executable file not found' in unknown.err) == (127, True)
    with pytest.raises(ClientError, match='pods "nope" not found'):
        client.exec("default", "nope", ["true"]).result(_WAIT)
    sleeping = client.exec("default", "p", ["sh", "-c", "sleep 1; echo up"])
    forgotten = client.exec("default", "p", ["sleep", "1000"])
    client.step(2 * SECOND).result(_WAIT)
    paused = "[simulated] the cluster is paused: this goes on after 1s of its time\n"
    assert sleeping.result(_WAIT) == (0, "up\n", paused)
    assert forgotten.cancel()


def test_usage_of_pods_and_nodes(client: ClusterClient) -> None:
    """By the declared curves; nodes add their pods up and tell what they can give."""
    (pod,) = client.top_pods("default").result(_WAIT)
    assert (pod.name, pod.total, dict(pod.containers)) == ("p", (250, 64 << 20), {"c": (250, 64 << 20)})
    assert client.top_pods("kube-system").result(_WAIT) == []
    (node,) = client.top_nodes().result(_WAIT)
    assert (node.name, node.used) == ("n1", (250, 64 << 20))
    assert node.allocatable.cpu > 0


def test_who_reaches_whom_is_asked(client: ClusterClient) -> None:
    """From a pod by address, with the trail; an unknown pod is an error."""
    address = client.get("pods", "default", "p").result(_WAIT).obj["status"]["podIP"]
    found = client.reach(("default", "p"), address, 80).result(_WAIT)
    assert found.ok
    assert (found.pod, found.endpoint) == ("default/p", f"{address}:80")
    assert client.reach(None, address, 80).result(_WAIT).symptom == "connection timed out"
    with pytest.raises(ClientError, match='pods "nobody" not found'):
        client.reach(("default", "nobody"), address, 80).result(_WAIT)
