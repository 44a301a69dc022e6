"""The present, in memory: every living object by name, by owner and by the indexes that the engine asked for.

This is the informer cache of the whole cluster, so reads are dictionary look-ups. Names of a namespace are sorted
when somebody lists it; names that came since are appended and merged at the next listing (sorting a sorted list with
a short tail is one pass), so a burst of creates costs no sorting at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from store.types import Envelope, ObjectKey, Resource, Uid

IndexFunction = Callable[[Envelope], Iterable[str]]
_Kind = tuple[str, str]
"""(group, plural): a `Resource`, and also `ObjectKey[:2]`, which costs no construction."""


class _Names:
    """Envelopes of one kind in one namespace."""

    __slots__ = ("by_name", "order", "unsorted")

    def __init__(self) -> None:
        self.by_name: dict[str, Envelope] = {}
        self.order: list[str] | None = None
        """Names, sorted but for a tail when `unsorted`; None until somebody lists."""
        self.unsorted = False

    def add(self, name: str) -> None:
        if self.order is not None:
            self.order.append(name)
            self.unsorted = True

    def remove(self, name: str) -> None:
        if self.order is None:
            return
        if self.unsorted:
            self.order = None
        else:
            del self.order[bisect_left(self.order, name)]

    def sorted(self) -> list[Envelope]:
        if self.order is None:
            self.order = sorted(self.by_name)
        elif self.unsorted:
            self.order.sort()
        self.unsorted = False
        by_name = self.by_name
        return [by_name[name] for name in self.order]


class _Index:
    """Keys by the values that a function yields."""

    __slots__ = ("function", "keys")

    def __init__(self, function: IndexFunction) -> None:
        self.function = function
        self.keys: dict[str, dict[ObjectKey, None]] = {}

    def change(self, key: ObjectKey, was: Sequence[str], now: Sequence[str]) -> None:
        if was == now:
            return
        for value in was:
            keys = self.keys.get(value)
            if keys is not None:
                keys.pop(key, None)
                if not keys:
                    del self.keys[value]
        for value in now:
            self.keys.setdefault(value, {})[key] = None


class Present:
    """Owned by the engine thread. Other threads may read single envelopes, not list."""

    def __init__(self) -> None:
        self._kinds: dict[_Kind, dict[str, _Names]] = {}
        self._counts: dict[_Kind, int] = {}
        self._owned: dict[Uid, dict[ObjectKey, None]] = {}
        self._indexes: dict[_Kind, dict[str, _Index]] = {}
        self._expected: dict[_Kind, Callable[[], None]] = {}
        """Kinds that are still in the file only, and what brings them."""

    def expect(self, resource: Resource, bring: Callable[[], None]) -> None:
        """`bring` fills a kind in, by `change`, when somebody first asks for one of its objects or changes it."""
        self._expected[resource] = bring

    def _bring(self, kind: _Kind) -> bool:
        """Whether the kind was expected; it is here then."""
        bring = self._expected.pop(kind, None)
        if bring is None:
            return False
        try:
            bring()
        except BaseException:
            self._expected[kind] = bring
            raise
        return True

    def _bring_all(self, leaving: Collection[_Kind] = ()) -> None:
        for kind in list(self._expected):
            if kind not in leaving:
                self._bring(kind)

    def get(self, key: ObjectKey) -> Envelope | None:
        try:
            return self._kinds[key[:2]][key[2]].by_name.get(key[3])
        except KeyError:
            return self.get(key) if self._expected and self._bring(key[:2]) else None

    def list(self, resource: Resource, namespace: str | None = None) -> Sequence[Envelope]:
        """Objects of one kind ordered by (namespace, name); all namespaces with None."""
        if self._expected:
            self._bring(resource)
        namespaces = self._kinds.get(resource)
        if not namespaces:
            return []
        if namespace is not None:
            names = namespaces.get(namespace)
            return names.sorted() if names is not None else []
        if len(namespaces) == 1:
            return next(iter(namespaces.values())).sorted()
        return [env for _, names in sorted(namespaces.items()) for env in names.sorted()]

    def count(self, resource: Resource) -> int:
        if self._expected:
            self._bring(resource)
        return self._counts.get(resource, 0)

    def owned_by(self, uid: Uid) -> Sequence[Envelope]:
        if self._expected:
            self._bring_all()
        return [env for key in self._owned.get(uid, ()) if (env := self.get(key)) is not None]

    def add_index(self, resource: Resource, name: str, function: IndexFunction) -> None:
        """Keep objects findable by what `function` yields; an index of that name that is there already stays."""
        indexes = self._indexes.setdefault(resource, {})
        if name in indexes:
            return
        index = _Index(function)
        keys = index.keys
        if resource not in self._expected:
            for env in self.list(resource):
                for value in function(env):
                    keys.setdefault(value, {})[env.key] = None
        indexes[name] = index

    def by_index(self, resource: Resource, name: str, value: str) -> Sequence[Envelope]:
        if self._expected:
            self._bring(resource)
        namespaces = self._kinds.get(resource, {})
        return [namespaces[key[2]].by_name[key[3]] for key in self._indexes[resource][name].keys.get(value, ())]

    def change(self, before: Envelope | None, now: Envelope | None) -> None:
        """Put `now` in the place of `before`; None: the object begins, or ends.

        Index functions run first: one that raises leaves the present as it was.
        """
        key = (now or before).key  # type: ignore[union-attr]
        kind = key[:2]
        if self._expected:
            self._bring(kind)
        indexes = self._indexes.get(kind)
        moves = None
        if indexes:
            moves = [
                (
                    index,
                    list(index.function(before)) if before is not None else (),
                    list(index.function(now)) if now is not None else (),
                )
                for index in indexes.values()
            ]
        namespaces = self._kinds.get(kind)
        if namespaces is None:
            namespaces = self._kinds[kind] = {}
        names = namespaces.get(key[2])
        if names is None:
            names = namespaces[key[2]] = _Names()
        if now is None:
            del names.by_name[key[3]]
            names.remove(key[3])
            self._counts[kind] -= 1
            if not names.by_name:
                del namespaces[key[2]]
        else:
            names.by_name[key[3]] = now
            if before is None:
                names.add(key[3])
                self._counts[kind] = self._counts.get(kind, 0) + 1
        self._change_owners(key, before, now)
        if moves is not None:
            for index, was, are in moves:
                index.change(key, was, are)

    def _change_owners(self, key: ObjectKey, before: Envelope | None, now: Envelope | None) -> None:
        old = before.owners if before is not None else ()
        new = now.owners if now is not None else ()
        if old == new:
            return
        for uid in old:
            keys = self._owned.get(uid)
            if keys is not None and uid not in new:
                keys.pop(key, None)
                if not keys:
                    del self._owned[uid]
        for uid in new:
            self._owned.setdefault(uid, {})[key] = None

    def all(self, leaving: Collection[Resource] = ()) -> Iterator[Envelope]:
        """Everything but the kinds of `leaving`, in no order that anything may depend on."""
        self._bring_all(leaving)
        for kind, namespaces in self._kinds.items():
            if kind in leaving:
                continue
            for names in namespaces.values():
                yield from names.by_name.values()
