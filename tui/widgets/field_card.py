"""The documentation of a field, shown at the cursor of an editor until the next key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content
from textual.geometry import Offset
from textual.widgets import Static

from engine.client import FieldHelp

_LONGEST: Final = 900
"""Characters of a description that are shown."""


class FieldCard(Static):
    """Open with `open`; closed by `display = False`. It never takes the focus."""

    DEFAULT_CSS = """
    FieldCard {
        overlay: screen; constrain: inside inflect; position: absolute; display: none;
        width: 72; max-width: 96%; height: auto; max-height: 14; padding: 0 1;
        background: $panel; color: $foreground; border-left: outer $tone-accent;
    }
    """

    def open(self, field: FieldHelp, values: Sequence[str], cursor: Offset) -> None:
        """Below the cursor, or above it where there is no room."""
        parts: list[str | tuple[str, str]] = [(field.name, "bold $tone-strong")]
        if field.type:
            parts.append((f"  {field.type}", "$tone-accent"))
        if field.required:
            parts.append(("  required", "bold"))
        description = " ".join(field.description.split())
        if len(description) > _LONGEST:
            description = description[:_LONGEST].rsplit(" ", 1)[0] + " …"
        parts.append((f"\n{description or 'The schema says nothing about it.'}", ""))
        if values:
            parts.append((f"\nOne of: {', '.join(values)}", "$tone-ok"))
        self.update(Content.assemble(*parts))
        self.absolute_offset = Offset(cursor.x, cursor.y + 1)
        self.display = True
