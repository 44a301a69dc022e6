"""The demo that must always work, by keyboard only, on the real cluster: find, mend, break, watch it heal."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from engine.client import ConnectOptions, Query, connect
from tests.tui.console import picture
from tui.app import KubariumApp

SAMPLE = Path(__file__).parent.parent / "sample-cluster"


async def until(pilot: Pilot[None], what: str, condition: Callable[[], object], limit: float = 60) -> None:
    """Wait for a condition; the screen is part of the complaint."""
    for _ in range(int(limit / 0.05)):
        if condition():
            return
        await pilot.pause(0.05)
    app = pilot.app
    assert isinstance(app, KubariumApp)
    raise AssertionError(f"never: {what}\n{picture(app)}")


async def type_text(pilot: Pilot[None], text: str) -> None:
    names = {" ": "space", ":": "colon", '"': "quotation_mark", "-": "minus", "/": "slash", ".": "full_stop"}
    await pilot.press(*[names.get(letter, letter) for letter in text])


def play(folder: Path) -> None:
    asyncio.run(_play(folder))


async def _play(folder: Path) -> None:
    app = KubariumApp(connect(ConnectOptions(folder=str(folder), seed=7)))
    async with app.run_test(size=(160, 60)) as pilot:

        def shows(*words: str) -> bool:
            screen = picture(app)
            return all(word in screen for word in words)

        def pods() -> dict[str, tuple[str, str]]:
            """(phase, node) by name."""
            items = app.client.list(Query("pods")).result(10)
            return {
                i.name: (i.obj["status"].get("phase", ""), i.obj["spec"].get("nodeName", "")) for i in items
                if not i.obj["metadata"].get("deletionTimestamp")
            }  # fmt: skip

        await until(pilot, "pods come alive", lambda: shows("● Running"))
        await until(pilot, "one pod is Pending", lambda: shows("sales-report", "Pending"))

        # Why does it wait?
        await type_text(pilot, ":")
        await type_text(pilot, "pods")
        await pilot.press("enter")
        await until(pilot, "the pods", lambda: shows("sales-report"))
        await type_text(pilot, "/")
        await type_text(pilot, "sales-report")
        await pilot.press("enter")
        await until(pilot, "only the report", lambda: not shows("storefront"))
        await pilot.press("w")
        await until(pilot, "why, node by node", lambda: shows("needs cpu 3, free", "dedicated=gpu"))
        await pilot.press("escape")

        # Mend it in its manifest.
        await pilot.press("m")
        await until(pilot, "its manifest", lambda: shows("sales-report.yaml", "What saving will do"))
        await pilot.press("ctrl+f")
        await type_text(pilot, 'cpu: "3"')
        await pilot.press("enter")
        await until(
            pilot, "the selection", lambda: app.screen.focused is not None and app.screen.focused.id == "editor"
        )
        await type_text(pilot, "cpu: 500m")
        await pilot.press("escape")
        await until(pilot, "what saving will do", lambda: shows("change deployments.apps team-insights/sales-report"))
        await until(pilot, "the field that changes", lambda: shows("3 → 500m"))
        await pilot.press("tab")
        editor = app.screen.query_one("#editor")
        editor.focus()
        await pilot.press("ctrl+s")
        await until(
            pilot,
            "the report runs",
            lambda: any(name.startswith("sales-report") and phase == "Running" for name, (phase, _) in pods().items()),
        )

        # Break a node and watch.
        victim = next(node for name, (_, node) in pods().items() if name.startswith("sales-report"))
        moved = {name for name, (_, node) in pods().items() if node == victim}
        while len(app.screen_stack) > 1:
            await pilot.press("escape")
        await type_text(pilot, ":")
        await type_text(pilot, "nodes")
        await pilot.press("enter")
        await until(pilot, "the nodes", lambda: shows(victim))
        await type_text(pilot, "/")
        await type_text(pilot, victim)
        await pilot.press("enter")
        await pilot.press("x")
        await until(pilot, "the faults", lambda: shows("kubelet"))
        await pilot.press("enter")
        await pilot.press(*["greater_than_sign"] * 7)
        await until(pilot, "300×", lambda: shows("300×"))
        await until(pilot, "NotReady", lambda: shows("NotReady"))
        await until(pilot, "its pods are replaced elsewhere", lambda: _replaced(pods(), victim, moved))
        await until(pilot, "taints on the screen", lambda: shows("unreachable"))


def _replaced(pods: dict[str, tuple[str, str]], victim: str, moved: set[str]) -> bool:
    """What a controller owns runs again on other nodes."""
    report = [(phase, node) for name, (phase, node) in pods.items() if name.startswith("sales-report")]
    return any(phase == "Running" and node != victim for phase, node in report) and not moved <= pods.keys()


def test_the_first_thirty_seconds(tmp_path: Path) -> None:
    """Pending → why → manifest → edit → scheduled; kubelet stopped → NotReady → evicted → rescheduled."""
    folder = tmp_path / "cluster"
    shutil.copytree(SAMPLE, folder)
    play(folder)
