"""Twelve broken clusters, found and mended with the console alone: the symptom, `w`, an edit, and health again.

All twelve are broken at once in one cluster, as in life; they are played one after the other in one console.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.stories.broken import BASE, BROKEN, Broken
from tests.tui.stories.player import Player, playing


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, BaseException | None]]:
    """What came of each story: nothing, or why it failed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTUAL_ANIMATIONS", "none")
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.delenv("NO_COLOR", raising=False)
        folder = tmp_path_factory.mktemp("folder")
        (folder / "base.yaml").write_text(BASE)
        for story in BROKEN:
            (folder / f"{story.name}.yaml").write_text(story.text)
        yield asyncio.run(play_all(folder))


async def play_all(folder: Path) -> dict[str, BaseException | None]:
    found: dict[str, BaseException | None] = {}
    async with playing(folder) as player:
        await player.play(150)
        for story in BROKEN:
            try:
                await play(player, story)
                found[story.name] = None
            except AssertionError as error:
                found[story.name] = error
    return found


async def play(player: Player, story: Broken) -> None:
    await player.go(story.kind, story.row)
    await player.comes(*story.symptom)
    await player.why(*story.why)
    await player.mend(story.file or f"{story.name}.yaml", *story.changes)
    await player.go(story.kind, story.row)
    await player.comes(*story.healthy)


@pytest.mark.parametrize("name", [story.name for story in BROKEN])
def test_seen_explained_and_mended(name: str, outcomes: dict[str, BaseException | None]) -> None:
    """The symptom is on the screen, `w` names the cause, an edit of the file mends it."""
    error = outcomes[name]
    if error is not None:
        raise error


def test_twelve_of_them() -> None:
    """Each breaks something else."""
    assert len({story.text for story in BROKEN}) == 12
