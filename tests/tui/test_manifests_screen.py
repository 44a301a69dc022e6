"""The Manifests screen by keyboard: open, type, see the plan, save, and never lose a text."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import TextArea

from engine.client import (
    Diagnostic,
    DriftedObject,
    FieldChange,
    FieldHelp,
    FolderFile,
    Plan,
    PlannedObject,
    TakenLive,
)
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient
from tests.tui.fake_world import world
from tui.app import KubariumApp
from tui.screens.manifests import ManifestsScreen
from tui.widgets.completions import Completions
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
    """esc leaves the editor for the files; ctrl-s still saves, and only keys that do something are shown there."""
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
        await pilot.press("x", "escape")
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


# -- the disk ----------------------------------------------------------------------------------------------------------


async def test_a_change_outside_is_merged_while_one_types(tmp_path: Path) -> None:
    """Both changes stand in the editor; one undo takes the other's back, and saving needs no question."""
    file = tmp_path / "settings.yaml"
    file.write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "settings.yaml", 6)
        await pilot.press("end", "d")
        file.write_text("# by somebody else\n" + TEXT)
        screen.session.tell()
        await settle(pilot)
        assert screen.editor.text == "# by somebody else\n" + TEXT.replace("red", "redd")
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert file.read_text() == screen.editor.text


async def test_a_conflict_is_asked_about_and_loses_nothing(tmp_path: Path) -> None:
    """Both changed one line: later keeps the text, both shows both."""
    file = tmp_path / "settings.yaml"
    file.write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "settings.yaml", 6)
        await pilot.press("end", "d")
        file.write_text(TEXT.replace("red", "blue"))
        screen.session.tell()
        await settle(pilot)
        assert "Changed here and on disk" in picture(app)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert "<<<<<<< yours\n  colour: redd\n=======\n  colour: blue\n>>>>>>> on disk\n" in screen.editor.text
        assert file.read_text() == TEXT.replace("red", "blue")


async def test_a_read_only_console_saves_nothing(tmp_path: Path) -> None:
    """The reason is told, the text is kept, the file is as it was."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "settings.yaml", 6)
        app.session.gate.read_only = True
        await pilot.press("end", "d", "ctrl+s")
        await settle(pilot)
        assert "read-only" in picture(app)
        assert (tmp_path / "settings.yaml").read_text() == TEXT
        assert screen.editor.text == TEXT.replace("red", "redd")


async def test_a_locked_text_is_shown_and_stays_as_it_is(tmp_path: Path) -> None:
    """A character at which the editor would break the line: typing does nothing."""
    body = "a: one\u2028two\n".encode()
    (tmp_path / "odd.yaml").write_bytes(body)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "odd.yaml")
        await pilot.press("x")
        await settle(pilot)
        assert "shown only" in picture(app)
        assert screen.buffers is not None
        assert screen.buffers.unsaved() == []
        assert (tmp_path / "odd.yaml").read_bytes() == body


async def test_quitting_asks_for_unsaved_texts(tmp_path: Path) -> None:
    """Stay is the first answer; save all writes them and quits."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        await opened(app, pilot, "settings.yaml", 6)
        await pilot.press("end", "d", "ctrl+q")
        await settle(pilot)
        assert "What you typed in settings.yaml is not on disk." in picture(app)
        await pilot.press("enter")
        await settle(pilot)
        assert app.is_running
        app.run_command("q")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert (tmp_path / "settings.yaml").read_text() == TEXT.replace("red", "redd")
        assert app._exit


async def test_an_editor_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the text with what was typed; what it leaves is unsaved text, and a failing one changes nothing."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    script = tmp_path / "ed.sh"
    script.write_text('#!/bin/sh\nsed -i s/redd/green/ "$1"\n')
    script.chmod(0o755)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        monkeypatch.setattr(type(app), "suspend", lambda self: nullcontext())
        screen = await opened(app, pilot, "settings.yaml", 6)
        await pilot.press("end", "d")
        for command, colour in (("false", "redd"), (str(script), "green")):
            monkeypatch.setenv("KUBE_EDITOR", command)
            await pilot.press("alt+e")
            await settle(pilot)
            assert screen.editor.text == TEXT.replace("red", colour)
        assert (tmp_path / "settings.yaml").read_text() == TEXT


# -- helping ---------------------------------------------------------------------------------------------------------


async def test_names_that_exist_are_completed(tmp_path: Path) -> None:
    """A ConfigMap's name where one is meant, then a key of it; enter takes it."""
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    env:\n"
        "    - valueFrom:\n        configMapKeyRef:\n          name: "
    )
    (tmp_path / "pod.yaml").write_text(text)
    client = client_on(tmp_path)
    client.put("configmaps", {"metadata": {"name": "shop-settings", "namespace": "default"}, "data": {"colour": "red"}})
    async with console(client) as (app, pilot, _):
        screen = await opened(app, pilot, "pod.yaml", 11)
        await pilot.press("end", "s")
        await settle(pilot)
        assert "shop-settings" in picture(app)
        await pilot.press("enter", "enter", *"key: c")
        await settle(pilot)
        assert "of shop-settings" in picture(app)
        await pilot.press("tab")
        assert screen.editor.text == text + "shop-settings\n          key: colour"


async def test_what_the_server_writes_is_offered_last_or_not_at_all(tmp_path: Path) -> None:
    """No status at the top; in metadata the names that people write come first."""
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  x: 1\n")
    client = client_on(tmp_path)
    client.fields[()] = [FieldHelp(name, "Object", False, "") for name in ("data", "status")]
    client.fields["metadata",] = [FieldHelp(name, "string", False, "") for name in ("generation", "labels", "uid")]
    async with console(client) as (app, pilot, _):
        screen = await opened(app, pilot, "a.yaml", 5)
        for row, wanted in ((4, ["data"]), (3, ["labels", "generation", "uid"])):
            screen.editor.move_cursor((row, 2))
            await pilot.press("ctrl+space")
            await settle(pilot)
            offered = screen.query_one(Completions)
            assert [str(option.prompt).split()[0] for option in offered.options] == wanted
            await pilot.press("escape")


async def test_the_meaning_of_a_field(tmp_path: Path) -> None:
    """f2 shows type, documentation and values at the cursor."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    client = client_on(tmp_path)
    client.meanings["data",] = FieldHelp("data", "map[string]string", False, "Data contains the configuration data.")
    client.fields["data",] = (FieldHelp("one-value", "", False, ""),)
    async with console(client) as (app, pilot, _):
        await opened(app, pilot, "settings.yaml", 5)
        await pilot.press("f2")
        await settle(pilot)
        assert "Data contains the configuration data." in picture(app)
        assert "One of: one-value" in picture(app)


async def test_a_mended_problem_gives_way_to_the_meaning_of_its_field(tmp_path: Path) -> None:
    """The line above the plan names the problem as long as there is one, and no longer."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    client = client_on(tmp_path)
    client.meanings["data", "colour"] = FieldHelp("colour", "string", False, "What it is painted with.")
    client.plan_answer = Plan((Diagnostic(6, 3, "error", "data.colour", "no such colour"),), ())
    async with console(client) as (app, pilot, _):
        await opened(app, pilot, "settings.yaml", 6)
        assert "✗ no such colour" in picture(app)
        client.plan_answer = Plan((), ())
        await pilot.press("end", "d")
        await settle(pilot)
        assert "no such colour" not in picture(app)
        assert "What it is painted with." in picture(app)


async def test_the_manifest_of_a_waiting_pod_opens_where_it_asks_for_too_much(tmp_path: Path) -> None:
    """m on a pod that no node has cpu for: the cursor is at its request."""
    text = "kind: Pod\nspec:\n  containers:\n  - resources:\n      requests:\n        memory: 1Gi\n        cpu: 3\n"
    (tmp_path / "big.yaml").write_text(text)
    client = client_on(tmp_path)
    client.place = ("big.yaml", 1)
    waiting = client.objects["pods"]["pods-shop-big"]
    waiting.obj["status"]["conditions"][0]["message"] = "0/8 nodes are available: 8 Insufficient cpu."
    async with console(client) as (app, pilot, _):
        app.find_manifest("pods", waiting)
        await settle(pilot)
        assert app.screen.query_one(YamlEditor).cursor_location[0] == 6


async def test_find_and_replace_by_keyboard(tmp_path: Path) -> None:
    """ctrl-f, words, tab, others, alt-a: all are replaced, one undo takes it back."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "settings.yaml")
        await pilot.press("ctrl+f", *"co")
        await settle(pilot)
        assert "1 of 2" in picture(app)
        await pilot.press("enter", "ctrl+g", "ctrl+f")
        await settle(pilot)
        assert "2 of 2" in picture(app)
        await pilot.press(*"red", "tab", *"blue", "alt+a")
        await settle(pilot)
        assert screen.editor.text == TEXT.replace("red", "blue")
        await pilot.press("ctrl+z")
        assert screen.editor.text == TEXT
        await pilot.press("ctrl+f", *"(", "alt+r")
        await settle(pilot)
        assert "✗" in picture(app)
        await pilot.press("escape")
        await settle(pilot)
        assert screen.editor.has_focus


async def test_outline_and_templates(tmp_path: Path) -> None:
    """The outline leads to a field; a template becomes a new file that is only in the editor until it is saved."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path)) as (app, pilot, _):
        screen = await opened(app, pilot, "settings.yaml")
        await pilot.press("ctrl+o", *"colour", "enter")
        await settle(pilot)
        assert screen.editor.cursor_location[0] == 5
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("n", *"stat", "enter")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert screen.editor.text.splitlines()[1] == "kind: StatefulSet"
        assert not (tmp_path / "statefulset.yaml").exists()
        await pilot.press("alt+n", *"namespace", "enter")
        await settle(pilot)
        assert screen.editor.text.endswith("---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: example\n")


async def test_drift_is_shown_and_taken(tmp_path: Path) -> None:
    """The field, both values, and the keys; taking it changes the text, not the file."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    client = client_on(tmp_path)
    client.files = (FolderFile("settings.yaml", "drifted", message="somebody"),)
    client.drifted = (
        DriftedObject("configmaps", "default", "settings", 1, (FieldChange("data.colour", "blue", "red"),), "somebody"),
    )
    client.live_text = TakenLive(TEXT.replace("red", "blue"), ("settings: data.colour",), ())
    async with console(client) as (app, pilot, _):
        screen = await opened(app, pilot, "settings.yaml")
        assert "data.colour: the file says red, it is blue" in picture(app)
        assert "alt-t: the file follows the cluster" in picture(app)
        await pilot.press("alt+t")
        await settle(pilot)
        assert screen.editor.text == TEXT.replace("red", "blue")
        assert (tmp_path / "settings.yaml").read_text() == TEXT
        inode = (tmp_path / "settings.yaml").stat().st_ino
        await pilot.press("ctrl+z", "alt+s")
        await settle(pilot)
        assert (tmp_path / "settings.yaml").read_text() == TEXT
        assert (tmp_path / "settings.yaml").stat().st_ino != inode, "written anew, so that it is applied again"


async def test_the_editor_has_its_help_at_80_columns(tmp_path: Path) -> None:
    """`?` is typed there: f1 opens it, and the key bar says so."""
    (tmp_path / "settings.yaml").write_text(TEXT)
    async with console(client_on(tmp_path), size=(80, 24)) as (app, pilot, _):
        await opened(app, pilot, "settings.yaml")
        assert "f1 help" in picture(app).splitlines()[-1]
        await pilot.press("f1")
        await settle(pilot)
        assert "Find and replace" in picture(app)


async def opened(app: KubariumApp, pilot: Pilot[None], path: str, line: int = 1) -> ManifestsScreen:
    app.open_manifest(path, line)
    await settle(pilot)
    assert isinstance(app.screen, ManifestsScreen)
    return app.screen
