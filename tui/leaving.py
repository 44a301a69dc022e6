"""Quitting the console: what was typed into manifests and not saved, and long work under way, is asked about first.

SIGTERM and a closed terminal (SIGHUP) ask nothing: the cluster is closed in order and the terminal given back.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from tui.buffers import ManifestError
from tui.session import Session

if TYPE_CHECKING:
    from textual.app import App

    _Base = App[None]
else:
    _Base = object


class Leaving(_Base):
    """The app's way out."""

    session: Session
    _terminal_is_lent = False
    """To an editor, or to the shell: what stops that stops this process as well, and at once."""

    def heed_signals(self) -> None:
        """Leave at SIGTERM and SIGHUP, with the status a shell expects: 128 and the signal's number."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._told_to_leave, number)
        self.app_suspend_signal.subscribe(self, self._lent, immediate=True)
        self.app_resume_signal.subscribe(self, self._taken_back, immediate=True)
        loop = asyncio.get_running_loop()

        def stop(number: int, frame: object) -> None:
            if self._terminal_is_lent or loop.is_closed():
                os.kill(os.getpid(), signal.SIGSTOP)
            else:  # between two callbacks: in the midst of one the terminal may be held by a lock
                loop.call_soon_threadsafe(self.suspend_console)

        signal.signal(signal.SIGTSTP, stop)

    def _lent(self, app: App[None]) -> None:
        self._terminal_is_lent = True

    def _taken_back(self, app: App[None]) -> None:
        self._terminal_is_lent = False

    def suspend_console(self) -> None:
        """Give the terminal back to the shell until `fg`; the cluster is this process and stops with it."""
        with self.suspend():
            os.kill(os.getpid(), signal.SIGSTOP)
        self.refresh(layout=True)

    def _told_to_leave(self, number: int) -> None:
        self.exit(return_code=128 + number)

    def leave(self) -> None:
        """Quit, unless unsaved text or work under way keeps a person here."""
        from tui.screens.choice import ChoiceDialog

        unsaved = self.session.buffers.unsaved() if self.session.buffers is not None else []
        going = [state for state in self.session.work.states if state.shown]
        if not unsaved and not going:
            self.exit()
            return
        if isinstance(self.screen, ChoiceDialog):
            return
        answers, said = [("stay", "Stay")], []
        if going:
            count = f": {going[0].done} of {going[0].total} done" if going[0].total else ""
            said.append(f"{going[0].what} is under way{count}. Quitting ends it there.")
        if unsaved:
            names = ", ".join(unsaved[:5]) + (f" and {len(unsaved) - 5} more" if len(unsaved) > 5 else "")
            said.append(f"What you typed in {names} is not on disk.")
            if self.session.gate.complaint is None:
                answers.append(("save", "Save all and quit"))
        answers.append(("quit", "Quit without saving" if unsaved else "Quit"))
        title = "Unsaved manifests" if unsaved else "Work under way"
        self.push_screen(ChoiceDialog(title, " ".join(said), answers), self._left)

    def _left(self, choice: str | None) -> None:
        buffers = self.session.buffers
        if choice == "save" and buffers is not None:
            for path in buffers.unsaved():
                buffer = buffers.get(path)
                assert buffer is not None
                try:
                    buffers.save(buffer)
                except ManifestError as error:
                    self.notify(str(error), severity="error")
                    return
        if choice in ("save", "quit"):
            self.exit()

    async def action_quit(self) -> None:
        self.leave()
