"""Leaving the console: by signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.tui.console import console, settle


@pytest.fixture(params=[signal.SIGTERM, signal.SIGHUP])
def ignored(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that this process would ignore if the console did not heed it."""
    number: signal.Signals = request.param
    before = signal.signal(number, signal.SIG_IGN)
    yield number
    signal.signal(number, before)


async def test_a_signal_ends_the_console_in_order(ignored: signal.Signals) -> None:
    """SIGTERM or a closed terminal: the app leaves by itself, with the status of that signal."""
    async with console() as (app, pilot, _):
        os.kill(os.getpid(), ignored)
        await settle(pilot)
        assert app.return_code == 128 + ignored
