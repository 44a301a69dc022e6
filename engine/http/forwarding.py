"""Port forwarding over a WebSocket: many connections to ports of one pod, in SPDY frames or in plain channels.

kubectl tunnels SPDY (`SPDY/3.1+portforward.k8s.io`): for each connection it opens two streams with one request id, an
error stream and a data stream. Older clients use `v4.channel.k8s.io`: two channels for each port that the query names,
data and error, each begun by the port's number.

Both speak to the pod through a `Door`. A port on which nobody listens is told on the error side; the others go on.

Sources: k8s.io/kubelet/pkg/cri/streaming/portforward (httpstream.go, websocket.go), KEP-4006.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from engine.http.messages import Socket
from engine.http.spdy import PROTOCOL_ERROR, Data, Event, GoneAway, Opened, Reset, Session, SpdyError

SPDY: Final = "SPDY/3.1+portforward.k8s.io"
CHANNELS: Final = "v4.channel.k8s.io"
_PAIR_TIMEOUT: Final = 30.0
"""Wall seconds in which the second stream of a pair must come (streamCreationTimeout)."""


class Connection(Protocol):
    """One connection to a port."""

    async def feed(self, data: bytes) -> tuple[bytes, bool]:
        """(what is sent back, the connection is over)."""


class Door(Protocol):
    """The way to the ports of one pod."""

    async def connect(self, port: int) -> Connection | str:
        """A connection, or why there is none."""


class _Pair:
    """The two streams of one connection."""

    def __init__(self, request: str, at: float) -> None:
        self.request, self.at = request, at
        self.data = self.error = 0
        """Stream numbers; 0: not opened yet."""
        self.port = 0
        self.connection: Connection | None = None
        self.early: list[Data] = []
        """What came on the data stream before its pair was complete."""

    @property
    def complete(self) -> bool:
        return bool(self.data and self.error)


class SpdyForwarder:
    """The server's end of one tunnel."""

    def __init__(self, door: Door, now: float = 0.0) -> None:
        self._door = door
        self._session = Session()
        self._pairs: dict[str, _Pair] = {}
        self._by_stream: dict[int, _Pair] = {}
        self._now = now

    async def receive(self, message: bytes, now: float) -> bytes:
        """What is sent back on a message. Raises SpdyError. `now`: wall seconds."""
        self._now = now
        parts = []
        for event in self._session.receive(message):
            parts.append(await self._handle(event))
        return b"".join([self._session.take_answer(), *parts, self._expire()])

    async def _handle(self, event: Event) -> bytes:
        if isinstance(event, Opened):
            return await self._opened(event)
        if isinstance(event, GoneAway):
            return b""
        pair = self._by_stream.get(event.stream)
        if pair is None:
            return b""
        if isinstance(event, Reset):
            self._by_stream.pop(event.stream)
            if event.stream == pair.data:
                return self._end(pair)
            return b""
        if event.stream != pair.data:
            return b""
        if pair.connection is None:
            pair.early.append(event)
            return b""
        return await self._feed(pair, event)

    async def _opened(self, event: Opened) -> bytes:
        headers, stream = event.headers, event.stream
        port, kind = headers.get("port", ""), headers.get("streamtype", "")
        if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535 or kind not in ("error", "data"):
            return self._session.reset(stream, PROTOCOL_ERROR)
        request = headers.get("requestid") or str(stream if kind == "error" else stream - 2)
        pair = self._pairs.setdefault(request, _Pair(request, self._now))
        if getattr(pair, kind):
            return self._session.reset(stream, PROTOCOL_ERROR)
        setattr(pair, kind, stream)
        pair.port = int(port)
        self._by_stream[stream] = pair
        if event.fin and kind == "data":
            pair.early.append(Data(stream, b"", True))
        reply = self._session.reply(stream)
        return reply + (await self._begin(pair) if pair.complete else b"")

    async def _begin(self, pair: _Pair) -> bytes:
        found = await self._door.connect(pair.port)
        if isinstance(found, str):
            return self._session.data(pair.error, found.encode()) + self._end(pair)
        pair.connection = found
        early, pair.early = pair.early, []
        return b"".join([await self._feed(pair, event) for event in early])

    async def _feed(self, pair: _Pair, event: Data) -> bytes:
        if pair.connection is None:
            return b""
        back, over = await pair.connection.feed(event.data)
        sent = self._session.data(pair.data, back)
        return sent + (self._end(pair) if over or event.fin else b"")

    def _end(self, pair: _Pair) -> bytes:
        """Close our halves of both streams."""
        pair.connection = None
        for stream in (pair.data, pair.error):
            self._by_stream.pop(stream, None)
        self._pairs.pop(pair.request, None)
        return self._session.data(pair.data, b"", fin=True) + self._session.data(pair.error, b"", fin=True)

    def _expire(self) -> bytes:
        """Streams whose other half never came."""
        late = [p for p in self._pairs.values() if not p.complete and self._now - p.at > _PAIR_TIMEOUT]
        return b"".join(self._session.data(p.error, b"timed out waiting for streams") + self._end(p) for p in late)


async def talk_spdy(socket: Socket, door: Door) -> None:
    """Until the client leaves or breaks the protocol."""
    loop = asyncio.get_running_loop()
    forwarder = SpdyForwarder(door, loop.time())
    while (message := await socket.receive()) is not None:
        try:
            back = await forwarder.receive(message, loop.time())
        except SpdyError:
            await socket.close(1002)
            return
        if back:
            await socket.send(back)


async def talk_channels(socket: Socket, door: Door, ports: Sequence[int]) -> None:
    """Until the client leaves or all connections are over."""
    connections: dict[int, Connection] = {}
    for index, port in enumerate(ports):
        for channel in (2 * index, 2 * index + 1):
            await socket.send(bytes([channel]) + port.to_bytes(2, "little"))
        found = await door.connect(port)
        if isinstance(found, str):
            await socket.send(bytes([2 * index + 1]) + found.encode())
        else:
            connections[2 * index] = found
    while connections and (message := await socket.receive()) is not None:
        connection = connections.get(message[0]) if message else None
        if connection is None or len(message) < 2:
            continue
        back, over = await connection.feed(message[1:])
        if back:
            await socket.send(message[:1] + back)
        if over:
            del connections[message[0]]
    await socket.close()


def ports_of(query: Mapping[str, Sequence[str]]) -> list[int]:
    """The ports that a query names, `ports=80,81` or `ports=80&ports=81`. Raises ValueError."""
    words = [word for value in query.get("ports", ()) for word in value.split(",") if word]
    found = []
    for word in words:
        if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= 65535:
            raise ValueError(f'port "{word}" is not a number from 1 to 65535')
        found.append(int(word))
    return found
