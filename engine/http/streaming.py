"""log, exec, attach and portforward of pods: what goes on between a client's connection and a simulated container.

What the API server refuses is a Status before anything begins; what the kubelet refuses comes on the status channel of
an open WebSocket, as with Kubernetes' stream translator. Containers live on the engine's thread and say what they
have to say by callback; `_Outbox` carries it over to the loop of the connection. A client that takes nothing is cut.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Final

from engine.api import errors
from engine.api.errors import ApiError, BadRequest
from engine.clock import parse_time
from engine.http import channels, forwarding, tunnels
from engine.http.calls import Call
from engine.http.gate import Gate
from engine.http.messages import Answer, Response, Socket, Stream, Upgrade
from engine.http.parameters import flag, integer
from engine.kubelet.logs import Limit, Line, LogOptions, encode
from engine.kubelet.runtime import ExecEnd, ExecOutput, ExecRequest, ExecSession
from engine.kubelet.streams import KubeletRefusal, LogStream, NotListening, PortConnection, Streams
from store.types import Envelope

_PLAIN: Final = "text/plain"
_MOST_PENDING: Final = 8 << 20
"""Bytes that wait for a client before it is cut."""
_SLICE: Final = 1_000
"""Log lines that are made in one go; about 1 ms."""


class TooSlow(ConnectionError):
    """The client takes nothing."""


class _Outbox:
    """From the engine's thread to one connection: chunks in order, then the end."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._pending = 0
        self._ended = False

    def put(self, chunk: bytes) -> None:
        """Any thread."""
        self._post(lambda: self._append(chunk))

    def end(self) -> None:
        """Any thread; once, after the last `put`."""
        self._post(self._finish)

    def _post(self, step: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(step)

    def _append(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._pending += len(chunk)
        self._arrived.set()

    def _finish(self) -> None:
        self._ended = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._chunks:
                if self._pending > _MOST_PENDING:
                    raise TooSlow("the client takes nothing")
                chunk = self._chunks.popleft()
                self._pending -= len(chunk)
                yield chunk
            if self._ended:
                return
            self._arrived.clear()
            await self._arrived.wait()


def _streams(call: Call) -> Streams:
    return call.gate.cluster.streams


def _required(call: Call, *verbs: str) -> None:
    if call.info.verb not in verbs:
        raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")


# -- log -----------------------------------------------------------------------------------------------------------


async def log(call: Call) -> Answer:
    """GET pods/NAME/log."""
    _required(call, "get")
    options, streams, gate = _log_options(call), _streams(call), call.gate
    if not options.follow:
        lines = await gate.run(lambda: streams.logs(call.namespace, call.name, options))
        limit = Limit(options)
        return Response(200, [limit.cut(part) async for part in _slices(gate, lines, options, limit)], _PLAIN)
    outbox = _Outbox()

    def begin() -> LogStream:
        stream = streams.follow(
            call.namespace, call.name, options, lambda more: outbox.put(encode(more, options)), outbox.end
        )
        if stream.follower is None:
            outbox.end()
        return stream

    return Stream(_followed(gate, await gate.run(begin), outbox, options), _PLAIN)


async def _slices(gate: Gate, lines: Iterator[Line], options: LogOptions, limit: Limit) -> AsyncIterator[bytes]:
    """A long log, a little at a time, so that it never holds up the engine."""
    while not limit.reached and (part := await gate.run(lambda: list(itertools.islice(lines, _SLICE)))):
        yield encode(part, options)


async def _followed(gate: Gate, stream: LogStream, outbox: _Outbox, options: LogOptions) -> AsyncIterator[bytes]:
    """What the log holds, then what is written."""
    limit = Limit(options)
    try:
        async for part in _slices(gate, stream.lines, options, limit):
            yield limit.cut(part)
        if limit.reached:
            return
        async for part in outbox:
            yield limit.cut(part)
            if limit.reached:
                return
    finally:
        gate.cluster.loop.submit(stream.close)


def _log_options(call: Call) -> LogOptions:
    """PodLogOptions of the query. BadRequest for what cannot be read."""
    since = call.parameter("sinceTime")
    try:
        since_time = parse_time(since) if since else None
    except ValueError:
        raise BadRequest(f'parsing time "{since}" as "2006-01-02T15:04:05Z07:00": cannot parse "{since}"') from None
    request = call.request
    return LogOptions(
        call.parameter("container"), flag(request, "follow"), flag(request, "previous"),
        integer(request, "sinceSeconds"), since_time, flag(request, "timestamps"), integer(request, "tailLines"),
        integer(request, "limitBytes"),
    )  # fmt: skip


# -- exec and attach -----------------------------------------------------------------------------------------------


class _Channels:
    """Implements `engine.kubelet.runtime.ExecOutput`: what a command says, as messages."""

    def __init__(self, outbox: _Outbox, stdout: bool, stderr: bool) -> None:
        self._outbox, self._stdout, self._stderr = outbox, stdout, stderr

    def out(self, data: bytes) -> None:
        if self._stdout:
            self._outbox.put(channels.written(channels.STDOUT, data))

    def err(self, data: bytes) -> None:
        if self._stderr:
            self._outbox.put(channels.written(channels.STDERR, data))

    def ended(self, end: ExecEnd) -> None:
        self._outbox.put(channels.end_status(end))
        self._outbox.end()


async def execute(call: Call) -> Answer:
    """GET or POST pods/NAME/exec, as a WebSocket."""
    _required(call, "get", "create")
    stdin, stdout, stderr, tty = (flag(call.request, name) for name in ("stdin", "stdout", "stderr", "tty"))
    command = list(call.request.query.get("command", ()))
    container = call.parameter("container")
    streams = _streams(call)
    await _checked(call, lambda: streams.check(call.namespace, call.name, container))
    if not command:
        raise BadRequest("you must specify at least one command for the container")
    if not (stdin or stdout or stderr):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    request = ExecRequest(command, stdin, tty)

    def begin(output: ExecOutput) -> ExecSession:
        return streams.exec(call.namespace, call.name, container, request, output)

    return _session(call, begin, stdin=stdin, stdout=stdout, stderr=stderr and not tty)


def _told(session: ExecSession, message: bytes, submit: Callable[[Callable[[], None]], object]) -> None:
    """A client's message to a command."""
    found = channels.read(message)
    if found is None:
        return
    if found.channel == channels.STDIN:
        data = found.data
        submit(lambda: session.feed(data))
    elif found.channel == channels.CLOSE and found.closed == channels.STDIN:
        submit(session.close_input)


async def attach(call: Call) -> Answer:
    """GET or POST pods/NAME/attach, as a WebSocket."""
    _required(call, "get", "create")
    stdin, stdout, stderr, tty = (flag(call.request, name) for name in ("stdin", "stdout", "stderr", "tty"))
    container, streams = call.parameter("container"), _streams(call)
    await _checked(call, lambda: streams.check(call.namespace, call.name, container))

    def begin(output: ExecOutput) -> ExecSession:
        return streams.attach(call.namespace, call.name, container, stdin, tty, output)

    return _session(call, begin, stdin=stdin, stdout=stdout, stderr=stderr and not tty)


def _session(
    call: Call, begin: Callable[[ExecOutput], ExecSession], *, stdin: bool, stdout: bool, stderr: bool
) -> Upgrade:
    session = _Session(call.gate, begin, stdout, stderr)
    wanted = {channels.STATUS: True, channels.STDIN: stdin, channels.STDOUT: stdout, channels.STDERR: stderr}
    expected = frozenset(channel for channel, is_wanted in wanted.items() if is_wanted)

    async def talk_bare(socket: Socket) -> None:
        spdy = tunnels.SpdyChannels(socket)
        if await spdy.open(expected):
            await session.talk(spdy)

    version = tunnels.chosen(call.request, tunnels.COMMANDS)
    return Upgrade((channels.V5, channels.V4), session.talk, (version, talk_bare) if version else None)


class _Session:
    """One command, or one attachment, and the client that talks to it."""

    def __init__(self, gate: Gate, begin: Callable[[ExecOutput], ExecSession], stdout: bool, stderr: bool) -> None:
        self._gate, self._begin, self._stdout, self._stderr = gate, begin, stdout, stderr

    async def talk(self, socket: Socket) -> None:
        outbox = _Outbox()
        output = _Channels(outbox, self._stdout, self._stderr)
        try:
            session = await self._gate.run(lambda: self._begin(output))
        except ApiError as error:
            await socket.send(channels.error_status(error))
            await socket.close()
            return
        submit = self._gate.cluster.loop.submit
        try:
            await _converse(socket, outbox, lambda message: _told(session, message, submit))
        finally:
            submit(session.cancel)


async def _checked(call: Call, check: Callable[[], object]) -> None:
    """Raise what the API server refuses; what the kubelet will say comes later."""
    with suppress(KubeletRefusal):
        await call.gate.run(check)


async def _converse(socket: Socket, outbox: _Outbox, told: Callable[[bytes], None]) -> None:
    """Send what comes out and take what comes in, until there is no more or the client leaves."""

    async def listen() -> None:
        while (message := await socket.receive()) is not None:
            told(message)

    async def say() -> None:
        async for message in outbox:
            await socket.send(message)
        await socket.close()

    tasks = [asyncio.create_task(listen()), asyncio.create_task(say())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, ConnectionError):
            raise result


# -- portforward ---------------------------------------------------------------------------------------------------


class _Door:
    """Implements `forwarding.Door` for one pod."""

    def __init__(self, gate: Gate, streams: Streams, env: Envelope) -> None:
        self._gate, self._streams, self._env = gate, streams, env

    async def connect(self, port: int) -> forwarding.Connection | str:
        try:
            found = await self._gate.run(lambda: self._streams.connect(self._env, port))
        except NotListening as refusal:
            return str(refusal)
        return _Connection(self._gate, found)


class _Connection:
    """Implements `forwarding.Connection`."""

    def __init__(self, gate: Gate, connection: PortConnection) -> None:
        self._gate, self._connection = gate, connection

    async def feed(self, data: bytes) -> tuple[bytes, bool]:
        return await self._gate.run(lambda: self._connection.feed(data))


async def portforward(call: Call) -> Answer:
    """GET or POST pods/NAME/portforward, as a WebSocket."""
    _required(call, "get", "create")
    streams = _streams(call)
    env = await call.gate.run(lambda: streams.pod_for_ports(call.namespace, call.name))
    try:
        ports = forwarding.ports_of(call.request.query)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    door = _Door(call.gate, streams, env)
    protocols = (forwarding.SPDY, forwarding.CHANNELS, "") if ports else (forwarding.SPDY,)

    def talk(socket: Socket) -> Awaitable[None]:
        if socket.protocol == forwarding.SPDY:
            return forwarding.talk_spdy(socket, door)
        return forwarding.talk_channels(socket, door, ports)

    version = tunnels.chosen(call.request, tunnels.PORTS)
    return Upgrade(protocols, talk, (version, lambda socket: forwarding.talk_spdy(socket, door)) if version else None)
