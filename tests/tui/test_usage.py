"""CPU and MEM columns: what is used now, asked while it is looked at, and everything that goes by it."""

from __future__ import annotations

from engine.client import Item, Usage
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import START, FakeClient
from tests.tui.fake_world import pod, world
from tui.app import KubariumApp
from tui.kinds.pods import PODS
from tui.kinds.spec import text_of
from tui.screens.resources import ResourceScreen
from tui.usage import UsageBoard


def busy_world() -> FakeClient:
    client = FakeClient(world(4))
    client.usage = {
        "shop/web-001": Usage(250, 64 * 2**20), "data/web-000": Usage(900, 512 * 2**20), "worker-0": Usage(3800, 2**30),
    }  # fmt: skip
    return client


async def test_pods_show_what_they_use_and_their_share_of_the_request() -> None:
    """CPU, MEM and percentages follow from usage and the pod's own requests; a pod that does not run has n/a."""
    async with console(busy_world(), (220, 40)) as (app, pilot, client):
        app.run_command("pods")
        await settle(pilot)
        app.session.usage.ask("pods")
        await settle(pilot)
        view = {item.name: item for item in _pods(app)}
        cells = {c.header: text_of(c.get(view["web-000"], app.session)) for c in PODS.columns}
        assert (cells["CPU"], cells["%CPU/R"], cells["%CPU/L"]) == ("900m", "360", "n/a")
        assert (cells["MEM"], cells["%MEM/R"]) == ("512Mi", "200")
        assert text_of(next(c for c in PODS.columns if c.header == "CPU").get(view["big"], app.session)) == "n/a"
        assert "%CPU/R" in picture(app)
        assert "900m" in picture(app)
        assert client.asked_usage.count("pods") >= 1


def _pods(app: KubariumApp) -> list[Item]:
    assert isinstance(app.screen, ResourceScreen)
    return [row.item for row in app.screen.pane.model.rows.values()]


async def test_sorting_by_cpu_follows_new_figures() -> None:
    """shift-c puts the busiest first; when figures change, rows move without a change of any object."""
    async with console(busy_world(), (220, 40)) as (app, pilot, client):
        app.run_command("pods")
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        pane = app.screen.pane
        app.session.usage.ask("pods")
        await pilot.press("C")
        await settle(pilot)
        assert pane.model.rows[pane.model.shown_uids()[0]].item.name == "web-000"
        client.usage["shop/web-001"] = Usage(2000, 1)
        client.tell_summary(cluster_time=START + 10_000_000)
        await settle(pilot)
        app.session.usage._next.clear()
        app.session.usage.ask("pods")
        await settle(pilot)
        assert pane.model.rows[pane.model.shown_uids()[0]].item.name == "web-001"


async def test_a_filter_by_usage_finds_other_rows_when_figures_change() -> None:
    """cpu>500m is true of what is used now."""
    async with console(busy_world(), (220, 40)) as (app, pilot, _):
        app.run_command("pods /cpu>500m")
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        app.session.usage.ask("pods")
        await settle(pilot)
        names = [app.screen.pane.model.rows[uid].item.name for uid in app.screen.pane.model.shown_uids()]
        assert names == ["web-000"]


async def test_nothing_is_asked_twice_at_one_moment() -> None:
    """While cluster time stands, one answer is enough; nodes and pods are asked apart."""
    async with console(busy_world()) as (app, pilot, client):
        await settle(pilot)
        client.asked_usage.clear()
        client.tell_summary(cluster_time=START + 5_000_000)
        await settle(pilot)
        app.session.usage._next.clear()
        for _ in range(5):
            app.session.usage.ask("nodes")
        app.session.usage.ask("services")
        await settle(pilot)
        assert client.asked_usage.count("nodes") == 1
        assert "services" not in client.asked_usage


async def test_the_past_has_no_figures() -> None:
    """What was used then is not known: the columns say n/a instead of today's figures."""
    async with console(busy_world()) as (app, pilot, _):
        board: UsageBoard = app.session.usage
        board.ask("nodes")
        await settle(pilot)
        assert board.node("worker-0") is not None
        app.session.gate.moment = 50
        board._next.clear()
        board.ask("nodes")
        await settle(pilot)
        assert board.node("worker-0") is None
        app.session.gate.moment = None


async def test_several_namespaces_are_shown_at_once() -> None:
    """`:pods shop,team` lists both and nobody else's, live; the column NAMESPACE stays."""
    client = FakeClient([*world(6), ("pods", pod("late", namespace="team"))])
    async with console(client) as (app, pilot, _):
        app.run_command("pods shop,team")
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        pane = app.screen.pane
        assert {row.item.namespace for row in pane.model.rows.values()} == {"shop", "team"}
        client.put("pods", pod("later", namespace="team"))
        client.put("pods", pod("never", namespace="data"))
        await settle(pilot)
        names = {row.item.name for row in pane.model.rows.values()}
        assert "later" in names
        assert "never" not in names
        assert "NAMESPACE" in picture(app)
