"""docs/what-works.md names tests that exist, and says what is missing where it names none."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "what-works.md"


def rows() -> list[list[str]]:
    lines = [
        line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| concept")
    ]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_row_names_a_test_that_exists() -> None:
    """By file, or by file and function; a row without one says what is missing."""
    assert len(rows()) > 70
    for concept, does, test, missing in rows():
        assert concept
        assert does
        if not test:
            assert missing, concept
            continue
        file, _, name = test.strip("`").partition("::")
        path = ROOT / file if file.startswith("tests/") else ROOT / "tests" / "engine" / file
        assert path.is_file(), f"{concept}: {test}"
        if name:
            assert re.search(rf"^(async )?def {name}\(", path.read_text(), re.MULTILINE), f"{concept}: {test}"
