"""The demo that must always work, by keyboard only, on the real cluster: find, mend, break, watch it heal."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.thirty_seconds import play

SAMPLE = Path(__file__).parent.parent / "sample-cluster"


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
def test_the_first_thirty_seconds(tmp_path: Path, size: tuple[int, int]) -> None:
    """Pending → why → manifest → edit → scheduled; kubelet stopped → NotReady → evicted → undone → the past."""
    folder = tmp_path / "cluster"
    shutil.copytree(SAMPLE, folder)
    scenes: list[str] = []
    play(folder, size, lambda app, title: scenes.append(title))
    assert len(scenes) == 12
