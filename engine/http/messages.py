"""Requests and answers as the core knows them: no server library behind them.

A `Request` comes complete, with its body in memory (3 MB at most). An answer is one of three: `Response`, `Stream` for
what goes on until somebody stops, `Upgrade` for a conversation over a WebSocket.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import orjson

JSON = "application/json"
Headers = list[tuple[str, str]]


def _nothing() -> None:
    """What is to be done after most answers."""


class PeerCertificate(NamedTuple):
    """Who the client says it is, signed by our CA (checked by TLS)."""

    common_name: str
    """The user."""
    organizations: tuple[str, ...]
    """Their groups."""
    fingerprint: str = ""
    """SHA-256 of the certificate, in lower case hex; "" when there is none to take it of."""


@dataclass(slots=True)
class Request:
    method: str
    """Upper case."""
    path: str
    """Percent-decoded, beginning with /."""
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; several of one name are joined by commas. `impersonate-group` is, so names hold no comma."""
    body: bytes = b""
    certificate: PeerCertificate | None = None
    """None: the client showed none."""

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    def parameter(self, name: str) -> str:
        """The first value of a query parameter; "" without one."""
        values = self.query.get(name)
        return values[0] if values else ""

    @property
    def upgrades(self) -> bool:
        """The client asks for a WebSocket."""
        return self.header("upgrade").lower() == "websocket"


@dataclass(slots=True)
class Response:
    status: int = 200
    body: bytes | Sequence[bytes] = b""
    """Several parts are sent one after the other, so that a long list never becomes one block."""
    content_type: str = JSON
    headers: Headers = field(default_factory=list)


@dataclass(slots=True)
class Stream:
    """Chunks until the iterator ends, the client leaves or the server stops; then the iterator is closed."""

    chunks: AsyncIterator[bytes]
    content_type: str = JSON
    status: int = 200
    headers: Headers = field(default_factory=list)
    over: Callable[[], None] = _nothing
    """To be called when nothing more is sent."""


class Socket(Protocol):
    """An open WebSocket."""

    protocol: str
    """The subprotocol that was agreed on."""

    async def receive(self) -> bytes | None:
        """The next message; None once the other side is gone."""

    async def send(self, data: bytes) -> None:
        """Send a binary message. ConnectionError when the other side is gone."""

    async def close(self, code: int = 1000) -> None: ...


Talk = Callable[[Socket], Awaitable[None]]


@dataclass(slots=True)
class Upgrade:
    """Talk over a WebSocket."""

    protocols: Sequence[str]
    """The first of them that the client offers; with "" among them also a client that offers none."""
    talk: Talk
    bare: tuple[str, Talk] | None = None
    """For a client that asks for SPDY/3.1 on the bare connection: the version of the streams, and who talks. Bytes come
    and go as they are. None: it is refused."""
    over: Callable[[], None] = _nothing
    """To be called when the talk is over, or did not begin."""


Answer = Response | Stream | Upgrade


def json_response(obj: Any, status: int = 200, headers: Headers | None = None) -> Response:
    """An object as JSON, ending with a newline as Kubernetes' encoder writes it."""
    return Response(status, orjson.dumps(obj) + b"\n", JSON, headers or [])


def text_response(text: str, status: int = 200, headers: Headers | None = None) -> Response:
    return Response(status, text.encode(), "text/plain; charset=utf-8", headers or [])
