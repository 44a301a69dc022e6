"""Logs, commands, ports, proxies and usage over the wire's core, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api.errors import Forbidden
from engine.api.requests import Caller
from engine.clock import SECOND
from engine.http.access import Access, by_certificate
from engine.http.channels import V4, V5
from engine.http.forwarding import CHANNELS, SPDY
from engine.http.messages import Stream, Upgrade
from engine.http.paths import RequestInfo
from tests.engine.http.test_spdy import Peer, data
from tests.engine.http.wire_world import ADMIN, WireWorld, request

POD = "/api/v1/namespaces/default/pods/web"


def play(world: WireWorld, seconds: float) -> None:
    """Let cluster time pass."""
    loop, clock = world.cluster.loop, world.cluster.clock
    loop.submit(lambda: loop.run_until(clock.now() + round(seconds * SECOND))).result(30)


@pytest.fixture(scope="module")
def town() -> Iterator[WireWorld]:
    """A node and a running pod `web` with two containers; the first is declared and listens on 8080."""
    world = WireWorld()
    world.make("/apis/kubarium.dev/v1alpha1/images", {
        "apiVersion": "kubarium.dev/v1alpha1", "kind": "Image", "metadata": {"name": "web"}, "spec": {
            "image": "web", "cpu": "100m", "memory": {"start": "32Mi"},
            "logs": [{"text": "line {n}", "at": "10s", "every": "10s"}], "http": [{"path": "/hi", "body": "hello"}],
        },
    })  # fmt: skip
    world.make("/api/v1/nodes", {"metadata": {"name": "n1"}})
    world.make("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    play(world, 5)
    containers = [
        {"name": "app", "image": "web:1", "ports": [{"containerPort": 8080}]}, {"name": "side", "image": "side:1"},
    ]  # fmt: skip
    world.make("/api/v1/namespaces/default/pods", {
        "metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {"nodeName": "n1", "containers": containers},
    })  # fmt: skip
    world.make("/api/v1/namespaces/default/pods", {
        "metadata": {"name": "waiting"}, "spec": {"containers": [{"name": "c", "image": "i"}]},
    })  # fmt: skip
    play(world, 45)
    yield world
    world.close()


class Talk:
    """A client of one WebSocket: sends what it is told to and keeps what it gets."""

    def __init__(self, protocol: str, messages: Sequence[bytes], leaves: bool) -> None:
        self.protocol = protocol
        self._messages, self._leaves = list(messages), leaves
        self.got: list[bytes] = []
        self._closed = asyncio.Event()

    async def receive(self) -> bytes | None:
        if self._messages:
            return self._messages.pop(0)
        if not self._leaves:
            await self._closed.wait()
        return None

    async def send(self, message: bytes) -> None:
        self.got.append(message)

    async def close(self, code: int = 1000) -> None:
        self._closed.set()

    def on(self, channel: int) -> bytes:
        """Everything that came on a channel."""
        return b"".join(message[1:] for message in self.got if message[0] == channel)

    @property
    def status(self) -> Any:
        return orjson.loads(self.on(3))


def upgraded(
    world: WireWorld, target: str, *messages: bytes, protocol: str = V5, leaves: bool = False
) -> tuple[Upgrade, Talk]:
    """The answer to an upgrade, and the client after the conversation."""

    async def converse() -> tuple[Upgrade, Talk]:
        answer = await world.wire.answer(request("GET", target, None, ADMIN, {"upgrade": "websocket"}))
        assert isinstance(answer, Upgrade), answer
        talk = Talk(protocol, messages, leaves)
        async with asyncio.timeout(20):
            await answer.talk(talk)
        return answer, talk

    return world._runner.run(converse())


def test_a_log_with_its_options(town: WireWorld) -> None:
    """Plain text, cut as asked."""
    answer = town.answer("GET", f"{POD}/log?container=app&tailLines=2&timestamps=true")
    text = b"".join(answer.body) if not isinstance(answer.body, bytes) else answer.body
    first, second = text.decode().splitlines()
    assert answer.content_type == "text/plain"
    (at, one), (later, two) = (line.split(" ", 1) for line in (first, second))
    assert (len(at), at < later) == (30, True)
    assert int(two.removeprefix("line ")) == int(one.removeprefix("line ")) + 1
    assert town.ask("GET", f"{POD}/log?container=app&limitBytes=12") == (200, "[simulated] ")
    assert town.ask("GET", f"{POD}/log?container=app&sinceSeconds=15")[1].count("line") in (1, 2)


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        (f"{POD}/log", 400, "a container name must be specified for pod web, choose one of: [app side]"),
        (f"{POD}/log?container=x", 400, "container x is not valid for pod web"),
        (f"{POD}/log?container=app&previous=true", 400,
         'previous terminated container "app" in pod "web" not found'),
        (f"{POD}/log?container=app&tailLines=-1", 422,
         'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'),
        ("/api/v1/namespaces/default/pods/nope/log", 404, 'pods "nope" not found'),
        ("/api/v1/namespaces/default/pods/nope/exec?command=ls&stdout=true", 404, 'pods "nope" not found'),
        ("/api/v1/namespaces/default/pods/waiting/exec?command=ls&stdout=true", 400,
         "pod waiting does not have a host assigned"),
        ("/api/v1/namespaces/default/pods/waiting/portforward", 400, "pod waiting does not have a host assigned"),
        (f"{POD}/exec?container=app&stdout=true", 400, "you must specify at least one command for the container"),
        (f"{POD}/exec?container=app&command=ls", 400, "you must specify at least 1 of stdin, stdout, stderr"),
        (f"{POD}/portforward?ports=http", 400, 'port "http" is not a number from 1 to 65535'),
    ],
)  # fmt: skip
def test_refusals_come_as_a_status_before_anything_begins(
    town: WireWorld, target: str, code: int, message: str
) -> None:
    """In Kubernetes' words."""
    status, body = town.ask("GET", target)
    assert (status, body["message"]) == (code, message)


def test_a_log_is_followed_and_the_client_may_leave(town: WireWorld) -> None:
    """What is written arrives; nothing is kept of a client that left."""

    async def follow() -> list[bytes]:
        target = f"{POD}/log?container=app&follow=true&tailLines=1"
        answer = await town.wire.answer(request("GET", target, None, ADMIN, {}))
        assert isinstance(answer, Stream)
        got: list[bytes] = []
        chunks = answer.chunks
        async with asyncio.timeout(20):
            async for chunk in chunks:
                got.append(chunk)
                if len(got) == 2:
                    break
                await asyncio.to_thread(play, town, 10)
        await chunks.aclose()  # type: ignore[attr-defined]
        return got

    got = town._runner.run(follow())
    assert [chunk.split(b" ")[0] for chunk in got] == [b"line", b"line"]
    assert got[0] != got[1]
    play(town, 0)
    assert not town.cluster.streams._following


def test_exec_talks_in_channels(town: WireWorld) -> None:
    """Output, errors and the exit code, each on its channel."""
    answer, talk = upgraded(
        town, f"{POD}/exec?container=app&command=sh&command=-c&command=hostname%3Bls+/x%3Bexit+3&stdout=1&stderr=1"
    )
    assert answer.protocols == (V5, V4)
    assert (talk.on(1), talk.on(2)) == (b"web\n", b"ls: /x: No such file or directory\n")
    assert talk.status["reason"] == "NonZeroExitCode"
    assert talk.status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
    _, talk = upgraded(town, f"{POD}/exec?container=app&command=true&stdout=1")
    assert talk.status == {"metadata": {}, "status": "Success"}


def test_exec_reads_its_input_until_it_is_closed(town: WireWorld) -> None:
    """Pings and sizes are no input; the standard input ends with its channel."""
    target = f"{POD}/exec?container=app&command=cat&stdin=1&stdout=1"
    messages = (b"\0", b"\0one\n", b'\4{"Width":80,"Height":24}', b"\0two\n", b"\xff\0")
    _, talk = upgraded(town, target, *messages)
    assert (talk.on(1), talk.status["status"]) == (b"one\ntwo\n", "Success")


def test_a_client_that_leaves_ends_its_command(town: WireWorld) -> None:
    """Nothing goes on in the container."""
    _, talk = upgraded(town, f"{POD}/exec?container=app&command=sleep&command=1000&stdout=1", leaves=True)
    assert talk.got == []
    play(town, 0)
    assert not any(s.active for sessions in town.cluster.streams._sessions.values() for _, _, s in sessions)


def test_what_the_container_runtime_refuses_is_an_internal_error(town: WireWorld) -> None:
    """Twice wrapped, by the kubelet and by the API server."""
    _, talk = upgraded(town, f"{POD}/exec?container=app&command=foo&stdout=1&stderr=1")
    assert talk.status["code"] == 500
    assert talk.status["message"].startswith(
        "Internal error occurred: Internal error occurred: error executing command in container: failed to exec"
    )
    assert b"[simulated]" in talk.on(2)


def test_attach_shows_what_is_written_from_now_on(town: WireWorld) -> None:
    """Nothing that was written before; the client leaves when it likes."""

    async def watch() -> Talk:
        target = f"{POD}/attach?container=app&stdout=1"
        answer = await town.wire.answer(request("GET", target, None, ADMIN, {}))
        assert isinstance(answer, Upgrade)
        talk = Talk(V5, (), leaves=False)
        task = asyncio.ensure_future(answer.talk(talk))
        async with asyncio.timeout(20):
            while not talk.got:
                await asyncio.to_thread(play, town, 10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return talk

    assert town._runner.run(watch()).on(1).startswith(b"line ")


def test_ports_are_forwarded(town: WireWorld) -> None:
    """An HTTP request through SPDY frames; a port where nobody listens is told."""
    peer = Peer()
    asked = b"".join([
        peer.open(1, {"streamtype": "error", "port": "8080", "requestid": "0"}),
        peer.open(3, {"streamtype": "data", "port": "8080", "requestid": "0"}),
        data(3, b"GET /hi HTTP/1.1\r\nConnection: close\r\n\r\n"),
        peer.open(5, {"streamtype": "error", "port": "81", "requestid": "1"}),
        peer.open(7, {"streamtype": "data", "port": "81", "requestid": "1"}),
    ])  # fmt: skip
    answer, talk = upgraded(town, f"{POD}/portforward", asked, protocol=SPDY, leaves=True)
    assert answer.protocols == (SPDY,)
    sent = b"".join(talk.got)
    assert b"HTTP/1.1 200 OK\r\n" in sent
    assert b"\r\n\r\nhello" in sent
    assert b"error forwarding port 81 to pod " in sent
    assert b"dial tcp4 127.0.0.1:81: connect: connection refused" in sent


def test_pods_and_kubelets_answer_through_the_proxy(town: WireWorld) -> None:
    """By name, by name and port; who does not listen is a 503."""
    assert town.ask("GET", f"{POD}/proxy/hi") == (200, "hello")
    assert town.ask("POST", f"{POD}:8080/proxy/hi") == (200, "hello")
    assert "port 8080\nrequest GET /else\n" in town.ask("GET", f"{POD}:8080/proxy/else")[1]
    status, body = town.ask("GET", f"{POD}:81/proxy/")
    assert (status, body["reason"]) == (503, "ServiceUnavailable")
    assert body["message"].endswith(":81: connect: connection refused")
    assert town.ask("GET", f"{POD}:x:y:z/proxy/")[0] == 400
    assert town.ask("GET", "/api/v1/nodes/n1/proxy/healthz") == (200, "ok")
    summary = town.ask("GET", "/api/v1/nodes/n1/proxy/stats/summary")[1]
    assert summary["node"]["cpu"]["usageNanoCores"] == 100_000_000
    assert [pod["podRef"]["name"] for pod in summary["pods"]] == ["web"]


def test_services_answer_through_the_proxy_when_they_have_endpoints(town: WireWorld) -> None:
    """None here: no controller wrote any."""
    ports = [{"port": 80, "targetPort": 8080}]
    town.make("/api/v1/namespaces/default/services", {
        "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": ports},
    })  # fmt: skip
    status, body = town.ask("GET", "/api/v1/namespaces/default/services/web/proxy/hi")
    assert (status, body["message"]) == (503, 'no endpoints available for service "web"')
    pod = {"kind": "Pod", "namespace": "default", "name": "web"}
    town.make("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.244.0.9"], "targetRef": pod}],
        "ports": [{"port": 8080, "name": "", "protocol": "TCP"}],
    })  # fmt: skip
    assert town.ask("GET", "/api/v1/namespaces/default/services/web:80/proxy/hi") == (200, "hello")
    status, body = town.ask("GET", "/api/v1/namespaces/default/services/web:99/proxy/hi")
    assert (status, body["message"]) == (503, 'no service port "99" found for service "web"')


def test_usage_is_in_discovery_and_says_that_it_is_simulated(town: WireWorld) -> None:
    """Lists, one object, a table."""
    _, listed = town.get("/apis/metrics.k8s.io/v1beta1")
    assert [each["kind"] for each in listed["resources"]] == ["NodeMetrics", "PodMetrics"]
    _, pods = town.get("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods?labelSelector=app%3Dweb")
    assert pods["kind"] == "PodMetricsList"
    (item,) = pods["items"]
    assert item["metadata"]["annotations"] == {"kubarium.dev/simulated": "true"}
    assert item["containers"][0] == {"name": "app", "usage": {"cpu": "100000000n", "memory": "32768Ki"}}
    _, node = town.get("/apis/metrics.k8s.io/v1beta1/nodes/n1")
    assert node["usage"]["cpu"] == "100000000n"
    status, body = town.get("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/waiting")
    assert (status, body["message"]) == (404, 'podmetrics.metrics.k8s.io "default/waiting" not found')
    _, table = town.get(
        "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods", "application/json;as=Table;v=v1;g=meta.k8s.io"
    )  # fmt: skip
    assert [row["cells"] for row in table["rows"]] == [["web", "100000000n", "32768Ki", "15s"]]
    assert town.ask("DELETE", "/apis/metrics.k8s.io/v1beta1/nodes/n1")[0] == 405


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_messages_are_taken_or_the_connection_ends(town: WireWorld, messages: list[bytes]) -> None:
    """Whatever a client says to exec, attach and portforward: nothing fails, and nothing is written."""
    before = town.store.revision
    for target, protocol in (
        (f"{POD}/exec?container=app&command=sh&stdin=1&stdout=1&stderr=1&tty=1", V5),
        (f"{POD}/attach?container=app&stdin=1&stdout=1", V4),
        (f"{POD}/portforward", SPDY),
        (f"{POD}/portforward?ports=8080,81", CHANNELS),
    ):
        upgraded(town, target, *messages, protocol=protocol, leaves=True)
    assert town.store.revision == before


def test_a_websocket_needs_the_right_to_create() -> None:
    """Who may only get pods/exec runs no commands; a plain GET is refused for what it is."""

    async def readers(caller: Caller, info: RequestInfo) -> None:
        if info.verb != "get":
            raise Forbidden(f"{caller.user} may not {info.verb} {info.plural}/{info.subresource}")

    world = WireWorld(access=Access(by_certificate, readers))
    try:
        status, body = world.ask("GET", f"{POD}/exec?command=ls&stdout=1", upgrade="websocket")
        assert (status, body["message"]) == (403, "kubernetes-admin may not create pods/exec")
        assert world.ask("GET", f"{POD}/exec?command=ls&stdout=1")[0] == 404
    finally:
        world.close()
