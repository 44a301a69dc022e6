"""A live object in the editor (`e`): tried out while one types, merged with what others do, refused at its line."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import nullcontext
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.client import ClientError, Diagnostic, FieldChange, FieldHelp, Json, Plan, PlannedObject
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient, FakeItem, done, refused
from tests.tui.fake_world import deployment, world
from tui import external_editor
from tui.app import KubariumApp
from tui.screens.edit import EditScreen

CHANGE = PlannedObject("change", "configmaps", "shop", "settings", 1)


def shop() -> FakeClient:
    """The little world with a Deployment and a ConfigMap."""
    client = FakeClient(world(4))
    client.put("deployments.apps", deployment("web"))
    meta = {"name": "settings", "namespace": "shop", "resourceVersion": "5", "labels": {"team": "web"}}
    data = {"colour": "red", "size": "10"}
    client.put("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})
    return client


async def editing(
    app: KubariumApp, pilot: Pilot[None], client: FakeClient, command: str = "configmaps"
) -> tuple[EditScreen, Json]:
    """The editor on the one object of a list, and the object."""
    app.run_command(command)
    await settle(pilot)
    await pilot.press("e")
    await settle(pilot)
    screen = app.screen
    assert isinstance(screen, EditScreen)
    resource = "deployments.apps" if command.startswith("deploy") else command
    return screen, next(each.obj for each in client.objects[resource].values() if each.name in screen.NAME)


async def test_a_refused_edit_keeps_the_text_and_shows_where() -> None:
    """The answer stands at its line; the text is as it was typed, and can be saved once it is right."""
    async with console(shop()) as (app, pilot, client):
        screen, _ = await editing(app, pilot, client, "deploy /web")
        typed = screen.editor.text.replace("replicas: 3", "replicas: -1")
        screen.editor.text = typed
        row = typed.split("\n").index("  replicas: -1")
        planned = PlannedObject("error", "deployments.apps", "shop", "web", 1)
        wrong = Diagnostic(row + 1, 13, "error", "spec.replicas", "must be greater than or equal to 0")
        client.plan_answer = Plan((wrong,), (planned,))
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert screen.is_current
        assert screen.editor.text == typed
        assert not client.writes
        assert list(screen.editor.problems) == [row]
        assert screen.editor.cursor_location == (row, 12)
        assert f"not saved: line {row + 1}: spec.replicas: must be" in picture(app)
        await pilot.press("space", "backspace")
        await settle(pilot)
        assert "not saved" not in picture(app)
        assert screen.editor.text == typed
        changes = (FieldChange("spec.replicas", 3, -1),)
        client.plan_answer = Plan((), (planned._replace(action="change", changes=changes),))
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert not screen.is_attached
        assert client.writes[0][:5] == ("edit", "deployments.apps", "shop", "web", typed)
        assert "edit shop/web" in client.writes[0][5]


async def test_what_saving_a_live_object_will_do_is_told_while_one_types() -> None:
    """The change is tried on the server; the fields stand below, with the file that says otherwise."""
    client = shop()
    client.place = ("web.yaml", 3)
    async with console(client) as (app, pilot, _):
        await editing(app, pilot, client, "deploy /web")
        assert "nothing changes" in picture(app)
        changes = (FieldChange("spec.replicas", 3, 4),)
        client.plan_answer = Plan((), (PlannedObject("change", "deployments.apps", "shop", "web", 1, changes),))
        await pilot.press("ctrl+f", *"replicas: 3", "enter", "right", "backspace", "4")
        await settle(pilot)
        await pilot.pause(0.2)
        assert "1 to change" in picture(app)
        assert "spec.replicas: 3 → 4" in picture(app)
        assert "web.yaml:3 declares it" in picture(app)
        assert not client.writes


async def test_a_live_object_is_edited_with_all_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Completion, the meaning of a field, the outline, comments: as in the manifests screen."""
    client = shop()
    client.fields[("metadata",)] = [FieldHelp("finalizers", "[]string", False, "")]
    client.meanings[("metadata", "name")] = FieldHelp("name", "string", True, "Must be unique in a namespace.")
    async with console(client) as (app, pilot, _):
        screen, _ = await editing(app, pilot, client)
        editor = screen.editor
        await pilot.press("ctrl+o", *"name:", "enter")
        await settle(pilot)
        row = editor.cursor_location[0]
        assert editor.document.get_line(row).startswith("  name: ")
        assert "Must be unique in a namespace." in picture(app)
        await pilot.press("end", "enter", "f", "i")
        await settle(pilot)
        await pilot.press("tab")
        assert editor.document.get_line(row + 1) == "  finalizers:"
        await pilot.press("ctrl+_")
        assert editor.document.get_line(row + 1) == "  # finalizers:"
        monkeypatch.setattr(external_editor, "edit", lambda text, name, line: text.replace("# f", "f"))
        monkeypatch.setattr(external_editor, "editor_command", lambda environment: ["vi"])
        monkeypatch.setattr(app, "suspend", nullcontext)
        await pilot.press("alt+e")
        await settle(pilot)
        assert editor.document.get_line(row + 1) == "  finalizers:"


async def test_a_change_by_somebody_else_is_told_and_can_be_loaded() -> None:
    """While the editor is open: a word about the newer revision; f5 loads it."""
    client = shop()
    async with console(client) as (app, pilot, _):
        screen, known = await editing(app, pilot, client)
        client.put("configmaps", {**known, "data": {"a": "newer"}})
        await settle(pilot)
        assert "changed meanwhile" in picture(app)
        await pilot.press("f5")
        await settle(pilot)
        assert "newer" in screen.editor.text


async def test_what_others_changed_is_merged_when_it_is_saved() -> None:
    """Their line and ours are both in what is sent, with the newest resourceVersion."""
    client = shop()
    async with console(client) as (app, pilot, _):
        screen, known = await editing(app, pilot, client)
        await pilot.press("ctrl+f", *"red", "enter", *"blue")
        await settle(pilot)
        meta = {**known["metadata"], "resourceVersion": "9", "labels": {"team": "other"}}
        client.put("configmaps", {**known, "metadata": meta})
        await settle(pilot)
        assert "saving keeps both" in picture(app)
        client.plan_answer = Plan((), (CHANGE,))
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert not screen.is_attached
        sent = client.writes[0][4]
        assert "colour: blue" in sent
        assert "team: other" in sent
        assert 'resourceVersion: "9"' in sent


@pytest.mark.parametrize(
    ("answers", "after"),
    [
        (1, "<<<<<<< yours\n  colour: blue\n=======\n  colour: green\n>>>>>>> in the cluster\n"),
        (2, "colour: green"),
        (3, "colour: blue"),
    ],
)
async def test_the_same_line_changed_twice_is_asked_about(answers: int, after: str) -> None:
    """Nothing is sent; both, theirs or ours stand in the text, and undo takes that back."""
    client = shop()
    async with console(client) as (app, pilot, _):
        screen, known = await editing(app, pilot, client)
        await pilot.press("ctrl+f", *"red", "enter", *"blue")
        await settle(pilot)
        typed = screen.editor.text
        meta = {**known["metadata"], "resourceVersion": "9"}
        client.put("configmaps", {**known, "metadata": meta, "data": {**known["data"], "colour": "green"}})
        await settle(pilot)
        assert "saving asks" in picture(app)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert "Changed here and in the cluster" in picture(app)
        await pilot.press(*["tab"] * answers, "enter")
        await settle(pilot)
        assert not client.writes
        assert after in screen.editor.text
        assert 'resourceVersion: "9"' in screen.editor.text
        await pilot.press("ctrl+z")
        assert screen.editor.text == typed


async def test_a_conflict_that_only_the_server_knows_of_is_mended() -> None:
    """Refused with 409, the newest state is asked for, merged, and saved."""
    client = shop()
    async with console(client) as (app, pilot, _):
        screen, known = await editing(app, pilot, client)
        await pilot.press("ctrl+f", *"red", "enter", *"blue")
        await settle(pilot)
        texts: list[str] = []

        def edit(*args: Any, dry_run: bool = False, **kwargs: Any) -> Future[Any]:
            if dry_run or texts:
                texts.extend([] if dry_run else [args[3]])
                return done(Plan((), (CHANGE,)))
            texts.append(args[3])
            item = next(iter(client.objects["configmaps"].values()))
            meta = {**known["metadata"], "resourceVersion": "9"}
            client.objects["configmaps"][item.uid] = FakeItem("configmaps", 999, {**known, "metadata": meta})
            return refused(ClientError("the object has been modified", code=409, reason="Conflict"))

        client.edit = edit  # type: ignore[method-assign]
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert not screen.is_attached
        assert ['resourceVersion: "9"' in text for text in texts] == [False, True]
        assert "colour: blue" in texts[1]


async def test_an_unsaved_edit_is_not_lost_by_esc() -> None:
    """esc asks first; staying keeps the text."""
    async with console(shop()) as (app, pilot, client):
        screen, _ = await editing(app, pilot, client)
        await pilot.press("x", "escape")
        await settle(pilot)
        assert "Leave without saving?" in picture(app)
        await pilot.press("enter")
        await settle(pilot)
        assert screen.is_current
        assert screen.editor.text.startswith("x")
        assert not client.writes
