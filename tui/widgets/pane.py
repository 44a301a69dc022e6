"""A pane: one kind's live table under a line that says what it shows.

News come from a watch of its own (`watch`) or from the board of all pods (`follow`); both end in `RowModel.apply` and
one `model_changed`. The pane handles the actions of tables; what they do to the cluster is in `tui.operations`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from heapq import nlargest
from operator import attrgetter
from pathlib import Path

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from engine.client import Item, Query
from tui.board import BoardNews, Scope
from tui.feed import Feed
from tui.filters import FilterError, moves, parse_filter
from tui.kinds.spec import KindView, text_of
from tui.mailbox import News
from tui.model import GROUP, Row, RowModel
from tui.session import Session
from tui.widgets.virtual_table import VirtualTable
from tui.workload_actions import WorkloadActions


class PaneTitle(Static):
    """The line over a table."""

    DEFAULT_CSS = """
    PaneTitle { height: 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    """


class ResourcePane(WorkloadActions, Widget):
    """A live table of one kind."""

    DEFAULT_CSS = """
    ResourcePane { layout: vertical; background: $surface; }
    ResourcePane > VirtualTable { height: 1fr; }
    """

    class Changed(Message):
        """The row under the cursor, or its object, is another one."""

        def __init__(self, pane: ResourcePane, item: Item | None) -> None:
            super().__init__()
            self.pane, self.item = pane, item

        @property
        def control(self) -> ResourcePane:
            return self.pane

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ResourcePane.Changed) and message.pane is self.pane

    def __init__(
        self,
        session: Session,
        view: KindView,
        title: str,
        *,
        group: Callable[[Item], str] | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.session, self.view, self.title = session, view, title
        self.about = ""
        """What the rows belong to: `node worker-1`."""
        self.filter_text = ""
        self.only_faults = False
        self.namespace: str | None = None
        self.sort_header = ""
        self.descending = False
        self.model = RowModel(group=group)
        self.table = VirtualTable(view, self.model, session)
        self._feed = Feed(session.client, self, self._receive)
        self._asked_early: Query | None = None
        """What was to be watched before there was a pane to be told of it."""
        self._scope: Scope | None = None
        self._unlisten: Callable[[], object] | None = None
        self._title = PaneTitle()
        self._mark_anchor: str | None = None
        self._wanted_name = ""
        self._told: list[Content | str | tuple[str, str]] = []
        self._apply_view_sort()

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.table

    def on_mount(self) -> None:
        board, usage = self.session.board.listen(self._board_came), self.session.usage.listen(self._usage_came)
        self._unlisten = lambda: (board(), usage())
        self.table.empty_text = "Loading …"
        self.refresh_title()
        if self._asked_early is not None:
            self._feed.open(self._asked_early)

    def on_unmount(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
        self._feed.pause()

    # -- where rows come from ----------------------------------------------------------------------------------------

    def watch_query(self, query: Query, hide: Iterable[str] = ()) -> None:
        """Show what a query finds, live. `hide`: headings that say nothing here."""
        self._scope = None
        if query != self._feed.query:
            self.table.empty_text = "Loading …"
            self.table.forget_widths()
            self.model.reset(())
            self.table.model_changed()
        self.namespace = query.namespace
        alike = ("NAMESPACE",) if query.namespace is not None and "," not in query.namespace else ()
        self.table.hidden_headers = frozenset((*hide, *alike, *(("NAMESPACE",) if hide else ())))
        if self.is_mounted:
            self._feed.open(query)
        else:  # a pane that is gone before it is mounted must not be left with a watch
            self._asked_early = query

    def follow(self, scope: Scope) -> None:
        """Show the board's pods of a scope, live."""
        if scope != self._scope:
            self.table.forget_widths()
        self._scope = scope
        self.namespace = scope.namespace
        alike = (("NAMESPACE", scope.namespace), ("NODE", scope.node))
        self.table.hidden_headers = frozenset(header for header, value in alike if value is not None)
        self.model.reset(self.session.board.pods(scope))
        self.table.empty_text = self._nothing if self.session.board.loaded else "Loading …"
        self._changed()

    def pause(self) -> None:
        """The screen is covered: cost nothing."""
        self._feed.pause()

    def resume(self) -> None:
        self._feed.resume()
        if self._scope is not None:
            self.follow(self._scope)

    def release(self) -> None:
        """Its screen is gone for good: give the rows back at once, not when the collector finds the screen."""
        self.model.reset(())
        self.table.forget_strips()

    def relist(self) -> None:
        """Forget everything and list anew."""
        self.pause()
        self.resume()

    def _receive(self, news: News) -> None:
        if news.relist is not None:
            self.table.empty_text = self._nothing
            self.model.reset(self._newest_of(news.relist))
        self._apply(news)
        self._changed(None if news.relist is not None else news.changes.keys())
        self._select_wanted()

    def _newest_of(self, items: Sequence[Item]) -> Sequence[Item]:
        most = self.view.newest
        return nlargest(most, items, key=attrgetter("revision")) if 0 < most < len(items) else items

    def _apply(self, news: News) -> None:
        upserts = [c.item for c in news.changes.values() if c.type != "DELETED"]
        self.model.apply(upserts, [uid for uid, c in news.changes.items() if c.type == "DELETED"])
        most = self.view.newest
        if most and len(self.model.rows) > most + most // 4:
            self.model.reset(self._newest_of([row.item for row in self.model.rows.values()]))

    def _board_came(self, heard: BoardNews) -> None:
        # Not `is_current`: for Textual the screen right under the top one is current as well.
        if not self.screen.is_active:
            return
        if self._scope is not None:
            self._follow_news(heard.news)
        elif self.view.resource in ("nodes", "namespaces"):
            names = heard.nodes if self.view.resource == "nodes" else heard.namespaces
            rows = [row.item for row in self.model.rows.values() if row.item.name in names] if names else []
            if rows:
                self.model.apply(rows, ())
                self._changed([item.uid for item in rows])

    @property
    def wants_usage(self) -> bool:
        """Figures of what is used are shown, or rows are found or ordered by them."""
        table = self.table
        return moves(self.filter_text) or any(
            column.usage and (column.header == self.sort_header or i in shown)
            for shown in [{index for index, _ in table.shown_columns}]
            for i, column in enumerate(table.columns)
        )

    def _usage_came(self, resource: str) -> None:
        if not self.screen.is_active or resource != self.resource or not self.wants_usage:
            return
        if moves(self.filter_text):
            self.set_filter(self.filter_text)
        if any(column.usage and column.header == self.sort_header for column in self.view.columns):
            self._sort()
            self._changed()
        else:
            self.table.tick()

    def age_filter(self) -> None:
        """Time went on: a filter by age may find other rows now."""
        if moves(self.filter_text):
            self.set_filter(self.filter_text)

    def _follow_news(self, news: News) -> None:
        assert self._scope is not None
        if news.relist is not None:
            self.follow(self._scope)
            return
        upserts, removals = [], []
        for uid, change in news.changes.items():
            if change.type != "DELETED" and self._scope.holds(change.item):
                upserts.append(change.item)
            elif uid in self.model.rows:
                removals.append(uid)
        if upserts or removals:
            self.model.apply(upserts, removals)
            self._changed([item.uid for item in upserts])

    def _changed(self, uids: Iterable[str] | None = None) -> None:
        touched = None if uids is None else set(uids)
        self.table.model_changed(touched)
        self.refresh_title()
        if touched is None and self.session.ready and self.wants_usage:
            self.session.usage.ask(self.resource)
        uid = self.table.cursor_uid
        if uid is not None and (touched is None or uid in touched):
            self.post_message(self.Changed(self, self.current))

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        event.stop()
        self.post_message(self.Changed(self, self.current))

    def on_virtual_table_sort_asked(self, event: VirtualTable.SortAsked) -> None:
        event.stop()
        self.do_sort_by(event.header)

    # -- what is chosen ----------------------------------------------------------------------------------------------

    @property
    def current(self) -> Item | None:
        """The object under the cursor."""
        row = self.table.cursor_row
        return None if row is None else row.item

    def targets(self) -> list[Item]:
        """The marked objects, else the one under the cursor."""
        if self.model.marks:
            return [self.model.rows[uid].item for uid in self.model.shown_uids() if uid in self.model.marks]
        return [] if self.current is None else [self.current]

    @property
    def resource(self) -> str:
        return self.view.resource

    @property
    def zone(self) -> str:
        uid = self.table.cursor_uid or ""
        grouped = uid.startswith(GROUP) and self.resource == "nodes" and not self.model.marks
        return uid.removeprefix(GROUP) if grouped else ""

    @property
    def watched(self) -> Query | None:
        """What is watched."""
        return self._feed.query

    def select_when_there(self, name: str) -> None:
        """Put the cursor on the object of this name, as soon as it is listed."""
        self._wanted_name = name
        self._select_wanted()

    def _select_wanted(self) -> None:
        if self._wanted_name:
            found = next((uid for uid, row in self.model.rows.items() if row.item.name == self._wanted_name), None)
            if found is not None and self.table.select(found):
                self._wanted_name = ""

    # -- title -------------------------------------------------------------------------------------------------------

    def refresh_title(self) -> None:
        focused = self.table.has_focus
        shown, total = self.model.shown, len(self.model.rows)
        parts: list[Content | str | tuple[str, str]] = [
            # A glyph as well as a colour: where the keys go must be seen without colours too.
            ("▌", "$tone-accent") if focused else " ",
            (self.title, "bold $tone-accent" if focused else "bold $foreground"),
        ]
        if self.about:
            parts.append((f" · {self.about}", "$foreground"))
        newest = "newest " if 0 < self.view.newest <= total else ""
        parts.append((f"  {newest}{shown}" if shown == total else f"  {shown} of {newest}{total}", "$tone-dim"))
        if self.model.marks:
            parts.append((f"  ◆ {len(self.model.marks)} marked", "$tone-accent"))
        if self.only_faults:
            parts.append(("  ▲ only faults", "bold $tone-warn"))
        if self.filter_text:
            parts.append((f"  /{self.filter_text}", "bold $tone-warn"))
        if parts != self._told:
            self._told = parts
            self._title.update(Content.assemble(*parts), layout=False)

    def on_descendant_focus(self) -> None:
        self.refresh_title()

    def on_descendant_blur(self) -> None:
        self.refresh_title()

    # -- filter and order --------------------------------------------------------------------------------------------

    def haystack(self, row: Row) -> str:
        """What filters search: the searched columns, made once per change of the row."""
        if row.haystack is None:
            item, facts = row.item, self.session
            row.haystack = " ".join(text_of(c.get(item, facts)) for c in self.view.columns if c.search)
        return row.haystack

    def set_filter(self, text: str) -> str | None:
        """Show only rows that `text` finds; the complaint if it cannot be understood."""
        try:
            predicate = parse_filter(text, self.haystack, self.session, self.view.columns)
        except FilterError as error:
            return str(error)
        self.filter_text = text
        fault, faulty = self.view.fault, self.only_faults
        if faulty:
            rest = predicate
            self.model.set_filter(
                lambda row: fault(row.item, self.session) and (rest is None or rest(row)),
            )
        else:
            self.model.set_filter(predicate)
        self.table.empty_text = self._nothing
        self._changed()
        return None

    @property
    def _nothing(self) -> str:
        """Said in place of rows: what hides them, or what would bring some."""
        if self.filter_text:
            return "No row matches the filter. esc clears it."
        return "Nothing here needs attention. ctrl-z shows everything." if self.only_faults else self.view.empty

    def do_only_faults(self) -> None:
        self.only_faults = not self.only_faults
        self.set_filter(self.filter_text)

    def _apply_view_sort(self) -> None:
        self.sort_header, self.descending = self.view.sort, self.view.descending
        self._sort()

    def _sort(self) -> None:
        column = next((c for c in self.view.columns if c.header == self.sort_header), None)
        order = self.view.order
        if column is None:
            self.model.sort_by(None if order is None else lambda item: order(item, self.session), False)
        elif column.sort is not None:
            sort = column.sort
            self.model.sort_by(lambda item: sort(item, self.session), self.descending)
        else:
            get = column.get
            self.model.sort_by(lambda item: text_of(get(item, self.session)), self.descending)
        self.table.sorted_by, self.table.descending = self.sort_header, self.descending

    def order_by(self, header: str, descending: bool) -> None:
        """Sort by a column this way round; "": in the kind's own order."""
        self.sort_header, self.descending = header, descending
        self._sort()

    def do_sort_by(self, header: str) -> None:
        """Sort by a column; by the same again, the other way round. `CPU` means the first CPU column there is."""
        column = next((c for c in self.view.columns if c.header == header), None) or next(
            (c for c in self.view.columns if c.header.startswith(header)), None
        )
        if column is None:
            self.notify(f"{self.title} have no column {header}", severity="warning")
            return
        again = self.sort_header == column.header
        self.descending = not self.descending if again else column.descending
        self.sort_header = column.header
        self._sort()
        self.table.model_changed()
        self.table.scroll_to_cursor()

    def do_sort_choose(self, by: str) -> None:
        headers = [self.table.columns[i].header for i, _ in self.table.shown_columns]
        here = headers.index(self.table.candidate) if self.table.candidate in headers else -1 if by == "1" else 0
        self.table.candidate = headers[(here + int(by)) % len(headers)]
        self.table.refresh_line(0)

    def do_sort_apply(self) -> None:
        self.do_sort_by(self.table.candidate or self.sort_header or "NAME")

    def do_wide(self) -> None:
        self.table.wide = not self.table.wide
        self.table.scroll_to(x=0, animate=False, immediate=True)
        self.table.model_changed()

    # -- marks -------------------------------------------------------------------------------------------------------

    def do_mark(self) -> None:
        uid = self.table.cursor_uid
        if uid is not None and uid in self.model.rows:
            self.model.toggle_mark(uid)
            self._mark_anchor = uid
            self.table.do_down()
            self._changed([uid])

    def do_mark_range(self) -> None:
        start = None if self._mark_anchor is None else self.model.index_of(self._mark_anchor)
        if start is None:
            self.do_mark()
            return
        self.model.mark_range(start, self.table.cursor_index)
        self._changed()

    def do_clear_marks(self) -> None:
        self.model.marks.clear()
        self._changed()

    # -- out of the console ------------------------------------------------------------------------------------------

    def do_save(self) -> None:
        """All shown rows with all columns as CSV in the working directory."""
        name = f"kubarium-{self.view.resource}-{self.session.summary.revision}.csv"
        path = Path.cwd() / name
        try:
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow([column.header for column in self.view.columns])
                for uid in self.model.shown_uids():
                    writer.writerow([cell.text for cell in self.table.cells_of(self.model.rows[uid])])
        except OSError as error:
            self.notify(f"{path}: {error.strerror}", severity="error")
            return
        self.notify(f"Saved {self.model.shown} rows to {path}")

    def set_view(self, view: KindView) -> None:
        """Show another kind."""
        self.view = replace(view)
        self.table.set_view(view)
        self._apply_view_sort()
