"""Keys that people bring along from k9s, where no other test presses them; and the table of all that the docs keep."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from engine.client import Item
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient
from tests.tui.fake_world import world
from tests.tui.test_object_actions import replica_set, shop
from tui.actions import action
from tui.app import KubariumApp
from tui.keymap import normalise
from tui.screens.resources import ResourceScreen
from tui.widgets.pane import ResourcePane

ROOT = Path(__file__).parents[2]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_ROW = re.compile(r"^\| (?P<keys>`.+?`) \| (?P<what>[^|]+) \| `(?P<id>[\w.-]+)` \| (?P<test>[^|]+) \|$", re.MULTILINE)


def pane(app: KubariumApp) -> ResourcePane:
    assert isinstance(app.screen, ResourceScreen)
    return app.screen.pane


def current(app: KubariumApp) -> Item:
    found = pane(app).current
    assert found is not None
    return found


async def test_the_cursor_moves_by_letters_and_pages() -> None:
    """j k G g, ctrl-f and ctrl-b."""
    async with console(FakeClient(world(60))) as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        places = []
        for key in ("j", "j", "k", "G", "g", "ctrl+f", "ctrl+b"):
            await pilot.press(key)
            places.append(pane(app).table.cursor_index)
        page = pane(app).table.size.height - 2
        assert places == [1, 2, 1, 61, 0, page, 0]


async def test_marks_by_one_by_range_and_cleared() -> None:
    """space marks and goes on, ctrl-space marks up to here, ctrl-backslash clears."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("space", "j", "j", "ctrl+@")
        await settle(pilot)
        assert len(pane(app).model.marks) == 4
        assert "◆ 4 marked" in picture(app)
        await pilot.press("ctrl+backslash")
        await settle(pilot)
        assert not pane(app).model.marks


async def test_a_column_is_chosen_and_sorted_by_both_ways() -> None:
    """shift-right and shift-left choose, shift-o sorts, shift-o again turns it round."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("shift+right", "shift+right", "O")
        await settle(pilot)
        assert (pane(app).sort_header, pane(app).descending) == ("NAME", False)
        await pilot.press("O")
        await settle(pilot)
        assert (pane(app).sort_header, pane(app).descending) == ("NAME", True)
        await pilot.press("shift+left", "O")
        await settle(pilot)
        assert pane(app).sort_header == "NAMESPACE"


async def test_the_older_sort_keys_work() -> None:
    """shift-c m r t n a s i, each by its column."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        found = []
        for key in "CMRTNASI":
            await pilot.press(key)
            found.append(pane(app).sort_header)
        assert found == ["CPU", "MEM", "READY", "RESTARTS", "NAME", "AGE", "STATUS", "IP"]


async def test_names_are_copied_and_owners_and_nodes_jumped_to() -> None:
    """c copies, shift-j opens the owner, o the node, with the cursor on it."""
    client = FakeClient(world(4))
    client.put("replicasets.apps", {**replica_set(1, "web:1"), "metadata": {
        **replica_set(1, "web:1")["metadata"], "name": "web-1"}})  # fmt: skip
    async with console(client) as (app, pilot, _):
        app.run_command("pods /web-001")
        await settle(pilot)
        await pilot.press("c", "J")
        await settle(pilot)
        assert app.clipboard == "web-001"
        assert (pane(app).resource, current(app).name) == ("replicasets.apps", "web-1")
        await pilot.press("escape", "o")
        await settle(pilot)
        assert (pane(app).resource, current(app).name) == ("nodes", "worker-1")


async def test_wide_columns_header_refresh_and_all_kinds() -> None:
    """ctrl-w, ctrl-e, ctrl-r, ctrl-a."""
    async with console() as (app, pilot, client):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("ctrl+w")
        await settle(pilot)
        assert "LAST RESTART" in picture(app)
        await pilot.press("ctrl+e")
        await settle(pilot)
        assert "nodes ready" not in picture(app)
        before = len(client.watches)
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert len(client.watches) == before
        assert pane(app).model.rows
        await pilot.press("ctrl+a")
        await settle(pilot)
        assert "SHORT NAMES" in picture(app)


async def test_the_last_command_returns() -> None:
    """`-` goes to the command before this one and back; `[` and `]` walk all of them."""
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        app.run_command("deploy")
        await settle(pilot)
        await pilot.press("minus")
        await settle(pilot)
        assert pane(app).resource == "pods"
        await pilot.press("minus")
        await settle(pilot)
        assert pane(app).resource == "deployments.apps"
        await pilot.press("[")
        await settle(pilot)
        assert pane(app).resource == "pods"
        await pilot.press("]")
        await settle(pilot)
        assert pane(app).resource == "deployments.apps"


async def test_a_tree_stands_under_each_object_and_lives() -> None:
    """`:xray deploy`: ReplicaSets, pods, containers, what they refer to; what goes is told as missing."""
    client = shop()
    user = dict(next(i for i in client.objects["pods"].values() if i.name == "reader").obj)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-h2", "uid": "replicasets.apps-shop-web-h2",
             "controller": True}  # fmt: skip
    client.put("pods", {**user, "metadata": {**user["metadata"], "ownerReferences": [owner]}})
    async with console(client) as (app, pilot, _):
        app.run_command("xray deploy shop")
        await settle(pilot, 20)
        shown = picture(app)
        lines = [line[2:60].rstrip() for line in shown.split("\n")[3:]]
        at = lines.index(next(line for line in lines if line.startswith("web ")))
        assert "web-h1" in lines[at + 1]
        assert "web-h2" in lines[at + 2]
        assert "reader" in lines[at + 3]
        assert next(line for line in shown.split("\n") if "settings" in line).count("missing") == 0
        client.drop("configmaps", "configmaps-shop-settings")
        await settle(pilot, 20)
        assert "✗ missing" in next(line for line in picture(app).split("\n") if "settings" in line)


async def test_pulses_count_what_needs_a_look() -> None:
    """One line a kind; enter opens it, only with what needs a look."""
    async with console() as (app, pilot, _):
        app.run_command("pulses")
        await settle(pilot, 8)
        shown = picture(app)
        assert "▲ 2 need a look" in next(line for line in shown.split("\n") if " pods " in line)
        await pilot.press("j", "enter")
        await settle(pilot)
        assert {row.item.name for uid, row in pane(app).model.rows.items() if row.shown} == {"big", "crash"}


async def test_a_command_is_run_in_a_simulated_container() -> None:
    """s on a pod: what is typed is executed there, the answer printed; it says that it is simulated; esc leaves."""
    async with console() as (app, pilot, _):
        app.run_command("pods /web-001")
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert "Simulated" in picture(app)
        await pilot.press(*"env", "enter")
        await settle(pilot)
        assert "sh -c env" in picture(app)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, ResourceScreen)


async def test_rights_are_asked_of_the_authorizer() -> None:
    """`:can-i user jane`: one review for each kind and verb; what nobody is called is said."""
    asked = []

    class Judge(FakeClient):
        def create(self, resource, namespace, obj, *, intent, dry_run=False):  # type: ignore[no-untyped-def]
            asked.append((resource, obj["spec"], dry_run))
            attributes = obj["spec"]["resourceAttributes"]
            allowed = attributes["resource"] == "pods" and attributes["verb"] == "get"
            item = self.put("reviews", {"metadata": {"name": f"r{len(asked)}"}, "status": {"allowed": allowed}})
            return self.get("reviews", "", item.name)

    async with console(Judge(world())) as (app, pilot, _):
        app.run_command("can-i user jane")
        await settle(pilot)
        line = next(line for line in picture(app).split("\n") if "▸ pods" in line)
        assert line.count("✓ yes") == 1
        assert {spec["user"] for _, spec, _ in asked} == {"jane"}
        assert all(dry for _, _, dry in asked)
        app.run_command("can-i someone")
        assert any("`:can-i user NAME`" in said[2] for said in app.session.messages)


def test_the_table_of_keys_is_true() -> None:
    """Every row of docs/keys.md names an action that has these keys, and tests that exist."""
    text = (ROOT / "docs" / "keys.md").read_text()
    rows = list(_ROW.finditer(text))
    assert len(rows) > 60
    for row in rows:
        keys = {normalise(key) for key in re.findall(r"`(.+?)`", row["keys"])}
        assert keys <= {normalise(key) for key in action(row["id"]).keys}, row[0]
        assert _TEST.search(row["test"]), row[0]
    for path, name in _TEST.findall(text):
        tree = ast.parse((ROOT / path).read_text())
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in functions, f"{path}::{name}"
