"""Network programs in simulated containers: names, connections, and what answers."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api.kinds import EVENTS, PODS
from engine.clock import SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.kubelet.exec.programs import PROGRAMS
from engine.kubelet.runtime import ExecRequest
from engine.kubelet.serving import Conversation
from store.store import Store
from store.types import JsonObject, Resource
from tests.engine.kubelet.machines import USER
from tests.engine.kubelet.sessions import Heard

SERVICES = Resource("", "services")
DNS_LABELS = {"k8s-app": "kube-dns"}
_STARTED = parse_time("2026-11-23T09:00:00Z")


class Town:
    """A small cluster: pod `client`, Deployment-less pods behind Service `web` in namespace default, and DNS."""

    def __init__(self) -> None:
        self.cluster = Cluster(Store(), Clock(_STARTED), ClusterOptions(3))
        self.cluster.start()
        self.make("nodes", {"metadata": {"name": "n1"}})
        self.cluster.run_for(5 * SECOND)
        self.make("images.kubarium.dev", {"metadata": {"name": "web"}, "spec": {"image": "web", "http": [
            {"path": "/", "body": "hello from {pod}"}, {"path": "/old/*", "status": 404, "body": "gone"},
        ]}})  # fmt: skip
        self.make("pods", _pod("dns", "coredns", 53, DNS_LABELS, "UDP"), "kube-system")
        self.make("services", _service("kube-dns", 53, DNS_LABELS, "UDP", "10.96.0.10"), "kube-system")
        self.make("pods", _pod("client", "busybox", 0, {}))
        self.make("pods", _pod("web-0", "web:1", 8080, {"app": "web"}))
        self.make("services", _service("web", 80, {"app": "web"}, "TCP", "10.96.0.50", 8080))
        self.make("services", _service("empty", 80, {"app": "none"}, "TCP", "10.96.0.51"))
        self.cluster.run_for(60 * SECOND)

    def make(self, resource: str, obj: JsonObject, namespace: str = "default") -> None:
        parsed = Resource.parse(resource)
        kind = self.cluster.api.kind_of(parsed)
        self.cluster.api.create(USER, parsed, namespace if kind.namespaced else "", obj)
        self.cluster.loop.settle()

    def say(self, script: str, seconds: float = 0) -> tuple[int | None, str, str]:
        """(exit code, output, errors) of a script in `client`."""
        heard = Heard()
        self.cluster.streams.exec("default", "client", "", ExecRequest(["sh", "-c", script]), heard)
        if seconds:
            assert heard.code is None
            self.cluster.run_for(round(seconds * SECOND))
        return heard.code, heard.output, heard.errors


def _pod(name: str, image: str, port: int, labels: dict[str, str], protocol: str = "TCP") -> JsonObject:
    container: JsonObject = {"name": "c", "image": image}
    if port:
        container["ports"] = [{"containerPort": port, "protocol": protocol}]
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}}


def _service(
    name: str, port: int, selector: dict[str, str], protocol: str, address: str, target: int = 0
) -> JsonObject:
    ports = [{"port": port, "protocol": protocol, "targetPort": target or port}]
    return {"metadata": {"name": name}, "spec": {"selector": selector, "ports": ports, "clusterIP": address}}


@pytest.fixture(scope="module")
def town() -> Town:
    return Town()


def test_nslookup_follows_the_search_path(town: Town) -> None:
    """The name server, the full name and its address; NXDOMAIN with exit code 1."""
    code, output, _ = town.say("nslookup web")
    assert (code, output) == (
        0, "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\nName:\tweb.default.svc.cluster.local\n"
        "Address: 10.96.0.50\n\n",
    )  # fmt: skip
    code, output, _ = town.say("nslookup nope")
    assert (code, "** server can't find nope: NXDOMAIN" in output) == (1, True)


def test_dig_and_getent(town: Town) -> None:
    """dig asks for full names only, getent as the C library does."""
    assert town.say("dig +short web.default.svc.cluster.local")[:2] == (0, "10.96.0.50\n")
    assert "status: NXDOMAIN" in town.say("dig web.default.svc.cluster.local.nope.cluster.local")[1]
    assert town.say("getent hosts web")[:2] == (0, "10.96.0.50      web.default.svc.cluster.local\n")
    assert town.say("getent hosts nope")[0] == 2


def test_wget_and_curl_get_what_the_image_declares(town: Town) -> None:
    """Through the Service, with the tools' options; statuses of 400 and above are errors for wget and for curl -f."""
    assert town.say("wget -qO- http://web") == (0, "hello from web-0", "")
    assert town.say("curl -s web.default") == (0, "hello from web-0", "")
    assert town.say("curl -s -o /dev/null -w '%{http_code}\\n' http://web/old/x") == (0, "404\n", "")
    assert town.say("wget -O- -q http://web/old/x")[::2] == (
        1, "wget: server returned error: HTTP/1.1 404 Not Found\n"
    )  # fmt: skip
    assert town.say("curl -sSf http://web/old/x")[::2] == (22, "curl: (22) The requested URL returned error: 404\n")
    assert "container c" in town.say("curl http://web/else")[1]


def test_refusals_have_the_tools_own_words(town: Town) -> None:
    """No such host, nobody listens, no endpoints, an address that nobody has."""
    assert town.say("wget -qO- http://nope")[::2] == (1, "wget: bad address 'nope'\n")
    assert town.say("curl -s http://nope; echo $?")[1] == "6\n"
    assert town.say("curl http://nope")[2] == "curl: (6) Could not resolve host: nope\n"
    refused = "curl: (7) Failed to connect to empty port 80 after 0 ms: Couldn't connect to server\n"
    assert town.say("curl http://empty")[::2] == (7, refused)
    assert town.say("nc -z localhost 99")[0] == 0
    assert town.say("nc -vz web 80")[::2] == (0, "web (10.96.0.50:80) open\n")
    assert town.say("curl -m 3 http://10.96.0.200", 3)[::2] == (
        28, "curl: (28) Connection timed out after 3000 milliseconds\n"
    )  # fmt: skip
    assert town.say("wget -T 2 -qO- http://10.96.0.200", 2)[::2] == (1, "wget: download timed out\n")
    assert "not simulated" in town.say("curl http://example.com")[2]


def test_nothing_is_written_by_looking(town: Town) -> None:
    """Commands leave no trace in the cluster."""
    before = town.cluster.store.revision
    town.say("nslookup web; wget -qO- http://web; env; ls /; cat /etc/hosts")
    assert town.cluster.store.revision == before
    assert not [e for e in town.cluster.store.list(EVENTS) if e.obj["involvedObject"]["kind"] == "Exec"]


def test_a_conversation_keeps_its_connection_until_it_is_closed(town: Town) -> None:
    """Requests in pieces and together, bodies, HEAD, and what is no HTTP."""
    handle = town.cluster.streams.listening(town.cluster.api.get(PODS, "default", "web-0"), 8080)
    assert handle is not None
    talk = Conversation(handle, 8080)
    assert talk.feed(b"GET / HT") == b""
    first = talk.feed(b"TP/1.1\r\nHost: x\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\nhello from web-0")
    assert b"X-Kubarium-Simulated: true" in first
    post = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n"
    assert talk.feed(post + b"ab") == b""
    both = talk.feed(b"cdHEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert both.count(b"HTTP/1.1 200 OK") == 2
    assert both.endswith(b"\r\n\r\n")
    assert talk.over
    nonsense = Conversation(handle, 8080)
    assert nonsense.feed(b"\x16\x03\x01 nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request")
    assert nonsense.over


_WORDS = st.one_of(
    st.sampled_from([
        "-", "--", "-n", "-c", "-T", "-w", "-O", "-m", "-qO-", "-z", "-l", "+%s", "+%", "5", "-5", "²", "web",
        "http://web", "http://[", "web:99999", "/etc/hosts", "/", "[", "]", "!", "-eq", "=", "1", "SRV",
        "@10.96.0.10", "hosts", "*",
    ]),
    st.text(max_size=12),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(set(PROGRAMS) - {"kill", "killall"})), st.lists(_WORDS, max_size=5))
def test_no_program_fails_on_its_words(town: Town, name: str, words: list[str]) -> None:
    """Whatever it is given: it ends with an exit code, or waits for its time."""
    heard = Heard()
    session = town.cluster.streams.exec("default", "client", "", ExecRequest([name, *words]), heard)
    assert session.active or heard.code in range(256)
    session.cancel()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([
    b"GET / HTTP/1.1\r\n", b"\r\n", b"Content-Length: 3\r\n", b"POST / HTTP/1.0\r\n", b"abc", b"Host: x\r\n\r\n",
])), max_size=8))  # fmt: skip
def test_any_bytes_are_a_conversation(town: Town, parts: list[bytes]) -> None:
    """Answered, waited for, or refused; cut anywhere."""
    handle = town.cluster.streams.listening(town.cluster.api.get(PODS, "default", "web-0"), 8080)
    assert handle is not None
    talk = Conversation(handle, 8080)
    sent = b"".join(talk.feed(part) for part in parts)
    assert not sent or sent.startswith(b"HTTP/1.1 ")
    assert talk.feed(b"") == b"" or not talk.over


def test_an_ingress_answers_by_its_rules(town: Town) -> None:
    """A host that an Ingress is for leads to its Service by path; what no rule takes is the proxy's own 404 or 503."""
    simulated = {"metadata": {"name": "sim"}, "spec": {"controller": "kubarium.dev/ingress"}}
    town.make("ingressclasses.networking.k8s.io", simulated)
    paths = [
        {"path": path, "pathType": "Exact", "backend": {"service": {"name": name, "port": {"number": 80}}}}
        for path, name in (("/", "web"), ("/none", "gone"))
    ]
    rule = {"host": "site.example", "http": {"paths": paths}}
    spec = {"ingressClassName": "sim", "rules": [rule]}
    town.make("ingresses.networking.k8s.io", {"metadata": {"name": "site"}, "spec": spec})
    assert town.say("curl -s http://site.example/")[:2] == (0, "hello from web-0")
    assert "404 Not Found" in town.say("curl -s http://site.example/other")[1]
    assert "503 Service Temporarily Unavailable" in town.say("curl -s http://site.example/none")[1]
    assert "server returned error: HTTP/1.1 404" in town.say("wget -qO- http://site.example/other")[2]
