"""Ways through the Manifests screen: between files, text and plan, and through a long text."""

from __future__ import annotations

from pathlib import Path

from engine.client import FieldHelp, FolderFile, Plan, PlannedObject
from tests.tui.console import console, picture, settle
from tests.tui.test_manifests_screen import TEXT, client_on, opened


async def test_the_key_bar_names_the_ways_in_and_out(tmp_path: Path) -> None:
    """esc goes from the text to the files and from there away; enter and i go back into the text; the bar says all."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    client = client_on(tmp_path)
    client.files = (FolderFile("settings.yaml", "applied"),)
    async with console(client, size=(80, 24)) as (app, pilot, _):
        screen = await opened(app, pilot, "settings.yaml")
        for key in ("enter", "i"):
            assert "esc files" in picture(app).splitlines()[-1]
            await pilot.press("escape")
            await settle(pilot)
            assert screen.tree_view.has_focus
            assert "enter edit" in picture(app).splitlines()[-1]
            assert "esc back" in picture(app).splitlines()[-1]
            await pilot.press(key)
            await settle(pilot)
            assert screen.editor.has_focus
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert app.screen is not screen


async def test_what_saving_will_do_is_told_anew_once_it_is_done(tmp_path: Path) -> None:
    """When the save has been applied, the panel no longer says that there is something to change."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    client = client_on(tmp_path)
    client.files = (FolderFile("settings.yaml", "applied", revision=7),)
    client.plan_answer = Plan((), (PlannedObject("change", "configmaps", "default", "settings", 1),))
    async with console(client) as (app, pilot, _):
        await opened(app, pilot, "settings.yaml")
        await pilot.press("x", "ctrl+s")
        await settle(pilot)
        assert "1 to change" in picture(app)
        client.plan_answer = Plan((), (PlannedObject("unchanged", "configmaps", "default", "settings", 1),))
        client.tell_files((FolderFile("settings.yaml", "applied", revision=8),))
        await settle(pilot)
        await pilot.pause(0.2)
        assert "= 1 unchanged" in picture(app)
        assert "What saving will do  nothing changes" in picture(app)


async def test_a_long_file_is_gone_through_by_its_documents(tmp_path: Path) -> None:
    """The outline lists the documents, with fields of the cursor's; typing finds the others. ctrl-down goes on."""
    documents = [TEXT.replace("settings", f"settings{number}") for number in range(800)]
    (tmp_path / "big.yaml").write_text("---\n".join(documents))
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "big.yaml", 8)
        assert "big.yaml  8:1  ConfigMap settings1" in picture(app)
        await pilot.press("ctrl+o")
        await settle(pilot)
        shown = picture(app)
        assert "Outline: 800 documents, 4800 fields" in shown
        assert shown.count("colour: red  :") == 1, "only fields of the document of the cursor"
        assert "ConfigMap settings2  :15" in shown
        await pilot.press(*"map settings777", "enter")
        await settle(pilot)
        assert screen.editor.cursor_location == (777 * 7, 0)
        assert "ConfigMap settings777" in picture(app)
        rows = []
        for key in ("ctrl+down", "down", "ctrl+up", "ctrl+up"):
            await pilot.press(key)
            rows.append(screen.editor.cursor_location[0])
        assert rows == [778 * 7, 778 * 7 + 1, 778 * 7, 777 * 7]
        await pilot.press("ctrl+o", *"nothing like it")
        await settle(pilot)
        assert "Nothing is called so" in picture(app)


async def test_the_place_of_a_field_is_told(tmp_path: Path) -> None:
    """Below the text stands where the field of the cursor is, as far as there is room."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    client = client_on(tmp_path)
    client.meanings[("metadata", "name")] = FieldHelp("name", "string", True, "Must be unique.")
    async with console(client, size=(80, 24)) as (app, pilot, _):
        await opened(app, pilot, "settings.yaml", 4)
        assert "metadata.name string  Must be unique." in picture(app)


async def test_f6_goes_to_the_plan_and_back(tmp_path: Path) -> None:
    """tab indents in a text; f6 walks on, and esc leads to the files."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "settings.yaml")
        await pilot.press("f6")
        assert screen.plan_view.has_focus
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert screen.tree_view.has_focus or screen.editor.has_focus
        assert screen.editor.text == TEXT
