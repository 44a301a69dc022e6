"""`make record`: the first thirty seconds as one animated picture (APNG) per size, played by keyboard.

Frames are what the console showed at each scene of tests/thirty_seconds.py. They go to docs/pictures.
"""

from __future__ import annotations

import argparse
import os
import shutil
import struct
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Final

from tests.shots import ROOT, lines_of, png_of, svg_of
from tests.thirty_seconds import play
from tui.app import KubariumApp

SIZES: Final = {"80x24": ((80, 24), 0.75), "200x60": ((200, 60), 0.5)}
"""Name → terminal size, and how the picture is scaled."""
SECONDS: Final = 3
"""A frame is shown so long."""
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """(type, data) of each chunk."""
    found, at = [], len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def animated(frames: list[bytes], seconds: int) -> bytes:
    """PNG frames of one size as an APNG that plays for ever (https://www.w3.org/TR/png-3/#animation-information)."""
    parsed = [chunks(frame) for frame in frames]
    header = next(data for kind, data in parsed[0] if kind == b"IHDR")
    width, height = struct.unpack(">II", header[:8])
    out = _SIGNATURE + chunk(b"IHDR", header) + chunk(b"acTL", struct.pack(">II", len(frames), 0))
    number = 0
    for index, frame in enumerate(parsed):
        out += chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, seconds, 1, 0, 0))
        number += 1
        for kind, data in frame:
            if kind != b"IDAT":
                continue
            if index:
                out += chunk(b"fdAT", struct.pack(">I", number) + data)
                number += 1
            else:
                out += chunk(b"IDAT", data)
    return out + chunk(b"IEND", b"")


def record(name: str) -> bytes:
    """One telling, as an animation."""
    size, scale = SIZES[name]
    frames: list[bytes] = []

    def scene(app: KubariumApp, title: str) -> None:
        frames.append(png_of(svg_of(lines_of(app), f"{title} · {size[0]}×{size[1]}"), scale))

    with tempfile.TemporaryDirectory() as folder:
        cluster = Path(folder) / "cluster"
        shutil.copytree(ROOT / "sample-cluster", cluster)
        play(cluster, size, scene)
    return animated(frames, SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.record", description=__doc__)
    parser.add_argument("sizes", nargs="*", choices=[*SIZES, []], help="which sizes (default: all)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="where to (docs/pictures)")
    args = parser.parse_args()
    # What is shown depends on nobody's terminal and settings.
    os.environ.update(COLORTERM="truecolor", XDG_CONFIG_HOME=os.devnull)
    os.environ.pop("NO_COLOR", None)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.sizes or SIZES:
        path = args.out / f"first-thirty-seconds-{name}.png"
        path.write_bytes(record(name))
        print(f"{path} {path.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
