"""Commands in the containers of `Machines`, and what they said."""

from __future__ import annotations

import shlex

from engine.kubelet.runtime import ExecEnd, ExecRequest, ExecSession
from tests.engine.kubelet.machines import Machines


class Heard:
    """What one command wrote and how it ended."""

    def __init__(self) -> None:
        self.output = self.errors = ""
        self.end: ExecEnd | None = None
        self.session: ExecSession | None = None

    def out(self, data: bytes) -> None:
        assert self.end is None
        self.output += data.decode()

    def err(self, data: bytes) -> None:
        assert self.end is None
        self.errors += data.decode()

    def ended(self, end: ExecEnd) -> None:
        assert self.end is None
        self.end = end

    def type(self, text: str) -> None:
        """Write to its standard input."""
        assert self.session is not None
        self.session.feed(text.encode())

    @property
    def code(self) -> int | None:
        return self.end.code if self.end is not None else None


def begin(
    machines: Machines, command: str, pod: str = "p", container: str = "", stdin: bool = False, tty: bool = False
) -> Heard:
    """Start a command line (split as a shell splits words)."""
    heard = Heard()
    request = ExecRequest(shlex.split(command), stdin, tty)
    heard.session = machines.streams.exec("default", pod, container, request, heard)
    return heard


def sh(machines: Machines, script: str, pod: str = "p") -> tuple[int | None, str, str]:
    """(exit code, output, errors) of `sh -c script`, which ends at once."""
    heard = Heard()
    machines.streams.exec("default", pod, "", ExecRequest(["sh", "-c", script]), heard)
    return heard.code, heard.output, heard.errors
