"""The console's editor on a manifest of 5,000 lines: opening it, and a typed key → painted."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.terminal import Terminal

_LINES = 5_000
_DOCUMENT = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-{n:04}
  labels:
    app: bench
data:
  # what it is for
  key: value-{n}
---
"""


def typing(count: int = 100) -> dict[str, Any]:
    """Milliseconds from key to painted (median, 95 %), and seconds from enter on the file to its first lines."""
    with tempfile.TemporaryDirectory() as folder:
        documents = _LINES // _DOCUMENT.count("\n")
        (Path(folder) / "big.yaml").write_text("".join(_DOCUMENT.format(n=n) for n in range(documents)))
        command = [sys.executable, "-m", "tui.cli", folder, "--memory"]
        with Terminal(command, {"TEXTUAL_ANIMATIONS": "none"}) as terminal:
            if terminal.wait_for(rb"1 applied", 30) is None:
                return {"open_s": None, "typed_p50_ms": None, "typed_p95_ms": None}
            terminal.drain(4)
            terminal.press(b":dir\r")
            terminal.wait_for(rb"big\.yaml", 10)
            terminal.drain(1)
            pressed = terminal.press(b"j\r")
            opened = terminal.wait_for(rb"settings-0000", 10)
            terminal.drain(2)
            terminal.press(b"\x1b[C" * 3 + b"\x1b[6~" * 40 + b"\r# ")
            terminal.drain(2)
            spans = []
            for number in range(count):
                letter = b"abcdefghijklmnopqrstuvw"[number % 23 : number % 23 + 1]
                pressed_key = terminal.press(letter)
                painted = terminal.wait_for(letter, 5)
                spans.append(((painted or pressed_key + 5) - pressed_key) * 1000)
                terminal.drain(0.05 + (number * 37 % 120) / 1000)
            spans.sort()
            return {
                "open_s": round(opened - pressed, 3) if opened else None,
                "typed_p50_ms": round(statistics.median(spans), 1),
                "typed_p95_ms": round(spans[int(len(spans) * 0.95)], 1),
            }
