"""The Manifests screen on the real engine: what is typed is planned, refused or applied, and drift is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.stories.broken import BASE, deployment
from tests.tui.stories.player import Player, playing
from tui.screens.edit import EditScreen
from tui.screens.manifests import ManifestsScreen
from tui.session import answer
from tui.templates import TEMPLATES

WEB = deployment("web").replace("spec:\n  selector", "spec:\n  replicas: 2   # enough\n  selector", 1)


async def replicas(player: Player) -> int:
    item = await answer(player.app.client.get("deployments.apps", "shop", "web"))
    return int(item.obj["spec"]["replicas"])


async def retype(player: Player, old: str, new: str) -> ManifestsScreen:
    screen = player.app.screen
    assert isinstance(screen, ManifestsScreen)
    await player.pilot.press("ctrl+f")
    await player.type(old)
    await player.pilot.press("enter")
    await player.holds("the selection", lambda: screen.editor.selected_text == old and screen.editor.has_focus)
    await player.type(new)
    return screen


async def test_an_edit_is_refused_then_applied_then_drifts_and_is_taken_back(tmp_path: Path) -> None:
    """A refused text stays with its error at the line; the plan is what happens; drift goes into the text."""
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "web.yaml").write_text(WEB)
    async with playing(tmp_path) as player:
        player.app.open_manifest("web.yaml", 7)
        await player.until("nothing changes")
        screen = await retype(player, "replicas: 2", "replicas: two")
        await player.until("✗ 7:13 spec.replicas")
        await player.pilot.press("ctrl+s")
        await player.holds("refused", lambda: any(f.state == "error" for f in player.app.session.files))
        assert screen.editor.text == WEB.replace("replicas: 2", "replicas: two")
        assert await replicas(player) == 2
        await retype(player, "replicas: two", "replicas: 3")
        await player.until("spec.replicas: 2 → 3")
        await player.pilot.press("ctrl+s")
        await player.holds("applied", lambda: all(f.state == "applied" for f in player.app.session.files))
        assert await replicas(player) == 3
        await answer(player.app.client.scale("deployments.apps", "shop", "web", 5, intent="by hand"))
        await player.until("spec.replicas: the file says 3, it is 5")
        await player.pilot.press("alt+t")
        await player.until("nothing changes")
        assert screen.editor.text == WEB.replace("replicas: 2", "replicas: 5")
        await player.pilot.press("ctrl+s")
        await player.holds("saved", lambda: (tmp_path / "web.yaml").read_text() == screen.editor.text)
        for number, template in enumerate(TEMPLATES):
            plan = await answer(player.app.client.plan(f"new-{number}.yaml", template.text))
            assert [d.message for d in plan.diagnostics if d.severity == "error"] == [], template.kind
            assert {planned.action for planned in plan.objects} == {"create"}, template.kind


@pytest.mark.parametrize(("way", "left"), [("alt+s", 3), ("alt+t", 2)])
async def test_an_undone_save_says_that_the_file_stays_and_what_to_do(tmp_path: Path, way: str, left: int) -> None:
    """U tells before and after; the panel names both ways: the text takes the old value, or is applied again."""
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "web.yaml").write_text(WEB)
    async with playing(tmp_path) as player:
        player.app.open_manifest("web.yaml", 7)
        await player.until("nothing changes")
        screen = await retype(player, "replicas: 2", "replicas: 3")
        await player.until("spec.replicas: 2 → 3")
        await player.pilot.press("ctrl+s")
        await player.until("nothing changes")
        assert await replicas(player) == 3
        await player.pilot.press("escape", "U")
        await player.until("Undo: save web.yaml?", "The text of web.yaml stays as it was saved")
        await player.pilot.press("enter")
        await player.until("in the cluster it is not as the file says", "spec.replicas: the file says 3, it is 2")
        await player.until("alt-t: the file follows the cluster", "alt-s: the cluster follows the file")
        assert await replicas(player) == 2
        await player.pilot.press(way)
        if way == "alt+t":
            await player.holds("taken", lambda: screen.editor.text == WEB)
            await player.pilot.press("ctrl+s")
        await player.holds("applied", lambda: all(f.state == "applied" for f in player.app.session.files))
        await player.until("nothing changes")
        assert await replicas(player) == left


async def test_a_live_object_is_refused_then_merged_then_changed(tmp_path: Path) -> None:
    """`e`: the refusal stands at its line while one types; what others write meanwhile is kept."""
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "web.yaml").write_text(WEB)
    async with playing(tmp_path) as player:
        client = player.app.client
        await player.holds("applied", lambda: {f.state for f in player.app.session.files} == {"applied"})
        await player.go("deploy", "web")
        await player.pilot.press("e")
        await player.until("edit web", "nothing changes")
        screen = player.app.screen
        assert isinstance(screen, EditScreen)
        await player.pilot.press("ctrl+f")
        await player.type("replicas: 2")
        await player.pilot.press("enter", "right", "backspace")
        await player.type("x")
        row = screen.editor.cursor_location[0]
        await player.until(f"✗ {row + 1}:13 spec.replicas: json: cannot unmarshal string")
        await player.pilot.press("ctrl+s")
        await player.until(f"not saved: line {row + 1}: spec.replicas")
        await player.pilot.press("backspace")
        await player.type("4")
        await player.until("spec.replicas: 2 → 4", "web.yaml:1 declares it")
        labels = {"metadata": {"labels": {"team": "theirs"}}}
        await answer(client.patch("deployments.apps", "shop", "web", labels, intent="by hand"))
        await player.until("It was changed meanwhile", "saving keeps both")
        await player.pilot.press("ctrl+s")
        await player.holds("saved", lambda: not screen.is_attached)
        item = await answer(client.get("deployments.apps", "shop", "web"))
        assert item.obj["spec"]["replicas"] == 4
        assert item.obj["metadata"]["labels"]["team"] == "theirs"
        await player.pilot.press("U")
        await player.until("Undo: edit shop/web?", "spec.replicas 4 → 2")
