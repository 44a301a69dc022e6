"""What the editor offers on the real engine: fields and values of the schema, also of a definition made just now."""

from __future__ import annotations

from pathlib import Path

from tests.tui.stories.broken import BASE
from tests.tui.stories.player import Player, playing
from tui.screens.manifests import ManifestsScreen

DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: backups.example.com
spec:
  group: example.com
  names: {kind: Backup, plural: backups, singular: backup}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [schedule]
            properties:
              schedule:
                type: string
                description: When it runs, as cron writes it.
              method:
                type: string
                enum: [Full, Incremental]
              targets:
                type: array
                items:
                  type: object
                  properties:
                    claimName: {type: string}
"""
BACKUP = """\
apiVersion: example.com/v1
kind: Backup
metadata:
  name: nightly
  namespace: shop
spec:
"""


async def opened(player: Player, path: str, line: int) -> ManifestsScreen:
    player.app.open_manifest(path, line)
    screen = player.app.screen
    assert isinstance(screen, ManifestsScreen)
    await player.holds("the editor", lambda: screen.editor.has_focus)
    await player.pilot.press("end")
    return screen


async def completed(player: Player, typed: str, offered: str) -> None:
    await player.type(typed)
    await player.until(offered)
    await player.pilot.press("tab")


async def test_a_resource_of_ones_own_is_completed_and_explained(tmp_path: Path) -> None:
    """Fields, nested fields, values and docs come from the definition that was applied; problems too."""
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "backup.yaml").write_text(BACKUP)
    async with playing(tmp_path) as player:
        screen = await opened(player, "backup.yaml", 6)
        await player.until("backup.yaml", "Backup")
        (tmp_path / "definition.yaml").write_text(DEFINITION)
        await player.holds("served", lambda: any(f.path == "definition.yaml" for f in player.app.session.files))
        await player.play(2)
        await player.pilot.press("enter")
        await completed(player, "sch", "schedule string required")
        await player.type('"0 3 * * *"')
        await player.until("spec.schedule string When it runs, as cron writes it.")
        await player.pilot.press("enter")
        await completed(player, "me", "method string")
        await completed(player, "inc", "Incremental")
        await player.pilot.press("enter")
        await completed(player, "tar", "targets")
        await player.pilot.press("enter")
        await player.type("- ")
        await completed(player, "cl", "claimName")
        await player.type("disk")
        assert screen.editor.text == BACKUP + (
            '  schedule: "0 3 * * *"\n  method: Incremental\n  targets:\n    - claimName: disk\n'
        )
        await player.until("1 to create")
        await player.pilot.press("ctrl+s")
        await player.holds("applied", lambda: {f.state for f in player.app.session.files} == {"applied"})


async def test_values_are_offered(tmp_path: Path) -> None:
    """Of enumerations, in lists too; the card of a field tells them."""
    head = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: disk\n  namespace: shop\nspec:\n"
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "claim.yaml").write_text(head)
    async with playing(tmp_path) as player:
        screen = await opened(player, "claim.yaml", 6)
        await player.pilot.press("enter")
        await player.type("accessModes:")
        await player.pilot.press("enter", "backspace")
        await player.type("- ")
        await completed(player, "ReadW", "ReadWriteOncePod")
        await player.pilot.press("enter")
        await completed(player, "volumeM", "volumeMode string")
        await completed(player, "Bl", "Block")
        assert screen.editor.text == head + "  accessModes:\n  - ReadWriteMany\n  volumeMode: Block\n"
        await player.pilot.press("f2")
        await player.until("One of: Block, Filesystem")
