"""The home screen: what it shows, what it follows, how it fits."""

from __future__ import annotations

import pytest

from engine.client import ClientError, Mailbox, Query
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient
from tests.tui.fake_world import event, node, pod, world
from tui.board import Scope
from tui.screens.cluster import ClusterScreen
from tui.screens.resources import ResourceScreen


async def test_nodes_stand_under_their_zones_with_what_they_carry() -> None:
    """Zones, status words, pods and requests of each node are on the first screen."""
    async with console() as (app, _, _):
        text = picture(app)
    assert "zone-a  ● 3/3 ready" in text
    assert "▲ Ready,SchedulingDisabled" in text
    assert "8/110" in text
    assert "Namespaces  4" in text


async def test_a_zone_line_counts_anew_when_one_of_its_nodes_changes() -> None:
    """The line over the nodes is no older than they are."""
    async with console() as (app, pilot, client):
        client.put("nodes", node(3, ready=False))
        await settle(pilot)
        assert "zone-a  ✗ 2/3 ready" in picture(app)
        client.put("nodes", node(3))
        await settle(pilot)
        assert "zone-a  ● 3/3 ready" in picture(app)


async def test_pods_follow_the_node_under_the_cursor() -> None:
    """Moving in Nodes changes what Pods shows, without asking the engine anything."""
    async with console() as (app, pilot, client):
        asked = len(client.watches)
        assert "Pods · all  42" in picture(app)
        await pilot.press("j")
        await settle(pilot)
        assert "Pods · node worker-3" in picture(app)
        assert len(client.watches) == asked
        await pilot.press("escape")
        await settle(pilot)
        assert "Pods · all  42" in picture(app)


async def test_what_needs_a_look_stands_on_top() -> None:
    """Of all pods the crashing one comes first, then the one that cannot be placed."""
    async with console() as (app, _, _):
        home = app.screen
        assert isinstance(home, ClusterScreen)
        assert [home.pods.model.uid_at(i) for i in range(2)] == ["pods-shop-crash", "pods-shop-big"]


async def test_pods_follow_the_namespace_when_that_pane_is_used() -> None:
    """tab to Namespaces: Pods shows the namespace's pods, without the NAMESPACE column."""
    async with console() as (app, pilot, _):
        await pilot.press("shift+tab")
        await settle(pilot)
        text = picture(app)
        assert "Pods · namespace data  20" in text


async def test_rows_change_while_one_looks() -> None:
    """A pod that starts to crash is red at once, the cursor stays on its row."""
    async with console() as (app, pilot, client):
        await pilot.press("tab", "j")
        await settle(pilot)
        home = app.screen
        assert isinstance(home, ClusterScreen)
        before = home.pods.table.cursor_uid
        client.put("pods", pod("aaa", node="worker-0", namespace="data", waiting="CrashLoopBackOff", restarts=1))
        await settle(pilot)
        assert "✗ CrashLoopBackOff" in picture(app)
        assert home.pods.table.cursor_uid == before


async def test_loads_follow_the_pods() -> None:
    """A pod that goes gives its node's requests back."""
    async with console() as (app, pilot, client):
        home = app.screen
        assert isinstance(home, ClusterScreen)
        load = app.session.node_load("worker-0")
        client.drop("pods", "pods-data-web-000")
        await settle(pilot)
        assert app.session.node_load("worker-0").pods == load.pods - 1
        assert app.session.node_load("worker-0").cpu == load.cpu - 250
        assert "7/110" in picture(app)


async def test_events_are_those_of_what_is_chosen() -> None:
    """On a pod, Events shows what happened to it."""
    async with console() as (app, pilot, _):
        await pilot.press("tab", "G")
        await settle(pilot)
        home = app.screen
        assert isinstance(home, ClusterScreen)
        home.pods.follow(Scope())
        home.pods.select_when_there("big")
        await settle(pilot)
        assert "0/8 nodes are available" in picture(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_nothing_is_cut_at_the_three_sizes(size: tuple[int, int]) -> None:
    """Headings are whole and lines fit, from 80×24 to 200×60; the inspector stands beside on wide ones."""
    async with console(size=size) as (app, _, _):
        lines = picture(app).split("\n")
        home = app.screen
        assert isinstance(home, ClusterScreen)
        assert len(lines) == size[1]
        assert home.inspector.display is (size[0] >= 160)
        heading = next(line for line in lines if " NAME " in line)
        assert {"NAME", "STATUS", "PODS"} <= set(heading.split())
        assert "…" not in heading


async def test_an_empty_cluster_says_what_would_fill_it() -> None:
    """No box is empty without a word."""
    async with console(FakeClient()) as (app, _, _):
        text = picture(app)
    assert "No nodes. A Node manifest in the folder registers one." in text
    assert "No pods here." in text


async def test_a_cluster_that_cannot_run_is_told_with_its_remedy() -> None:
    """An error of `ready` is a screen of its own, and leaving it ends with a failure."""
    client = FakeClient(fail=ClientError("the store demo.db is damaged: malformed page 7"))
    async with console(client) as (app, pilot, _):
        text = picture(app)
        assert "malformed page 7" in text
        assert "--store FILE" in text
        await pilot.press("q")
    assert app.return_code == 1


async def test_a_store_that_is_open_elsewhere_says_how_to_go_on() -> None:
    """Starting once more would not help: the other console is pointed at."""
    client = FakeClient(fail=ClientError("demo.db is open in another Kubarium (process 7)"))
    async with console(client) as (app, pilot, _):
        text = picture(app)
        assert "process 7" in text
        assert "Go on in that one, or leave it" in text
        assert "Start again" not in text
        await pilot.press("q")


async def test_a_store_that_can_write_no_more_is_told_at_once() -> None:
    """A full disk under a running cluster covers what may be stale, says what is safe, and what to do."""
    async with console() as (app, pilot, client):
        client.lost.set_exception(ClientError("the store cannot write any more: database or disk is full"))
        await settle(pilot)
        text = picture(app)
        assert "disk is full" in text
        assert "Everything that was acknowledged is in the store." in text


async def test_a_pane_says_that_a_filter_hides_its_rows_also_in_another_namespace() -> None:
    """Nothing found is not the same as nothing there."""
    async with console() as (app, pilot, _):
        await pilot.press(*":pods shop", "enter", "slash", *"nosuchpod", "enter", "0")
        await settle(pilot)
        assert "No row matches the filter." in picture(app)


async def test_the_pane_with_the_keys_is_marked_by_a_glyph() -> None:
    """Without colours it is still seen where a key goes."""
    async with console() as (app, pilot, _):
        assert "▌Nodes" in picture(app)
        assert "▌Pods" not in picture(app)
        await pilot.press("tab")
        await settle(pilot)
        assert "▌Pods" in picture(app)
        assert "▌Nodes" not in picture(app)


async def test_a_long_message_does_not_cover_the_screen() -> None:
    """A page pasted into the command line is refused in a few lines; the message log has it whole."""
    async with console() as (app, pilot, _):
        app.run_command("x" * 10_000)
        await settle(pilot)
        assert "Nodes" in picture(app)
        assert len(app.session.messages[-1][2]) > 10_000


async def test_a_covered_screen_costs_nothing_and_comes_back_whole() -> None:
    """Behind another screen the panes' watches are closed; on return they relist."""
    async with console() as (app, pilot, client):
        before = len(client.watches)
        app.run_command("deployments")
        await settle(pilot)
        assert len(client.watches) < before + 1
        client.put("nodes", node(8))
        await pilot.press("escape")
        await settle(pilot)
        assert "worker-8" in picture(app)
        assert len(client.watches) == before


async def test_a_command_goes_on_without_filling_the_home_screen() -> None:
    """From one kind to another by command: home, between the two, asks for nothing."""
    async with console() as (app, pilot, client):
        app.run_command("deployments")
        await settle(pilot)
        asked: list[str] = []
        watch = client.watch

        def noting(query: Query, mailbox: Mailbox) -> object:
            asked.append(query.resource)
            return watch(query, mailbox)

        client.watch = noting  # type: ignore[method-assign,assignment]
        app.run_command("nodes")
        await settle(pilot)
        assert asked == ["nodes"]
        assert "worker-1" in picture(app)


async def test_home_lists_the_newest_events_only() -> None:
    """Of very many events those written last, in the title too; what comes pushes the oldest out; `:events` has all."""
    client = FakeClient(world())
    about = node(1)
    for number in range(2_000):
        client.put("events", event(f"e-{number:04}", about, "Pulled", f"message {number}", seconds=3000 - number))
    async with console(client, size=(200, 60)) as (app, pilot, _):
        rows = app.home.events.model.rows
        assert len(rows) == 1_000
        assert {row.item.name for row in rows.values()} >= {"e-1999", "e-1001"}
        assert "newest 1000" in picture(app)
        for number in range(2_000, 2_300):
            client.put("events", event(f"e-{number:04}", about, "Pulled", f"message {number}", seconds=1))
        await settle(pilot)
        names = {row.item.name for row in app.home.events.model.rows.values()}
        assert "e-2299" in names
        assert "e-1001" not in names
        assert len(names) <= 1_250
        app.run_command("events")
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        assert len(app.screen.pane.model.rows) > 2_300


async def test_the_first_frame_comes_before_the_client_starts() -> None:
    """The frame is painted before `start` is called."""
    client = FakeClient(world())
    painted: list[str] = []
    start = client.start

    def noticing() -> None:
        painted.append(picture(app_of[0]))
        start()

    client.start = noticing  # type: ignore[method-assign]
    app_of = []
    from tui.app import KubariumApp

    app = KubariumApp(client)
    app_of.append(app)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
    assert "starting the cluster" in painted[0]
    assert client.stopped


async def test_kinds_are_found_by_the_names_that_k9s_gives_them() -> None:
    """`:dp` opens Deployments, though Kubernetes has no such short name."""
    async with console() as (app, pilot, _):
        await pilot.press(*":dp", "enter")
        await settle(pilot)
        assert "Deployments" in picture(app)
