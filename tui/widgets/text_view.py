"""A long text on the Line API: describe, YAML, events, logs. Only visible lines are styled.

Lines are plain strings with a highlighter (line → pieces with a tone). Search marks matches and walks them; long lines
scroll sideways or wrap. A new text keeps the place, or the end when it is followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.theme import TONES, Tone

Pieces = list[tuple[str, Tone]]
Highlighter = Callable[[str], Pieces]


def plain(line: str) -> Pieces:
    return [(line, "")]


class TextView(ScrollView, can_focus=True):
    """A text that is looked at."""

    DEFAULT_CSS = """
    TextView {
        background: $surface; color: $foreground; overflow-x: hidden; overflow-y: auto;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; scrollbar-gutter: stable;
        & > .text--match { background: $tone-warn; color: $background; text-style: $match-text-style; }
        &:ansi > .text--match { background: ansi_default; color: ansi_default; }
        & > .text--ok { color: $tone-ok; }
        & > .text--busy { color: $tone-busy; }
        & > .text--warn { color: $tone-warn; text-style: bold; }
        & > .text--bad { color: $tone-bad; text-style: bold; }
        & > .text--dim { color: $tone-dim; }
        & > .text--strong { color: $tone-strong; text-style: bold; }
        & > .text--accent { color: $tone-accent; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"text--match", *(f"text--{tone}" for tone in TONES)}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: Sequence[str] = ()
        """The text as it came."""
        self.wrapped = False
        self.follow = False
        """Stay at the end when the text grows."""
        self.search = ""
        self.narrow: Callable[[str], str | None] | None = None
        """Takes a filter in place of the search, when only some lines are to be shown; answers with a complaint."""
        self._highlight: Highlighter = plain
        self._shown: list[str] = []
        self._pattern: re.Pattern[str] | None = None
        self._matches: list[int] = []
        self._strips: LRUCache[object, Strip] = LRUCache(512)

    def show(self, text: str | Sequence[str], highlight: Highlighter = plain, *, keep: bool = True) -> None:
        """Show a text. `keep`: stay at the line where the reader is."""
        lines = text.split("\n") if isinstance(text, str) else text
        if keep and lines == self.lines and highlight is self._highlight:
            return
        self.lines, self._highlight = lines, highlight
        self._lay_out()
        if not keep:
            self.scroll_to(x=0, y=0, animate=False, immediate=True)
        if self.follow:
            self.do_bottom()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if self.wrapped and width > 4:
            self._shown = [part for line in self.lines for part in wrap_cells(line, width)]
        else:
            self._shown = list(self.lines)
        self._strips.clear()
        widest = width if self.wrapped else max(map(cell_len, self._shown[:5000]), default=0)
        self.virtual_size = Size(max(width, widest), len(self._shown))
        self._find()
        self.refresh()

    def on_resize(self) -> None:
        self._lay_out()
        if self.follow:
            self.do_bottom()

    # -- search ------------------------------------------------------------------------------------------------------

    def set_search(self, text: str) -> int:
        """Mark what a regular expression (or plain text) finds; how many lines match."""
        self.search = text
        flags = 0 if any(char.isupper() for char in text) else re.IGNORECASE
        try:
            self._pattern = re.compile(text, flags) if text else None
        except re.error:
            self._pattern = re.compile(re.escape(text), flags)
        self._strips.clear()
        self._find()
        self.refresh()
        if self._matches:
            self._go_to(next((m for m in self._matches if m >= self.scroll_offset.y), self._matches[0]))
        return len(self._matches)

    def _find(self) -> None:
        pattern = self._pattern
        self._matches = [] if pattern is None else [i for i, line in enumerate(self._shown) if pattern.search(line)]

    def do_next_match(self) -> None:
        here = self.scroll_offset.y
        if self._matches:
            self._go_to(next((m for m in self._matches if m > here), self._matches[0]))

    def do_previous_match(self) -> None:
        here = self.scroll_offset.y
        if self._matches:
            self._go_to(next((m for m in reversed(self._matches) if m < here), self._matches[-1]))

    def _go_to(self, line: int) -> None:
        self.scroll_to(y=line, animate=False, immediate=True)

    # -- moving ------------------------------------------------------------------------------------------------------

    def _move(self, x: int = 0, y: int = 0) -> None:
        if y < 0:
            self.follow = False
        self.scroll_relative(x=x, y=y, animate=False, immediate=True)

    def do_down(self) -> None:
        self._move(y=1)

    def do_up(self) -> None:
        self._move(y=-1)

    def do_left(self) -> None:
        self._move(x=-8)

    def do_right(self) -> None:
        self._move(x=8)

    def do_page_down(self) -> None:
        self._move(y=self.size.height - 1)

    def do_page_up(self) -> None:
        self._move(y=1 - self.size.height)

    def do_top(self) -> None:
        self.follow = False
        self.scroll_to(y=0, animate=False, immediate=True)

    def do_bottom(self) -> None:
        self.scroll_to(y=len(self._shown), animate=False, immediate=True)

    def do_wrap(self) -> None:
        self.wrapped = not self.wrapped
        self.scroll_to(x=0, animate=False, immediate=True)
        self._lay_out()

    # -- lines -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        scroll_x, scroll_y = int(self.scroll_offset.x), int(self.scroll_offset.y)
        width, base = self.scrollable_content_region.width, self.rich_style
        index = scroll_y + y
        if index >= len(self._shown):
            return Strip.blank(width, base)
        line = self._shown[index]
        key = (line, scroll_x, width)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = Strip(self._segments(line, base)).crop_extend(scroll_x, scroll_x + width, base)
        return strip

    def _segments(self, line: str, base: Style) -> list[Segment]:
        segments: list[Segment] = []
        found = list(self._pattern.finditer(line)) if self._pattern is not None else []
        at = 0
        for text, tone in self._highlight(line):
            style = base + self.get_component_rich_style(f"text--{tone}", partial=True) if tone else base
            if not found:
                segments.append(Segment(text, style))
                continue
            match_style = self.get_component_rich_style("text--match", partial=True)
            for offset, char in enumerate(text):
                inside = any(m.start() <= at + offset < m.end() for m in found)
                segments.append(Segment(char, base + match_style if inside else style))
            at += len(text)
        return segments

    def notify_style_update(self) -> None:
        self._strips.clear()
        super().notify_style_update()


def wrap_cells(line: str, width: int) -> list[str]:
    """A line cut into parts of at most `width` cells, at spaces where there are some."""
    parts: list[str] = []
    while cell_len(line) > width:
        cut, used = 0, 0
        for char in line:
            used += cell_len(char)
            if used > width:
                break
            cut += 1
        space = line.rfind(" ", cut // 2, cut)
        cut = space + 1 if space > 0 else max(1, cut)
        parts.append(line[:cut])
        line = line[cut:]
    return [*parts, line]
