"""SPDY frames: what a client sends is understood however it is cut, and what breaks the protocol is refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.http.spdy import DICTIONARY, MAX_FRAME, Data, Event, GoneAway, Opened, Reset, Session, SpdyError


class Peer:
    """A client's side, written against the protocol's text and not against the server's code."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 8, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def open(self, stream: int, headers: Mapping[str, str], fin: bool = False) -> bytes:
        raw = struct.pack(">I", len(headers))
        for name, value in headers.items():
            raw += struct.pack(">I", len(name)) + name.encode() + struct.pack(">I", len(value)) + value.encode()
        block = self._deflate.compress(raw) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(1, struct.pack(">IIBB", stream, 0, 0, 0) + block, flags=int(fin))

    def headers_of(self, reply: bytes) -> bytes:
        """The uncompressed header block of a SYN_REPLY."""
        return self._inflate.decompress(reply[12:])


def control(kind: int, payload: bytes, flags: int = 0) -> bytes:
    return struct.pack(">HHBBH", 0x8003, kind, flags, len(payload) >> 16, len(payload) & 0xFFFF) + payload


def data(stream: int, content: bytes, fin: bool = False) -> bytes:
    return struct.pack(">IBBH", stream, int(fin), len(content) >> 16, len(content) & 0xFFFF) + content


HEADERS = {"port": "80", "requestid": "0", "streamtype": "data"}


@given(st.lists(st.integers(min_value=1, max_value=40), max_size=60))
def test_frames_may_be_cut_anywhere(sizes: list[int]) -> None:
    """The same events come of the same bytes."""
    peer = Peer()
    error = {**HEADERS, "streamtype": "error"}
    sent = peer.open(1, error) + peer.open(3, HEADERS) + data(3, b"hello") + data(3, b"", fin=True)
    session, position = Session(), 0
    events: list[Event] = []
    for size in [*sizes, len(sent)]:
        events += session.receive(sent[position : position + size])
        position += size
    assert events == [Opened(1, error, False), Opened(3, HEADERS, False), Data(3, b"hello", False), Data(3, b"", True)]


def test_headers_of_both_directions_are_compressed_in_one_go() -> None:
    """The second block needs the first, and names come in lower case."""
    peer, session = Peer(), Session()
    assert session.receive(peer.open(1, {"Port": "80"})) == [Opened(1, {"port": "80"}, False)]
    assert session.receive(peer.open(3, {"Port": "81"})) == [Opened(3, {"port": "81"}, False)]
    for stream in (1, 3):
        reply = session.reply(stream)
        assert reply[:4] == b"\x80\x03\x00\x02"
        assert struct.unpack(">I", reply[8:12]) == (stream,)
        assert peer.headers_of(reply) == b"\0\0\0\0"


def test_a_half_closed_stream_still_takes_our_data() -> None:
    """Until we close our half: then nothing more is sent, and what comes for it is answered with a reset."""
    peer, session = Peer(), Session()
    session.receive(peer.open(1, HEADERS) + data(1, b"x", fin=True))
    assert session.data(1, b"answer") == data(1, b"answer")
    assert session.data(1, b"", fin=True) == data(1, b"", fin=True)
    assert not session.is_open(1)
    assert session.data(1, b"late") == b""
    assert session.receive(data(1, b"late")) == []
    assert session.take_answer() == control(3, struct.pack(">II", 1, 1))


def test_pings_are_answered_and_the_rest_is_taken_note_of() -> None:
    """Resets and GOAWAY are events; settings and window updates say nothing here."""
    peer, session = Peer(), Session()
    session.receive(peer.open(1, HEADERS))
    ping = control(6, struct.pack(">I", 7))
    pair = struct.pack(">II", 1, 5)
    settings, window = control(4, struct.pack(">I", 0)), control(9, pair)
    events = session.receive(ping + settings + window + control(3, pair) + control(7, pair))
    assert events == [Reset(1), GoneAway()]
    assert session.take_answer() == ping
    assert session.take_answer() == b""
    assert session.data(1, b"x") == b""


def test_long_data_goes_in_several_frames() -> None:
    """Only the last ends the stream."""
    peer, session = Peer(), Session()
    session.receive(peer.open(1, HEADERS))
    sent = session.data(1, b"a" * (MAX_FRAME + 1), fin=True)
    assert sent == struct.pack(">II", 1, MAX_FRAME) + b"a" * MAX_FRAME + data(1, b"a", fin=True)


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">HHI", 0x8002, 1, 0),
        control(5, b""),
        control(1, struct.pack(">IIBB", 2, 0, 0, 0)),
        control(1, struct.pack(">IIBB", 1, 0, 0, 0) + b"no zlib"),
        control(3, b"\0"),
        struct.pack(">II", 1, MAX_FRAME + 1),
    ],
)
def test_what_breaks_the_protocol_is_refused(sent: bytes) -> None:
    """Version, type, stream number, compression, length."""
    with pytest.raises(SpdyError):
        Session().receive(sent)


def test_streams_are_opened_once_and_in_order() -> None:
    """A number that was used cannot come again."""
    peer, session = Peer(), Session()
    session.receive(peer.open(3, HEADERS))
    with pytest.raises(SpdyError):
        session.receive(peer.open(1, HEADERS))


def test_headers_cannot_fill_the_memory() -> None:
    """A block that grows without end is refused."""
    with pytest.raises(SpdyError):
        Session().receive(Peer().open(1, {"a": "x" * 1_000_000}))


@given(st.binary(max_size=200))
def test_any_bytes_are_understood_or_refused(sent: bytes) -> None:
    """The parser never fails otherwise."""
    session = Session()
    try:
        session.receive(sent)
        session.receive(b"\x80\x03\x00\x01\x00\x00\x00\x0a" + sent)
    except SpdyError:
        pass
