"""Port forwarding: connections side by side, ports where nobody listens, half-closed streams."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from engine.http.forwarding import SpdyForwarder, ports_of, talk_channels, talk_spdy
from tests.engine.http.test_spdy import Peer, control, data

REFUSED = "error forwarding port 81 to pod x, uid : connection refused"


class Echo:
    """Sends back what it gets, upper case; over at a dot."""

    async def feed(self, sent: bytes) -> tuple[bytes, bool]:
        return sent.upper(), b"." in sent


class OnlyPort80:
    """A door to one port."""

    async def connect(self, port: int) -> Echo | str:
        return Echo() if port == 80 else REFUSED


class Client:
    """Opens pairs of streams and collects what comes back."""

    def __init__(self) -> None:
        self.peer, self.forwarder = Peer(), SpdyForwarder(OnlyPort80())
        self.now = 0.0

    def send(self, sent: bytes) -> bytes:
        return asyncio.run(self.forwarder.receive(sent, self.now))

    def stream(self, number: int, kind: str, request: int, port: int = 80) -> bytes:
        headers = {"streamType": kind, "port": str(port), "requestID": str(request)}
        return self.send(self.peer.open(number, headers))


def test_connections_side_by_side() -> None:
    """Each pair has its own connection, which ends by itself."""
    client = Client()
    for request in (0, 1):
        assert client.stream(4 * request + 1, "error", request)[:4] == b"\x80\x03\x00\x02"
        client.stream(4 * request + 3, "data", request)
    assert client.send(data(3, b"one")) == data(3, b"ONE")
    assert client.send(data(7, b"two.")) == data(7, b"TWO.") + data(7, b"", fin=True) + data(5, b"", fin=True)
    assert client.send(data(3, b"more")) == data(3, b"MORE")


def test_data_before_the_pair_is_complete_waits() -> None:
    """Nothing is lost when the data stream comes first."""
    client = Client()
    client.stream(1, "data", 0)
    assert client.send(data(1, b"early")) == b""
    assert client.stream(3, "error", 0).endswith(data(1, b"EARLY"))


def test_a_port_where_nobody_listens_is_told_on_the_error_stream() -> None:
    """Both streams end, other connections go on."""
    client = Client()
    client.stream(1, "error", 0)
    client.stream(3, "data", 0)
    client.stream(5, "error", 1, 81)
    answer = client.stream(7, "data", 1, 81)
    assert answer.endswith(data(5, REFUSED.encode()) + data(7, b"", fin=True) + data(5, b"", fin=True))
    assert client.send(data(3, b"still")) == data(3, b"STILL")


def test_a_half_closed_connection_ends_when_it_is_answered() -> None:
    """What was sent with the end is still answered."""
    client = Client()
    client.stream(1, "error", 0)
    client.stream(3, "data", 0)
    assert client.send(data(3, b"last", fin=True)) == data(3, b"LAST") + data(3, b"", fin=True) + data(1, b"", fin=True)


def test_streams_that_make_no_sense_are_reset() -> None:
    """No port, no type, a third stream of a pair."""
    client = Client()
    for number, headers in ((1, {"port": "80"}), (3, {"port": "0", "streamtype": "data"})):
        assert client.send(client.peer.open(number, headers)) == control(3, number.to_bytes(4, "big") + b"\0\0\0\1")
    client.stream(5, "error", 0)
    assert client.stream(7, "error", 0) == control(3, (7).to_bytes(4, "big") + b"\0\0\0\1")


def test_a_stream_whose_other_half_never_comes_is_given_up() -> None:
    """Thirty seconds of the client's time."""
    client = Client()
    client.stream(1, "error", 0)
    client.now = 31.0
    assert client.send(control(6, b"\0\0\0\1")).endswith(
        data(1, b"timed out waiting for streams") + data(1, b"", fin=True)
    )


class FakeSocket:
    """A WebSocket whose client says some messages and leaves."""

    protocol = ""

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.coming, self.sent, self.code = list(messages), b"", 0

    async def receive(self) -> bytes | None:
        return self.coming.pop(0) if self.coming else None

    async def send(self, message: bytes) -> None:
        self.sent += message

    async def close(self, code: int = 1000) -> None:
        self.code = code


def test_a_client_that_breaks_the_protocol_is_closed() -> None:
    """With the code of a protocol error."""
    socket = FakeSocket([b"GET / HTTP/1.1\r\n\r\n" + b"\xff" * 8])
    asyncio.run(talk_spdy(socket, OnlyPort80()))
    assert socket.code == 1002


def test_plain_channels() -> None:
    """Each channel begins with its port; errors come on the odd ones."""
    socket = FakeSocket([b"\0hello", b"\x09?", b"", b"\0bye."])
    asyncio.run(talk_channels(socket, OnlyPort80(), [80, 81]))
    assert socket.sent == (
        b"\0P\0" + b"\x01P\0" + b"\x02Q\0" + b"\x03Q\0" + b"\x03" + REFUSED.encode() + b"\0HELLO" + b"\0BYE."
    )
    assert socket.code == 1000


def test_ports_of_a_query() -> None:
    """Listed or repeated; anything else is refused."""
    assert ports_of({"ports": ["80,81", "82"]}) == [80, 81, 82]
    with pytest.raises(ValueError, match="is not a number from 1 to 65535"):
        ports_of({"ports": ["http"]})
