"""aiohttp's side of a connection that is upgraded to SPDY/3.1: after the answer 101 it is bytes, both ways.

aiohttp knows no upgrades but WebSockets. What it has for those is used here: a parser of our own is set on the
connection before the answer is sent, and gets every byte from then on (`RequestHandler.set_parser`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from engine.http.messages import Talk
from engine.http.tunnels import UPGRADE

_SEND_TIMEOUT: Final = 30.0
"""Wall seconds in which a client must take what is sent to it."""
_MOST_UNREAD: Final = 1 << 20
"""Bytes that wait to be read before the client is made to wait."""


class _Bytes:
    """What the client sends, in the form that aiohttp's connection hands it over."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._unread = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._parts.put_nowait(bytes(data))
        self._unread += len(data)
        if self._unread > _MOST_UNREAD:
            self._transport.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        self._parts.put_nowait(None)

    async def next(self) -> bytes | None:
        part = await self._parts.get()
        if part is not None:
            self._unread -= len(part)
            if self._unread <= _MOST_UNREAD and not self._transport.is_closing():
                self._transport.resume_reading()
        return part


class _BareSocket:
    """Implements `messages.Socket` with bytes for messages."""

    def __init__(self, stream: web.StreamResponse, coming: _Bytes, version: str) -> None:
        self._stream, self._coming, self.protocol = stream, coming, version
        self._closed = asyncio.Event()

    async def receive(self) -> bytes | None:
        return None if self._closed.is_set() else await self._coming.next()

    async def send(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(_SEND_TIMEOUT):
                await self._stream.write(data)
        except TimeoutError:
            raise ConnectionResetError("the client takes nothing") from None

    async def close(self, code: int = 1000) -> None:
        self._closed.set()


async def bare_upgraded(request: web.Request, version: str, talk: Talk) -> web.StreamResponse:
    """Answer 101 and talk until one side is done; then the connection is closed."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client left")
    coming = _Bytes(transport)
    handler: Any = request.protocol
    handler.set_parser(coming)
    stream = web.StreamResponse(status=101)
    stream.headers.update({"Connection": "Upgrade", "Upgrade": UPGRADE, "X-Stream-Protocol-Version": version})
    stream.force_close()
    with suppress(ConnectionError):
        await stream.prepare(request)
        await talk(_BareSocket(stream, coming, version))
    transport.close()
    return stream
