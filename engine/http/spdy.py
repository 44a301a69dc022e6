"""SPDY/3.1 frames, as far as Kubernetes' port forwarding uses them; bytes in, events and bytes out, no socket.

    control frame: 1|version:15|type:16 | flags:8|length:24 | payload
    data frame:    0|stream:31          | flags:8|length:24 | data

`Session.receive` takes bytes as they come and gives the events of the whole frames in them; the other methods give the
bytes to be sent. Header blocks are compressed in one zlib stream for each direction, with the protocol's dictionary.
What breaks the protocol raises `SpdyError`; bounds keep a bad peer from filling the memory.

Source: the SPDY protocol 3.1 (draft-mbelshe-httpbis-spdy-00, sections 2.2, 2.6 and 2.6.10.1).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

_VERSION: Final = 3
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _HEADERS, _WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FIN: Final = 1
PROTOCOL_ERROR, REFUSED_STREAM, CANCEL = 1, 3, 5
"""Status codes of RST_STREAM."""
MAX_FRAME: Final = 1 << 20
"""Bytes of one frame's payload."""
_MAX_HEADERS: Final = 64 * 1024
_MAX_STREAMS: Final = 4096
"""Streams open at a time."""

_NAMES: Final = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_STATUSES: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
)
_REST: Final = (
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _dictionary() -> bytes:
    words = [*_NAMES.split(" "), "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"]
    return b"".join(struct.pack(">I", len(w)) + w.encode() for w in words) + (_STATUSES + _REST).encode()


DICTIONARY: Final = _dictionary()
"""The preset dictionary of header blocks (section 2.6.10.1)."""


class SpdyError(Exception):
    """The peer breaks the protocol: the connection cannot go on."""


class Opened(NamedTuple):
    """SYN_STREAM: the peer opened a stream."""

    stream: int
    headers: Mapping[str, str]
    """Names in lower case."""
    fin: bool
    """The peer will send nothing on it."""


class Data(NamedTuple):
    stream: int
    data: bytes
    fin: bool


class Reset(NamedTuple):
    stream: int


class GoneAway(NamedTuple):
    """GOAWAY: the peer opens no more streams."""


Event = Opened | Data | Reset | GoneAway


class Session:
    """One side of a connection: the server's."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, 15, 8, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
        self._buffer = b""
        self._newest = 0
        self._theirs: dict[int, bool] = {}
        """Open streams → whether the peer still sends."""
        self._ours: set[int] = set()
        """Open streams on which we still may send."""
        self.answer = b""
        """What has to be sent because of what was received: PINGs. Taken with `take_answer`."""

    def receive(self, data: bytes) -> Sequence[Event]:
        """The events of the frames that are complete with these bytes. Raises SpdyError."""
        self._buffer += data
        events: list[Event] = []
        while len(self._buffer) >= 8:
            head, second = struct.unpack(">II", self._buffer[:8])
            flags, length = second >> 24, second & 0xFFFFFF
            if length > MAX_FRAME:
                raise SpdyError(f"a frame of {length} bytes")
            if len(self._buffer) < 8 + length:
                break
            payload, self._buffer = self._buffer[8 : 8 + length], self._buffer[8 + length :]
            event = self._control(head, flags, payload) if head >> 31 else self._data(head, flags, payload)
            if event is not None:
                events.append(event)
        return events

    def take_answer(self) -> bytes:
        """What has to be sent now, once."""
        answer, self.answer = self.answer, b""
        return answer

    def is_open(self, stream: int) -> bool:
        """We may still send on it."""
        return stream in self._ours

    # -- what we send ----------------------------------------------------------------------------------------------

    def reply(self, stream: int) -> bytes:
        """SYN_REPLY without headers: the stream is accepted."""
        return _frame(_SYN_REPLY, 0, struct.pack(">I", stream) + self._block({}))

    def data(self, stream: int, data: bytes, fin: bool = False) -> bytes:
        """Data frames; `fin`: the last. Nothing for a stream that is closed on our side."""
        if stream not in self._ours:
            return b""
        parts = [data[start : start + MAX_FRAME] for start in range(0, len(data), MAX_FRAME)] or [b""]
        if not data and not fin:
            return b""
        if fin:
            self._close_ours(stream)
        last = len(parts) - 1
        return b"".join(
            struct.pack(">II", stream, ((FIN if fin and index == last else 0) << 24) | len(part)) + part
            for index, part in enumerate(parts)
        )

    def reset(self, stream: int, status: int) -> bytes:
        """RST_STREAM: nothing more on it in either direction."""
        self._forget(stream)
        return _frame(_RST_STREAM, 0, struct.pack(">II", stream, status))

    def go_away(self) -> bytes:
        return _frame(_GOAWAY, 0, struct.pack(">II", self._newest, 0))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _data(self, stream: int, flags: int, payload: bytes) -> Event | None:
        if not self._theirs.get(stream):
            if stream not in self._theirs:
                self.answer += _frame(_RST_STREAM, 0, struct.pack(">II", stream, PROTOCOL_ERROR))
            return None
        fin = bool(flags & FIN)
        if fin:
            self._close_theirs(stream)
        return Data(stream, payload, fin)

    def _control(self, head: int, flags: int, payload: bytes) -> Event | None:
        version, kind = (head >> 16) & 0x7FFF, head & 0xFFFF
        if version != _VERSION:
            raise SpdyError(f"version {version}")
        if kind == _SYN_STREAM:
            return self._syn(flags, payload)
        if kind == _RST_STREAM:
            stream = _number(payload)
            known = stream in self._theirs
            self._forget(stream)
            return Reset(stream) if known else None
        if kind == _PING:
            if _number(payload) % 2:
                self.answer += _frame(_PING, 0, payload[:4])
        elif kind == _GOAWAY:
            return GoneAway()
        elif kind in (_SYN_REPLY, _HEADERS):
            # Not of interest, but the compression goes on over it.
            self._headers(payload[4:])
        elif kind not in (_SETTINGS, _WINDOW_UPDATE):
            raise SpdyError(f"control frame of type {kind}")
        return None

    def _syn(self, flags: int, payload: bytes) -> Event:
        stream = _number(payload) & 0x7FFFFFFF
        if len(payload) < 10 or not stream % 2 or stream <= self._newest:
            raise SpdyError(f"stream {stream} cannot be opened")
        if len(self._theirs) >= _MAX_STREAMS:
            raise SpdyError("too many streams")
        headers = self._headers(payload[10:])
        self._newest = stream
        fin = bool(flags & FIN)
        self._theirs[stream] = not fin
        self._ours.add(stream)
        return Opened(stream, headers, fin)

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            raw = self._inflate.decompress(block, _MAX_HEADERS)
        except zlib.error as error:
            raise SpdyError(f"headers: {error}") from error
        if self._inflate.unconsumed_tail:
            raise SpdyError("headers are too long")
        try:
            (count,) = struct.unpack_from(">I", raw)
            position, found = 4, {}
            for _ in range(count):
                pair = []
                for _ in range(2):
                    (length,) = struct.unpack_from(">I", raw, position)
                    text = raw[position + 4 : position + 4 + length]
                    if len(text) < length:
                        raise SpdyError("headers are cut off")
                    pair.append(text.decode("latin-1"))
                    position += 4 + length
                found[pair[0].lower()] = pair[1]
        except struct.error as error:
            raise SpdyError("headers are cut off") from error
        return found

    def _block(self, headers: Mapping[str, str]) -> bytes:
        raw = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for text in (name.encode("latin-1"), value.encode("latin-1")):
                raw += struct.pack(">I", len(text)) + text
        return self._deflate.compress(raw) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def _close_ours(self, stream: int) -> None:
        self._ours.discard(stream)
        if not self._theirs.get(stream):
            self._theirs.pop(stream, None)

    def _close_theirs(self, stream: int) -> None:
        self._theirs[stream] = False
        if stream not in self._ours:
            del self._theirs[stream]

    def _forget(self, stream: int) -> None:
        self._theirs.pop(stream, None)
        self._ours.discard(stream)


def _frame(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack(">HHI", 0x8000 | _VERSION, kind, (flags << 24) | len(payload)) + payload


def _number(payload: bytes) -> int:
    if len(payload) < 4:
        raise SpdyError("a control frame is cut off")
    return int.from_bytes(payload[:4], "big")
