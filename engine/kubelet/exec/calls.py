"""What a program is given and how it waits.

A program is a function of a `Call`. It returns its exit code at once, or is a generator that yields what it waits for
(`Sleep`, `READ`) and returns the code. So nothing ever blocks the engine: `engine.kubelet.exec.process` goes on with a
program when its time or its input has come.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.kubelet.exec.machine import Machine


class Sleep(NamedTuple):
    """Go on after `span` microseconds of cluster time; None: never."""

    span: int | None


class Read(NamedTuple):
    """Go on with the next bytes of the standard input; None at its end."""


READ: Final = Read()
Wait = Sleep | Read
Steps = Generator[Wait, bytes | None, int]
Line = Generator[Wait, bytes | None, str | None]
Writer = Callable[[bytes], None]


class Interrupted(Exception):
    """Thrown into a program by ctrl-c."""


class Input:
    """The standard input of a program, and of what it starts."""

    def __init__(self, given: bytes | None = None) -> None:
        """`given`: all of it, from a pipe or a file; None: it comes from outside, and is waited for."""
        self._buffer = given or b""
        self._ended = given is not None

    def line(self) -> Line:
        """The next line without its end; None at the end of the input."""
        while b"\n" not in self._buffer and not self._ended:
            data = yield READ
            self._ended = data is None
            self._buffer += data or b""
        if not self._buffer:
            return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(errors="replace")

    def chunk(self) -> Generator[Wait, bytes | None, bytes]:
        """What there is; b"" at the end of the input."""
        if not self._buffer and not self._ended:
            data = yield READ
            self._ended = data is None
            self._buffer += data or b""
        data, self._buffer = self._buffer, b""
        return data

    def rest(self) -> Generator[Wait, bytes | None, bytes]:
        """All of it."""
        found = []
        while chunk := (yield from self.chunk()):
            found.append(chunk)
        return b"".join(found)


@dataclass(slots=True)
class Call:
    """One run of a program."""

    machine: Machine
    words: Sequence[str]
    """Its name and its arguments."""
    make_environment: Callable[[], dict[str, str]]
    """Its variables; made only for programs that ask, since they are read from the past."""
    directory: str
    input: Input
    write: Writer
    write_error: Writer
    tty: bool = False

    @property
    def environment(self) -> dict[str, str]:
        return self.make_environment()

    @property
    def arguments(self) -> Sequence[str]:
        return self.words[1:]

    def say(self, text: str) -> None:
        """A line on the standard output."""
        self.write(f"{text}\n".encode())

    def complain(self, text: str) -> int:
        """A line on the standard error; 1, the usual exit code of who complains."""
        self.write_error(f"{text}\n".encode())
        return 1
