"""Logs: followed as they are written, one container or all, narrowed by a filter, of a span of time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.client import ClientError
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import START, FakeClient
from tests.tui.fake_world import pod, world
from tui.app import KubariumApp
from tui.logs import line_test
from tui.screens.edit import EditScreen
from tui.widgets.inspector import Inspector


@pytest.mark.parametrize(
    ("text", "yes"),
    [("", True), ("error", True), ("ERROR", False), ("!error", False), ("!warn", True), ("er+or \\d", True),
     ("-f err9", True), ("-f 9err", False), ("[", False), ("!", True)],
)  # fmt: skip
def test_lines_pass_by_expression_inverse_or_letters(text: str, yes: bool) -> None:
    """As filters of tables; what is no expression is plain text."""
    test = line_test(text)
    assert (test is None or test("an error 9 came")) is yes


@asynccontextmanager
async def logs_of_two() -> AsyncIterator[tuple[KubariumApp, Pilot[None], FakeClient]]:
    """The logs of a pod with two containers."""
    two = pod("two")
    two["spec"]["containers"].append({"name": "side", "image": "side:1"})
    async with console(FakeClient([*world(0), ("pods", two)])) as (app, pilot, client):
        app.run_command("pods /two")
        await settle(pilot)
        await pilot.press("l")
        await settle(pilot)
        yield app, pilot, client


async def test_all_containers_are_followed_and_merged_by_time() -> None:
    """Each line names its container; what is written from now on appears by itself, at the end."""
    async with logs_of_two() as (app, pilot, client):
        assert sorted(query.container for query, _ in client.followers) == ["side", "web"]
        shown = picture(app)
        assert shown.index("[web] web line 3 now") < shown.index("[side] side line 3 now")
        assert shown.index("[side] side line 3 now") < shown.index("[web] web line 4 now")
        client.followers[0][1].lines([(START + 60_000_000, "fresh from the press")])
        await settle(pilot)
        assert "fresh from the press" in picture(app)


async def test_a_container_is_chosen() -> None:
    """a walks through them and back to all; streams that are not looked at are closed."""
    async with logs_of_two() as (app, pilot, client):
        await pilot.press("a")
        await settle(pilot)
        assert [query.container for query, _ in client.followers] == ["web"]
        assert "side line" not in picture(app)
        await pilot.press("a", "a")
        await settle(pilot)
        assert len(client.followers) == 2


async def test_a_filter_leaves_only_what_it_finds() -> None:
    """`/` narrows the log, `!` inverts, esc shows everything again."""
    async with logs_of_two() as (app, pilot, _):
        await pilot.press("slash", *"line 1[0-2]", "enter")
        await settle(pilot)
        shown = picture(app)
        assert "web line 11 now" in shown
        assert "web line 13 now" not in shown
        assert "/line 1[0-2]" in shown
        await pilot.press("escape")
        await settle(pilot)
        assert "web line 13 now" in picture(app)
        await pilot.press("slash", *"!web", "enter")
        await settle(pilot)
        assert "web line" not in picture(app)


async def test_ranges_are_asked_of_the_log() -> None:
    """3 is the last five minutes, 0 the newest lines, 1 the oldest; p the run before; t timestamps."""
    async with logs_of_two() as (app, pilot, client):
        await pilot.press("3")
        await settle(pilot)
        assert {(query.since, query.tail) for query, _ in client.followers} == {(300, None)}
        assert "since 5m" in picture(app)
        await pilot.press("1")
        await settle(pilot)
        assert {(query.since, query.tail) for query, _ in client.followers} == {(None, None)}
        await pilot.press("0", "p", "t")
        await settle(pilot)
        assert {(query.previous, query.tail) for query, _ in client.followers} == {(True, 1000)}
        assert "2026-11-23T09:07:12Z [web] web line 3 before" in picture(app)


async def test_what_keeps_a_log_from_being_read_is_said() -> None:
    """The refusal, in Kubernetes' words, in place of lines."""

    class Refusing(FakeClient):
        def follow_logs(self, query, receiver):  # type: ignore[no-untyped-def]
            receiver.ended(ClientError(f'container "{query.container}" is waiting to start: ContainerCreating'))
            return super().watch_summary(lambda summary: None)

    async with console(Refusing([*world(0), ("pods", pod("new"))])) as (app, pilot, _):
        app.run_command("pods /new")
        await settle(pilot)
        await pilot.press("l")
        await settle(pilot)
        assert "is waiting to start: ContainerCreating" in picture(app)


async def test_a_closed_log_is_followed_no_longer() -> None:
    """esc, or another tab: no stream stays open."""
    async with logs_of_two() as (_, pilot, client):
        await pilot.press("y")
        await settle(pilot)
        assert not client.followers
        await pilot.press("l")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert not client.followers


async def test_the_reader_stays_where_he_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """s stops following, w wraps, f gives the whole screen or leaves it, c copies, ctrl-s saves."""
    monkeypatch.chdir(tmp_path)
    async with logs_of_two() as (app, pilot, client):
        inspector = app.screen.query_one(Inspector)
        await pilot.press("s", "w", "g")
        await settle(pilot)
        assert not inspector.text.follow
        assert inspector.text.wrapped
        client.followers[0][1].lines([(START + 60_000_000, f"late {n}") for n in range(80)])
        await settle(pilot)
        assert inspector.text.scroll_offset.y == 0
        await pilot.press("c", "ctrl+s")
        await settle(pilot)
        assert "late 79" in app.clipboard
        assert "late 79" in (tmp_path / "two-logs.log").read_text()
        await pilot.press("f")
        await settle(pilot)
        assert not inspector.is_attached


async def test_matches_are_walked_and_managed_fields_shown() -> None:
    """In YAML: / and n go from match to match, m shows managed fields, e edits."""
    web = pod("web")
    web["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    async with console(FakeClient([*world(0), ("pods", web)]), (100, 14)) as (app, pilot, _):
        app.run_command("pods /web")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        text = app.screen.query_one(Inspector).text
        assert not any("kubectl" in line for line in text.lines)
        await pilot.press("m")
        await settle(pilot)
        assert any("manager: kubectl" in line for line in text.lines)
        await pilot.press("slash", *"name:", "enter")
        await settle(pilot)
        first = text.scroll_offset.y
        await pilot.press("n")
        await settle(pilot)
        assert text.scroll_offset.y > first
        await pilot.press("N")
        await settle(pilot)
        assert text.scroll_offset.y == first
        await pilot.press("e")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
