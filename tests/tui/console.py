"""Driving the console in tests: open it on a fake cluster, wait until it rests, read the screen as text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.app import App
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.timer import Timer

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


async def settle(pilot: Pilot[None], rounds: int = 0) -> None:
    """Until the console rests: no message, no worker, no timer that soon runs out (throttles, the cursor's rest).

    `rounds`: wait at least so many times 40 ms, for what comes at intervals.
    """
    for _ in range(rounds):
        await pilot.pause(0.04)
    quiet = 0
    for _ in range(300):
        if _is_busy(pilot.app):
            quiet = 0
            await asyncio.sleep(0.02)
            continue
        await pilot.app.workers.wait_for_complete()
        await pilot.pause(0)
        quiet += 1
        if quiet > 2 and not _is_busy(pilot.app):
            return
    raise AssertionError("the console does not come to rest")


def _is_busy(app: App[None]) -> bool:
    pumps: list[MessagePump] = [app]
    for screen in app.screen_stack:
        pumps += screen.walk_children(with_self=True)
    return any(pump.message_queue_size or any(map(_runs_out_soon, pump._timers)) for pump in pumps)


def _runs_out_soon(timer: Timer) -> bool:
    """A timer that is set once, and not for long."""
    return timer._repeat == 0 and timer._interval < 0.3 and timer._task is not None and not timer._task.done()


def picture(app: KubariumApp) -> str:
    """The screen as text, without trailing blanks."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())
