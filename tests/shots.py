"""`make shots`: pictures of every screen and dialog, in three sizes, dark and light, with 16 colours and with none.

The real engine runs paused on a copy of the sample cluster and is stepped, with a fixed seed and start: the same story
each time. The scenes are those of tests/shot_scenes.py. The README's pictures go to docs/pictures; all
others to shots/, to be looked at, not to be kept. `--text` prints screens instead.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import resvg_py
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.terminal_theme import SVG_EXPORT_THEME, TerminalTheme
from textual.color import Color
from textual.filter import NoColor
from textual.pilot import Pilot

from engine.client import ConnectOptions, connect
from tests.shot_scenes import README, SCENES, Scene, Size, Step
from tui.app import KubariumApp
from tui.screens.base import BaseScreen
from tui.session import answer
from tui.theme import DARK, LIGHT, PLAIN_DARK, PLAIN_LIGHT

ROOT: Final = Path(__file__).parent.parent
START: Final = 1_795_424_400_000_000
"""2026-11-23T09:00:00Z."""
FONTS: Final = "/usr/share/fonts/truetype/dejavu"
Lines = list[list[Segment]]
EVERYWHERE: Final = ("dark", "light")
"""Variants of all sizes; the others change colours only, and are taken at the smallest."""
VARIANTS: Final = {"dark": DARK, "light": LIGHT, "16": PLAIN_DARK, "16-light": PLAIN_LIGHT, "none": PLAIN_DARK}
_NORMAL: Final = [
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
]  # fmt: skip
_BRIGHT: Final = [
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
    (255, 255, 255),
]  # fmt: skip
WHITE: Final = TerminalTheme((255, 255, 255), (0, 0, 0), _NORMAL, _BRIGHT)
BLACK: Final = TerminalTheme((0, 0, 0), (229, 229, 229), _NORMAL, _BRIGHT)
"""xterm's colours, on both grounds."""


def shots() -> list[str]:
    """Names of all pictures but for the variant: scene and size."""
    return [f"{name}-{width}x{height}" for name, scene in SCENES.items() for width, height in scene.sizes]


def _scene(shot: str) -> tuple[Scene, Size]:
    name, _, size = shot.rpartition("-")
    width, _, height = size.partition("x")
    return SCENES[name], (int(width), int(height))


def _variants(shot: str) -> Sequence[str]:
    return [*VARIANTS] if shot.endswith("-80x24") else EVERYWHERE


async def settle(pilot: Pilot[None], looks: int = 8) -> None:
    """Until the screen has stood still for so many looks."""
    before, still = "", 0
    for _ in range(60):
        await pilot.pause(0.05)
        now = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
        still = still + 1 if now == before else 0
        before = now
        if still >= looks:
            return


async def _play(app: KubariumApp, pilot: Pilot[None], folder: Path, steps: Sequence[Step]) -> None:
    for step in steps:
        if not isinstance(step, str):
            step(app)
        elif step.startswith("=") and len(step) > 1:
            _write(folder, step)
        elif step.startswith("+") and len(step) > 1:
            await answer(app.client.step(int(step[1:]) * 1_000_000))
            while not app.home.nodes.model.rows or not app.session.board.loaded:
                await pilot.pause(0.05)
        elif step.startswith(":") and len(step) > 1:
            app.run_command(step[1:])
        else:
            await pilot.press(step)
            await pilot.pause(0.05)
            continue
        await settle(pilot)
    if isinstance(app.screen, BaseScreen):
        app.screen.tick()  # ages as of now: while time stands still nothing paints them anew
    await settle(pilot)


def _write(folder: Path, step: str) -> None:
    path, _, text = step[1:].partition(":")
    (folder / path).write_text(text)


async def take(shot: str, variants: Sequence[str]) -> list[tuple[str, Lines]]:
    """The lines of one screen in each variant."""
    scene, size = _scene(shot)
    if scene.afresh and len(variants) > 1:
        return [taken for variant in variants for taken in await take(shot, [variant])]
    taken, steps = [], list(scene.steps)
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "sample-cluster"
        shutil.copytree(ROOT / "sample-cluster", folder)
        while isinstance(steps[0], str) and steps[0].startswith("="):
            _write(folder, str(steps.pop(0)))
        app = KubariumApp(connect(ConnectOptions(folder=str(folder), seed=7, speed=0.0, start=START)))
        async with app.run_test(size=size, notifications=True) as pilot:
            app.theme = VARIANTS[variants[0]].name
            while not app.session.files or any(file.state == "pending" for file in app.session.files):
                await pilot.pause(0.05)
            await _play(app, pilot, folder, steps)
            for variant in variants:
                app.theme = VARIANTS[variant].name
                await settle(pilot, 3)
                lines = lines_of(app)
                taken.append((variant, without_colours(lines) if variant == "none" else lines))
    return taken


def lines_of(app: KubariumApp) -> Lines:
    """What is on the screen, a dialog with what is behind it."""
    update: Any = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    return [[segment for strip in strips for segment in strip] for strips in update.strips]


def without_colours(lines: Lines) -> Lines:
    """The same where NO_COLOR is set."""
    return [NoColor().apply(line, Color(0, 0, 0)) for line in lines]


class _Picture:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self._lines:
            yield from line
            yield Segment.line()


def svg_of(lines: Lines, title: str, terminal: TerminalTheme = SVG_EXPORT_THEME) -> str:
    """A screen as SVG. `terminal`: its own 16 colours."""
    console = Console(
        width=sum(segment.cell_length for segment in lines[0]), height=len(lines), file=io.StringIO(), record=True,
        force_terminal=True, color_system="truecolor", legacy_windows=False, safe_box=False, _environ={},
    )  # fmt: skip
    console.print(_Picture(lines), end="")
    # DejaVu has no pause sign; terminals do.
    return console.export_svg(title=title, theme=terminal).replace("⏸", "‖")


def png_of(svg: str, scale: float = 1.0) -> bytes:
    """The picture of an SVG. Without the fonts of a Debian system the renderer takes what monospace it finds."""
    known = Path(FONTS).is_dir()
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=scale,
            font_dirs=[FONTS] if known else None,
            monospace_family="DejaVu Sans Mono" if known else None,
        )
    )


def make(shot: str, variants: Sequence[str], out: Path, text: bool = False) -> list[str]:
    """Take one screen and write its pictures, `SHOT-VARIANT.png`; one variant alone: `SHOT.png`.

    Returns their paths; with `text`, the screens themselves.
    """
    made = []
    for variant, lines in asyncio.run(take(shot, variants)):
        if text:
            body = "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)
            made.append(f"=== {shot} {variant}\n{body}")
            continue
        title = f"kubarium · {shot.rpartition('-')[2].replace('x', '×')}"
        terminal = WHITE if variant == "16-light" else BLACK if variant in ("16", "none") else SVG_EXPORT_THEME
        path = out / (f"{shot}-{variant}.png" if len(variants) > 1 else f"{shot}.png")
        path.write_bytes(png_of(svg_of(lines, title, terminal)))
        made.append(str(path))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.shots", description=__doc__)
    parser.add_argument("shots", nargs="*", help="scenes, or scenes with a size: why, why-80x24 (default: all)")
    parser.add_argument(
        "--variant", action="append", choices=VARIANTS, help="only these (default: all at 80x24, dark and light else)"
    )
    parser.add_argument("--readme", action="store_true", help="only the README's pictures, to docs/pictures")
    parser.add_argument("--text", action="store_true", help="print the screens as text")
    parser.add_argument("--out", type=Path, default=ROOT / "shots", help="where to (shots/)")
    args = parser.parse_args()
    known = shots()
    wanted = [shot for shot in known if not args.shots or {shot, shot.rpartition("-")[0]} & set(args.shots)]
    unknown = [name for name in args.shots if not any(name in (shot, shot.rpartition("-")[0]) for shot in known)]
    if unknown:
        parser.error(f"no such scene: {unknown[0]}; there are {', '.join(SCENES)}")
    # What is shown depends on nobody's terminal and settings.
    os.environ.update(COLORTERM="truecolor", TEXTUAL_ANIMATIONS="none", XDG_CONFIG_HOME=os.devnull)
    os.environ.pop("NO_COLOR", None)
    # Half of the time is spent waiting for screens to stand still.
    with ProcessPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        jobs: list[Future[list[str]]] = []
        if args.readme or not args.shots:
            jobs += [pool.submit(make, shot, ["dark"], ROOT / "docs" / "pictures") for shot in README]
        if not args.readme:
            args.out.mkdir(parents=True, exist_ok=True)
            jobs += [pool.submit(make, shot, args.variant or _variants(shot), args.out, args.text) for shot in wanted]
        for job in jobs:
            print(*job.result(), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
