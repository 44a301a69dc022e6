"""Keys are handled once, and commands faster than screens are mounted end where the last one leads."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input, TextArea

from tests.tui.console import console, settle
from tests.tui.test_editor_actions import editing
from tui.screens.resources import ResourceScreen
from tui.widgets.find_bar import FindBar


@pytest.mark.parametrize("key", ["x", "enter", "left", "backspace", "tab", "full_stop"])
async def test_the_editor_hands_each_key_on_once(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the editor does with it, the text area under it hears of it at most once."""
    heard: list[str] = []
    theirs = TextArea._on_key

    async def counted(self: TextArea, event: events.Key) -> None:
        heard.append(event.key)
        await theirs(self, event)

    monkeypatch.setattr(TextArea, "_on_key", counted)
    async with editing("name: web", 0, 9) as (_, pilot):
        await pilot.press(key)
        assert heard.count(key) <= 1


async def test_find_types_each_letter_once_and_leaves_alt_to_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The field of the find bar is an input but for alt and a letter."""
    heard: list[str] = []
    theirs = Input._on_key

    async def counted(self: Input, event: events.Key) -> None:
        heard.append(event.key)
        await theirs(self, event)

    monkeypatch.setattr(Input, "_on_key", counted)
    async with console() as (app, pilot, _):
        bar = FindBar()
        await app.screen.mount(bar)
        bar.display = True
        field = bar.query(Input).first()
        field.focus()
        await pilot.pause()
        await pilot.press("a", "left", "b")
        field.post_message(events.Key("alt+r", "r"))
        await pilot.pause()
        assert heard == ["a", "left", "b"]
        assert field.value == "ba"


async def test_commands_in_one_burst_end_at_the_last_one() -> None:
    """None fails on a screen that is gone before it is mounted, and none leaves a watch behind."""
    async with console() as (app, pilot, client):
        before = len(client.watches)
        for line in ("pods", "deploy", "pods shop", "nodes"):
            app.run_command(line)
        await settle(pilot, 8)
        assert isinstance(app.screen, ResourceScreen)
        assert app.screen.query_shown.resource == "nodes"
        assert len(app.screen.pane.model.rows) == 8
        asked = [query for query in client.watches if query.resource == "deployments.apps" or query.namespace == "shop"]
        assert not asked
        await pilot.press("escape")
        await settle(pilot)
        assert len(client.watches) == before
