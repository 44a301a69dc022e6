"""The line discipline of a terminal: echo, editing of the line, ctrl-c and ctrl-d; line ends as terminals want them."""

from __future__ import annotations

import codecs
from typing import Final, NamedTuple

_INTERRUPT: Final = "\x03"
_END: Final = "\x04"
_ERASE: Final = ("\x7f", "\b")
_KILL: Final = "\x15"
_LONGEST: Final = 4096


class Typed(NamedTuple):
    """What came of some keys."""

    echo: bytes
    lines: bytes
    """Whole lines, for the program that reads."""
    interrupted: bool
    ended: bool
    """ctrl-d on an empty line."""


class Terminal:
    """One terminal in its usual (cooked) mode."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._line: list[str] = []
        self._escape = False

    def type(self, data: bytes) -> Typed:
        """Keys were pressed. Escape sequences (arrow keys) do nothing."""
        echo: list[str] = []
        lines: list[str] = []
        interrupted = ended = False
        for char in self._decoder.decode(data):
            if self._escape:
                self._escape = not (char.isalpha() or char == "~")
            elif char == "\x1b":
                self._escape = True
            elif char in "\r\n":
                echo.append("\r\n")
                lines.append("".join(self._line) + "\n")
                self._line.clear()
            elif char == _INTERRUPT:
                echo.append("^C\r\n")
                self._line.clear()
                interrupted = True
            elif char == _END:
                ended = ended or not self._line
            elif char in _ERASE:
                if self._line:
                    self._line.pop()
                    echo.append("\b \b")
            elif char == _KILL:
                echo.append("\b \b" * len(self._line))
                self._line.clear()
            elif (char.isprintable() or char == "\t") and len(self._line) < _LONGEST:
                self._line.append(char)
                echo.append(char)
        return Typed("".join(echo).encode(), "".join(lines).encode(), interrupted, ended)


def to_terminal(data: bytes) -> bytes:
    """Output as a terminal is sent it: each line ends with a carriage return."""
    return data.replace(b"\n", b"\r\n")
