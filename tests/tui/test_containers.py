"""The containers of a pod: rows, order, states, logs and shell of the one under the cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.client import Item, Json, Usage
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import START, FakeClient, FakeItem, ago
from tests.tui.fake_world import pod, world
from tests.tui.test_filters import Facts
from tui.app import KubariumApp
from tui.kinds.containers import CONTAINERS
from tui.kinds.podstatus import container_faulty, container_tone, container_word
from tui.kinds.spec import Cell, text_of
from tui.rows import ContainerRole, container_items
from tui.screens.inspect import InspectScreen
from tui.screens.resources import ResourceScreen
from tui.screens.shell import ShellScreen
from tui.screens.xray import XrayScreen


def full() -> Json:
    """A pod with a container of each kind."""
    made = pod("full", app="web")
    spec, status = made["spec"], made["status"]
    spec["initContainers"] = [
        {"name": "migrate", "image": "migrate:3"},
        {"name": "proxy", "image": "proxy:2", "restartPolicy": "Always", "startupProbe": {}},
    ]
    spec["containers"][0] |= {
        "ports": [{"name": "http", "containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
        "livenessProbe": {}, "readinessProbe": {},
    }  # fmt: skip
    spec["ephemeralContainers"] = [{"name": "debugger", "image": "busybox"}]
    status["initContainerStatuses"] = [
        {"name": "migrate", "ready": True, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
        {"name": "proxy", "ready": True, "state": {"running": {}}},
    ]
    killed = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": ago(60)}
    status["containerStatuses"][0] |= {"restartCount": 2, "lastState": {"terminated": killed}}
    status["ephemeralContainerStatuses"] = [{"name": "debugger", "ready": False, "state": {"running": {}}}]
    return made


def cells(made: Json) -> list[dict[str, str]]:
    items = container_items(FakeItem("pods", 1, {**made, "metadata": {**made["metadata"], "uid": "u"}}))
    return [{c.header: text_of(c.get(item, Facts())) for c in CONTAINERS.columns} for item in items]


def test_each_container_is_a_row_in_the_order_of_their_start() -> None:
    """Init containers and sidecars, then containers, then ephemeral ones, each with its place in the spec."""
    assert [(row["IDX"], row["NAME"], row["KIND"]) for row in cells(full())] == [
        ("I1", "migrate", "init"), ("I2", "proxy", "sidecar"), ("M1", "web", "main"), ("E1", "debugger", "ephemeral"),
    ]  # fmt: skip


def test_a_container_tells_probes_ports_requests_and_its_last_end() -> None:
    """All that k9s' containers view tells."""
    web = cells(full())[2]
    assert (web["PROBES(L:R:S)"], web["PORTS"]) == ("on:on:off", "http:80,53/UDP")
    assert (web["RESTARTS"], web["LAST STATE"]) == ("2", "OOMKilled 137, 60s ago")
    assert (web["CPU"], web["CPU/RL"], web["%CPU/R"]) == ("40m", "250m:0", "16")
    assert web["AGE"] == "10m"
    assert cells(full())[1]["PROBES(L:R:S)"] == "off:off:on"


@pytest.mark.parametrize(
    ("role", "status", "word", "tone", "faulty"),
    [
        ("main", {}, "n/a", "busy", False),
        ("main", {"state": {"waiting": {}}}, "Waiting", "busy", False),
        ("main", {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}, "CrashLoopBackOff", "bad", True),
        ("main", {"ready": False, "state": {"running": {}}}, "Running", "warn", True),
        ("main", {"ready": True, "state": {"running": {}}}, "Running", "ok", False),
        ("init", {"ready": False, "state": {"running": {}}}, "Running", "busy", False),
        ("ephemeral", {"ready": False, "state": {"running": {}}}, "Running", "ok", False),
        ("main", {"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}, "Error", "bad", True),
        ("init", {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}, "Completed", "dim", False),
    ],
)
def test_states_have_a_word_and_a_tone(
    role: ContainerRole, status: dict[str, Any], word: str, tone: str, faulty: bool
) -> None:
    """Fine, under way, in need of a look, broken or finished."""
    assert (container_word(status), container_tone(role, status)) == (word, tone)
    assert container_faulty(role, status) is faulty


@asynccontextmanager
async def containers(size: tuple[int, int] = (120, 40)) -> AsyncIterator[tuple[KubariumApp, Pilot[None], FakeClient]]:
    """The containers of `full`, by enter on the pod."""
    async with console(FakeClient([*world(2), ("pods", full())]), size) as (app, pilot, client):
        app.run_command("pods /full")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        yield app, pilot, client


def _screen(app: KubariumApp) -> ResourceScreen:
    assert isinstance(app.screen, ResourceScreen)
    return app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_enter_on_a_pod_lists_its_containers(size: tuple[int, int]) -> None:
    """With crumbs; esc leads back to the pods."""
    async with containers(size) as (app, pilot, _):
        assert app.screen.header.crumbs[-2:] == ("pods", "full › containers")  # type: ignore[attr-defined]
        shown = picture(app)
        assert "Containers · pod shop/full  4" in shown
        for words in ("I1 ", "migrate:3", "○ Completed", "● Running", "RESTARTS", "E1 "):
            assert words in shown
        await pilot.press("escape")
        await settle(pilot)
        assert _screen(app).pane.resource == "pods"
        assert _screen(app).view.resource == "pods"


@pytest.mark.parametrize(("key", "previous"), [("enter", False), ("l", False), ("p", True)])
async def test_logs_are_those_of_the_container(key: str, previous: bool) -> None:
    """enter and l: its log alone; p: that of its run before; esc leads back."""
    async with containers() as (app, pilot, client):
        await pilot.press("j", key)
        await settle(pilot)
        assert isinstance(app.screen, InspectScreen)
        assert [(query.container, query.previous) for query, _ in client.followers] == [("proxy", previous)]
        await pilot.press("escape")
        await settle(pilot)
        assert _screen(app).pane.container == "proxy"


async def test_a_wide_screen_shows_the_log_beside_and_follows_the_cursor() -> None:
    """The inspector stands beside; another row is another container's log."""
    async with containers((200, 50)) as (_, pilot, client):
        await pilot.press("j", "l")
        await settle(pilot)
        assert [query.container for query, _ in client.followers] == ["proxy"]
        await pilot.press("j")
        await settle(pilot, 8)
        assert [query.container for query, _ in client.followers] == ["web"]


async def test_s_is_a_shell_in_the_container() -> None:
    """Not in the pod's first one."""
    async with containers() as (app, pilot, _):
        await pilot.press("j", "s")
        await settle(pilot)
        assert isinstance(app.screen, ShellScreen)
        assert "full/proxy $" in picture(app)


async def test_containers_live_and_go_with_the_pod() -> None:
    """A change of the pod is seen in the rows, its end empties them."""
    async with containers() as (app, pilot, client):
        changed = full()
        changed["status"]["containerStatuses"][0] |= {"ready": False, "restartCount": 3}
        item = client.put("pods", changed)
        await settle(pilot)
        assert "▲ Running" in picture(app)
        client.drop("pods", item.uid)
        await settle(pilot)
        assert "The pod is gone" in picture(app)


async def test_what_each_uses_is_told_and_sorted_by() -> None:
    """CPU by container; shift-c puts the busiest on top; shift-t the one that restarted."""
    async with containers() as (app, pilot, client):
        client.usage = {"shop/full": Usage(300, 2**20)}
        client.container_usage = {"shop/full": {"web": Usage(100, 2**20), "proxy": Usage(200, 2**20)}}
        client.tell_summary(cluster_time=START + 10_000_000)
        await settle(pilot)
        app.session.usage._next.clear()
        app.session.usage.ask("pods")
        await pilot.press("C")
        await settle(pilot)
        model = _screen(app).pane.model
        assert [model.rows[uid].item.name for uid in model.shown_uids()][:2] == ["proxy", "web"]
        assert "200m" in picture(app)
        await pilot.press("T")
        await settle(pilot)
        assert model.rows[model.shown_uids()[0]].item.name == "web"


async def test_nothing_of_a_container_can_be_deleted() -> None:
    """ctrl-d there does not mean the pod; describe and the image dialog do."""
    async with containers() as (app, pilot, client):
        await pilot.press("ctrl+d")
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        await pilot.press("c")
        assert app.clipboard == "migrate"
        await pilot.press("i")
        await settle(pilot)
        assert "Images of full" in picture(app)
        assert not client.writes


def test_a_cell_of_a_late_container_stands_out() -> None:
    """READY is marked only where somebody should look."""
    ready = next(column for column in CONTAINERS.columns if column.header == "READY")

    def tone(item: Item) -> str:
        cell = ready.get(item, Facts())
        assert isinstance(cell, Cell)
        return cell.tone

    late = full()
    late["status"]["containerStatuses"][0]["ready"] = False
    late["metadata"]["uid"] = "u"
    assert [tone(item) for item in container_items(FakeItem("pods", 1, late))] == ["", "", "warn", ""]


async def test_enter_on_a_container_in_the_tree_leads_to_it() -> None:
    """From `:xray pods` to the containers of its pod, the cursor on it."""
    async with console(FakeClient([*world(0), ("pods", full())])) as (app, pilot, _):
        app.run_command("xray pods")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, XrayScreen)
        assert [word in picture(app) for word in ("debugger", "○ Completed", "● Running")] == [True] * 3
        uid = next(uid for uid, row in screen.model.rows.items() if row.item.name == "proxy")
        screen.table.select(uid)
        await pilot.press("enter")
        await settle(pilot)
        assert _screen(app).pane.container == "proxy"
