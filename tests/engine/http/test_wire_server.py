"""The thread that serves: ports, certificates that last, a quick end."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from engine.client import ClientError, ConnectOptions, WireOptions
from engine.http.certificates import Authority
from engine.local import LocalClient
from tests.engine.http.served import Served, serving


def connect(served: Served, shown: Path | None = None) -> ssl.SSLSocket:
    """A TLS connection with the administrator's certificate, or with that of the folder `shown`."""
    folder = Path(served.options.certificates)
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    shown = shown or folder
    context.load_cert_chain(shown / "admin.crt", shown / "admin.key")
    where = urlsplit(served.place.url)
    plain = socket.create_connection((where.hostname or "", where.port or 0), timeout=20)
    return context.wrap_socket(plain, server_hostname=where.hostname)


def test_an_open_watch_holds_nobody_up(tmp_path: Path) -> None:
    """Stopping ends a watch that waits: its body is complete, not torn."""
    with serving(tmp_path) as served:
        connection = connect(served)
        connection.sendall(b"GET /api/v1/configmaps?watch=1&resourceVersion=0 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    received = b""
    while part := connection.recv(65536):
        received += part
    assert received.endswith(b"0\r\n\r\n")


def test_malformed_requests_are_answered_or_cut(tmp_path: Path) -> None:
    """Bytes that are no HTTP, endless headers, endless bodies: a 4xx or an end, and the next client is served."""
    with serving(tmp_path) as served:
        for sent in (
            b"\x16\x03\x01 nonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
            b"GET /" + b"z" * 200_000 + b" HTTP/1.1\r\n\r\n",
            b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n" + b"{" * 3_200_000,
        ):
            connection = connect(served)
            try:
                connection.sendall(sent)
                answer = connection.recv(4096)
            except OSError:
                answer = b""  # cut while it was still sending
            assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:80]
            connection.close()
        connection = connect(served)
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        connection.close()


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    """The error names the port and the way out; the cluster itself runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        wire = WireOptions(str(tmp_path / "pki"), str(tmp_path / "kubeconfig"), port=port)
        client = LocalClient(ConnectOptions(wire=wire))
        client.start()
        try:
            client.ready.result(30)
            assert client.endpoint is not None
            with pytest.raises(ClientError, match=f"127.0.0.1:{port}: the port is in use"):
                client.endpoint.result(30)
            assert client.get("namespaces", "", "default").result(30).name == "default"
        finally:
            client.stop(timeout=10)
    assert not (tmp_path / "kubeconfig").exists()


@pytest.mark.parametrize("also", ["known/kubeconfig", "a-file/kubeconfig"])
def test_the_kubeconfig_is_written_a_second_time(also: str, tmp_path: Path) -> None:
    """The same file, for its owner alone, in a second place; if that cannot be, the server serves all the same."""
    (tmp_path / "a-file").touch()
    there = tmp_path / also
    wire = WireOptions(str(tmp_path / "pki"), str(tmp_path / "kubeconfig"), also=str(there))
    client = LocalClient(ConnectOptions(wire=wire))
    client.start()
    try:
        assert client.endpoint is not None
        client.endpoint.result(30)
        if also.startswith("known"):
            assert there.read_bytes() == (tmp_path / "kubeconfig").read_bytes()
            assert there.stat().st_mode & 0o777 == 0o600
    finally:
        client.stop(timeout=10)


def test_certificates_last(tmp_path: Path) -> None:
    """A second start uses what the first one made; a CA that is gone takes all others with it."""
    first = Authority(tmp_path / "pki")
    pairs = first.ca, first.server("127.0.0.1"), first.admin()
    again = Authority(tmp_path / "pki")
    assert (again.ca, again.server("127.0.0.1"), again.admin()) == pairs
    assert again.server("192.0.2.7") != pairs[1]
    (tmp_path / "pki" / "ca.key").unlink()
    assert Authority(tmp_path / "pki").admin() != pairs[2]


def test_clients_that_leave_harm_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Torn bodies, answers that nobody reads, silent connections: the next is served, nothing is logged."""
    with serving(tmp_path) as served:
        torn = b'POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":'
        unread = b"GET /openapi/v3/api/v1 HTTP/1.1\r\nHost: x\r\n\r\n" * 5
        wrong = b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        left = []
        for sent in (torn, unread, wrong, b"GET /livez HTTP/1.1\r\nX-Slow: ", b""):
            for _ in range(5):
                left.append(connect(served))
                left[-1].sendall(sent)
        for connection in left:
            connection.close()
        again = connect(served)
        again.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert again.recv(4096).startswith(b"HTTP/1.1 200 OK")
        again.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_kubeconfig_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """By name, with the way out; nothing listens then."""
    (tmp_path / "taken").mkdir()
    client = LocalClient(ConnectOptions(wire=WireOptions(str(tmp_path / "pki"), str(tmp_path / "taken"))))
    client.start()
    try:
        client.ready.result(30)
        assert client.endpoint is not None
        with pytest.raises(ClientError, match=r"cannot write the kubeconfig .*taken: .*; choose another"):
            client.endpoint.result(30)
    finally:
        client.stop(timeout=10)


def test_a_foreign_certificate_opens_nothing(tmp_path: Path) -> None:
    """system:masters, signed by somebody else's CA: the connection ends without an answer."""
    Authority(tmp_path / "foreign").admin()
    with serving(tmp_path) as served:
        answer = b""
        with suppress(ssl.SSLError, ConnectionError):
            connection = connect(served, tmp_path / "foreign")
            connection.sendall(b"GET /api/v1/secrets HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = connection.recv(4096)
        assert answer == b""
        own = connect(served)
        own.sendall(b"GET /api/v1/namespaces/default HTTP/1.1\r\nHost: x\r\n\r\n")
        assert own.recv(4096).startswith(b"HTTP/1.1 200 OK")
        own.close()
