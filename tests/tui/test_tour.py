"""The tour: each step is seen when it is done, and not before; it can be skipped, left and taken up again."""

from __future__ import annotations

import pytest

from engine.client import ClusterSummary, Moment
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import START, FakeClient
from tests.tui.fake_world import pod, world
from tui.app import KubariumApp
from tui.tour import STEPS, words


async def rest(pilot: object, app: KubariumApp) -> None:
    """Let the tour look around."""
    await settle(pilot, 8)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_whole_tour(size: tuple[int, int]) -> None:
    """From the pods to the past and back, each step by what it asks for; the panel is never in the way."""
    client = FakeClient(world())
    client.past.news = [
        Moment(10, START - 60_000_000, "kubernetes-admin", "1 x", "action", "nodes", "", "worker-0", "x")
    ]
    client.past.summary = ClusterSummary(
        cluster_time=START - 60_000_000, speed=0.0, revision=10, nodes=1, nodes_ready=1
    )
    async with console(client, size=size) as (app, pilot, _):

        async def at(place: int) -> None:
            await rest(pilot, app)
            assert app.tour.place == place - 1, STEPS[app.tour.place].title
            assert f"Tour {place}/{len(STEPS)}  {STEPS[place - 1].title[:20]}" in picture(app)

        await pilot.press("question_mark")
        await settle(pilot)
        assert "t starts the tour" in picture(app)
        await pilot.press("t")
        await at(1)
        assert "f9 skips, f10 leaves" in picture(app)
        app.run_command("pods /big")
        await at(2)
        await pilot.press("w")
        await at(3)
        placed = pod("big-2", node="worker-1", phase="Running", app="big")
        client.put("pods", placed)
        await at(4)
        client.tell_summary(faults=1)
        await at(5)
        client.tell_summary(speed=10.0)
        await at(5)
        client.tell_summary(speed=60.0)
        await at(6)
        client.tell_summary(nodes_ready=client.summary.nodes - 1)
        await at(6)
        evicted = pod("web-000", "data", owner="web-1")
        evicted["status"]["conditions"] = [{"type": "DisruptionTarget", "reason": "DeletionByTaintManager"}]
        client.put("pods", evicted)
        await at(7)
        client.tell_summary(faults=0)
        await at(8)
        await pilot.press("t")
        await settle(pilot)
        await pilot.press("enter")
        await at(9)
        await pilot.press("|")
        await at(10)
        await pilot.press("f9")
        await rest(pilot, app)
        assert not app.tour.running
        assert "Tour " not in picture(app)


async def test_steps_are_skipped_and_the_tour_is_left_and_taken_up() -> None:
    """f9 skips, f10 leaves; ? t goes on where it was. Without a tour nothing is shown."""
    async with console() as (app, pilot, _):
        assert "Tour " not in picture(app)
        app.do_tour()
        await rest(pilot, app)
        await pilot.press("f9", "f9")
        await rest(pilot, app)
        assert "Tour 3/" in picture(app)
        await pilot.press("f10")
        await rest(pilot, app)
        assert "Tour 3/" not in picture(app)
        await pilot.press("question_mark", "t")
        await rest(pilot, app)
        assert "Tour 3/" in picture(app)


async def test_where_no_pod_waits_that_is_said() -> None:
    """On a cluster in which each pod has its node, the steps about a waiting pod say how to go on."""
    client = FakeClient([entry for entry in world() if entry[1]["metadata"]["name"] != "big"])
    async with console(client) as (app, pilot, _):
        app.do_tour()
        await pilot.press("f9")
        await rest(pilot, app)
        assert "Each pod has its node now" in picture(app)
        client.put("pods", pod("big", node=None, phase="Pending", app="big"))
        await rest(pilot, app)
        assert "Put the cursor on the pod that is Pending" in picture(app)


async def test_a_toast_covers_nothing_of_the_tour() -> None:
    """What is shown in passing stands above the panel; without the tour it is as low as ever."""
    app = KubariumApp(FakeClient(world()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        app.do_tour()
        await rest(pilot, app)
        app.notify("one\ntwo\nthree")
        await settle(pilot)
        rows = picture(app).splitlines()
        panel = next(at for at, row in enumerate(rows) if "Tour 1/" in row)
        assert max(at for at, row in enumerate(rows) if "three" in row) < panel
        await pilot.press("f10")
        await rest(pilot, app)
        rows = picture(app).splitlines()
        assert max(at for at, row in enumerate(rows) if "The tour goes on" in row) >= panel


def test_every_key_that_the_tour_names_is_there() -> None:
    """No step names an action that there is not."""
    from tui.keymap import Keymap

    for step in STEPS:
        assert "{" not in words(step.text, Keymap.load(None))
