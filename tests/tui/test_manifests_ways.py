"""Ways through the Manifests screen: between files, text and plan, and through a long text."""

from __future__ import annotations

from pathlib import Path

from engine.client import FieldHelp, FolderFile, Plan, PlannedObject
from tests.tui.console import console, picture, settle
from tests.tui.test_manifests_screen import TEXT, client_on, opened
from tui.screens.manifests import ManifestsScreen


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
    documents = [TEXT.replace("settings", f"settings{number}") for number in range(300)]
    (tmp_path / "big.yaml").write_text("---\n".join(documents))
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "big.yaml", 8)
        assert "big.yaml  8:1  ConfigMap settings1" in picture(app)
        await pilot.press("ctrl+o")
        await settle(pilot)
        shown = picture(app)
        assert "Outline: 300 documents, 1800 fields" in shown
        assert shown.count("colour: red  :") == 1, "only fields of the document of the cursor"
        assert "ConfigMap settings2  :15" in shown
        await pilot.press(*"map settings277", "enter")
        await settle(pilot)
        assert screen.editor.cursor_location == (277 * 7, 0)
        assert "ConfigMap settings277" in picture(app)
        rows = []
        for key in ("ctrl+down", "down", "ctrl+up", "ctrl+up"):
            await pilot.press(key)
            rows.append(screen.editor.cursor_location[0])
        assert rows == [278 * 7, 278 * 7 + 1, 278 * 7, 277 * 7]
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
        await pilot.press("tab")
        await settle(pilot)
        assert screen.tree_view.has_focus
        assert screen.editor.text == TEXT


async def test_from_the_start_a_file_is_under_the_cursor(tmp_path: Path) -> None:
    """enter opens it without a key before."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(TEXT)
    client = client_on(tmp_path)
    client.files = (FolderFile("one.yaml", "applied"), FolderFile("two.yaml", "applied"))
    async with console(client) as (app, pilot, _):
        app.open_manifest()
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "▌one.yaml  1:1" in picture(app)


async def test_the_title_follows_the_cursor(tmp_path: Path) -> None:
    """Line and column, also along a line and from one end of the text to the other."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        await opened(app, pilot, "settings.yaml")
        for key, place in (("end", "1:15"), ("ctrl+end", "7:1"), ("ctrl+home", "1:1")):
            await pilot.press(key)
            await settle(pilot)
            assert f"▌settings.yaml  {place}" in picture(app)


async def test_the_word_on_saving_is_about_what_was_saved(tmp_path: Path) -> None:
    """A plan of the text before the last keys is not told."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    client = client_on(tmp_path)
    client.plan_answer = Plan((), (PlannedObject("unchanged", "configmaps", "default", "settings", 1),))
    async with console(client) as (app, pilot, _):
        screen = await opened(app, pilot, "settings.yaml")
        assert screen.bench.about() == "nothing changes"
        await pilot.press("x")
        assert screen.bench.about() == ""
        await screen.do_manifest_save()
        await pilot.pause()
        assert any("settings.yaml saved; applying" in toast.message for toast in app._notifications)


async def test_the_keys_of_a_text_do_what_the_help_says(tmp_path: Path) -> None:
    """Pressed one after the other at the beginning of a text."""
    text = "kind: A\nspec:\n    b: 1\n"
    cases = {
        ("ctrl+_",): "# kind: A\nspec:\n    b: 1\n",
        ("ctrl+d",): "kind: A\nkind: A\nspec:\n    b: 1\n",
        ("alt+d",): "kind: A\nspec:\n    b: 1\n---\nkind: A\nspec:\n    b: 1\n",
        ("alt+down",): "spec:\nkind: A\n    b: 1\n",
        ("down", "alt+up"): "spec:\nkind: A\n    b: 1\n",
        ("alt+f",): "kind: A\nspec:\n  b: 1\n",
        ("down", "down", "shift+tab"): "kind: A\nspec:\n  b: 1\n",
        ("tab",): "  kind: A\nspec:\n    b: 1\n",
        ("x", "ctrl+z"): text,
        ("x", "ctrl+z", "ctrl+y"): "x" + text,
        ("ctrl+e", "x", "ctrl+a", "y"): "ykind: Ax\nspec:\n    b: 1\n",
        ("ctrl+k",): "\nspec:\n    b: 1\n",
        ("end", "ctrl+u"): "\nspec:\n    b: 1\n",
        ("end", "ctrl+w"): "kind: \nspec:\n    b: 1\n",
        ("f7", "delete"): "",
        ("ctrl+end", "x", "ctrl+home", "y"): f"y{text}x",
    }
    (tmp_path / "a.yaml").write_text(text)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "a.yaml")
        for keys, after in cases.items():
            screen.editor.load(text)
            await pilot.press(*keys)
            assert screen.editor.text == after, keys


async def test_a_file_is_found_by_its_name(tmp_path: Path) -> None:
    """/ among the files, alt-o in a text: parts of the path narrow, enter opens; what is typed elsewhere stays."""
    paths = [f"shop/part-{number}.yaml" for number in range(30)]
    (tmp_path / "shop").mkdir()
    for path in paths:
        (tmp_path / path).write_text(TEXT)
    client = client_on(tmp_path)
    client.files = [FolderFile(path, "drifted" if path.endswith("-7.yaml") else "applied") for path in paths]
    async with console(client) as (app, pilot, _):
        app.open_manifest()
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, ManifestsScreen)
        assert "/ find file" in picture(app).splitlines()[-1]
        await pilot.press("slash", *"shop -7")
        await settle(pilot)
        assert "shop/part-7.yaml  drifted" in picture(app)
        await pilot.press("enter", "x")
        await settle(pilot)
        await pilot.press("alt+o", *"part-12", "enter")
        await settle(pilot)
        assert screen.buffer is not None
        assert screen.buffer.path == "shop/part-12.yaml"
        await pilot.press("alt+o", *"unsaved", "enter")
        await settle(pilot)
        assert screen.buffer.path == "shop/part-7.yaml"
        assert screen.editor.text == "x" + TEXT
