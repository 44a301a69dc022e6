"""The README's pictures are those that the repository makes."""

from __future__ import annotations

import re

from tests.record import SIZES
from tests.shot_scenes import README
from tests.shots import ROOT, shots

MADE = {*README, *(f"first-thirty-seconds-{size}" for size in SIZES)}


def test_each_picture_of_the_readme_is_made_by_a_command() -> None:
    """`make shots` and `make record` make all that README.md shows, and all that is kept."""
    shown = set(re.findall(r"docs/pictures/([\w-]+)\.png", (ROOT / "README.md").read_text()))
    kept = {path.stem for path in (ROOT / "docs" / "pictures").iterdir()}
    assert shown <= MADE
    assert kept == MADE


def test_each_picture_has_its_scene() -> None:
    """A picture that is to be kept is one of the scenes in one of its sizes."""
    assert set(README) <= set(shots())
