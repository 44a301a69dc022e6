"""The list that pops up under the cursor of an editor: names that could stand there, their type and what they mean.

It never takes the focus; the editor moves the choice and takes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Offset
from textual.widgets.option_list import Option

from engine.client import FieldHelp
from tui.widgets.options import Options


class Completions(Options, can_focus=False):
    """Open with `open`; `chosen` is the highlighted offer."""

    DEFAULT_CSS = """
    Completions {
        overlay: screen; constrain: none inflect; position: absolute; display: none;
        width: auto; min-width: 24; max-width: 64; height: auto; max-height: 9;
        border: none; padding: 0; background: $panel; color: $foreground;
        scrollbar-size-vertical: 1;
        & > .option-list--option-highlighted {
            background: $cursor-background; color: $cursor-foreground; text-style: $cursor-text-style;
        }
        &:ansi { border-left: outer $tone-accent; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._offers: Sequence[FieldHelp] = ()

    def open(self, offers: Sequence[FieldHelp], cursor: Offset, typed: int) -> None:
        """Show below the cursor, aligned with the `typed` letters before it."""
        self._offers = offers
        width = max(cell_len(offer.name) for offer in offers)
        self.set_options([Option(_line(offer, width)) for offer in offers])
        self.highlighted = 0
        self.absolute_offset = Offset(max(0, cursor.x - typed - 1), cursor.y + 1)
        self.display = True

    def move(self, step: int) -> None:
        if self.highlighted is not None and self._offers:
            self.highlighted = (self.highlighted + step) % len(self._offers)

    @property
    def chosen(self) -> FieldHelp | None:
        return self._offers[self.highlighted] if self.display and self.highlighted is not None else None


def _line(offer: FieldHelp, width: int) -> Text:
    line = Text(f" {offer.name:{width}} ", no_wrap=True, overflow="ellipsis")
    line.append(f" {offer.type or offer.description}", "dim")
    if offer.required:
        line.append(" required", "bold")
    return line
