"""`w` on anything: sentences, the cause first, that lead from one object to the next."""

from __future__ import annotations

import pytest

from engine.client import Diagnosis, Finding
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient
from tests.tui.fake_world import pod, world
from tui.screens.diagnosis import DiagnosisScreen
from tui.screens.why import WhyScreen

STUCK = Diagnosis(
    "0 of 2 available",
    "bad",
    (
        Finding("bad", "Pod web-1: CrashLoopBackOff", "nodes", "", "worker-1"),
        Finding("warn", "BackOff: Back-off restarting failed container"),
    ),
)


async def test_the_cause_is_told_and_followed() -> None:
    """enter asks the same of the object that the sentence names; esc comes back."""
    async with console() as (app, pilot, client):
        client.diagnosis = STUCK
        await pilot.press("g", "down", "w")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, DiagnosisScreen)
        shown = picture(app)
        assert "not well" in shown
        assert "0 of 2 available" in shown
        assert "→ nodes worker-1" in shown
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, DiagnosisScreen)
        assert app.screen is not screen
        assert "why worker-1" in picture(app)
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is screen
        await pilot.press("j", "enter")
        await settle(pilot)
        assert app.screen is screen


async def test_a_waiting_pod_is_explained_node_by_node() -> None:
    """Pods without a node go to the scheduler's report, others to the diagnosis."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        pane = app.screen.focused_pane  # type: ignore[attr-defined]
        pods = {bool(row.item.obj["spec"].get("nodeName")): row.item for row in pane.model.rows.values()}
        for placed, screen in ((False, WhyScreen), (True, DiagnosisScreen)):
            app.open_why("pods", pods[placed])
            await settle(pilot)
            assert isinstance(app.screen, screen)
            app.go_back()
            await settle(pilot, 1)


@pytest.mark.parametrize("node", [None, "worker-0"])
async def test_a_replaced_pod_is_followed_to_the_one_in_its_place(node: str | None) -> None:
    """Mended, its workload makes another: the screen is about that one, also when it comes a moment later."""
    client = FakeClient(world())
    phase = "Running" if node else "Pending"
    asked = client.put("pods", pod("old-1", node=node, phase=phase, app="report", owner="report-1"))
    async with console(client) as (app, pilot, _):
        app.open_why("pods", asked)
        await settle(pilot)
        client.drop("pods", asked.uid)
        await settle(pilot)
        assert "old-1 was deleted" in picture(app)
        client.put("pods", pod("new-1", app="report", owner="report-2", age=5))
        await settle(pilot)
        assert "new-1  in place of old-1" in picture(app)
        assert "was deleted" not in picture(app)


async def test_a_pod_that_was_there_before_replaces_nothing() -> None:
    """Scaled down, the youngest pod goes: its siblings are not in its place."""
    client = FakeClient(world())
    client.put("pods", pod("old-1", app="report", owner="report-1", age=500))
    asked = client.put("pods", pod("old-2", app="report", owner="report-1", age=400))
    async with console(client) as (app, pilot, _):
        app.open_why("pods", asked)
        await settle(pilot)
        client.drop("pods", asked.uid)
        await settle(pilot)
        assert "old-2 was deleted" in picture(app)
        assert "in place of" not in picture(app)
