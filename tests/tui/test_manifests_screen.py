"""The Manifests screen by keyboard: open, type, see the plan, save, and never lose a text."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import TextArea

from engine.client import Diagnostic, FieldChange, Plan, PlannedObject
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient
from tests.tui.fake_world import world
from tui.screens.manifests import ManifestsScreen
from tui.widgets.yaml_editor import YamlEditor

TEXT = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: red\n"


def client_on(folder: Path) -> FakeClient:
    client = FakeClient(world())
    client.folder = str(folder)
    return client


async def test_opening_at_a_line_and_saving_an_edit(tmp_path: Path) -> None:
    """What was typed is on disk after ctrl-s, and the cursor began where it was asked to."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        app.open_manifest("settings.yaml", 6)
        await settle(pilot)
        assert isinstance(app.screen, ManifestsScreen)
        editor = app.screen.query_one(YamlEditor)
        assert editor.has_focus
        assert editor.cursor_location[0] == 5
        await pilot.press("end", "d")
        await settle(pilot)
        assert "unsaved" in picture(app)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert (tmp_path / "settings.yaml").read_text() == TEXT.replace("red", "redd")


async def test_the_hint_is_whole_on_a_small_terminal() -> None:
    """Without a folder the screen says how to have one; nothing of it is cut off at 80 columns."""
    async with console(size=(80, 24)) as (app, pilot, _):
        app.open_manifest()
        await settle(pilot)
        words = " ".join(" ".join(line[26:] for line in picture(app).splitlines()).split())
        assert "Start with `kubarium DIR` to edit manifests here." in words


async def test_the_files_are_walked_with_the_keys_of_tables(tmp_path: Path) -> None:
    """j, k, g and G move in the tree as they do in tables; enter opens the file under the cursor."""
    for name in ("bad", "web"):
        (tmp_path / f"{name}.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        app.open_manifest()
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, ManifestsScreen)
        seen = []
        for key in ("G", "k", "j", "g"):
            await pilot.press(key)
            seen.append(screen.tree_view.current)
        assert seen == ["web.yaml", "bad.yaml", "web.yaml", "bad.yaml"]
        await pilot.press("j", "enter")
        await settle(pilot)
        assert screen.buffer is not None
        assert screen.session.last_manifest == "web.yaml"


async def test_saving_works_from_every_pane(tmp_path: Path) -> None:
    """esc leaves the editor for the plan; ctrl-s still saves, and only keys that do something are shown there."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        app.open_manifest("settings.yaml", 6)
        await settle(pilot)
        await pilot.press("end", "d", "escape")
        await settle(pilot)
        assert not app.screen.query_one(YamlEditor).has_focus
        assert "save" in picture(app).splitlines()[-1]
        assert "describe" not in picture(app).splitlines()[-1]
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert (tmp_path / "settings.yaml").read_text() == TEXT.replace("red", "redd")


async def test_the_plan_stands_below_and_problems_in_the_gutter(tmp_path: Path) -> None:
    """What saving will do comes from the cluster, while one types."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    client = client_on(tmp_path)
    client.plan_answer = Plan(
        (Diagnostic(6, 3, "error", "data.colour", "no such colour"),),
        (
            PlannedObject(
                "change", "configmaps", "default", "settings", 1, (FieldChange("data.colour", "red", "blue"),)
            ),
        ),
    )
    async with console(client) as (app, pilot, _):
        app.open_manifest("settings.yaml", 1)
        await settle(pilot)
        screen = picture(app)
        assert "~ change configmaps default/settings" in screen
        assert "data.colour: red → blue" in screen
        assert "✗ 6:3 data.colour: no such colour" in screen
        assert " 6● " in screen
        await pilot.press("ctrl+n")
        await settle(pilot)
        assert app.screen.query_one(YamlEditor).cursor_location == (5, 2)


async def test_leaving_keeps_what_was_typed(tmp_path: Path) -> None:
    """Going away and coming back finds the unsaved text; the file is as it was."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        app.open_manifest("settings.yaml", 1)
        await settle(pilot)
        await pilot.press("x", "escape", "escape")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, ManifestsScreen)
        app.open_manifest()
        await settle(pilot)
        assert app.screen.query_one(YamlEditor).text.startswith("xapiVersion")
        assert (tmp_path / "settings.yaml").read_text() == TEXT


async def test_names_of_textual_that_the_editor_relies_on() -> None:
    """TextArea's private hooks are still there: a new Textual that drops one is noticed here."""
    async with console() as (app, pilot, _):
        app.open_manifest()
        await settle(pilot)
        editor = app.screen.query_one(YamlEditor)
        for name in (
            "_render_line",
            "_line_cache",
            "_highlights",
            "_highlight_query",
            "_build_highlight_map",
            "_refresh_size",
        ):
            assert hasattr(TextArea, name) or hasattr(editor, name)
        assert hasattr(editor.wrapped_document, "_offset_to_line_info")
        assert hasattr(editor.wrapped_document, "_wrap_offsets")


async def test_without_a_folder_the_screen_says_what_to_do() -> None:
    """No empty box."""
    async with console() as (app, pilot, _):
        app.open_manifest()
        await settle(pilot)
        assert "kubarium DIR" in picture(app)
