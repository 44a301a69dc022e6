"""Long work: it tells how far it is, goes on whatever screen is open, and can be stopped between two steps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from engine.client import ClientError
from tests.tui.console import console, picture
from tests.tui.fake_client import KINDS, FakeClient, done
from tests.tui.fake_world import world
from tui.app import KubariumApp
from tui.screens.can_i import CanIScreen
from tui.screens.choice import ChoiceDialog
from tui.screens.picker import PickDialog
from tui.screens.resources import ResourceScreen


class SlowClient(FakeClient):
    """Deletes and evictions are answered when the test says so."""

    def __init__(self) -> None:
        super().__init__(world())
        self.pending: list[tuple[str, Future[Any]]] = []

    def _later(self, name: str) -> Future[Any]:
        future: Future[Any] = Future()
        self.pending.append((name, future))
        return future

    def delete(self, resource: str, namespace: str, name: str, **how: Any) -> Future[None]:
        return self._later(name)

    def evict(self, namespace: str, pod: str, *, intent: str, grace: int | None = None) -> Future[None]:
        return self._later(pod)


async def rest(pilot: Pilot[None], rounds: int = 4) -> None:
    """Let messages pass; work may go on for longer."""
    for _ in range(rounds):
        await pilot.pause(0.04)


async def answer_next(pilot: Pilot[None], client: SlowClient, error: ClientError | None = None) -> None:
    """Answer the last question that was asked."""
    future = client.pending[-1][1]
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
    await rest(pilot)


def said(app: KubariumApp) -> list[str]:
    return [text for _, _, text, _ in app.session.messages]


@asynccontextmanager
async def killing(count: int = 3) -> AsyncIterator[tuple[KubariumApp, Pilot[None], SlowClient]]:
    """So many marked pods are being killed; the first answer is awaited."""
    client = SlowClient()
    async with console(client) as (app, pilot, _):
        app.run_command("pods")
        await rest(pilot)
        await pilot.press(*["space"] * count, "ctrl+k")
        await rest(pilot)
        yield app, pilot, client
        for _, future in client.pending:
            if not future.done():
                future.set_result(None)


async def test_the_header_tells_how_far_it_is() -> None:
    """What, n of m, and the key that stops it; when it is done, nothing of it is left."""
    async with killing() as (app, pilot, client):
        assert "◐ kill 3 pods 0/3" in picture(app)
        assert "shift-x stops" in picture(app)
        await answer_next(pilot, client)
        assert "◐ kill 3 pods 1/3" in picture(app)
        await answer_next(pilot, client)
        await answer_next(pilot, client)
        assert "◐ kill" not in picture(app)
        assert said(app)[-1] == "Killed 3 pods"


async def test_it_goes_on_when_its_screen_is_left() -> None:
    """esc leaves the table, not the work."""
    async with killing() as (app, pilot, client):
        await pilot.press("escape")
        await rest(pilot)
        assert not isinstance(app.screen, ResourceScreen)
        assert "◐ kill 3 pods 0/3" in picture(app)
        for _ in range(3):
            await answer_next(pilot, client)
        assert len(client.pending) == 3
        assert said(app)[-1] == "Killed 3 pods"


async def test_it_is_stopped_between_two_steps() -> None:
    """The step under way is finished, the rest is left, and both are told."""
    async with killing() as (app, pilot, client):
        await answer_next(pilot, client)
        await pilot.press("X")
        await answer_next(pilot, client)
        assert len(client.pending) == 2
        assert said(app)[-1] == "Stopped: kill 3 pods: 2 done, 1 left as they were: web-004"
        await pilot.press("X")
        await rest(pilot)
        assert said(app)[-1] == "No long work is under way"


async def test_of_several_one_is_chosen_to_be_stopped() -> None:
    """X asks which."""
    async with killing() as (app, pilot, _):
        await pilot.press("ctrl+k")
        await rest(pilot)
        await pilot.press("X")
        await rest(pilot)
        assert isinstance(app.screen, PickDialog)
        await pilot.press("down", "enter")
        await rest(pilot)
        assert [work.stopped for work in app.session.work.running] == [False, True]


async def test_quitting_asks_while_something_is_under_way() -> None:
    """It would end there: that is said, staying is the first answer."""
    async with killing() as (app, pilot, _):
        app.leave()
        await rest(pilot)
        assert isinstance(app.screen, ChoiceDialog)
        assert "kill 3 pods is under way: 0 of 3 done. Quitting ends it there." in picture(app)
        await pilot.press("enter")
        await rest(pilot)
        assert app.return_code is None
        assert len(app.session.work.running) == 1


async def test_many_refusals_do_not_cover_the_screen() -> None:
    """Three are shown, the others can be read in the messages."""
    async with killing(5) as (app, pilot, client):
        for place in range(5):
            await answer_next(pilot, client, ClientError(f"no {place}", code=409))
        shown = [note.message for note in app._notifications]
        assert shown[:3] == ["no 0", "no 1", "no 2"]
        assert shown[3:] == ["Killed 5 pods, 5 refused; :messages has all of them"]
        assert "no 4" in said(app)


async def test_a_drain_that_waits_for_a_budget_is_stopped() -> None:
    """What it waits for is told; stopped, it tells what is still there and that the node stays cordoned."""
    client = SlowClient()
    async with console(client) as (app, pilot, _):
        await pilot.press("r")
        await rest(pilot)
        await pilot.press("right", "enter")
        await rest(pilot)
        await answer_next(pilot, client)
        budget = ClientError("Cannot evict pod as it would violate the pod's disruption budget.", code=429)
        for _ in range(7):
            await answer_next(pilot, client, budget)
        assert len(client.pending) == 8
        assert "◐ drain worker-0 1/8" in picture(app)
        assert "(7 wait for budgets)" in picture(app)
        await pilot.press("X")
        await rest(pilot)
        assert len(client.pending) == 8
        assert said(app)[-1].startswith("Stopped: drain worker-0: 1 done, 7 left as they were: ")
        assert said(app)[-1].endswith(" It stays cordoned.")


async def test_read_only_is_said_once() -> None:
    """Not once for each of the marked."""
    client = SlowClient()
    async with console(client) as (app, pilot, _):
        app.run_command("readonly")
        app.run_command("pods")
        await rest(pilot)
        await pilot.press("space", "space", "ctrl+k")
        await rest(pilot)
        assert said(app).count("The console is read-only") == 1
        assert not client.pending


async def test_read_only_is_said_before_anything_is_asked() -> None:
    """No dialog about a delete, a fault or an image that would be refused in the end."""
    async with console(SlowClient()) as (app, pilot, _):
        app.run_command("readonly")
        await pilot.press("up")
        await rest(pilot)
        for place, key in enumerate(("x", "r", "ctrl+d"), 1):
            await pilot.press(key)
            await rest(pilot)
            assert len(app.screen_stack) == 1
            assert said(app).count("The console is read-only") == place


async def test_rights_appear_while_they_are_asked_and_esc_leaves() -> None:
    """`:can-i`: no question is asked any more once the screen is left."""
    asked: list[Future[Any]] = []

    class Judge(SlowClient):
        def create(self, resource, namespace, obj, *, intent, dry_run=False):  # type: ignore[no-untyped-def]
            asked.append(Future())
            return asked[-1]

        def kinds(self) -> Future[Any]:
            return done([replace(kind, verbs=("get",)) for kind in KINDS])

    async with console(Judge()) as (app, pilot, client):
        app.run_command("can-i")
        await rest(pilot)
        assert isinstance(app.screen, CanIScreen)
        for _ in range(5):
            asked[-1].set_result(client.put("reviews", {"metadata": {"name": "r"}, "status": {"allowed": True}}))
            await rest(pilot)
        assert "5 of 14 kinds asked, esc leaves" in picture(app)
        assert picture(app).count("✓ yes") == 5
        await pilot.press("escape")
        await rest(pilot)
        count = len(asked)
        asked[-1].cancel()
        await rest(pilot)
        assert len(asked) == count


async def test_going_back_to_a_snapshot_is_shown_and_is_one_step() -> None:
    """It is one step of the engine's: it can be left, not stopped."""
    client = SlowClient()
    back: Future[int] = Future()
    async with console(client) as (app, pilot, _):
        client.past.restore = lambda name, *, intent: back  # type: ignore[method-assign]
        app.run_command("restore monday")
        await rest(pilot)
        await pilot.press("right", "enter")
        await rest(pilot)
        assert "◐ restore monday" in picture(app)
        assert "stops" not in picture(app).split("\n")[0]
        await pilot.press("X")
        await rest(pilot)
        assert said(app)[-1] == "restore monday: one step, it cannot be stopped"
        back.set_result(7)
        await rest(pilot)
        assert said(app)[-1] == "Back at monday: 7 objects written"
        assert not app.session.work.running


async def test_counting_what_goes_along_tells_how_far_it_is() -> None:
    """All of the marked objects are counted, however many, and esc leaves the question."""
    client = SlowClient()
    client.delete_preview = lambda resource, namespace, name: client._later(name)  # type: ignore[method-assign]
    async with console(client) as (app, pilot, _):
        app.run_command("pods")
        await rest(pilot)
        await pilot.press(*["space"] * 30, "ctrl+d")
        await rest(pilot)
        for _ in range(20):
            client.pending[-1][1].set_result([])
            await pilot.pause(0.01)
        await rest(pilot)
        assert "Counting what goes with it: 20 of 30 …" in picture(app)
        await pilot.press("escape")
        await rest(pilot)
        assert isinstance(app.screen, ResourceScreen)


async def test_an_action_without_a_key_is_told_by_its_id(tmp_path: Path) -> None:
    """keys.toml may take a key away: the header names the action, as `:` and the palette still do it."""
    keys = tmp_path / "keys.toml"
    keys.write_text('[keys]\n"work.stop" = []\n"time.now" = []\n')
    async with console(SlowClient(), keys_file=str(keys)) as (app, pilot, _):
        with app.session.work.begin("count sheep", 9):
            await rest(pilot)
            assert "◐ count sheep 0/9  work.stop stops" in picture(app)
            app.run_command("stop")
            assert app.session.work.running[0].stopped
