"""Leaving the console: by signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

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


async def test_a_stopped_console_gives_the_terminal_back_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTSTP, or `:suspend`: the terminal is the shell's before the process stops, and taken again after `fg`."""
    happened: list[object] = []

    @contextmanager
    def given_back() -> Iterator[None]:
        happened.append("given back")
        yield
        happened.append("taken again")

    before = signal.getsignal(signal.SIGTSTP)
    async with console() as (app, pilot, _):
        monkeypatch.setattr(app, "suspend", given_back)
        monkeypatch.setattr("tui.leaving.os.kill", lambda pid, number: happened.append((pid, number)))
        signal.raise_signal(signal.SIGTSTP)
        await settle(pilot)
        once = ["given back", (os.getpid(), signal.SIGSTOP), "taken again"]
        assert happened == once
        app.run_command("suspend")
        assert happened == once * 2
        app.app_suspend_signal.publish(app)  # an editor has the terminal: ctrl-z there stops both, at once
        signal.raise_signal(signal.SIGTSTP)
        assert happened[6:] == [(os.getpid(), signal.SIGSTOP)]
        app.app_resume_signal.publish(app)
    signal.signal(signal.SIGTSTP, before)
