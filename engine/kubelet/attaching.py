"""attach: what goes on between a client and the process that a container was started with.

Most processes here read nothing: a client sees what they log. A shell with `stdin: true` (kubectl run -it, kubectl
debug -it) reads: an interactive shell stands for it, and when that exits the container ends with its code. With
`stdinOnce` it ends too when the client leaves, for its input is over then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from engine.kubelet.commands import SHELLS
from engine.kubelet.facts import ContainerFacts
from engine.kubelet.logs import Line
from engine.kubelet.runtime import ContainerSpec, ExecEnd, ExecOutput, ExecRequest, Handle, Runtime

_SHELL_IMAGES: Final = frozenset(("alpine", "busybox", "debian", "fedora", "ubuntu"))
"""Images whose own command is a shell."""


class Stream(Protocol):
    def close(self) -> None: ...


def reads(facts: ContainerFacts) -> bool:
    """The container's process is a shell that waits for input."""
    if not facts.spec.get("stdin"):
        return False
    if facts.command:
        return len(facts.command) == 1 and facts.command[0].rpartition("/")[2] in SHELLS
    return facts.image.rpartition("/")[2].partition("@")[0].partition(":")[0] in _SHELL_IMAGES


class LogAttachment:
    """Implements `engine.kubelet.runtime.ExecSession`: to a process that reads nothing."""

    def __init__(
        self, follow: Callable[[Callable[[Sequence[Line]], None], Callable[[], None]], Stream], tty: bool,
        output: ExecOutput,
    ) -> None:  # fmt: skip
        self._output, self._end_of_line = output, "\r\n" if tty else "\n"
        self.active = True
        self._stream = follow(self._receive, self._ended)

    def feed(self, data: bytes) -> None:
        """Nobody reads it."""

    def close_input(self) -> None:
        """Nobody reads it."""

    def cancel(self) -> None:
        self.active = False
        self._stream.close()

    def kill(self) -> None:
        """Its end comes with the log's."""

    def _receive(self, lines: Sequence[Line]) -> None:
        self._output.out("".join(f"{line}{self._end_of_line}" for _, line in lines).encode())

    def _ended(self) -> None:
        self.active = False
        self._output.ended(ExecEnd(0))


class ShellAttachment:
    """Implements `engine.kubelet.runtime.ExecSession`: to a shell that is the container's process."""

    def __init__(
        self, runtime: Runtime, spec: ContainerSpec, handle: Handle, tty: bool, output: ExecOutput
    ) -> None:  # fmt: skip
        self._handle, self._output = handle, output
        self._once = bool(spec.facts.spec.get("stdinOnce"))
        self.active = True
        command = spec.facts.command or ("sh",)
        self._shell = runtime.exec(spec, handle, ExecRequest(command, stdin=True, tty=tty), self)

    # -- the client ------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        self._shell.feed(data)

    def close_input(self) -> None:
        if self._once:
            self._shell.close_input()

    def cancel(self) -> None:
        if self.active:
            self.active = False
            self._shell.cancel()
            if self._once:
                self._handle.finish(0)

    def kill(self) -> None:
        if self.active:
            self.active = False
            self._shell.cancel()
            self._output.ended(ExecEnd(0))

    # -- the shell -------------------------------------------------------------------------------------------------

    def out(self, data: bytes) -> None:
        self._output.out(data)

    def err(self, data: bytes) -> None:
        self._output.err(data)

    def ended(self, end: ExecEnd) -> None:
        if self.active:
            self.active = False
            self._handle.finish(end.code)
            # How the container ended is in its status; the attachment itself went well.
            self._output.ended(ExecEnd(0))
