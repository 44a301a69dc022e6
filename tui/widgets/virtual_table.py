"""A table on the Line API: only visible lines are ever formatted; the rows live in a `RowModel`.

State goes down by `model_changed` (at most once per frame, whatever number of rows changed), facts come up as
`Highlighted` and `Entered`. The cursor follows an object, not a line: after a sort or an insert it is still on the same
uid. A strip is cached per row content, so a repaint of unchanged lines formats nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import groupby
from operator import itemgetter
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.kinds.spec import Cell, Column, Facts, KindView
from tui.model import GROUP, Row, RowModel
from tui.theme import TONES, Tone
from tui.widgets.layout import GAP, GUTTER, lay_out

_SEPARATOR: Final = " " * GAP
_STRIPS: Final = 256
"""Lines kept as they were painted, some 10 KB each: several screens full."""


class VirtualTable(ScrollView, can_focus=True):
    """Rows of one kind."""

    DEFAULT_CSS = """
    VirtualTable {
        background: $surface; color: $foreground; overflow-x: hidden; overflow-y: auto;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; scrollbar-gutter: stable;
        & > .table--header { color: $tone-dim; background: $surface; text-style: bold; }
        & > .table--header-sorted { color: $foreground; background: $surface; text-style: bold; }
        & > .table--cursor { background: $cursor-background; color: $cursor-foreground; }
        & > .table--cursor { text-style: $cursor-text-style; }
        & > .table--cursor-blurred { background: $cursor-blurred; text-style: $blurred-text-style; }
        & > .table--group { color: $tone-dim; text-style: bold; }
        & > .table--marked { text-style: bold; color: $tone-accent; }
        & > .table--ok { color: $tone-ok; }
        & > .table--busy { color: $tone-busy; }
        & > .table--warn { color: $tone-warn; text-style: bold; }
        & > .table--bad { color: $tone-bad; text-style: bold; }
        & > .table--dim { color: $tone-dim; }
        & > .table--strong { color: $tone-strong; text-style: bold; }
        & > .table--accent { color: $tone-accent; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header", "table--header-sorted", "table--cursor", "table--cursor-blurred", "table--group",
        "table--marked", *(f"table--{tone}" for tone in TONES),
    }  # fmt: skip

    class Highlighted(Message):
        """The cursor is on another object (uid None: the table is empty)."""

        def __init__(self, table: VirtualTable, uid: str | None) -> None:
            super().__init__()
            self.table, self.uid = table, uid

        @property
        def control(self) -> VirtualTable:
            return self.table

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, VirtualTable.Highlighted) and message.table is self.table

    class Entered(Message):
        """Somebody double-clicked a row (enter on the keyboard is an action of the screen)."""

        def __init__(self, table: VirtualTable) -> None:
            super().__init__()
            self.table = table

    class SortAsked(Message):
        """Somebody clicked a heading."""

        def __init__(self, table: VirtualTable, header: str) -> None:
            super().__init__()
            self.table, self.header = table, header

    def __init__(self, view: KindView, model: RowModel, facts: Facts, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.model, self.facts = model, facts
        self.empty_text = ""
        """Shown while there are no rows."""
        self.group_text: Callable[[str, int], Cell] = lambda name, size: Cell(f"{name} · {size}")
        self.sorted_by = ""
        self.descending = False
        self.candidate = ""
        """Heading chosen by shift-left/right, for shift-o to sort by."""
        self.touched = False
        """Somebody moved the cursor (it was not only put on the first row)."""
        self.wide = False
        self.hidden_headers: frozenset[str] = frozenset()
        """Headings that say nothing here (NAMESPACE inside one namespace)."""
        self._uid: str | None = None
        self._cursor = 0
        self._strips: LRUCache[object, Strip] = LRUCache(_STRIPS)
        self._styles: dict[tuple[Tone, str], Style] = {}
        self._needs: list[int] = []
        self._layout: list[tuple[int, int]] = []
        self._told: dict[str, tuple[Cell, ...]] = {}
        """Ages as they were painted at the last tick."""
        self._painted: frozenset[tuple[int, str]] = frozenset()
        """(line, uid) of the visible lines when rows last changed."""
        self._version = 0
        self.set_view(view)

    # -- what is shown -----------------------------------------------------------------------------------------------

    def set_view(self, view: KindView) -> None:
        """Show another kind's columns."""
        self.view = view
        self.columns: tuple[Column, ...] = view.columns
        self.forget_widths()

    def forget_widths(self) -> None:
        """Other rows come: columns need not stay as wide as the old ones were."""
        self._needs = [len(column.header) for column in self.columns]
        self._layout = []

    def model_changed(self, uids: Collection[str] | None = None) -> None:
        """Rows changed: None redoes all visible lines; uids only theirs, and lines where another row stands now."""
        if not self.is_attached:
            return
        before = self._uid
        where = None if self._uid is None or not self.touched else self.model.index_of(self._uid)
        if where is not None:
            self._cursor = where
        else:
            # Nobody chose a row: the cursor stays on the first one, whatever comes to stand there.
            self._cursor = max(0, min(self._cursor, len(self.model) - 1)) if self.touched else 0
            self._skip_group(1)
            self._uid = self.model.uid_at(self._cursor) if len(self.model) else None
        visible = [(index, self.model.uid_at(index)) for index in self._visible()]
        stale = [
            place for place in visible
            if uids is None or place[1] in uids or place not in self._painted or place[1].startswith(GROUP)
        ]  # fmt: skip
        relaid = self._measure([uid for _, uid in stale])
        self._painted = frozenset(visible)
        room = self.scrollable_content_region.width
        size = Size(max(self._content_width(), room) if self.wide else room, len(self.model) + 1)
        if size != self.virtual_size:
            self.virtual_size = size
            uids = None
        if uids is None or relaid:
            self.refresh()
        else:
            for index, _ in stale:
                self.refresh_line(index + 1)
        if self._uid != before:
            self.post_message(self.Highlighted(self, self._uid))

    def tick(self) -> None:
        """Cluster time went on: repaint visible lines whose ages read otherwise now."""
        live = [self.columns[i] for i, _ in self._layout if self.columns[i].live]
        if not live:
            return
        if self._measure([self.model.uid_at(index) for index in self._visible()]):
            self.refresh()  # an age took a digit more
        told, self._told = self._told, {}
        for index in self._visible():
            row = self.model.row_at(index)
            if row is not None:
                now = self._told[row.item.uid] = tuple(self._cell(column, row) for column in live)
                if told.get(row.item.uid) != now:
                    self.refresh_line(index + 1)

    def _visible(self) -> range:
        top = int(self.scroll_offset.y)
        return range(top, min(len(self.model), top + self.size.height - 1))

    def _measure(self, uids: Iterable[str]) -> bool:
        """Let columns grow to the widest cell of these rows; True if the layout is another one now."""
        needs = self._needs
        for uid in uids:
            row = self.model.rows.get(uid)
            if row is not None:
                for i, cell in enumerate(self.cells_of(row)):
                    if len(cell.text) + 1 > needs[i] or not cell.text.isascii():
                        needs[i] = min(max(needs[i], cell_len(cell.text)), self.columns[i].max)
        room = self.scrollable_content_region.width
        kept = [c for c in self.columns if c.header not in self.hidden_headers]
        places = [i for i, c in enumerate(self.columns) if c.header not in self.hidden_headers]
        wants = [
            max(needs[i], len(self.columns[i].header) + (self.columns[i].header == self.sorted_by)) for i in places
        ]
        layout = [(places[i], width) for i, width in lay_out(kept, wants, room, self.wide)]
        if layout == self._layout:
            return False
        self._layout = layout
        self._version += 1
        return True

    @property
    def shown_columns(self) -> list[tuple[int, int]]:
        """(index in `columns`, width) of what is shown."""
        return self._layout

    def _content_width(self) -> int:
        return GUTTER + sum(width for _, width in self._layout) + GAP * max(0, len(self._layout) - 1)

    def cells_of(self, row: Row) -> tuple[Cell, ...]:
        """The row's cells, live ones as of now."""
        kept = row.cells
        if kept is None:
            kept = row.cells = tuple(Cell("") if column.live else self._cell(column, row) for column in self.columns)
        return tuple(
            self._cell(column, row) if column.live else cell for column, cell in zip(self.columns, kept, strict=True)
        )

    def _cell(self, column: Column, row: Row) -> Cell:
        try:
            value = column.get(row.item, self.facts)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError):
            # One odd object (a hand-written status) must not take the table with it.
            return Cell("<invalid>", "warn")
        return value if isinstance(value, Cell) else Cell(value)

    # -- cursor ------------------------------------------------------------------------------------------------------

    @property
    def cursor_uid(self) -> str | None:
        """uid under the cursor (maybe a group line's), None when the table is empty."""
        return self._uid

    @property
    def cursor_row(self) -> Row | None:
        return self.model.rows.get(self._uid) if self._uid is not None else None

    @property
    def cursor_index(self) -> int:
        return self._cursor

    def move_to(self, index: int) -> None:
        """Put the cursor on a line of the view; what is outside goes to the nearest end."""
        if not len(self.model):
            return
        self.touched = True
        index = max(0, min(index, len(self.model) - 1))
        old, self._cursor = self._cursor, index
        self._uid = self.model.uid_at(index)
        self.refresh_line(old + 1)
        self.refresh_line(index + 1)
        self.scroll_to_cursor()
        if self._measure(self.model.uid_at(i) for i in self._visible()):
            self.refresh()
        self.post_message(self.Highlighted(self, self._uid))

    def select(self, uid: str) -> bool:
        """Put the cursor on an object; False when it is not shown."""
        index = self.model.index_of(uid)
        if index is None:
            return False
        self._uid = uid
        self.move_to(index)
        return True

    def scroll_to_cursor(self) -> None:
        top, height = int(self.scroll_offset.y), self.size.height - 1
        first = self._cursor - 1 if self._cursor == 1 and self.model.uid_at(0).startswith(GROUP) else self._cursor
        if first < top:
            self.scroll_to(y=first, animate=False, immediate=True)
        elif height > 0 and self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, immediate=True)

    def _skip_group(self, by: int) -> None:
        if len(self.model) > self._cursor + by and self.model.uid_at(self._cursor).startswith(GROUP):
            self._cursor += by

    def do_down(self) -> None:
        self.move_to(self._cursor + 1)

    def do_up(self) -> None:
        self.move_to(self._cursor - 1)

    def do_page_down(self) -> None:
        self.move_to(self._cursor + self.size.height - 2)

    def do_page_up(self) -> None:
        self.move_to(self._cursor - self.size.height + 2)

    def do_top(self) -> None:
        self.move_to(0)

    def do_bottom(self) -> None:
        self.move_to(len(self.model) - 1)

    def do_left(self) -> None:
        self.scroll_relative(x=-8, animate=False)

    def do_right(self) -> None:
        self.scroll_relative(x=8, animate=False)

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            x, at = int(self.scroll_offset.x) + event.x - GUTTER, 0
            for i, width in self._layout:
                if at <= x < at + width:
                    self.post_message(self.SortAsked(self, self.columns[i].header))
                at += width + GAP
            return
        index = int(self.scroll_offset.y) + event.y - 1
        if index < len(self.model):
            self.move_to(index)
            if event.chain == 2:
                self.post_message(self.Entered(self))

    def on_focus(self) -> None:
        self.refresh_line(self._cursor + 1)

    def on_blur(self) -> None:
        self.refresh_line(self._cursor + 1)

    def on_resize(self) -> None:
        self.model_changed()
        if len(self.model):
            self.scroll_to_cursor()

    # -- lines -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width, scroll_x = self.scrollable_content_region.width, int(self.scroll_offset.x)
        if y == 0:
            return self._header().crop_extend(scroll_x, scroll_x + width, self._style("", ""))
        index = int(self.scroll_offset.y) + y - 1
        if index >= len(self.model):
            return self._filler(y, width)
        uid = self.model.uid_at(index)
        row = self.model.rows.get(uid)
        look = ("cursor" if self.has_focus else "cursor-blurred") if index == self._cursor else ""
        if row is None:
            name = uid[len(GROUP) :]
            text, tone = self.group_text(name, self.model.group_size(uid))
            style = self._style(tone, look) if tone or look == "cursor" else self._group_style(look)
            return Strip([Segment(f"{'▸' if look else ' '} {text}", style)]).crop_extend(0, width, style)
        cells = self.cells_of(row)
        marked = uid in self.model.marks
        key = (cells, look, marked, self._version, scroll_x, width)
        strip = self._strips.get(key)
        if strip is None:
            base = self._style("", look)
            strip = self._strips[key] = self._line(cells, look, marked).crop_extend(scroll_x, scroll_x + width, base)
        return strip

    def _line(self, cells: tuple[Cell, ...], look: str, marked: bool) -> Strip:
        """A row. Neighbours of one style are one segment: painting, and memory, go by segments."""
        plain = self._style("accent" if marked else "", look)
        pieces = [(("▸" if look else " ") + ("◆" if marked else " "), plain)]
        for place, (i, width) in enumerate(self._layout):
            text, tone = cells[i]
            if place:
                pieces.append((_SEPARATOR, plain))
            pieces.append((fit(text, width, self.columns[i].align), self._style(tone, look) if tone else plain))
        runs = groupby(pieces, itemgetter(1))
        return Strip([Segment("".join([text for text, _ in run]), style) for style, run in runs])

    def _header(self) -> Strip:
        base, sorted_style = (
            self.get_component_rich_style("table--header"),
            self.get_component_rich_style("table--header-sorted"),
        )
        segments = [Segment(" " * GUTTER, base)]
        for place, (i, width) in enumerate(self._layout):
            column = self.columns[i]
            text, style = column.header, base
            if text == self.sorted_by:
                text, style = text + ("↓" if self.descending else "↑"), sorted_style
            if column.header == self.candidate:
                style = sorted_style + Style(underline=True)
            if place:
                segments.append(Segment(_SEPARATOR, base))
            segments.append(Segment(fit(text, width, column.align), style))
        return Strip(segments)

    def _filler(self, y: int, width: int) -> Strip:
        """Lines below the rows; in an empty table, the words that say what would fill it."""
        style = self._style("dim", "")
        if len(self.model) or not self.empty_text:
            return Strip.blank(width, style)
        lines = wrap(self.empty_text, max(10, min(width - 4, 72)))
        if not 0 <= y - 2 < len(lines):
            return Strip.blank(width, style)
        return Strip([Segment(f"  {lines[y - 2]}", style)]).crop_extend(0, width, style)

    def _style(self, tone: Tone, look: str) -> Style:
        style = self._styles.get((tone, look))
        if style is None:
            style = self.rich_style
            if tone:
                style += self.get_component_rich_style(f"table--{tone}", partial=True)
            if look:
                over = self.get_component_rich_style(f"table--{look}", partial=True)
                # On the cursor's line a tone keeps its weight, not its colour: it would not be readable on it.
                style = style + over
            self._styles[tone, look] = style
        return style

    def _group_style(self, look: str) -> Style:
        style = self.rich_style + self.get_component_rich_style("table--group", partial=True)
        return style + self.get_component_rich_style(f"table--{look}", partial=True) if look else style

    def forget_strips(self) -> None:
        """What was painted is not painted again."""
        self._strips.clear()
        self._told.clear()

    def notify_style_update(self) -> None:
        self.forget_strips()
        self._styles.clear()
        super().notify_style_update()


def fit(text: str, width: int, align: str = "left") -> str:
    """Text in exactly `width` cells; what is longer ends in `…`."""
    if text.isascii():
        if len(text) <= width:
            return text.rjust(width) if align == "right" else text.ljust(width)
        return text[: width - 1] + "…" if width > 0 else ""
    have = cell_len(text)
    if have > width:
        return set_cell_size(set_cell_size(text, max(0, width - 1)).rstrip() + "…", width)
    return " " * (width - have) + text if align == "right" else text + " " * (width - have)


def wrap(text: str, width: int) -> list[str]:
    """Words in lines of at most `width` cells."""
    lines: list[str] = []
    for word in text.split():
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
