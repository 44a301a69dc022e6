"""Channels over the streams of a bare SPDY connection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.http.channels import STATUS, STDERR, STDIN, STDOUT
from engine.http.messages import Request
from engine.http.tunnels import COMMANDS, SpdyChannels, chosen
from tests.engine.http.test_spdy import Peer, control, data


class Bare:
    """A connection whose client sends some bytes and leaves."""

    protocol = ""

    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts, self.sent, self.closed = list(parts), b"", False

    async def receive(self) -> bytes | None:
        return self._parts.pop(0) if self._parts else None

    async def send(self, sent: bytes) -> None:
        self.sent += sent

    async def close(self, code: int = 1000) -> None:
        self.closed = True


def opened(peer: Peer, *names: str) -> bytes:
    return b"".join(peer.open(2 * n + 1, {"streamType": name}) for n, name in enumerate(names))


def test_streams_are_channels() -> None:
    """What comes on the standard input is a message, its end too; what is sent goes on its stream until it ends."""

    async def converse() -> tuple[list[bytes | None], Bare]:
        start = opened(Peer(), "error", "stdin", "stdout")
        bare = Bare([start[:9], start[9:] + data(3, b"one"), data(3, b"", fin=True)])
        channels = SpdyChannels(bare)
        assert await channels.open(frozenset((STATUS, STDIN, STDOUT)))
        got = [await channels.receive() for _ in range(3)]
        bare.sent = b""
        await channels.send(b"\x01out")
        await channels.send(b"\x02nobody listens")
        await channels.close()
        return got, bare

    got, bare = asyncio.run(converse())
    assert got == [b"\0one", b"\xff\0", None]
    ends = b"".join(data(stream, b"", fin=True) for stream in (1, 3, 5))
    assert (bare.sent, bare.closed) == (data(5, b"out") + ends, True)


def test_a_client_that_does_not_open_its_streams_is_not_waited_for() -> None:
    """It left, or breaks the protocol."""
    for parts in ([opened(Peer(), "error")], [b"\x80\x02nonsense"]):
        assert not asyncio.run(SpdyChannels(Bare(parts)).open(frozenset((STATUS, STDERR))))


def test_streams_that_nobody_knows_are_reset() -> None:
    """Unknown names, and a name that was taken."""
    bare = Bare([opened(Peer(), "error", "error", "smoke")])
    assert asyncio.run(SpdyChannels(bare).open(frozenset((STATUS,))))
    assert bare.sent.count(control(3, b"\0\0\0\3\0\0\0\1")) == 1
    assert bare.sent.count(control(3, b"\0\0\0\5\0\0\0\1")) == 1


def test_the_version_is_one_that_both_know() -> None:
    """The client's first that we have."""
    offered = "v5.channel.k8s.io, v4.channel.k8s.io,v3.channel.k8s.io"
    assert chosen(Request("POST", "/", headers={"x-stream-protocol-version": offered}), COMMANDS) == COMMANDS[0]
    assert chosen(Request("POST", "/"), COMMANDS) == ""
