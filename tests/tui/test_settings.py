"""A person's own settings: aliases, columns, colours, keys; read again while running; what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.client import KindInfo
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import KINDS, FakeClient, ago
from tests.tui.fake_world import world
from tui.keymap import keys_path
from tui.screens.resources import ResourceScreen
from tui.settings import SettingsError, load_settings, settings_path


def write(text: str) -> Path:
    path = settings_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[aliases]\nx = 3", "aliases.x: write a command"),
        ('[aliases]\ndir = "pods"', ":dir is a command already"),
        ('[columns]\npods = ["NAME", "COLOR"]', "no column 'COLOR'; there are NAMESPACE, NAME"),
        ("[columns]\npods = []", "columns.pods: write a list"),
        ('[columns]\npods = ["X:metadata"]', "a path starts with a dot"),
        ('[skin.dark]\ntone-good = "#fff"', "no colour 'tone-good'"),
        ('[skin.dark]\ntone-ok = "grass"', "skin.dark.tone-ok: no colour: 'grass'"),
        ('[skin.blue]\nx = "#fff"', "there are [skin.dark] and [skin.light]"),
        ("[colours]", "no table [colours]"),
        ("aliases = 3", "aliases is a table"),
        ("[aliases", "config.toml"),
    ],
)
def test_what_cannot_be_used_names_file_and_entry(text: str, said: str) -> None:
    """One error, with the path and what would be right."""
    path = write(text)
    with pytest.raises(SettingsError) as refused:
        load_settings(path, frozenset(("dir",)))
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


async def test_own_columns_and_aliases() -> None:
    """The columns of a kind in a person's order, one from a path; an alias stands for a command."""
    write('[aliases]\nmine = "pods shop /crash"\n[columns]\npods = ["NAME", "APP:.metadata.labels.app", "STATUS"]\n')
    async with console() as (app, pilot, _):
        app.run_command("mine")
        await settle(pilot)
        shown = picture(app)
        assert isinstance(app.screen, ResourceScreen)
        assert app.screen.pane.filter_text == "crash"
        assert [c.header for c in app.screen.view.columns] == ["NAME", "APP", "STATUS"]
        line = next(line for line in shown.split("\n") if "▸ crash" in line)
        assert line.split()[1:3] == ["crash", "crash"]


async def test_settings_are_read_again_when_they_change() -> None:
    """Keys and colours follow their files while the console runs."""
    async with console() as (app, pilot, _):
        write('[skin.dark]\ntone-ok = "#123456"\n')
        keys_path(None).write_text('[keys]\n"app.help" = "H"\n')
        app.check_settings()
        await settle(pilot)
        assert app.theme_variables["tone-ok"] == "#123456"
        await pilot.press("H")
        await settle(pilot)
        assert "KEYS: NODES" in picture(app)


async def test_a_clash_while_running_changes_nothing_and_names_both() -> None:
    """The old keys stay; the message tells the file and both actions."""
    async with console() as (app, pilot, _):
        keys_path(None).parent.mkdir(parents=True)
        keys_path(None).write_text('[keys]\n"app.help" = "d"\n')
        app.check_settings()
        await settle(pilot)
        said = app.session.messages[-1][2]
        assert "keys.toml" in said
        assert "app.help" in said
        assert "object.describe" in said
        await pilot.press("question_mark")
        await settle(pilot)
        assert "KEYS: NODES" in picture(app)


async def test_history_comes_back_to_a_view_as_it_was_left() -> None:
    """Filter, order, faults-only and cursor of a command's view return with `[`."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("A", "A", "j", "j", "slash", *"web", "enter", "j")
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        left = app.screen.pane
        name, uids = left.current.name if left.current else "", left.model.shown_uids()
        app.run_command("deploy")
        await settle(pilot)
        await pilot.press("[")
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)
        pane = app.screen.pane
        assert (pane.filter_text, pane.sort_header, pane.model.shown_uids()) == ("web", "AGE", uids)
        assert pane.current is not None
        assert pane.current.name == name


async def test_a_new_kind_needs_one_declaration() -> None:
    """A CustomResourceDefinition that comes while the console runs: its view has the columns that it declares."""
    client = FakeClient(world(0))
    async with console(client) as (app, pilot, _):
        crds = "customresourcedefinitions.apiextensions.k8s.io"
        columns = [
            {"name": "Wheels", "type": "integer", "jsonPath": ".spec.wheels"},
            {"name": "Paint", "type": "string", "jsonPath": ".spec.paint", "priority": 1},
        ]
        versions = [{"name": "v1", "served": True, "storage": True, "additionalPrinterColumns": columns}]
        spec = {"group": "example.com", "names": {"plural": "wagons", "kind": "Wagon"}, "versions": versions}
        client.put(crds, {"metadata": {"name": "wagons.example.com"}, "spec": spec})
        client.put("wagons.example.com", {
            "apiVersion": "example.com/v1", "kind": "Wagon", "spec": {"wheels": 8, "paint": "red"},
            "metadata": {"name": "freight", "namespace": "shop", "creationTimestamp": ago(60)},
        })  # fmt: skip
        served = [
            KindInfo(crds, "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions",
                     "customresourcedefinition", ("crd",), False, frozenset()),
            KindInfo("wagons.example.com", "example.com/v1", "Wagon", "wagons", "wagon", ("wg",), True, frozenset()),
        ]  # fmt: skip
        client.served = (*KINDS, *served)
        await pilot.press("colon", *"wg", "enter")
        await settle(pilot)
        shown = picture(app)
        assert "WHEELS" in shown
        assert "PAINT" not in shown
        assert "freight" in shown
        await pilot.press("slash", *"wheels>4", "enter", "ctrl+w")
        await settle(pilot)
        assert "red" in picture(app)
