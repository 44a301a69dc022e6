"""`make shots`: the README's pictures, from the sample cluster, in three sizes.

The real engine runs paused and is stepped, with a fixed seed and start, so the same state is shown each time. Each
scene is a list of steps: keys, `+90` (play so many seconds of cluster time), `:command`. Pictures go to docs/pictures
as PNG (and, with --svg, the SVG they were made from).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

import resvg_py
from textual.pilot import Pilot

from engine.client import ConnectOptions, connect
from tui.app import KubariumApp
from tui.session import answer

ROOT: Final = Path(__file__).parent.parent
START: Final = 1_795_424_400_000_000
"""2026-11-23T09:00:00Z."""
FONTS: Final = "/usr/share/fonts/truetype/dejavu"
SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
BUSY_NODE: Final = ("j", "j")
FIND_IMAGE: Final = ("m", "ctrl+f", *"image", "enter")

SCENES: Final[dict[str, tuple[tuple[int, int], tuple[str, ...]]]] = {
    "home-80x24": (SMALL, ("+45",)),
    "home-120x40": (MIDDLE, ("+45",)),
    "home-200x60": (LARGE, ("+45", *BUSY_NODE)),
    "why-120x40": (MIDDLE, ("+45", ":pods /sales", "w")),
    "why-80x24": (SMALL, ("+45", ":pods /sales", "w")),
    "describe-120x40": (MIDDLE, ("+45", ":nodes", "j", "d")),
    "pods-200x60": (LARGE, ("+300", ":pods", "T", "d")),
    "failure-120x40": (MIDDLE, ("+45", *BUSY_NODE, "x", "enter", "+75")),
    "rescheduled-200x60": (LARGE, ("+45", *BUSY_NODE, "x", "enter", "+420")),
    "faults-80x24": (SMALL, ("+45", *BUSY_NODE, "x")),
    "faults-pod-120x40": (MIDDLE, ("+45", ":pods shop", "x", "down")),
    "faults-list-120x40": (MIDDLE, ("+45", *BUSY_NODE, "x", "down", "tab", "5", "m", "enter", "+60", ":faults")),
    "faults-zone-200x60": (LARGE, ("+45", *BUSY_NODE, "k", "k", "x", "enter", "+60", "x")),
    "tour-80x24": (SMALL, ("+45", "question_mark", "t")),
    "tour-editor-80x24": (SMALL, ("+45", "question_mark", "t", ":pods /sales", "+1", "w", "+1", "m")),
    "tour-why-200x60": (LARGE, ("+45", "question_mark", "t", ":pods /sales", "+1", "w")),
    "delete-120x40": (MIDDLE, ("+45", ":deployments", "j", "ctrl+d")),
    "xray-120x40": (MIDDLE, ("+45", ":xray deploy shop")),
    "xray-80x24": (SMALL, ("+45", ":xray svc shop")),
    "pulses-120x40": (MIDDLE, ("+45", ":pulses", "+10")),
    "rollouts-120x40": (
        MIDDLE,
        ("+45", ":deployments /catalog", "i", "backspace", "backspace", "9", "enter", "+10", "b", "j"),
    ),
    "image-80x24": (SMALL, ("+45", ":deployments /reviews", "i")),
    "room-120x40": (MIDDLE, ("+45", ":pods /cart", "f")),
    "can-i-120x40": (MIDDLE, ("+45", ":can-i sa kube-system/endpointslice-controller")),
    "used-by-120x40": (MIDDLE, ("+45", ":configmaps shop", "u")),
    "edit-120x40": (MIDDLE, ("+45", ":deployments /catalog", "e")),
    "shell-120x40": (MIDDLE, ("+45", ":pods /cart", "s", *"env | grep REDIS", "enter")),
    "delete-namespace-120x40": (MIDDLE, ("+45", ":namespaces /shop", "ctrl+d")),
    "logs-80x24": (SMALL, ("+45", ":pods /reviews", "l")),
    "can-i-80x24": (SMALL, ("+45", ":can-i sa kube-system/endpointslice-controller")),
    "rollouts-80x24": (SMALL, ("+45", ":deployments /catalog", "b")),
    "pulses-80x24": (SMALL, ("+45", ":pulses", "+10")),
    "room-80x24": (SMALL, ("+45", ":pods /cart", "f")),
    "delete-namespace-80x24": (SMALL, ("+45", ":namespaces /shop", "ctrl+d")),
    "usage-120x40": (MIDDLE, ("+45", ":pods", "+5")),
    "usage-nodes-200x60": (LARGE, ("+45", ":nodes", "+5")),
    "usage-80x24": (SMALL, ("+45", ":pods kube-system,shop", "+5")),
    "help-200x60": (LARGE, ("+5", ":pods", "question_mark")),
    "diagnosis-120x40": (MIDDLE, ("+45", ":deployments /payments", "w")),
    "diagnosis-80x24": (SMALL, ("+45", ":deployments /payments", "w")),
    "diagnosis-node-120x40": (MIDDLE, ("+45", *BUSY_NODE, "x", "enter", "+90", "w")),
    "timeline-120x40": (MIDDLE, ("+45", *BUSY_NODE, "x", "enter", "+420", "t", "j", "j")),
    "timeline-200x60": (LARGE, ("+45", *BUSY_NODE, "x", "enter", "+420", "t", "j", "j")),
    "past-120x40": (MIDDLE, ("+45", *BUSY_NODE, "x", "enter", "+420", "t", "a", "enter")),
    "history-120x40": (MIDDLE, ("+45", ":deployments /catalog", "h")),
    "undo-120x40": (MIDDLE, ("+45", ":deployments /storefront", "s", "up", "up", "enter", "+20", "U")),
    "editor-complete-120x40": (
        MIDDLE,
        ("+45", ":pods /storefront", *FIND_IMAGE, "end", "enter", "r", "e"),
    ),
    "editor-field-120x40": (MIDDLE, ("+45", ":pods /sales", "m", "f2")),
    "editor-outline-80x24": (SMALL, ("+45", ":pods /storefront", "m", "ctrl+o")),
    "editor-find-120x40": (MIDDLE, ("+45", ":pods /storefront", "m", "ctrl+f", *"image")),
    "editor-template-120x40": (MIDDLE, ("+45", ":dir", "n", *"stat")),
    "editor-drift-120x40": (MIDDLE, ("+45", ":deployments /catalog", "s", "up", "enter", "+5", "m")),
    "manifests-80x24": (SMALL, ("+45", ":pods /sales", "m")),
    "manifests-120x40": (MIDDLE, ("+45", ":pods /sales", "m")),
    "manifests-200x60": (LARGE, ("+45", ":pods /sales", "m")),
}


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(12):
        await pilot.pause(0.05)


async def take(name: str, theme: str | None) -> str:
    """The SVG of one scene."""
    size, steps = SCENES[name]
    client = connect(ConnectOptions(folder=str(ROOT / "sample-cluster"), seed=7, speed=0.0, start=START))
    app = KubariumApp(client)
    async with app.run_test(size=size) as pilot:
        if theme is not None:
            app.theme = theme
        while not app.session.files or any(file.state == "pending" for file in app.session.files):
            await pilot.pause(0.05)
        await settle(pilot)
        for step in steps:
            if step.startswith("+") and len(step) > 1:
                await answer(client.step(int(step[1:]) * 1_000_000))
                while not app.home.nodes.model.rows or not app.session.board.loaded:
                    await pilot.pause(0.05)
            elif step.startswith(":") and len(step) > 1:
                app.run_command(step[1:])
            else:
                await pilot.press(step)
            await settle(pilot)
        # DejaVu has no pause sign; terminals do.
        return app.export_screenshot(title=f"kubarium · {size[0]}×{size[1]}").replace("⏸", "‖")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.shots", description=__doc__)
    parser.add_argument("scenes", nargs="*", help="names of scenes (default: all)")
    parser.add_argument("--theme", help="another theme: kubarium-light …")
    parser.add_argument("--svg", action="store_true", help="keep the SVG beside the PNG")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="where to (docs/pictures)")
    args = parser.parse_args()
    unknown = sorted(set(args.scenes) - set(SCENES))
    if unknown:
        parser.error(f"no such scene: {unknown[0]}; there are {', '.join(SCENES)}")
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.scenes or SCENES:
        svg = asyncio.run(take(name, args.theme))
        if args.svg:
            (args.out / f"{name}.svg").write_text(svg)
        # Without the fonts of a Debian system the renderer takes what monospace it finds.
        known = Path(FONTS).is_dir()
        png = resvg_py.svg_to_bytes(
            svg_string=svg,
            font_dirs=[FONTS] if known else None,
            monospace_family="DejaVu Sans Mono" if known else None,
        )
        (args.out / f"{name}.png").write_bytes(bytes(png))
        print(args.out / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
