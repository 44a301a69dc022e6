"""Driving the console in tests: open it on a fake cluster, wait until it rests, read the screen as text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from tests.tui.fake_client import FakeClient
from tests.tui.fake_world import world
from tests.tui.hands import Hands
from tui.app import KubariumApp


@asynccontextmanager
async def console(
    client: FakeClient | None = None, size: tuple[int, int] = (120, 40), keys_file: str | None = None
) -> AsyncIterator[tuple[KubariumApp, Hands, FakeClient]]:
    """The console with its first rows on the screen."""
    client = client or FakeClient(world())
    app = KubariumApp(client, keys_file=keys_file)
    async with app.run_test(size=size):
        pilot = Hands(app)
        await settle(pilot)
        yield app, pilot, client


async def settle(pilot: Pilot[None], rounds: int = 4) -> None:
    """Let messages, the 20 fps throttle and the cursor's rest (60 ms) pass."""
    for _ in range(rounds):
        await pilot.pause(0.04)
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def picture(app: KubariumApp) -> str:
    """The screen as text, without trailing blanks."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())
