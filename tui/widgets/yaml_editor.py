"""A YAML editor on Textual's TextArea: problems in the gutter and under the text, schema completion, find.

What comes in: a text (`load`), problems (`set_problems`), offers for completion (`offer`). What goes out: `Edited`
while typing, `CompletionWanted` when the place under the cursor could be completed, `PlaceChanged` when the cursor
stops on another line. The editor knows neither files nor the cluster.

Only a window of lines around the visible ones is highlighted: querying the syntax tree of 5,000 lines for each key
would double its cost. TextArea's private names used here (`_render_line`, `_line_cache`, `_highlights`,
`_highlight_query`, `_build_highlight_map`, `_refresh_size`, `wrapped_document._offset_to_line_info` and
`_wrap_offsets`) are held by a test and by the exact pin of Textual.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Selection, TextAreaTheme

from engine.client import Diagnostic, FieldHelp
from tui.theme import rich_colour
from tui.widgets.completions import Completions
from tui.widgets.editing import Editing
from tui.widgets.field_card import FieldCard
from tui.yaml_place import Place, place_at

_REST: Final = re.compile(r"[\w./-]*")
"""The rest of a word behind the cursor, which a completion replaces."""
_WINDOW: Final = 100
"""Lines highlighted above and below the visible ones."""
_MARKS: Final = {"error": "●", "warning": "▲", "info": "·"}
_TONES: Final = {"error": "tone-bad", "warning": "tone-warn", "info": "tone-dim"}
_RANK: Final = ("error", "warning", "info")


class YamlEditor(Editing, TextArea):
    """See the module's story."""

    DEFAULT_CSS = """
    YamlEditor {
        border: none; padding: 0; background: $surface; color: $foreground;
        scrollbar-size-horizontal: 0; scrollbar-size-vertical: 1;
        &:focus { border: none; }
        & .text-area--gutter { color: $tone-dim; background: $surface; }
        & .text-area--cursor-gutter { color: $foreground; background: $panel; text-style: bold; }
        & .text-area--cursor-line { background: $panel; }
        & .text-area--cursor { background: $accent; color: $background; text-style: $cursor-text-style; }
        & .text-area--selection { background: $cursor-background; text-style: $cursor-text-style; }
        & .text-area--matching-bracket { background: $cursor-blurred; text-style: $blurred-text-style; }
        &:ansi .text-area--cursor { background: ansi_default; color: ansi_default; }
    }
    """

    class Edited(Message):
        """The text changed."""

    class PlaceChanged(Message):
        """The cursor came to another line (0-based)."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    class Moved(Message):
        """The cursor stands elsewhere."""

    class CompletionWanted(Message):
        """Something could be offered here; answer with `offer(place, …)`."""

        def __init__(self, place: Place) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            "", language="yaml", soft_wrap=False, show_line_numbers=True, tab_behavior="indent", id=id
        )  # fmt: skip
        self.indent_width = 2
        self.cursor_blink = False
        self.problems: dict[int, list[Diagnostic]] = {}
        """By line, counted from 0; the worst first."""
        self._window = range(0)
        self._row = 0
        self._completions = Completions()
        self._card = FieldCard()
        self._wanted: Place | None = None

    # -- text and problems -------------------------------------------------------------------------------------------

    def load(self, text: str, row: int = 0) -> None:
        """Show another text, the cursor at the start of `row` (0-based)."""
        self.close_completions()
        self.set_problems(())
        self.load_text(text)
        self.go_to(row)

    def go_to(self, row: int, column: int = 0) -> None:
        """Put the cursor somewhere, well inside the view."""
        row = max(0, min(row, self.document.line_count - 1))
        self.move_cursor((row, column))
        self.call_after_refresh(self._show_row, row)  # the size is not known before the first layout

    def _show_row(self, row: int) -> None:
        self.scroll_to(x=0, y=max(0, row - self.size.height // 3), animate=False)

    def set_problems(self, problems: Sequence[Diagnostic]) -> None:
        by_line: dict[int, list[Diagnostic]] = {}
        for problem in problems:
            by_line.setdefault(max(0, problem.line - 1), []).append(problem)
        for found in by_line.values():
            found.sort(key=lambda problem: _RANK.index(problem.severity))
        if by_line != self.problems:
            self.problems = by_line
            self._line_cache.clear()
            self.refresh()

    # -- completion --------------------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        row, column = self.cursor_location
        return place_at(self.lines, row, column)

    def offer(self, place: Place, offers: Sequence[FieldHelp]) -> None:
        """Show what could stand here, unless the cursor has gone on meanwhile."""
        if place is not self._wanted or not self.has_focus:
            return
        word = place.word.lower()
        fitting = [
            offer for offer in offers
            if offer.name.strip('"').lower().startswith(word) and offer.name not in place.siblings
        ]  # fmt: skip
        # What is there already stands first, so that enter never makes something longer of it unasked.
        fitting.sort(key=lambda offer: offer.name != place.word)
        if not fitting or (len(fitting) == 1 and fitting[0].name == place.word):
            self.close_completions()
            return
        self._completions.open(fitting, self.cursor_screen_offset, len(place.word))

    def close_completions(self) -> None:
        self._wanted = None
        self._completions.display = False

    def do_complete(self) -> None:
        """Offer what fits here, also before a letter is typed."""
        if not self.read_only:
            self._want()

    def explain(self, card: FieldHelp, values: Sequence[str]) -> None:
        """Show the documentation of a field at the cursor, until the next key."""
        self.close_completions()
        self._card.open(card, values, self.cursor_screen_offset)

    def _want(self) -> None:
        self._wanted = self.place
        self.post_message(self.CompletionWanted(self._wanted))

    def _completed(self) -> bool:
        """The chosen value is what stands there: enter begins a line, as without offers."""
        chosen, place = self._completions.chosen, self._wanted
        return chosen is not None and place is not None and bool(place.key) and chosen.name == place.word

    def _accept(self) -> None:
        chosen, place = self._completions.chosen, self._wanted
        self.close_completions()
        if chosen is None or place is None:
            return
        text = chosen.name
        row, column = self.cursor_location
        line, start = self.document.get_line(row), column - len(place.word)
        rest = _REST.match(line, column)
        end = rest.end() if rest is not None else column
        if place.key:
            if line[start - 1 : start] in ('"', "'"):
                text = text.strip('"')
            elif line[start - 1 : start] == ":":
                text = f" {text}"
        elif chosen.type and not line[end:].lstrip().startswith(":"):
            nested = chosen.type.startswith(("Object", "map", "[]")) or chosen.type[:1].isupper()
            text += ":" if nested else ": "
        self.replace(text, (row, start), (row, end), maintain_selection_offset=False)

    # -- events ------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.screen.mount(self._completions, self._card)
        self._follow_theme()
        self.app.theme_changed_signal.subscribe(self, lambda _: self._follow_theme())

    def on_unmount(self) -> None:
        for popup in (self._completions, self._card):
            if popup.is_attached:
                popup.remove()

    def on_blur(self) -> None:
        self.close_completions()
        self._card.display = False

    def on_click(self) -> None:
        self._card.display = False

    def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.close_completions()
        if not self.read_only:
            self.put_in(event.text)

    async def _on_key(self, event: events.Key) -> None:
        shown, self._card.display = self._card.display, False
        if shown and event.key == "escape":
            event.prevent_default()
            event.stop()
            return
        if self._completions.display and event.key in ("up", "down", "enter", "tab", "escape"):
            event.prevent_default()
            event.stop()
            if event.key in ("up", "down"):
                self._completions.move(-1 if event.key == "up" else 1)
            elif event.key == "escape":
                self.close_completions()
            elif event.key == "enter" and self._completed():
                self.close_completions()
                self.structure_key("enter")
            else:
                self._accept()
            return
        if event.key.startswith("alt+") and event.is_printable:  # terminals name the letter too: it is not typed
            event.prevent_default()
            return
        if event.key == "escape":  # TextArea would move the focus: leaving is the screen's decision
            event.prevent_default()
            return
        if event.key in ("enter", "tab", "backspace") and not self.read_only and self.structure_key(event.key):
            event.prevent_default()
            event.stop()
            self.close_completions()
            return
        if not event.is_printable or self.read_only:
            if event.key == "backspace":
                self.close_completions()
            return  # Textual calls the text area's own handler after this one
        # Called here, as completions look at the text with the letter in it; it keeps Textual from calling it again.
        await super()._on_key(event)
        if event.character is not None and (event.character.isalnum() or event.character in "./-"):
            self._want()
        else:
            self.close_completions()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.post_message(self.Edited())

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self.post_message(self.Moved())
        row = event.selection.end[0]
        if row != self._row:
            self._row = row
            self.close_completions()
            self.post_message(self.PlaceChanged(row))

    # -- looks -------------------------------------------------------------------------------------------------------

    def _follow_theme(self) -> None:
        """TextArea has themes of its own: make one of the app's present colours."""
        variables = self.app.theme_variables

        def style(name: str, **more: Any) -> Style:
            return Style.from_color(None, None) + Style(color=rich_colour(variables.get(name, "")), **more)

        self.register_theme(
            TextAreaTheme(
                "kubarium",
                syntax_styles={
                    "yaml.field": style("tone-accent"),
                    "string": style("foreground"),
                    "number": style("tone-ok"),
                    "boolean": style("tone-ok"),
                    "constant.builtin": style("tone-ok"),
                    "comment": style("tone-dim", italic=True),
                    "type": style("tone-warn"),
                    "punctuation.delimiter": style("tone-dim"),
                    "punctuation.special": style("tone-dim"),
                },
            )
        )
        self._set_theme("kubarium")
        self._line_cache.clear()
        self.refresh()

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for problem in self.problems.get(line_index, ())[:1]:
            start = max(0, problem.column - 1)
            end = _end_of_token(line.plain, start)
            colour = rich_colour(self.app.theme_variables.get(_TONES[problem.severity], ""))
            line.stylize(Style(color=colour, underline=True), start, end)
        return line

    def _render_line(self, y: int) -> Strip:
        strip = super()._render_line(y)
        infos = self.wrapped_document._offset_to_line_info
        place = y + self.scroll_offset.y
        if not self.show_line_numbers or place >= len(infos):
            return strip
        line, section = infos[place]
        problems = self.problems.get(line)
        if not problems or section:
            return strip
        severity = problems[0].severity
        colour = rich_colour(self.app.theme_variables.get(_TONES[severity], ""))
        head = strip.crop(0, self.gutter_width - 2)
        gutter = next((segment.style for segment in head if segment.style is not None), Style())
        mark = Segment(_MARKS[severity] + " ", gutter + Style(color=colour, bold=True))
        return Strip.join([head, Strip([mark], 2), strip.crop(self.gutter_width)])

    def _refresh_size(self) -> None:
        # Undo comes here before the cursor moves, and after several edits at once with wrapping that may be off: both
        # would let TextArea ask for lines that are no longer there.
        if len(self.wrapped_document._wrap_offsets) != self.document.line_count:
            self.wrapped_document.wrap(self.wrap_width, self.indent_width)
        if max(self.selection.start[0], self.selection.end[0]) >= self.document.line_count:
            self.selection = Selection(*map(self.clamp_visitable, self.selection))
        super()._refresh_size()

    # -- highlighting: a window of lines, not the whole document ------------------------------------------------------

    def _build_highlight_map(self) -> None:
        self._line_cache.clear()
        self._highlights.clear()
        self._window = range(0)
        self._highlight_window()

    def render_lines(self, crop: Region) -> list[Strip]:
        self._highlight_window()
        return super().render_lines(crop)

    def _highlight_window(self) -> None:
        query = self._highlight_query
        if query is None:
            return
        top = max(0, int(self.scroll_offset.y))
        bottom = top + max(self.size.height, 1)
        if top in self._window and bottom in self._window:
            return
        window = self._window = range(max(0, top - _WINDOW), bottom + _WINDOW)
        self._highlights.clear()
        self._line_cache.clear()
        captures = self.document.query_syntax_tree(query, (window.start, 0), (window.stop, 0))
        for name, nodes in captures.items():
            for node in nodes:
                (first, start), (last, end) = node.start_point, node.end_point
                for row in range(max(first, window.start), min(last, window.stop) + 1):
                    begin, stop = start if row == first else 0, end if row == last else None
                    self._highlights[row].append((begin, stop, name))


def _end_of_token(line: str, start: int) -> int:
    end = start
    while end < len(line) and line[end] not in " :,[]{}#":
        end += 1
    return max(end, min(start + 1, len(line)))
