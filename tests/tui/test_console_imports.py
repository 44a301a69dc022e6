"""What the console may load, and what it must not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def test_importing_the_console_loads_neither_engine_nor_store() -> None:
    """Importing tui.app loads engine.client, the printers that it hands on, and nothing else of the engine; no SQL."""
    code = (
        "import sys, tui.app, tui.screens.why, tui.screens.help, tui.screens.aliases\n"
        "import tui.screens.inspect, tui.screens.failure, tui.palette\n"
        "heavy = ('sqlmodel', 'sqlalchemy', 'numpy', 'store', 'pydantic')\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in heavy]\n"
        "light = ('engine.client', 'engine.api.table')\n"
        "bad += [m for m in sys.modules if m.startswith('engine.') and m != 'engine.api' and not m.startswith(light)]\n"
        "sys.exit(' '.join(bad) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(("given", "frames"), [({}, "120"), ({"TEXTUAL_FPS": "30"}, "30")])
def test_frames_are_asked_for_before_textual_is_there(given: dict[str, str], frames: str) -> None:
    """120 a second, or as many as the environment says."""
    code = "from tui.cli import ask_for_frames; ask_for_frames(); from textual.constants import MAX_FPS; print(MAX_FPS)"
    env = {name: value for name, value in os.environ.items() if name != "TEXTUAL_FPS"} | given
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert run.stdout.strip() == frames
