"""The console on a real pseudo-terminal: start, idle cost, key → painted under load, reopening a big store."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from tests.bench.terminal import Terminal

_COMMAND = [sys.executable, "-m", "tui.cli"]
_ENV = {"TEXTUAL_ANIMATIONS": "none"}


def start(folder: str = "sample-cluster") -> dict[str, Any]:
    """Process start → first frame / first pods shown, seconds."""
    with Terminal([*_COMMAND, folder, "--memory"], _ENV) as terminal:
        frame = terminal.wait_for(rb"Nodes", 30)
        pods = terminal.wait_for(rb"(Running|ContainerCreating|Pending)\s", 30)
        return {
            "first_frame_s": round(frame - terminal.began, 3) if frame else None,
            "first_pods_s": round(pods - terminal.began, 3) if pods else None,
        }


def idle(folder: str = "sample-cluster", settle: float = 20.0, span: float = 30.0) -> dict[str, Any]:
    """Share of a core and memory with the sample cluster at 1×, once it has settled."""
    with Terminal([*_COMMAND, folder, "--memory"], _ENV) as terminal:
        terminal.drain(settle)
        cpu, wall = terminal.cpu_seconds(), time.monotonic()
        terminal.drain(span)
        used = (terminal.cpu_seconds() - cpu) / (time.monotonic() - wall)
        return {"idle_core_percent": round(100 * used, 2), "memory_mb": round(terminal.memory_mb(), 1)}


def reopen(store: str) -> dict[str, Any]:
    """A store of 10,000 pods: process start → first rows, seconds."""
    with Terminal([*_COMMAND, "--store", store], _ENV) as terminal:
        rows = terminal.wait_for(rb"web-[0-9a-z]+-", 60)
        return {"reopen_first_rows_s": round(rows - terminal.began, 3) if rows else None}


def keys(count: int = 100) -> dict[str, Any]:
    """Key → painted with a table of 15,000 pods and 1,000 row changes a second, milliseconds."""
    command = [sys.executable, "-m", "tests.bench.live_table"]
    with Terminal(command, _ENV, rows=50) as terminal:
        if terminal.wait_for(rb"pod-000030", 60) is None:
            return {"key_p50_ms": None, "key_p95_ms": None}
        terminal.drain(2)
        spans = []
        for number in range(1, count + 1):
            pressed = terminal.press(b"\x1b[B")
            painted = terminal.wait_for("▸.{0,40}pod-%06d".encode() % number, 5)
            spans.append(((painted or pressed + 5) - pressed) * 1000)
            terminal.drain(0.06 + (number * 37 % 50) / 1000)
        spans.sort()
        return {
            "key_p50_ms": round(statistics.median(spans), 1),
            "key_p95_ms": round(spans[int(len(spans) * 0.95)], 1),
        }
