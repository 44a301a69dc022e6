"""The past from the console: timeline, moments, history, undo, snapshots, and the gate in front of all writes."""

from __future__ import annotations

import inspect

from engine.client import (
    ClientError,
    ClusterClient,
    ClusterSummary,
    FieldChange,
    Intent,
    Moment,
    PastRevision,
    UndoPlan,
    UndoStep,
)
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import START, FakeClient, FakeItem
from tests.tui.fake_world import world
from tui.gate import WRITES, Gate
from tui.screens.history import HistoryScreen
from tui.screens.timeline import TimelineScreen

NEWS = [
    Moment(10, START - 60_000_000, "kubernetes-admin", "1 scale shop/web", "action", "deployments.apps", "shop", "web",
           "scale shop/web"),
    Moment(20, START - 30_000_000, "system:node:worker-1", "", "pod", "pods", "shop", "web-1", "pod web-1 failed"),
]  # fmt: skip
PLAN = UndoPlan(
    Intent("1 scale shop/web", "scale shop/web", "kubernetes-admin", START - 60_000_000, 10, 10, 1, False),
    (
        UndoStep("change", "deployments.apps", "shop", "web", (FieldChange("spec.replicas", 8, 2),)),
        UndoStep("keep", "pods", "shop", "web-1", (), "its ReplicaSet web-1 makes it anew"),
    ),
)


def client_with_a_past() -> FakeClient:
    client = FakeClient(world())
    client.past.news = list(NEWS)
    client.past.plan = PLAN
    client.past.summary = ClusterSummary(
        cluster_time=START - 60_000_000, speed=0.0, revision=10, nodes=1, nodes_ready=1
    )
    client.past.then = {"nodes": [FakeItem("nodes", 3, {"metadata": {"name": "old-node", "uid": "old"}, "status": {}})]}
    return client


def test_whatever_takes_an_intent_is_a_write() -> None:
    """The gate knows every method of the client that writes: a new one cannot slip through."""
    takes_intent = {
        name
        for name, method in inspect.getmembers(ClusterClient, inspect.isfunction)
        if "intent" in inspect.signature(method).parameters
    }
    assert takes_intent == WRITES
    assert {"create", "update", "patch", "delete", "scale", "evict"} <= WRITES


def test_a_closed_gate_lets_nothing_through_but_dry_runs() -> None:
    """In the past and when it is read-only, with the reason."""
    client = FakeClient(world())
    gate = Gate(client)
    for close, words in ((lambda: setattr(gate, "read_only", True), "read-only"), (lambda: gate.go(5), "past")):
        gate.read_only = False
        close()
        for name in sorted(WRITES):
            error = getattr(gate, name)("pods", "shop", "web", intent="x").exception(1)
            assert isinstance(error, ClientError)
            assert words in error.message
    assert client.writes == []
    gate.create("configmaps", "shop", {"metadata": {"name": "c"}}, intent="x", dry_run=True)
    gate.go(None)
    gate.delete("pods", "shop", "web", intent="x")
    assert client.writes[-1][:2] == ("delete", "pods")


async def test_looking_at_a_moment_and_returning() -> None:
    """The timeline tells it, enter goes there: tables and header show that time, writes are refused; | returns."""
    async with console(client_with_a_past()) as (app, pilot, client):
        await pilot.press("t")
        await settle(pilot)
        assert isinstance(app.screen, TimelineScreen)
        assert "pod web-1 failed" in picture(app)
        await pilot.press("j", "enter")
        await settle(pilot)
        assert "THE PAST" in picture(app)
        assert "old-node" in picture(app)
        assert "rev 10" in picture(app)
        await pilot.press("g", "down", "c")
        await settle(pilot)
        assert client.writes == []
        await pilot.press("|")
        await settle(pilot)
        assert "THE PAST" not in picture(app)
        assert "old-node" not in picture(app)


async def test_stepping_through_moments() -> None:
    """{ and } walk what is worth looking at; past the newest it is now again."""
    async with console(client_with_a_past()) as (app, pilot, _):
        gate = app.session.gate
        stops = []
        for key in ("{", "{", "}", "}"):
            await pilot.press(key)
            await settle(pilot)
            stops.append(gate.moment)
        assert stops == [20, 10, 20, None]


async def test_undo_says_what_it_will_do_first() -> None:
    """esc leaves everything as it is; enter does it."""
    async with console(client_with_a_past()) as (app, pilot, client):
        await pilot.press("U")
        await settle(pilot)
        shown = picture(app)
        assert "Undo: scale shop/web?" in shown
        assert "spec.replicas  8 → 2" in shown
        assert "its ReplicaSet web-1 makes it anew" in shown
        await pilot.press("escape")
        await settle(pilot)
        assert client.past.asked == []
        await pilot.press("U")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert client.past.asked == [("undo", "1 scale shop/web")]


async def test_nothing_to_undo_is_said() -> None:
    """No dialog opens."""
    async with console() as (app, pilot, _):
        await pilot.press("U")
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert any("Nothing to undo" in toast.message for toast in app._notifications)


async def test_the_history_of_an_object_with_any_two_revisions_compared() -> None:
    """Each revision shows what it changed; with one marked, the difference to that one."""
    client = client_with_a_past()

    def revision(number: int, replicas: int) -> PastRevision:
        obj = {"metadata": {"name": "web", "resourceVersion": str(number)}, "spec": {"replicas": replicas}}
        change = FieldChange("spec.replicas", replicas - 1, replicas)
        op = "update" if number > 1 else "create"
        return PastRevision(number, op, "kubernetes-admin", "", START, "u", obj, (change,))  # type: ignore[arg-type]

    client.past.revisions = [revision(number, number) for number in (3, 2, 1)]
    async with console(client) as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("h")
        await settle(pilot)
        assert isinstance(app.screen, HistoryScreen)
        assert "spec.replicas: 2 → 3" in picture(app)
        await pilot.press("space", "G")
        await settle(pilot)
        assert "spec.replicas: 1 → 3" in picture(app)


async def test_snapshots_by_command_and_screen() -> None:
    """:snapshot takes one, the screen lists it, r says what going back changes before it is done."""
    async with console(client_with_a_past()) as (app, pilot, client):
        app.run_command("snapshot good")
        await settle(pilot)
        app.run_command("snapshots")
        await settle(pilot)
        assert "good" in picture(app)
        await pilot.press("r")
        await settle(pilot)
        assert "Go back to snapshot good?" in picture(app)
        await pilot.press("right", "enter")
        await settle(pilot)
        assert client.past.asked[-1] == ("restore", "good")


async def test_read_only_is_switched_while_running() -> None:
    """:readonly closes the gate, the header says so, a second one opens it."""
    async with console() as (app, pilot, client):
        app.run_command("readonly")
        await settle(pilot)
        assert "read-only" in picture(app)
        await pilot.press("down", "c")
        await settle(pilot)
        assert client.writes == []
        app.run_command("readonly")
        await pilot.press("c")
        await settle(pilot)
        assert client.writes
