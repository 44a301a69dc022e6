"""What simulated containers answer to HTTP requests, as their Image declares; and the bytes of a conversation.

Without a declaration for a path, the declared probe answers hold; without those a container answers every path with
a plain page that says who answers, and that it is simulated. `Conversation` is a server's end of one connection: it
takes bytes as they come and gives bytes back, and knows when the connection is over.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Final

from engine.kubelet.behaviour import Behaviour
from engine.kubelet.runtime import ContainerSpec, Handle, HttpAnswer, HttpRequest

_PLAIN: Final = "text/plain; charset=utf-8"
_LONGEST_HEAD: Final = 64 * 1024
_LONGEST_BODY: Final = 8 * 1024 * 1024
LABEL: Final = "X-Kubarium-Simulated"
"""A header of every answer of a simulated container."""


def answer(behaviour: Behaviour, spec: ContainerSpec, elapsed: int, request: HttpRequest) -> HttpAnswer | None:
    """See `engine.kubelet.runtime.Handle.serve`. `elapsed`: microseconds since the container's start."""
    if elapsed < behaviour.startup:
        return None
    for rule in behaviour.http:
        if fnmatchcase(request.path, rule.path):
            return HttpAnswer(rule.status, rule.content_type or _PLAIN, _filled(rule.body, spec, request).encode())
    status = 200
    for probe in behaviour.probes:
        if probe.path == request.path:
            if elapsed < probe.ready_after:
                return None
            status = 500 if probe.fails_after is not None and elapsed >= probe.fails_after else probe.status
            break
    pod = spec.pod
    text = (
        f"pod {pod.namespace}/{pod.name}\ncontainer {spec.facts.name}\nimage {spec.facts.image}\n"
        f"port {request.port}\nrequest {request.method} {request.path}\n"
        "This container is simulated. What it answers can be declared by an Image (kubarium.dev/v1alpha1).\n"
    )
    return HttpAnswer(status, _PLAIN, text.encode())


def _filled(text: str, spec: ContainerSpec, request: HttpRequest) -> str:
    for name, value in (
        ("{pod}", spec.pod.name), ("{container}", spec.facts.name), ("{namespace}", spec.pod.namespace),
        ("{address}", spec.address), ("{path}", request.path), ("{port}", str(request.port)),
    ):  # fmt: skip
        text = text.replace(name, value)
    return text


def phrase(status: int) -> str:
    """The words of a status code; "" for one that nobody knows."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class Conversation:
    """One HTTP/1.1 connection to a port of a container."""

    def __init__(self, handle: Handle, port: int) -> None:
        self._handle, self._port = handle, port
        self._buffer = b""
        self._body_left = 0
        """Bytes of the present request's body that are still to come."""
        self._reply = b""
        """What answers it then."""
        self._last = False
        self.over = False
        """Nothing more will be answered: the connection is to be closed."""

    def feed(self, data: bytes) -> bytes:
        """What is sent back on `data`."""
        self._buffer += data
        replies: list[bytes] = []
        while not self.over:
            if self._body_left:
                taken = self._buffer[: self._body_left]
                self._buffer = self._buffer[len(taken) :]
                self._body_left -= len(taken)
                if self._body_left:
                    break
            if self._reply:
                replies.append(self._reply)
                self._reply, self.over = b"", self._last
                continue
            if self._buffer and not _is_http(self._buffer):
                replies.append(self._refused(400))
                break
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                if len(self._buffer) > _LONGEST_HEAD:
                    replies.append(self._refused(431))
                break
            self._buffer = rest
            refusal = self._begin(head.decode("latin-1"))
            if refusal:
                replies.append(self._refused(refusal))
        return b"".join(replies)

    def _begin(self, head: str) -> int:
        """Prepare the reply to one request; the status of a refusal, 0 for none."""
        first, *lines = head.split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not parts[1].startswith(("/", "http://", "*")):
            return 400
        fields: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                return 400
            fields[name.lower()] = value.strip()
        if "transfer-encoding" in fields:
            return 501
        length = fields.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > _LONGEST_BODY:
            return 400
        method, target, version = parts
        connection = fields.get("connection", "").lower()
        self._last = connection == "close" or (version == "HTTP/1.0" and connection != "keep-alive")
        path = "/" + target.split("://", 1)[-1].partition("/")[2] if "://" in target else target
        found = self._handle.serve(HttpRequest(method, path.partition("?")[0], self._port))
        if found is None:
            return 503
        self._body_left = int(length)
        self._reply = _encoded(found, method == "HEAD", self._last)
        return 0

    def _refused(self, status: int) -> bytes:
        self.over = True
        text = f"{status} {phrase(status)}\n".encode()
        return _encoded(HttpAnswer(status, _PLAIN, text), head_only=False, last=True)


def _is_http(data: bytes) -> bool:
    """What has come so far may be the beginning of a request."""
    line, ended, _ = data.partition(b"\n")
    if not line[:1].isalpha():
        return False
    return line.rstrip().rpartition(b" ")[2].startswith(b"HTTP/1.") if ended else len(line) <= _LONGEST_HEAD


def _encoded(found: HttpAnswer, head_only: bool, last: bool) -> bytes:
    head = (
        f"HTTP/1.1 {found.status} {phrase(found.status)}\r\nContent-Type: {found.content_type}\r\n"
        f"Content-Length: {len(found.body)}\r\n{LABEL}: true\r\nConnection: {'close' if last else 'keep-alive'}\r\n\r\n"
    )
    return head.encode("latin-1", "replace") + (b"" if head_only else found.body)
