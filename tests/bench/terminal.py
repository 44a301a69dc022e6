"""A console on a real pseudo-terminal: what was painted when, and what it costs in CPU and memory."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

_ESCAPES: Final = re.compile(rb"\x1b\[[0-9;?<>=]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]|\x1b\][^\x07]*\x07")


def compiled() -> dict[str, str]:
    """This environment, with bytecode kept as it is for everyone: compiling all modules is no part of a start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Terminal:
    """A program running on a pty of `rows` × `cols`. Use as a context manager: the program is killed at the end."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str] | None = None, rows: int = 40, cols: int = 160
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**compiled(), "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})},
        )  # fmt: skip
        os.close(slave)
        self.painted = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)

    def press(self, keys: bytes) -> float:
        """Send keys; forget what was painted before. Returns the moment (monotonic)."""
        self.painted = b""
        os.write(self._master, keys)
        return time.monotonic()

    def wait_for(self, pattern: bytes, timeout: float) -> float | None:
        """Read until the pattern (on text without escapes) is painted. Returns the moment, None if never."""
        end = time.monotonic() + timeout
        compiled = re.compile(pattern)
        while True:
            if compiled.search(_ESCAPES.sub(b"", self.painted)):
                return time.monotonic()
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                return None

    def drain(self, span: float) -> None:
        """Read for a while, so that the program is never blocked by a full terminal."""
        end = time.monotonic() + span
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def cpu_seconds(self) -> float:
        """Used by all threads that run now."""
        used = 0
        for thread in os.listdir(f"/proc/{self._process.pid}/task"):
            with suppress(FileNotFoundError), open(f"/proc/{self._process.pid}/task/{thread}/schedstat") as told:
                used += int(told.read().split()[0])
        return used / 1e9

    def memory_mb(self, what: str = "VmRSS") -> float:
        """`VmRSS`: what it holds now; `VmHWM`: the most it ever held; `Pss`: shared pages by their share."""
        with open(f"/proc/{self._process.pid}/{'smaps_rollup' if what == 'Pss' else 'status'}") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith(what))

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], timeout)
        if not ready:
            return False
        try:
            self.painted = (self.painted + os.read(self._master, 1 << 16))[-(1 << 19) :]
        except OSError:
            return False
        return True
