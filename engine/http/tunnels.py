"""Conversations of clients that speak SPDY/3.1 on the bare connection and no WebSocket (client-go's older executors).

For port forwarding the bytes are the same as inside a WebSocket. For exec and attach each channel is a stream of its
own: `SpdyChannels` makes the messages of a WebSocket's channels of them, so that containers know one form.

Source: k8s.io/kubelet/pkg/cri/streaming/remotecommand (httpstream.go), protocol v4.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from engine.http.channels import CLOSE, RESIZE, STATUS, STDERR, STDIN, STDOUT
from engine.http.messages import Request, Socket
from engine.http.spdy import PROTOCOL_ERROR, Data, Event, GoneAway, Opened, Session, SpdyError

UPGRADE: Final = "SPDY/3.1"
COMMANDS: Final = ("v4.channel.k8s.io",)
"""Versions of the streams of exec and attach."""
PORTS: Final = ("portforward.k8s.io",)
_NAMES: Final = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": STATUS, "resize": RESIZE}
_OPEN_TIMEOUT: Final = 30.0
"""Wall seconds in which a client must open its streams (streamCreationTimeout)."""


def chosen(request: Request, supported: tuple[str, ...]) -> str:
    """The first version that the client offers and we know; "" for none."""
    offered = [word.strip() for word in request.header("x-stream-protocol-version").split(",")]
    return next((word for word in offered if word in supported), "")


class SpdyChannels:
    """Implements `messages.Socket`: channels over the streams of one bare connection."""

    protocol = COMMANDS[0]

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._session = Session()
        self._channel_of: dict[int, int] = {}
        self._stream_of: dict[int, int] = {}
        self._coming: deque[bytes] = deque()

    async def open(self, wanted: frozenset[int]) -> bool:
        """Wait until the client has opened these channels; False when it does not."""
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT):
                while wanted - self._stream_of.keys():
                    if not await self._read():
                        return False
        except TimeoutError:
            return False
        return True

    async def receive(self) -> bytes | None:
        while not self._coming:
            if not await self._read():
                return None
        return self._coming.popleft()

    async def send(self, data: bytes) -> None:
        stream = self._stream_of.get(data[0])
        if stream is not None:
            await self._say(self._session.data(stream, data[1:]))

    async def close(self, code: int = 1000) -> None:
        ends = [self._session.data(stream, b"", fin=True) for stream in self._stream_of.values()]
        await self._say(b"".join(ends))
        await self._socket.close(code)

    async def _read(self) -> bool:
        data = await self._socket.receive()
        if data is None:
            return False
        try:
            back = b"".join([self._event(event) for event in self._session.receive(data)])
        except SpdyError:
            return False
        await self._say(self._session.take_answer() + back)
        return True

    def _event(self, event: Event) -> bytes:
        """What is answered at once."""
        if isinstance(event, Opened):
            channel = _NAMES.get(event.headers.get("streamtype", ""))
            if channel is None or channel in self._stream_of:
                return self._session.reset(event.stream, PROTOCOL_ERROR)
            self._channel_of[event.stream], self._stream_of[channel] = channel, event.stream
            return self._session.reply(event.stream)
        if isinstance(event, GoneAway):
            return b""
        channel = self._channel_of.get(event.stream)
        if channel in (STDIN, RESIZE):
            if isinstance(event, Data) and event.data:
                self._coming.append(bytes([channel]) + event.data)
            if not isinstance(event, Data) or event.fin:
                self._coming.append(bytes([CLOSE, channel]))
        return b""

    async def _say(self, data: bytes) -> None:
        if data:
            await self._socket.send(data)
