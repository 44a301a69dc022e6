"""The whole program on 15,000 running pods on 1,000 nodes: engine and console in one process, on a real terminal.

A store is made once (`python -m tests.bench.deployment --keep`), opened anew for each run, and used as a person would:
keys down the table of pods, a filter typed and cleared, sorted, another kind opened. All spans are milliseconds from
the key to the painted text. Memory is the process' own at the end (`VmRSS`, and `Pss`, where shared pages count by
share), and the most it ever was.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any, Final

from tests.bench.terminal import Terminal

PODS: Final = 15_000
_SORTS: Final = ((b"S", rb"STATUS."), (b"A", rb"AGE."), (b"T", rb"RESTARTS."), (b"N", rb"NAME."), (b"I", rb"IP."))
_ROW: Final = rb"web-[0-9a-z]+-[0-9a-z]{5}"


def large(store: str) -> dict[str, Any]:
    """One run on a copy of the store: what runs in it goes on and writes."""
    copy = Path(store).with_suffix(".run")
    shutil.copyfile(store, copy)
    try:
        command = [sys.executable, "-m", "tui.cli", "--store", str(copy)]
        with Terminal(command, {"TEXTUAL_ANIMATIONS": "none"}) as terminal:
            return _use(terminal)
    finally:
        for left in copy.parent.glob(f"{copy.name}*"):
            left.unlink()


def _use(terminal: Terminal) -> dict[str, Any]:
    opened = terminal.wait_for(_ROW, 60)
    if opened is None:
        return {"opened_s": None}
    figures: dict[str, Any] = {"opened_s": round(opened - terminal.began, 3)}
    terminal.drain(5)
    cpu = terminal.cpu_seconds()
    terminal.drain(10)
    figures["idle_core_percent"] = round(10 * (terminal.cpu_seconds() - cpu), 1)
    terminal.press(b":pods\r")
    terminal.wait_for(rb"Pods  %d" % PODS, 20)
    terminal.drain(2)
    press = _Presses(terminal).press
    figures |= _told("key", [press(b"\x1b[B", rb"\xe2\x96\xb8") for _ in range(100)])
    filters, clears = [], []
    for _ in range(10):
        press(b"/", b"fuzzy")
        for typed in (b"7", b"71"):
            filters.append(press(typed[-1:], rb"Pods .{0,30}  /%b" % typed))
        filters.append(press(b"\x7f", rb"Pods .{0,30}  /7"))
        clears.append(press(b"\x7f", rb"Pods  %d   " % PODS))
        press(b"\x1b", rb"down")  # no measure: a terminal's esc is the beginning of other keys for a tenth of a second
    figures |= _told("filter", filters) | _told("clear", clears)
    figures |= _told("sort", [press(key, heading) for _ in range(3) for key, heading in _SORTS])
    opens = []
    for _ in range(10):
        for kind, row in ((b"nodes", rb"node-0[0-9]{3}"), (b"pods", _ROW)):
            press(b":" + kind, kind)
            opens.append(press(b"\r", row))
    figures |= _told("open", opens)
    terminal.drain(3)
    return figures | {
        "memory_mb": round(terminal.memory_mb()),
        "memory_pss_mb": round(terminal.memory_mb("Pss")),
        "memory_peak_mb": round(terminal.memory_mb("VmHWM")),
    }


class _Presses:
    """Presses keys, with pauses of uneven length between them."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal, self._count = terminal, 0

    def press(self, keys: bytes, pattern: bytes) -> tuple[float, float]:
        """Milliseconds, by the clock and of CPU, from the keys until the pattern is painted."""
        terminal = self._terminal
        cpu, pressed = terminal.cpu_seconds(), terminal.press(keys)
        painted = terminal.wait_for(pattern, 5)
        used = terminal.cpu_seconds() - cpu
        self._count += 1
        terminal.drain(0.08 + (self._count * 37 % 60) / 1000)
        return ((painted or pressed + 5) - pressed) * 1000, used * 1000


def _told(name: str, spans: list[tuple[float, float]]) -> dict[str, float]:
    """The median and 95 % of the spans, and the median of what the process computed in them, all threads together."""
    walls = sorted(wall for wall, _ in spans)
    return {
        f"{name}_p50_ms": round(statistics.median(walls), 1),
        f"{name}_p95_ms": round(walls[min(len(walls) - 1, int(len(walls) * 0.95))], 1),
        f"{name}_cpu_ms": round(statistics.median(cpu for _, cpu in spans), 1),
    }


if __name__ == "__main__":
    print(json.dumps(large(sys.argv[1])))
