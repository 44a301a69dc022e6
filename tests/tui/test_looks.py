"""What one sees: readable in each theme, without colours and with sixteen, and never cut."""

from __future__ import annotations

import pytest
from rich.color import ColorSystem, ColorType
from rich.segment import Segment
from textual.color import Color
from textual.theme import Theme
from textual.widgets import OptionList

from engine.client import FolderFile, Intent, Span, UndoPlan, UndoStep
from tests.tui.console import console, picture, settle
from tests.tui.fake_client import FakeClient, FakeItem
from tests.tui.fake_world import world
from tui.app import KubariumApp
from tui.faults import offers
from tui.keymap import shown
from tui.screens.dialogs import KubectlDialog
from tui.screens.faults import FaultsDialog
from tui.screens.undo import UndoDialog
from tui.theme import DARK, GLYPHS, LIGHT, PLAIN_DARK, PLAIN_LIGHT, TONES
from tui.widgets.header import Piece, fit_pieces, folder_text

SURFACES = ("background", "surface", "panel", "cursor-blurred", "past", "tour")
"""What texts of all tones stand on."""


def contrast(one: Color, other: Color) -> float:
    """WCAG 2's contrast ratio, 1 to 21."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def segments(app: KubariumApp) -> list[Segment]:
    """What is written to the terminal for the present screen."""
    return [segment for strip in app.screen._compositor.render_strips() for segment in strip]


def line_with(app: KubariumApp, text: str) -> list[Segment]:
    """The pieces of the first line that has a text."""
    for strip in app.screen._compositor.render_strips():
        if text in strip.text:
            return list(strip)
    raise AssertionError(f"{text!r} is not shown:\n{picture(app)}")


def of_256(colour: Color) -> Color:
    """What a terminal of 256 colours makes of it."""
    return Color(*colour.rich_color.downgrade(ColorSystem.EIGHT_BIT).get_truecolor())


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize(("all_colours", "least"), [(True, 4.5), (False, 4.0)], ids=["truecolor", "256"])
def test_every_tone_is_readable_on_every_surface(theme: Theme, all_colours: bool, least: float) -> None:
    """A contrast of at least 4.5 (WCAG AA), also on the cursor's line; 4 with 256 colours."""
    colours = {**theme.to_color_system().generate(), **theme.variables}
    pairs = [(f"tone-{tone}", surface) for tone in TONES for surface in SURFACES]
    pairs += [("foreground", surface) for surface in SURFACES]
    pairs += [("cursor-foreground", "cursor-background"), ("background", "tone-warn"), ("background", "accent")]
    poor = {}
    for pair in pairs:
        text, ground = (Color.parse(colours[name]) for name in pair)
        found = contrast(text, ground) if all_colours else contrast(of_256(text), of_256(ground))
        if found < least:
            poor[pair] = round(found, 2)
    assert poor == {}


@pytest.mark.parametrize("theme", [PLAIN_DARK, PLAIN_LIGHT], ids=lambda theme: theme.name)
def test_the_plain_themes_name_only_the_terminals_own_colours(theme: Theme) -> None:
    """No shade that a terminal of 16 colours would have to guess; what is chosen is reversed."""
    odd = {
        name: value for name, value in theme.variables.items() if not name.endswith("-style") and "ansi_" not in value
    }
    assert odd == {}
    assert theme.variables["cursor-text-style"] == "reverse"


def test_a_state_is_a_glyph_of_its_own() -> None:
    """No two tones of states share a glyph: what colour tells is told without it."""
    assert len(set(GLYPHS.values())) == len(GLYPHS)


async def test_no_color_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR not one cell has a colour; cursor, focus and dialogs are seen all the same."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(size=(80, 24)) as (app, pilot, _):
        coloured = {str(s.style) for s in segments(app) if s.style and _colours(s) - {ColorType.DEFAULT}}
        assert coloured == set()
        cursor = line_with(app, "▸ worker-")
        assert any(segment.style and segment.style.reverse and "worker-" in segment.text for segment in cursor)
        assert "▌Nodes" in picture(app)
        await pilot.press("tab")
        await settle(pilot)
        assert "▌Nodes" not in picture(app)
        await pilot.press("shift+tab", "x")
        await settle(pilot)
        options = app.screen.query_one(OptionList)
        first = str(options.get_option_at_index(options.highlighted or 0).prompt)
        chosen = next(segment for segment in line_with(app, first) if first in segment.text)
        assert chosen.style is not None
        assert chosen.style.reverse
        assert "╭─" in picture(app)


def _colours(segment: Segment) -> set[ColorType]:
    style = segment.style
    return {c.type for c in (style.color, style.bgcolor) if c is not None} if style is not None else set()


async def test_what_is_typed_into_is_seen_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor of a field is reversed; a list whose dialog has the keys elsewhere is not."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with console() as (app, pilot, _):
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("slash", *"web")
        await settle(pilot)
        assert [s.text for s in line_with(app, "/ web") if s.style and s.style.reverse] == [" "]
        await pilot.press("escape", "ctrl+d")
        await settle(pilot)
        chosen, cancel = line_with(app, "Background"), line_with(app, "Cancel")
        assert not any(s.style and s.style.reverse and "Background" in s.text for s in chosen)
        assert any(s.style and s.style.reverse and "Cancel" in s.text for s in cancel)


async def test_sixteen_colours_are_the_terminals_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are 16 colours, none of 16 million is asked for; ctrl-t changes to those for a light ground."""
    monkeypatch.delenv("COLORTERM")
    monkeypatch.setenv("TERM", "xterm")
    async with console() as (app, pilot, _):
        assert app.theme == PLAIN_DARK.name
        await pilot.press("ctrl+t")
        await settle(pilot)
        assert app.theme == PLAIN_LIGHT.name
        kinds = {kind for segment in segments(app) for kind in _colours(segment)}
        assert kinds <= {ColorType.DEFAULT, ColorType.STANDARD}


def test_of_the_header_what_matters_least_goes() -> None:
    """Pieces of the highest rank go first; of equal ones the last."""
    pieces = [Piece("a" * 10, "", 0), Piece("b" * 10, "", 2), Piece("c" * 10, "", 2), Piece("d" * 5, "", 1)]
    assert [p.text[0] for p in fit_pieces(pieces, 30, 2)] == ["a", "b", "d"]
    assert [p.text[0] for p in fit_pieces(pieces, 20, 2)] == ["a", "d"]


def test_the_folder_in_short_tells_what_is_wrong() -> None:
    """Where there is room for one state only, it is the one that needs a look."""
    files = [FolderFile("a.yaml", "applied"), FolderFile("b.yaml", "error")]
    assert folder_text(files, short=True) == ("folder ✗ 1 error", "bad")
    assert folder_text(files[:1], short=True) == ("folder ✓ 1", "")
    assert folder_text(files, short=False) == ("folder ✗ 1 error ✓ 1 applied", "bad")


async def test_few_nodes_leave_their_room_to_the_pods() -> None:
    """On a high terminal the nodes' pane ends with the last node; on a low one it keeps its share, and scrolls."""
    async with console(size=(200, 60)) as (app, _, _):
        nodes = app.home.nodes
        assert nodes.size.height == len(nodes.model) + 2
        assert app.home.pods.size.height > 24
    async with console(size=(80, 24)) as (app, _, _):
        assert app.home.nodes.size.height == 8


@pytest.mark.parametrize(("height", "titles"), [(14, ["Nodes", "Pods"]), (9, ["Pods"])])
async def test_a_low_terminal_shows_what_matters(height: int, titles: list[str]) -> None:
    """Where four panes would show headings only, fewer show rows; the keys go to one that is seen."""
    async with console(size=(60, height)) as (app, pilot, _):
        shown = picture(app)
        assert [
            name for name in ("Nodes", "Namespaces", "Pods", "Events") if f"{name}  " in shown or f"{name} ·" in shown
        ] == titles
        assert "▌" in shown
        await pilot.press("j")
        await settle(pilot)
        assert picture(app) != shown
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        assert "Namespaces" in picture(app)


@pytest.mark.parametrize(
    "command", ["cluster", "pods", "nodes", "deployments", "help", "aliases", "messages", "pulses"]
)
async def test_the_key_bar_fits_and_names_help(command: str) -> None:
    """However narrow it is, its last entry tells how to see the rest, whole."""
    async with console(size=(50, 20)) as (app, pilot, _):
        app.run_command(command)
        await settle(pilot)
        bar = picture(app).split("\n")[-1]
        assert bar.endswith("? help")
        assert len(bar) <= 50


def test_keys_are_shown_as_they_are_typed() -> None:
    """A plus is a plus, between keys a hyphen."""
    assert [shown(key) for key in ("+", "ctrl+d", "J", "escape", "-")] == ["+", "ctrl-d", "shift-j", "esc", "-"]


async def test_nobody_confirms_what_cannot_be_done() -> None:
    """Where all writes are refused, deleting says so at once instead of asking first."""
    async with console() as (app, pilot, _):
        app.run_command("readonly")
        app.run_command("pods")
        await settle(pilot)
        await pilot.press("ctrl+d")
        await settle(pilot)
        assert "read-only" in app.session.messages[-1][2]
        assert "Delete pods" not in picture(app)


@pytest.mark.parametrize(("name", "ours"), [("nord", DARK), ("textual-light", LIGHT), ("ansi-dark", PLAIN_DARK)])
async def test_somebodys_own_theme_gets_tones_for_its_ground(name: str, ours: Theme) -> None:
    """Another theme keeps its colours; what it does not know is taken from ours for the same ground."""
    async with console() as (app, pilot, _):
        app.theme = name
        await settle(pilot)
        assert app.theme_variables["tone-dim"] == ours.variables["tone-dim"]
        assert "▌Nodes" in picture(app)


def _lies_within(app: KubariumApp) -> bool:
    """The dialog's last line, and its frame, are on the screen."""
    box = app.screen.query_one(".box")
    inner = [child.region for child in box.children if child.display]
    return all(box.content_region.contains_region(region) for region in inner) and app.screen.region.contains_region(
        box.region
    )


async def test_dialogs_fit_the_smallest_terminal() -> None:
    """At 80×24 every line of a dialog is seen, however much there is to tell; what is longer scrolls by keyboard."""
    many = tuple(UndoStep("keep", "pods", "shop", f"web-{n}", (), "its ReplicaSet makes it anew") for n in range(30))
    plan = UndoPlan(
        Intent("i", "drain worker-0", "admin", 0, 1, 31, 31, undone=False), (UndoStep("delete", "pods", "", "x"), *many)
    )
    active = [FakeItem("faults.kubarium.dev", n, {"metadata": {"name": f"stop-{n}"}}) for n in range(8)]
    async with console(size=(80, 24)) as (app, pilot, _):
        node = app.home.nodes.current
        assert node is not None
        app.push_screen(FaultsDialog(app.session, "node worker-0", offers("nodes", [node]), active, ()))
        await settle(pilot)
        assert _lies_within(app), picture(app)
        await pilot.press("escape")
        app.push_screen(KubectlDialog([(f"verb{n}", "kubectl get pods " * 6) for n in range(20)]))
        await settle(pilot)
        assert _lies_within(app), picture(app)
        await pilot.press("escape")
        app.push_screen(UndoDialog(plan, 0))
        await settle(pilot)
        assert _lies_within(app), picture(app)
        assert "web-20" not in picture(app)
        await pilot.press(*["pagedown"] * 8)
        await settle(pilot)
        assert "web-29" in picture(app)


async def test_actions_are_marked_on_the_timeline_not_only_coloured() -> None:
    """Under the strip a glyph stands where somebody acted, and one at the chosen moment."""
    client = FakeClient(world())
    client.past.density = Span(1, 100, 0, 100_000_000, (1,) * 10, (0, 0, 1, *(0,) * 7))
    async with console(client) as (app, pilot, _):
        app.run_command("timeline")
        await settle(pilot)
        lines = picture(app).split("\n")
        assert lines[3] == "   ◆      ▲"
        assert "◆ actions" in lines[4]
