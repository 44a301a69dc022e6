"""A list of options whose highlighted line is seen without colours, too.

Textual's option lists take colours from the style of the highlighted option, but not its reverse: where the theme has
no colours to show it by, the line is reversed here.
"""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip
from textual.widgets import OptionList

_CHOSEN = Style(reverse=True)
_CHOSEN_ELSEWHERE = Style(bold=True, underline=True)
"""Another widget of the dialog has the keys."""


class Options(OptionList):
    """See the module's story."""

    DEFAULT_CSS = """
    Options { & > .option-list--option-highlighted { text-style: none; } }
    """

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        place = self.scroll_offset.y + y
        if self.app.native_ansi_color and place < len(self._lines) and self._lines[place][0] == self.highlighted:
            return strip.apply_style(_CHOSEN if self.has_focus or not self.can_focus else _CHOSEN_ELSEWHERE)
        return strip
