"""The rows behind a table: keyed by uid, kept in order by bisection, filtered, grouped, marked.

The model knows nothing of widgets. A row keeps its item, its sort key and the cells that were formatted for it; only
rows that are looked at are ever formatted. Rows may be gathered under group lines (nodes by zone); a group line is an
entry of the view like a row, with the uid `group:<name>`.

Order: by group, then the chosen column, then namespace and name, then uid, so two runs show the same order.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engine.client import Item

SortKey = Callable[[Item], Any]
GROUP = "group:"


class Descending:
    """A key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: Descending) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and other.key == self.key

    __hash__ = None  # type: ignore[assignment]


class Row:
    """One object of the table."""

    __slots__ = ("_known", "cells", "haystack", "item", "key", "shown")

    def __init__(self, item: Item, key: tuple[Any, ...], shown: bool) -> None:
        self.item = item
        self.key = key
        """What it is ordered by; its uid at the end."""
        self.shown = shown
        """Passes the filter."""
        self.cells: tuple[Any, ...] | None = None
        """Formatted cells; None until the row is looked at, and again after each change."""
        self.haystack: str | None = None
        """Text that filters search; None until one does."""
        self._known: dict[str, Any] | None = None

    @property
    def known(self) -> dict[str, Any]:
        """What typed filters worked out of the object, by heading; a changed object is a new row."""
        if self._known is None:
            self._known = {}
        return self._known


class RowModel:
    """Rows in order. All methods belong to the app's thread."""

    def __init__(self, sort: SortKey | None = None, group: Callable[[Item], str] | None = None) -> None:
        self.rows: dict[str, Row] = {}
        self.marks: set[str] = set()
        """uids of marked rows; a row that goes takes its mark along."""
        self._sort = sort
        self._group = group
        self._descending = False
        self._filter: Callable[[Row], bool] | None = None
        self._view: list[tuple[Any, ...]] = []
        """Keys of the rows shown, and of group lines, in order."""
        self._group_sizes: dict[str, int] = {}

    # -- reading ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Lines in the view, group lines included."""
        return len(self._view)

    def uid_at(self, index: int) -> str:
        uid: str = self._view[self._mirror(index)][-1]
        return uid

    def row_at(self, index: int) -> Row | None:
        """The row, None for a group line."""
        return self.rows.get(self.uid_at(index))

    def index_of(self, uid: str) -> int | None:
        """Place in the view, None when it is not shown."""
        row = self.rows.get(uid)
        if row is None:
            if not uid.startswith(GROUP) or uid[len(GROUP) :] not in self._group_sizes:
                return None
            key: tuple[Any, ...] = (uid[len(GROUP) :], 0, uid)
        elif not row.shown:
            return None
        else:
            key = row.key
        return self._mirror(bisect_left(self._view, key))

    def group_size(self, uid: str) -> int:
        """Rows shown under a group line."""
        return self._group_sizes.get(uid[len(GROUP) :], 0)

    def shown_uids(self) -> list[str]:
        """uids of the rows in view order, group lines left out."""
        uids = [key[-1] for key in self._view if key[-1] in self.rows]
        return uids[::-1] if self._mirrored else uids

    @property
    def shown(self) -> int:
        """Rows that pass the filter."""
        return len(self._view) - len(self._group_sizes)

    @property
    def _mirrored(self) -> bool:
        return self._descending and self._group is None

    def _mirror(self, index: int) -> int:
        return len(self._view) - 1 - index if self._mirrored else index

    # -- order and filter --------------------------------------------------------------------------------------------

    def sort_by(self, sort: SortKey | None, descending: bool) -> None:
        self._sort, self._descending = sort, descending
        for row in self.rows.values():
            row.key = self._key(row.item)
        self._arrange()
        self._rebuild()

    def set_filter(self, predicate: Callable[[Row], bool] | None) -> None:
        self._filter = predicate
        for row in self.rows.values():
            row.shown = predicate is None or predicate(row)
        self._rebuild()

    def _key(self, item: Item) -> tuple[Any, ...]:
        own = self._sort(item) if self._sort is not None else 0
        if self._group is None:
            return (own, item.namespace, item.name, item.uid)
        own = Descending(own) if self._descending else own
        return (self._group(item), 1, own, item.namespace, item.name, item.uid)

    def _arrange(self) -> None:
        """Keep the rows in their order, so that each filter finds them sorted."""
        rows = self.rows
        self.rows = {key[-1]: rows[key[-1]] for key in sorted([row.key for row in rows.values()])}

    def _rebuild(self) -> None:
        self._view = [row.key for row in self.rows.values() if row.shown]
        self._group_sizes = {}
        if self._group is not None:
            for key in self._view:
                self._group_sizes[key[0]] = self._group_sizes.get(key[0], 0) + 1
            self._view += [(name, 0, GROUP + name) for name in self._group_sizes]
        self._view.sort()

    # -- changes -----------------------------------------------------------------------------------------------------

    def reset(self, items: Iterable[Item]) -> None:
        """Start anew; marks of rows that are still there stay."""
        self.rows = {item.uid: Row(item, self._key(item), True) for item in items}
        self._arrange()
        self.marks &= self.rows.keys()
        if self._filter is not None:
            for row in self.rows.values():
                row.shown = self._filter(row)
        self._rebuild()

    def apply(self, upserts: Sequence[Item], removals: Sequence[str]) -> bool:
        """Changed and gone objects. True if lines moved, came or went; False if only cells changed."""
        if len(upserts) + len(removals) > 64 + len(self._view) // 8:
            return self._apply_many(upserts, removals)
        moved = False
        for uid in removals:
            moved |= self.remove(uid)
        for item in upserts:
            moved |= self.upsert(item)
        return moved

    def _apply_many(self, upserts: Sequence[Item], removals: Sequence[str]) -> bool:
        for uid in removals:
            self.rows.pop(uid, None)
        self.marks.difference_update(removals)
        for item in upserts:
            row = self.rows[item.uid] = Row(item, self._key(item), True)
            row.shown = self._filter is None or self._filter(row)
        self._rebuild()
        return True

    def upsert(self, item: Item) -> bool:
        """Put or replace one object; True if lines moved."""
        old = self.rows.get(item.uid)
        row = Row(item, self._key(item), True)
        row.shown = self._filter is None or self._filter(row)
        if old is not None and old.shown == row.shown and old.key == row.key:
            self.rows[item.uid] = row
            return False
        if old is not None and old.shown:
            self._take(old.key)
        self.rows[item.uid] = row
        if row.shown:
            self._put(row.key)
        return row.shown or (old is not None and old.shown)

    def remove(self, uid: str) -> bool:
        """Take one object out; True if a line went."""
        row = self.rows.pop(uid, None)
        self.marks.discard(uid)
        if row is None or not row.shown:
            return False
        self._take(row.key)
        return True

    def _put(self, key: tuple[Any, ...]) -> None:
        insort(self._view, key)
        if self._group is not None:
            name = key[0]
            size = self._group_sizes[name] = self._group_sizes.get(name, 0) + 1
            if size == 1:
                insort(self._view, (name, 0, GROUP + name))

    def _take(self, key: tuple[Any, ...]) -> None:
        del self._view[bisect_left(self._view, key)]
        if self._group is not None:
            name = key[0]
            self._group_sizes[name] -= 1
            if not self._group_sizes[name]:
                del self._group_sizes[name]
                del self._view[bisect_left(self._view, (name, 0, GROUP + name))]

    # -- marks -------------------------------------------------------------------------------------------------------

    def toggle_mark(self, uid: str) -> None:
        if uid in self.rows:
            self.marks ^= {uid}

    def mark_range(self, start: int, end: int) -> None:
        """Mark all rows between two places of the view, both included."""
        for index in range(min(start, end), max(start, end) + 1):
            uid = self.uid_at(index)
            if uid in self.rows:
                self.marks.add(uid)
