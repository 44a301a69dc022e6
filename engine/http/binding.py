"""aiohttp's side of the wire: its requests become ours, our answers its responses.

Bounds of the socket are kept here: bodies are read up to the limit and no further, a client that takes nothing for too
long is cut, WebSockets speak the subprotocol that was agreed on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

from aiohttp import WSMsgType, web
from aiohttp.http import HttpProcessingError

from engine.api.errors import ApiError, BadRequest, TooManyRequests
from engine.http.bare import bare_upgraded
from engine.http.core import MAX_BODY, TooLarge, Wire, status_response
from engine.http.doors import BACKLOG
from engine.http.messages import PeerCertificate, Request, Response, Stream, Upgrade

_SEND_TIMEOUT: Final = 30.0
"""Wall seconds in which a client must take what is sent to it."""
_BODY_TIMEOUT: Final = 60.0
_MAX_COMING: Final = 64 * 1024 * 1024
"""Bytes of all bodies that are being read; beyond, a client is told to come back."""
_MAX_AT_ONCE: Final = 64 * 1024
"""Bytes of an answer that are handed over without watching whether the client takes them."""
MAX_CONNECTIONS: Final = 2_000
"""Open at a time; each costs some 300 KB, most of it TLS."""
_HANDSHAKE_TIMEOUT: Final = 10.0
"""Wall seconds in which a client must have agreed on TLS."""
MAX_HEADER: Final = 64 * 1024
"""Bytes of one header line, or of the request line."""
_MAX_MESSAGE: Final = 4 * 1024 * 1024


def application(wire: Wire) -> web.Application:
    """An aiohttp application that hands everything to the core."""
    app = web.Application(client_max_size=MAX_BODY + 1)

    bodies = _Bodies()

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _handle(wire, bodies, request)

    app.router.add_route("*", "/{path:.*}", handle)
    return app


class _Bodies:
    """How many bytes of bodies are on their way in: what has no length counts as the most that is taken."""

    def __init__(self) -> None:
        self._coming = 0

    async def read(self, request: web.Request) -> bytes:
        """The body. TooLarge, TooManyRequests, or BadRequest for one that does not arrive."""
        if not request.can_read_body:
            return b""
        expected = MAX_BODY if request.content_length is None else request.content_length
        if expected > MAX_BODY:
            raise _too_large()
        if self._coming + expected > _MAX_COMING:
            raise TooManyRequests("Too many requests, please try again later.", retry_after=1)
        self._coming += expected
        try:
            async with asyncio.timeout(_BODY_TIMEOUT):
                return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise _too_large() from None
        except TimeoutError:
            raise BadRequest("the request body did not arrive in time") from None
        except (web.RequestPayloadError, ConnectionError) as error:  # it is no HTTP, or ended before its time
            raise BadRequest(f"the request body cannot be read: {error}") from None
        finally:
            self._coming -= expected


def _too_large() -> TooLarge:
    return TooLarge(f"Request entity too large: limit is {MAX_BODY}")


async def _handle(wire: Wire, bodies: _Bodies, request: web.Request) -> web.StreamResponse:
    try:
        body = await bodies.read(request)
    except ApiError as error:
        return await _send(request, status_response(error))
    answer = await wire.answer(_ours(request, body))
    if isinstance(answer, Response):
        return await _send(request, answer)
    try:
        if isinstance(answer, Stream):
            return await _streamed(request, answer)
        if answer.bare is not None and request.headers.get("Upgrade", "").lower() == "spdy/3.1":
            return await bare_upgraded(request, *answer.bare)
        return await _upgraded(request, answer)
    finally:
        answer.over()


def _ours(request: web.Request, body: bytes) -> Request:
    query: dict[str, list[str]] = {}
    for name, value in request.query.items():
        query.setdefault(name, []).append(value)
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known},{value}"
    return Request(request.method, request.path, query, headers, body, _certificate(request))


def _certificate(request: web.Request) -> PeerCertificate | None:
    found: Any = request.transport.get_extra_info("peercert") if request.transport is not None else None
    if not found or request.transport is None:
        return None
    parts = [pair for rdn in found.get("subject", ()) for pair in rdn]
    name = next((value for key, value in parts if key == "commonName"), "")
    groups = tuple(value for key, value in parts if key == "organizationName")
    if not name:
        return None
    whole = request.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return PeerCertificate(name, groups, sha256(whole).hexdigest())


async def _send(request: web.Request, answer: Response) -> web.StreamResponse:
    if isinstance(answer.body, bytes) and len(answer.body) <= _MAX_AT_ONCE:
        response = web.Response(status=answer.status, body=answer.body)
        _set_headers(response, answer)
        return response
    stream = web.StreamResponse(status=answer.status)
    parts = [answer.body] if isinstance(answer.body, bytes) else answer.body
    stream.content_length = sum(len(part) for part in parts)
    _set_headers(stream, answer)
    with suppress(ConnectionError):  # the client left
        await stream.prepare(request)
        for part in parts:
            await _write(request, stream, part)
        await stream.write_eof()
    return stream


def _set_headers(response: web.StreamResponse, answer: Response | Stream) -> None:
    response.headers["Content-Type"] = answer.content_type
    response.headers.setdefault("Cache-Control", "no-cache, private")
    for name, value in answer.headers:
        if name == "Warning":
            response.headers.add(name, value)
        else:
            response.headers[name] = value


async def _write(request: web.Request, stream: web.StreamResponse, data: bytes) -> None:
    """Send, or cut a client that takes nothing."""
    try:
        async with asyncio.timeout(_SEND_TIMEOUT):
            await stream.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the client takes nothing") from None


async def _streamed(request: web.Request, answer: Stream) -> web.StreamResponse:
    stream = web.StreamResponse(status=answer.status)
    _set_headers(stream, answer)
    stream.enable_chunked_encoding()
    chunks: AsyncIterator[bytes] = answer.chunks
    try:
        await stream.prepare(request)
        async for chunk in chunks:
            await _write(request, stream, chunk)
        await stream.write_eof()
    except ConnectionError:
        pass  # the client left
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    return stream


class _AiohttpSocket:
    """`messages.Socket` over aiohttp's."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self.protocol = socket.ws_protocol or ""

    async def receive(self) -> bytes | None:
        while True:
            message = await self._socket.receive()
            if message.type == WSMsgType.BINARY:
                return bytes(message.data)
            if message.type == WSMsgType.TEXT:
                return str(message.data).encode()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return None

    async def send(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(_SEND_TIMEOUT):
                await self._socket.send_bytes(data)
        except TimeoutError:
            raise ConnectionResetError("the client takes nothing") from None

    async def close(self, code: int = 1000) -> None:
        await self._socket.close(code=code)


async def _upgraded(request: web.Request, answer: Upgrade) -> web.StreamResponse:
    named = tuple(protocol for protocol in answer.protocols if protocol)
    socket = web.WebSocketResponse(protocols=named, max_msg_size=_MAX_MESSAGE, autoping=True)
    offered = {word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")}
    if not socket.can_prepare(request) or not offered & set(answer.protocols):
        return await _send(request, status_response(BadRequest("Upgrade request required")))
    await socket.prepare(request)
    try:
        await answer.talk(_AiohttpSocket(socket))
    except ConnectionError:
        pass  # the client left
    finally:
        if not socket.closed:
            with suppress(ConnectionError):
                await socket.close()
    return socket


class _FaultsOfOurs(logging.Filter):
    """Lets pass what is no client's doing: bytes that are no HTTP, connections that break."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError | ConnectionError)


def _log() -> logging.Logger:
    """Where aiohttp logs."""
    log = logging.getLogger(f"{__name__}.aiohttp")
    if not log.filters:
        log.addFilter(_FaultsOfOurs())
    return log


class _Refused(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


async def serve(
    app: web.Application, doors: Sequence[socket.socket], context: ssl.SSLContext
) -> Callable[[], Awaitable[None]]:
    """Answer who comes through sockets that listen already. Returns what ends it, and closes them."""
    runner = web.AppRunner(
        app, handle_signals=False, access_log=None, logger=_log(), shutdown_timeout=0.2, max_line_size=MAX_HEADER,
        max_field_size=MAX_HEADER, keepalive_timeout=75.0,
    )  # fmt: skip
    await runner.setup()
    server = runner.server
    assert server is not None, "it is set up"

    def connection() -> asyncio.Protocol:
        return server() if len(server.connections) < MAX_CONNECTIONS else _Refused()

    try:
        listening = [
            await asyncio.get_running_loop().create_server(
                connection, sock=door, ssl=context, backlog=BACKLOG, ssl_handshake_timeout=_HANDSHAKE_TIMEOUT
            )
            for door in doors
        ]
    except BaseException:
        await runner.cleanup()
        raise

    async def end() -> None:
        for door in listening:
            door.close()
        await runner.cleanup()

    return end
