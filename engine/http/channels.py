"""The messages of exec and attach over a WebSocket (v5.channel.k8s.io and v4.channel.k8s.io): a channel, then data.

Channel 0 is the standard input, 1 the output, 2 the error, 3 the Status at the end, 4 the size of the terminal. In
version 5 a client says `255, channel` when a channel is at its end.

Source: k8s.io/apimachinery/pkg/util/remotecommand and k8s.io/apiserver/pkg/util/proxy (streamtranslator.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

from engine.api.errors import ApiError
from engine.kubelet.runtime import ExecEnd

V5: Final = "v5.channel.k8s.io"
V4: Final = "v4.channel.k8s.io"
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class Message(NamedTuple):
    """One message of a client."""

    channel: int
    """STDIN, RESIZE, or CLOSE: then `data` is empty and `closed` says which."""
    data: bytes = b""
    closed: int = -1


def read(message: bytes) -> Message | None:
    """None for a message that says nothing (clients ping with an empty channel)."""
    if not message:
        return None
    if message[0] == CLOSE:
        return Message(CLOSE, closed=message[1]) if len(message) > 1 else None
    return Message(message[0], message[1:]) if len(message) > 1 else None


def written(channel: int, data: bytes) -> bytes:
    return bytes([channel]) + data


def end_status(end: ExecEnd) -> bytes:
    """The Status that tells how a command ended, on its channel."""
    if end.failure:
        # The kubelet tells of an internal error, and the API server wraps it as another.
        inner = f"Internal error occurred: {end.failure}"
        return failure(f"Internal error occurred: {inner}", "InternalError", 500, {"causes": [{"message": inner}]})
    if end.code:
        text = f"command terminated with non-zero exit code: command terminated with exit code {end.code}"
        details = {"causes": [{"reason": "ExitCode", "message": str(end.code)}]}
        return failure(text, "NonZeroExitCode", 0, details)
    return written(STATUS, orjson.dumps({"metadata": {}, "status": "Success"}))


def error_status(error: ApiError) -> bytes:
    """The Status of a refusal, on its channel."""
    cause = error.message.removeprefix("Internal error occurred: ")
    return failure(error.message, error.reason, error.code, {"causes": [{"message": cause}]})


def failure(message: str, reason: str, code: int, details: Mapping[str, object]) -> bytes:
    status: dict[str, object] = {
        "metadata": {}, "status": "Failure", "message": message, "reason": reason, "details": details,
    }  # fmt: skip
    return written(STATUS, orjson.dumps(status | ({"code": code} if code else {})))
