"""The first thirty seconds, played by keyboard on the real cluster: find, mend, break, watch it heal, undo, look back.

The story is told once; the test plays it to see that it works (tests/test_first_thirty_seconds.py), `make record` to
take the pictures of the README (tests/record.py). At each scene it calls `scene(title)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from engine.client import ConnectOptions, Query, connect
from tests.tui.console import picture
from tests.tui.hands import Hands
from tui.app import KubariumApp

Scene = Callable[[KubariumApp, str], None]


def play(folder: Path, size: tuple[int, int], scene: Scene = lambda app, title: None) -> None:
    """The whole story on a copy of the sample cluster. Raises AssertionError, with the screen, where it gets stuck."""
    asyncio.run(_run(folder, size, scene))


async def _run(folder: Path, size: tuple[int, int], scene: Scene) -> None:
    app = KubariumApp(connect(ConnectOptions(folder=str(folder), seed=7)))
    async with app.run_test(size=size):
        await Story(app, Hands(app), scene).play()


class Story:
    """One telling."""

    def __init__(self, app: KubariumApp, pilot: Hands, scene: Scene) -> None:
        self.app, self.pilot, self._scene = app, pilot, scene

    async def play(self) -> None:
        await self._comes_alive()
        await self._why()
        await self._mend()
        victim, moved = await self._break()
        await self._heal(victim, moved)
        await self._undo_and_look_back()

    # -- scenes ----------------------------------------------------------------------------------------------------

    async def _comes_alive(self) -> None:
        await self.until("pods come alive", lambda: self.shows("Running"))
        self.scene("The cluster comes alive")
        await self.until("one pod is Pending", lambda: "Pending" in {phase for phase, _ in self.pods().values()})

    async def _why(self) -> None:
        await self.go("pods")
        await self.filter("sales-report")
        await self.until("only the report", lambda: self.shows("sales-report") and not self.shows("storefront"))
        self.scene("One pod is Pending")
        await self.pilot.press("w")
        await self.until("why, node by node", lambda: self.shows("cpu 3, free", "dedicated=gpu"))
        self.scene("w: why, node by node")
        await self.pilot.press("escape")

    async def _mend(self) -> None:
        await self.pilot.press("m")
        await self.until("its manifest", lambda: self.shows("sales-report"))
        await self.until("the editor", lambda: bool(self.app.screen.query("#editor")))
        self.scene("m: its manifest, at the line")
        await self.pilot.press("ctrl+f")
        await self.type('cpu: "3"')
        await self.pilot.press("enter")
        await self.until("the selection", lambda: self.focused == "editor")
        await self.type("cpu: 500m")
        await self.pilot.press("escape")
        await self.until("the field that changes", lambda: self.shows("3 → 500m"))
        self.scene("What saving will do")
        self.app.screen.query_one("#editor").focus()
        await self.pilot.press("ctrl+s")
        await self.until("the report runs", lambda: bool(self.report("Running")))
        await self.home()
        self.scene("Saved: it is scheduled")

    async def _break(self) -> tuple[str, set[str]]:
        victim = self.report("Running")[0]
        moved = {name for name, (_, node) in self.pods().items() if node == victim}
        await self.go("nodes")
        await self.filter(victim)
        await self.until("the node", lambda: self.shows(victim))
        await self.pilot.press("x")
        await self.until("the faults", lambda: self.shows("kubelet"))
        self.scene("x: stop its kubelet")
        await self.pilot.press("enter")
        await self.until("it is stopped", self.broken)
        await self.pilot.press(*[">"] * 7)
        await self.until("300×", lambda: self.shows("300×"))
        await self.until("NotReady", lambda: self.shows("NotReady"))
        self.scene("300×: NotReady after its grace")
        return victim, moved

    async def _heal(self, victim: str, moved: set[str]) -> None:
        def replaced() -> bool:
            pods = self.pods()
            elsewhere = [node for node in self.report("Running") if node != victim]
            return bool(elsewhere) and not moved <= pods.keys()

        await self.until("its pods are replaced elsewhere", replaced)
        await self.home()
        self.scene("Evicted, and running elsewhere")

    async def _undo_and_look_back(self) -> None:
        await self.pilot.press("U")
        await self.until("what undoing does", lambda: self.shows("Undo:", "kubelet"))
        self.scene("U: undo says what it will do")
        await self.pilot.press("enter")
        await self.until("the kubelet runs again", lambda: not self.broken())
        await self.pilot.press(".")
        await self.pilot.press("t")
        await self.until("the timeline", lambda: self.shows("all that is worth telling"))
        await self.pilot.press("a")
        await self.until("people's actions", lambda: self.shows("undo", "actions only"))
        self.scene("t: the timeline")
        await self.pilot.press("{")
        await self.until("the past", lambda: self.shows("THE PAST"))
        await self.home()
        self.scene("The cluster as it was")
        await self.pilot.press("|", ".")
        await self.until("now", lambda: not self.shows("THE PAST"))

    # -- hands and eyes --------------------------------------------------------------------------------------------

    def scene(self, title: str) -> None:
        self._scene(self.app, title)

    async def go(self, command: str) -> None:
        await self.type(f":{command}")
        await self.pilot.press("enter")
        await self.until(f"the {command}", lambda: command in self.app.screen.NAME)  # type: ignore[attr-defined]

    async def filter(self, words: str) -> None:
        await self.type(f"/{words}")
        await self.pilot.press("enter")
        await self.until("the command line is closed", lambda: self.focused != "line")

    async def home(self) -> None:
        for _ in range(12):
            if len(self.app.screen_stack) == 1:
                break
            await self.pilot.press("escape")
            await self.pilot.pause(0.05)

    async def type(self, text: str) -> None:
        await self.pilot.type(text)

    @property
    def focused(self) -> str | None:
        return self.app.screen.focused.id if self.app.screen.focused is not None else None

    def shows(self, *words: str) -> bool:
        screen = picture(self.app)
        return all(word in screen for word in words)

    def pods(self) -> dict[str, tuple[str, str]]:
        """(phase, node) by name, of pods that are not on their way out."""
        return {
            i.name: (i.obj["status"].get("phase", ""), i.obj["spec"].get("nodeName", ""))
            for i in self.app.client.list(Query("pods")).result(10)
            if not i.obj["metadata"].get("deletionTimestamp")
        }

    def report(self, phase: str) -> list[str]:
        """Nodes of the report's pods in a phase."""
        return [node for name, (is_, node) in self.pods().items() if name.startswith("sales-report") and is_ == phase]

    def broken(self) -> bool:
        """Some fault is at work."""
        faults = self.app.client.list(Query("faults.kubarium.dev")).result(10)
        return any((fault.obj.get("status") or {}).get("phase") == "Active" for fault in faults)

    async def until(self, what: str, condition: Callable[[], object], limit: float = 60) -> None:
        """Wait for a condition; the screen is part of the complaint."""
        for _ in range(int(limit / 0.05)):
            if condition():
                return
            await self.pilot.pause(0.05)
        raise AssertionError(f"never: {what}\n{picture(self.app)}")
