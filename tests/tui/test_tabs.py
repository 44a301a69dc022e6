"""Tabs: each keeps its view, filter, cursor and history; the strip tells of them."""

from __future__ import annotations

from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient
from tests.tui.fake_world import world
from tui.app import KubariumApp
from tui.screens.cluster import ClusterScreen
from tui.screens.resources import ResourceScreen


def resources(app: KubariumApp) -> ResourceScreen:
    assert isinstance(app.screen, ResourceScreen)
    return app.screen


async def test_a_tab_keeps_filter_and_position_while_another_is_used() -> None:
    """`+` opens one at home; filter and cursor of the first stand as they were, and its feed rests meanwhile."""
    async with console(FakeClient(world(60))) as (app, pilot, client):
        app.run_command("pods /web")
        await settle(pilot)
        await pilot.press("j", "j")
        first, row = resources(app), resources(app).pane.table.cursor_index
        watched = client.watches.count(first.query_shown)
        assert "▸ 1" not in picture(app)
        await pilot.press("+")
        await settle(pilot)
        assert isinstance(app.screen, ClusterScreen)
        assert app.screen is not app.home
        assert "1 pods /web  ▸ 2 cluster" in picture(app)
        assert client.watches.count(first.query_shown) == watched - 1
        app.run_command("nodes")
        await settle(pilot)
        await pilot.press("(")
        await settle(pilot)
        assert resources(app) is first
        assert client.watches.count(first.query_shown) == watched
        assert (first.pane.filter_text, first.pane.table.cursor_index) == ("web", row)
        assert "▸ 1 pods /web  2 nodes" in picture(app)
        await pilot.press(")")
        assert resources(app).view.resource == "nodes"
        app.run_command("tab 1")
        assert resources(app) is first
        app.run_command("tab 7")
        assert app.session.messages[-1][2] == "There is no tab 7"


async def test_history_and_namespace_belong_to_the_tab() -> None:
    """`[` in one tab walks what was commanded there, and a namespace chosen there is not chosen elsewhere."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        app.run_command("nodes")
        await settle(pilot)
        app.run_command("tab deployments shop")
        await settle(pilot)
        assert resources(app).query_shown.namespace == "shop"
        await pilot.press("0")
        await settle(pilot)
        app.session.namespace = "shop"
        await pilot.press("[")
        await settle(pilot)
        assert resources(app).view.resource == "deployments.apps"  # nothing was commanded here before
        await pilot.press("(", "[")
        await settle(pilot)
        assert resources(app).view.resource == "pods"
        assert app.session.namespace is None


async def test_a_tab_is_closed_by_q_on_its_home_screen_and_the_last_one_leaves() -> None:
    """`q` goes back, then closes; `_` closes from anywhere; the only tab is not closed so."""
    async with console() as (app, pilot, _):
        await pilot.press("_")
        assert "only tab" in app.session.messages[-1][2]
        await pilot.press("+")
        await settle(pilot)
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("q")
        assert isinstance(app.screen, ClusterScreen)
        assert app.screen is not app.home
        await pilot.press("q")
        await settle(pilot)
        assert app.screen is app.home
        assert len(app.tab_titles()) == 1
        app.run_command("tab pods")
        await settle(pilot)
        await pilot.press("_")
        await settle(pilot)
        assert app.screen is app.home
        await pilot.press("q")
    assert app.return_code == 0


async def test_nine_tabs_are_enough_and_the_strip_fits() -> None:
    """A tenth is refused; at 80 columns the strip shows the open tab and its neighbours, uncut."""
    async with console(size=(80, 24)) as (app, pilot, _):
        for _ in range(9):
            app.run_command("tab pods team-insights")
        await settle(pilot)
        assert any("9 tabs are open" in text for _, _, text, _ in app.session.messages)
        strip = picture(app).splitlines()[2]
        assert "▸ 9 pods" in strip
        assert "8 pods" in strip
        await pilot.press(")")
        await settle(pilot)
        assert "▸ 1 cluster  2 pods" in picture(app).splitlines()[2]


async def test_one_editor_for_all_tabs() -> None:
    """`:dir` goes to the tab that has the manifests open: two editors would hold two texts of one file."""
    async with console() as (app, pilot, _):
        app.run_command("dir")
        await settle(pilot)
        editor = app.screen
        app.run_command("tab pods")
        await settle(pilot)
        app.run_command("dir")
        await settle(pilot)
        assert app.screen is editor
        assert len(app.tab_titles()) == 2
