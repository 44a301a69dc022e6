"""What a person does to the text of an editor: lines, documents, search and replacement, each one step of undo.

A part of `YamlEditor`; the actions of the registry (`do_…`) end here. How lines change is told by `tui.yaml_text`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.widgets.text_area import Selection

from tui.yaml_format import FormatError, format_text
from tui.yaml_text import (
    backspace_column,
    dedent,
    document_rows,
    indent,
    is_separator,
    line_break,
    toggle_comment,
    without_tabs,
)

if TYPE_CHECKING:
    from textual.widgets import TextArea

    _Base = TextArea
else:
    _Base = object


def pattern_of(words: str, regex: bool) -> re.Pattern[str]:
    """What a search looks for; small letters find capitals too. Raises re.error."""
    return re.compile(words if regex else re.escape(words), 0 if words != words.lower() else re.IGNORECASE)


class Editing(_Base):
    """Editing actions of a TextArea."""

    @property
    def lines(self) -> list[str]:
        """The lines of the text; belong to the caller."""
        return [self.document.get_line(row) for row in range(self.document.line_count)]

    def rewrite(self, text: str) -> None:
        """Another text, as one step that undo takes back; the cursor stays where it was."""
        if text == self.text:
            return
        row, column = self.cursor_location
        self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        row = min(row, self.document.line_count - 1)
        self.move_cursor((row, min(column, len(self.document.get_line(row)))))

    # -- search ------------------------------------------------------------------------------------------------------

    def find(self, words: str, *, forward: bool = True, regex: bool = False) -> bool:
        """Select the next occurrence, round the end if need be. False: there is none. Raises re.error."""
        if not words:
            return False
        pattern = pattern_of(words, regex)
        row, column = self.selection.end if forward else self.selection.start
        count = self.document.line_count
        for step in range(count + 1):
            number = (row + (step if forward else -step)) % count
            spans = [match.span() for match in pattern.finditer(self.document.get_line(number)) if match[0]]
            if step == 0:
                spans = [span for span in spans if (span[0] >= column if forward else span[1] <= column)]
            if spans:
                start, end = spans[0] if forward else spans[-1]
                self.selection = Selection((number, start), (number, end))
                self.scroll_cursor_visible(center=True)
                return True
        return False

    def matches(self, words: str, *, regex: bool = False) -> tuple[int, int]:
        """(which occurrence is selected, from 1; how many there are). Raises re.error."""
        pattern = pattern_of(words, regex)
        place, count, selected = min(self.selection.start, self.selection.end), 0, 0
        for row, line in enumerate(self.lines):
            for match in pattern.finditer(line):
                if match[0]:
                    count += 1
                    if (row, match.start()) == place:
                        selected = count
        return selected, count

    def replace_match(self, words: str, new: str, *, regex: bool = False) -> bool:
        """Replace the selected occurrence. False: none is selected. Raises re.error."""
        (row, start), (last, end) = sorted((self.selection.start, self.selection.end))
        match = pattern_of(words, regex).match(self.document.get_line(row), start) if words and row == last else None
        if match is None or match.end() != end or start == end:
            return False
        self.replace(match.expand(new) if regex else new, (row, start), (row, end), maintain_selection_offset=False)
        return True

    def replace_all(self, words: str, new: str, *, regex: bool = False) -> int:
        """Replace every occurrence at once; how many there were. Raises re.error."""
        if not words:
            return 0
        pattern = pattern_of(words, regex)
        lines, count = [], 0
        for line in self.lines:
            line, times = pattern.subn(new if regex else lambda _: new, line)
            lines.append(line)
            count += times
        self.rewrite("\n".join(lines))
        return count

    # -- lines -------------------------------------------------------------------------------------------------------

    def selected_rows(self) -> tuple[int, int]:
        """First row and the row after the last that the selection touches."""
        (first, _), (last, column) = sorted((self.selection.start, self.selection.end))
        return first, last + 1 if column or last == first else last

    def _change_rows(self, change: Callable[[Sequence[str]], list[str]]) -> None:
        first, last = self.selected_rows()
        before = [self.document.get_line(row) for row in range(first, last)]
        self._put_rows(first, last, change(before), 0)

    def _put_rows(self, first: int, last: int, lines: Sequence[str], by: int) -> None:
        """Replace rows; the selection keeps its columns counted from the lines' ends and moves down by `by`."""
        ends = [
            (row + by, len(self.document.get_line(row)) - column)
            for row, column in (self.selection.start, self.selection.end)
        ]
        edge = (last - 1, len(self.document.get_line(last - 1)))
        self.replace("\n".join(lines), (first, 0), edge, maintain_selection_offset=False)
        bottom = self.document.line_count - 1
        rests = [(min(row, bottom), rest) for row, rest in ends]
        start, end = ((row, max(0, len(self.document.get_line(row)) - rest)) for row, rest in rests)
        self.selection = Selection(start, end)

    def put_in(self, text: str) -> None:
        """Put a pasted text in place of the selection. Tabs that indent it become blanks, as a step of its own."""
        first = min(self.selection.start, self.selection.end)[0]
        result = self._replace_via_keyboard(text, *self.selection)
        if result is None:
            return
        last = result.end_location[0]
        self.move_cursor(result.end_location)
        lines = [self.document.get_line(row) for row in range(first, last + 1)]
        blank = [without_tabs(line) for line in lines]
        if blank != lines:
            self._put_rows(first, last + 1, blank, 0)
            self.notify("YAML takes no tabs: those that indented the text are blanks now; ctrl-z brings them back")

    def do_comment(self) -> None:
        if not self.read_only:
            self._change_rows(toggle_comment)

    def do_indent(self) -> None:
        if not self.read_only:
            self._change_rows(indent)

    def do_dedent(self) -> None:
        if not self.read_only:
            self._change_rows(dedent)

    def do_duplicate(self) -> None:
        """The lines of the selection once more, below; the cursor goes along."""
        if self.read_only:
            return
        first, last = self.selected_rows()
        lines = [self.document.get_line(row) for row in range(first, last)]
        self._put_rows(first, last, [*lines, *lines], last - first)

    def do_move_lines(self, by: str) -> None:
        """The lines of the selection one up or down."""
        first, last = self.selected_rows()
        if self.read_only or (first == 0 if by == "-1" else last >= self.document.line_count):
            return
        lines = [self.document.get_line(row) for row in range(first, last)]
        if by == "-1":
            self._put_rows(first - 1, last, [*lines, self.document.get_line(first - 1)], -1)
        else:
            self._put_rows(first, last + 1, [self.document.get_line(last), *lines], 1)

    def do_duplicate_document(self) -> None:
        """The document under the cursor once more, below a `---`; the cursor stands in the copy."""
        if self.read_only:
            return
        row, column = self.cursor_location
        lines = self.lines
        first, last = document_rows(lines, row)
        body = lines[first:last]
        if last == len(lines) and not lines[-1]:
            body.pop()  # the end of the last line; blank lines before it may belong to a text
        if not "".join(body).strip():
            return
        end = first + len(body)
        seam = (end - 1, len(lines[end - 1]))
        self.replace("\n".join(["", "---", *body]), seam, seam, maintain_selection_offset=False)
        self.move_cursor((min(row, end - 1) + len(body) + 1, column), center=True)

    def add_document(self, text: str) -> None:
        """A document behind the one under the cursor; the cursor stands at its first line."""
        lines = self.lines
        row = self.cursor_location[0]
        first, last = document_rows(lines, row)
        body = text.rstrip("\n").split("\n")
        at_end = last == len(lines)
        if at_end and not lines[-1]:
            last -= 1
        if not "".join(lines[first:last]).strip():
            last = first  # nothing but blank lines
        if last == 0:
            if any(line.strip() for line in lines):
                self.replace("\n".join([*body, ""]), (0, 0), (0, 0), maintain_selection_offset=False)
            else:
                self.rewrite("\n".join([*body, ""]))
            self.move_cursor((0, 0))
            return
        head = [] if is_separator(lines[last - 1]) else ["---"]
        tail = [""] if at_end and last == len(lines) else []
        edge = (last - 1, len(lines[last - 1]))
        self.replace("\n".join(["", *head, *body, *tail]), edge, edge, maintain_selection_offset=False)
        self.move_cursor((last + len(head), 0), center=True)

    def do_format(self) -> None:
        """The whole text laid out evenly, or the reason why not."""
        if self.read_only:
            return
        try:
            text = format_text(self.text)
        except FormatError as error:
            self.notify(str(error), severity="warning")
            return
        if text == self.text:
            self.notify("It is laid out already", timeout=2)
        self.rewrite(text)

    def do_text_start(self) -> None:
        self.move_cursor((0, 0), center=True)

    def do_text_end(self) -> None:
        self.move_cursor(self.document.end, center=True)

    def do_line_start(self) -> None:
        self.action_cursor_line_start()

    def do_line_end(self) -> None:
        self.action_cursor_line_end()

    def do_edit_undo(self) -> None:
        self.action_undo()

    def do_edit_redo(self) -> None:
        self.action_redo()

    # -- keys that know YAML -----------------------------------------------------------------------------------------

    def structure_key(self, key: str) -> bool:
        """enter, tab and backspace as the structure of YAML wants them. False: as in any text."""
        start, end = self.selection
        row, column = end
        if key == "enter":
            before = self.document.get_line(min(start, end)[0])[: min(start, end)[1]]
            bare = before.rstrip(" ")
            if start == end and bare.endswith("-") and not bare.rstrip("-").strip() and column == len(before):
                self.replace("", (row, 0), (row, column), maintain_selection_offset=False)  # an empty item ends a list
            else:
                self._replace_via_keyboard("\n" + line_break(before), start, end)
            return True
        if key == "tab":
            if start[0] == end[0]:
                return False
            self.do_indent()
            return True
        before = self.document.get_line(row)[:column]
        if start != end or len(before) < 2 or before.strip(" "):
            return False
        self._delete_via_keyboard((row, backspace_column(before)), (row, column))
        return True
