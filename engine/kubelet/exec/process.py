"""One command in a simulated container, from its start to its exit code.

It drives the program (`engine.kubelet.exec.calls`): goes on with it when cluster time or input has come, and tells
what it writes and how it ends. A command that no container has is refused in the words of the container runtime, and
a line on the standard error says that the container is simulated.
"""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Sequence
from typing import Final

from engine.clock import Timer
from engine.kubelet import spread
from engine.kubelet.amounts import go_duration
from engine.kubelet.exec.calls import Call, Input, Interrupted, Sleep, Steps, Wait
from engine.kubelet.exec.machine import SIMULATED, Machine
from engine.kubelet.exec.programs import find
from engine.kubelet.exec.terminal import Terminal, to_terminal
from engine.kubelet.runtime import ExecEnd, ExecOutput, ExecRequest

_KILLED: Final = 137
_INTERRUPTED: Final = 130
_MOST_UNREAD: Final = 1 << 20
"""Bytes of input that wait for a program; what comes beyond is dropped, as nothing here reads so much."""


class Process:
    """Implements `engine.kubelet.runtime.ExecSession`."""

    def __init__(self, machine: Machine, request: ExecRequest, output: ExecOutput) -> None:
        self._machine, self._request, self._output = machine, request, output
        self._terminal = Terminal() if request.tty else None
        self._unread: deque[bytes | None] = deque()
        self._unread_size = 0
        self._waits: Wait | None = None
        self._timer: Timer | None = None
        self._steps: Steps | None = None
        self._told_of_pause = False
        if not request.stdin:
            self._unread.append(None)
        self._begin()

    # -- from outside ----------------------------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        return self._steps is not None

    def feed(self, data: bytes) -> None:
        if self._steps is None:
            return
        if self._terminal is None:
            self._queue(data)
            return
        typed = self._terminal.type(data)
        if typed.echo:
            self._output.out(typed.echo)
        if typed.interrupted:
            self._interrupt()
        if typed.lines:
            self._queue(typed.lines)
        if typed.ended:
            self._queue(None)

    def close_input(self) -> None:
        self._queue(None)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._steps is not None:
            steps, self._steps = self._steps, None
            steps.close()

    def kill(self) -> None:
        if self._steps is not None:
            self.cancel()
            self._output.ended(ExecEnd(_KILLED))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        request, machine = self._request, self._machine
        words = list(request.command)
        program = find(machine, words)
        if program is None:
            self._error(f"{SIMULATED}\n".encode())
            self._output.ended(ExecEnd(127, _not_found(machine, words)))
            return
        call = Call(
            machine, words, lambda: machine.environment(request.tty), machine.directory, Input(), self._write,
            self._error, request.tty,
        )  # fmt: skip
        result = program(call)
        if isinstance(result, int):
            self._output.ended(ExecEnd(result))
            return
        self._steps = result
        self._go_on(None)

    def _write(self, data: bytes) -> None:
        if data:
            self._output.out(to_terminal(data) if self._terminal is not None else data)

    def _error(self, data: bytes) -> None:
        if self._terminal is not None:
            self._write(data)
        elif data:
            self._output.err(data)

    def _queue(self, data: bytes | None) -> None:
        if self._unread_size > _MOST_UNREAD and data is not None:
            return
        self._unread.append(data)
        self._unread_size += len(data or b"")
        if self._steps is not None and self._waits is not None and not isinstance(self._waits, Sleep):
            self._go_on(self._taken())

    def _taken(self) -> bytes | None:
        data = self._unread.popleft()
        self._unread_size -= len(data or b"")
        return data

    def _interrupt(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._unread.clear()
        self._unread_size = 0
        if self._steps is None:
            return
        try:
            wait = self._steps.throw(Interrupted())
        except StopIteration as stop:
            self._end(stop.value)
        except Interrupted:
            self._end(_INTERRUPTED)
        else:
            self._wait(wait)

    def _go_on(self, value: bytes | None) -> None:
        if self._steps is None:
            return
        try:
            wait = next(self._steps) if self._waits is None else self._steps.send(value)
        except StopIteration as stop:
            self._end(stop.value)
            return
        self._wait(wait)

    def _wait(self, wait: Wait) -> None:
        while True:
            self._waits = wait
            if isinstance(wait, Sleep):
                if wait.span is not None:
                    self._tell_of_pause(wait.span)
                    self._timer = self._machine.clock.call_later(wait.span, lambda: self._go_on(None))
                return
            if not self._unread or self._steps is None:
                return
            try:
                wait = self._steps.send(self._taken())
            except StopIteration as stop:
                self._end(stop.value)
                return

    def _tell_of_pause(self, span: int) -> None:
        if span and self._machine.clock.speed == 0 and not self._told_of_pause:
            self._told_of_pause = True
            waits = go_duration(span)
            self._error(f"[simulated] the cluster is paused: this goes on after {waits} of its time\n".encode())

    def _end(self, code: int) -> None:
        self._steps = None
        self._output.ended(ExecEnd(code))


def _not_found(machine: Machine, words: Sequence[str]) -> str:
    """As the kubelet tells that containerd could not start the command."""
    name = words[0] if words else ""
    if "/" in name:
        why = f'exec: "{name}": stat {posixpath.normpath(name)}: no such file or directory'
    else:
        why = f'exec: "{name}": executable file not found in $PATH'
    which = spread.hex_id("exec", machine.spec.container_id, machine.clock.now())
    return (
        f'error executing command in container: failed to exec in container: failed to start exec "{which}": '
        f"OCI runtime exec failed: exec failed: unable to start container process: {why}: unknown"
    )
