"""A person at the console of a real cluster: sees, asks why, mends a file, and waits on cluster time.

The cluster runs paused and is stepped, so a story of an hour takes moments. The person only uses keys: everything that
is asserted stands on the screen. Files are edited as people do: found (`ctrl-f`), typed over, saved (`ctrl-s`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from engine.client import ConnectOptions, connect
from tests.tui.console import picture
from tests.tui.hands import Hands
from tui.app import KubariumApp
from tui.screens.manifests import ManifestsScreen
from tui.session import answer

START = 1_795_424_400_000_000
"""2026-11-23T09:00:00Z."""


class Player:
    """Hands and eyes at one console."""

    def __init__(self, app: KubariumApp, pilot: Hands) -> None:
        self.app, self.pilot = app, pilot

    # -- eyes --------------------------------------------------------------------------------------------------------

    def sees(self, *words: str) -> bool:
        """All of it stands on the screen, lines taken together as one text."""
        screen = " ".join(picture(self.app).split())
        return all(" ".join(word.split()) in screen for word in words)

    async def until(self, *words: str, limit: float = 10) -> None:
        """Wait until something is painted; cluster time stands still."""
        await self.holds(f"on the screen: {words}", lambda: self.sees(*words), limit)

    async def holds(self, what: str, condition: Callable[[], object], limit: float = 10) -> None:
        for _ in range(int(limit / 0.02)):
            if condition():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"never {what}\n{picture(self.app)}")

    async def comes(self, *words: str, limit: int = 300, step: int = 5) -> None:
        """Play cluster time, `step` seconds at a time, until something is on the screen."""
        for _ in range(limit // step):
            for _ in range(3):
                if self.sees(*words):
                    return
                await self.pilot.pause(0.02)
            await self.play(step)
        raise AssertionError(f"not within {limit} s of cluster time: {words}\n{picture(self.app)}")

    # -- hands -------------------------------------------------------------------------------------------------------

    async def play(self, seconds: float) -> None:
        """Let cluster time pass."""
        await answer(self.app.client.step(round(seconds * 1_000_000)))
        await self.pilot.pause(0.06)

    async def type(self, text: str) -> None:
        await self.pilot.type(text)

    async def go(self, kind: str, name: str = "") -> None:
        """`:kind`, narrowed to a name, from the home screen."""
        self.app.go_home()
        await self.type(f":{kind} shop{f' /{name}' if name else ''}")
        await self.pilot.press("enter")
        await self.holds(f"the {kind}", lambda: kind in str(getattr(self.app.screen, "NAME", "")))
        if name:
            await self.until(name)

    async def why(self, *words: str) -> None:
        """`w` on the row under the cursor names the cause."""
        await self.pilot.press("w")
        await self.until("why")
        for _ in range(4):  # a sentence that is cut off stands whole below the list when the cursor is on it
            for _ in range(10):
                if self.sees(*words):
                    break
                await self.pilot.pause(0.02)
            else:
                await self.pilot.press("j")
                continue
            break
        await self.until(*words)
        await self.pilot.press("escape")

    async def _selected(self, screen: ManifestsScreen, words: str) -> None:
        await self.holds(f"{words!r} found", lambda: screen.editor.selected_text.lower() == words.lower())

    async def mend(self, file: str, *changes: tuple[str, str]) -> None:
        """Open a file in the Manifests screen, replace words in it, save, and wait until it is applied."""
        self.app.open_manifest(file)
        await self.holds("the editor", lambda: isinstance(self.app.screen, ManifestsScreen))
        screen = self.app.screen
        assert isinstance(screen, ManifestsScreen)
        await self.holds("the text", lambda: screen.buffer is not None and screen.editor.has_focus)
        for old, new in changes:
            await self.pilot.press("ctrl+f")
            await self.type(old)
            await self.pilot.press("enter")
            await self._selected(screen, old)
            await self.holds("the editor again", lambda: screen.editor.has_focus)
            await self.type(new)
            if screen.editor._completions.display:
                await self.pilot.press("escape")
        await self.holds("unsaved", lambda: screen.buffer is not None and screen.buffer.unsaved)
        await self.pilot.press("ctrl+s")
        await self.holds("saved", lambda: screen.buffer is not None and not screen.buffer.unsaved)
        await self.holds(
            f"{file} applied",
            lambda: any(f.path == file and f.state == "applied" for f in self.app.session.files),
        )  # fmt: skip


@asynccontextmanager
async def playing(folder: Path, size: tuple[int, int] = (160, 48)) -> AsyncIterator[Player]:
    """A console on a cluster made of the folder's files, all of them applied or refused."""
    client = connect(ConnectOptions(folder=str(folder), seed=7, speed=0.0, start=START))
    app = KubariumApp(client)
    async with app.run_test(size=size):
        player = Player(app, Hands(app))
        await player.holds(
            "every file read",
            lambda: app.session.files and all(file.state != "pending" for file in app.session.files),
            limit=30,
        )
        yield player
