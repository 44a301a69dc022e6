"""How many pods of a kind are on each node, kept for those kinds that a constraint asks about.

Topology spread and inter-pod affinity ask the same question: how many pods that match a selector are where? A
`Selection` is one such question with its answer by row, kept up to date by single pods; a `Holding` is the reverse:
how many pods on each row *have* a given term of (anti-)affinity, asked when a pod comes that the term may mean. Both
are found by namespace and one label that they demand, so a pod that nobody asks about costs a few dict lookups, and
where nobody asks about anything, none.

A selection lives as long as somebody holds it; a holding also as long as a pod on a node has the term, so that a class
that was resolved while one had it sees the truth when the last one goes and another comes. Whoever keeps an answer
compares `version`.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from engine.api.selectors import LabelSelector
from engine.scheduler.affinity_terms import Names, Namespaces, PodIdentity, Term, resolve_term
from engine.scheduler.podclass import PodClass
from store.types import Uid

_T = TypeVar("_T")
_ANY: Final = ("", "")
_TERMS_KEPT: Final = 4096

Part = tuple[Names, LabelSelector]


class Placed(NamedTuple):
    """A pod on a node."""

    row: int
    who: PodIdentity
    pod: PodClass


class Selection:
    """Pods that match all parts, by row."""

    __slots__ = ("__weakref__", "counts", "living", "number", "parts", "version")

    def __init__(self, number: int, parts: tuple[Part, ...], living: bool, rows: int) -> None:
        self.number, self.parts = number, parts
        self.living = living
        """Pods that are being deleted do not count."""
        self.counts: npt.NDArray[np.int64] = np.zeros(rows, np.int64)
        self.version = 0

    def matches(self, who: PodIdentity) -> bool:
        if self.living and who.terminating:
            return False
        for namespaces, selector in self.parts:
            if namespaces is not None and who.namespace not in namespaces:
                return False
            if not selector.matches(who.labels):
                return False
        return True

    def __str__(self) -> str:
        return " and ".join(f"[{selector}]" for _, selector in self.parts)


class HoldingKey(NamedTuple):
    """One term as a pod has it."""

    term: Term
    required: bool
    weight: int
    """Of a preferred term; negative for anti-affinity. For a required one -1 for anti-affinity, else 1."""


class Holding:
    """Pods that have a term, by row."""

    __slots__ = ("__weakref__", "counts", "key", "number", "total", "version")

    def __init__(self, number: int, key: HoldingKey, rows: int) -> None:
        self.number, self.key = number, key
        self.counts: npt.NDArray[np.int64] = np.zeros(rows, np.int64)
        self.total = 0
        self.version = 0


class _Index(Generic[_T]):
    """Finds what may mean a pod: by namespace and one label that must be there."""

    def __init__(self) -> None:
        self._by: dict[str | None, dict[tuple[str, str], dict[int, _T]]] = {}

    def add(self, namespaces: Names, selector: LabelSelector, number: int, item: _T) -> None:
        for namespace, pair in _places(namespaces, selector):
            self._by.setdefault(namespace, {}).setdefault(pair, {})[number] = item

    def discard(self, namespaces: Names, selector: LabelSelector, number: int) -> None:
        for namespace, pair in _places(namespaces, selector):
            pairs = self._by[namespace]
            del pairs[pair][number]
            if not pairs[pair]:
                del pairs[pair]
                if not pairs:
                    del self._by[namespace]

    def candidates(self, namespace: str, labels: Mapping[str, str]) -> list[_T]:
        found: list[_T] = []
        for scope in (namespace, None):
            pairs = self._by.get(scope)
            if pairs:
                for pair in (*labels.items(), _ANY):
                    items = pairs.get(pair)
                    if items:
                        found += items.values()
        return found

    def __bool__(self) -> bool:
        return bool(self._by)


def _places(namespaces: Names, selector: LabelSelector) -> list[tuple[str | None, tuple[str, str]]]:
    pair = selector.equality[0] if selector.equality else _ANY
    scopes: Iterable[str | None] = (None,) if namespaces is None else sorted(namespaces)
    return [(scope, pair) for scope in scopes]


class Selections:
    """All of them, and who is on which node."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._numbers = 0
        self.namespaces = Namespaces()
        self._placed: dict[str, dict[Uid, Placed]] = {}
        """By namespace."""
        self._by_parts: weakref.WeakValueDictionary[tuple[tuple[Part, ...], bool], Selection] = (
            weakref.WeakValueDictionary()
        )
        self._wanted: _Index[weakref.ref[Selection]] = _Index()
        self._holdings: dict[HoldingKey, Holding] = {}
        """Terms that a pod on a node has."""
        self._every_holding: weakref.WeakValueDictionary[HoldingKey, Holding] = weakref.WeakValueDictionary()
        """And those that somebody still asks about."""
        self._held: _Index[Holding] = _Index()
        self._terms: dict[tuple[int, str, tuple[str | None, ...]], tuple[HoldingKey, ...]] = {}

    # -- asking ----------------------------------------------------------------------------------------------------

    def selection(self, parts: tuple[Part, ...], *, living: bool = False) -> Selection:
        """The pods that match every part. Keep it as long as its answer is wanted."""
        found = self._by_parts.get((parts, living))
        if found is None:
            self._numbers += 1
            found = Selection(self._numbers, parts, living, self._rows)
            self._by_parts[parts, living] = found
            namespaces, selector = parts[0]
            number, wanted = self._numbers, self._wanted
            gone = weakref.ref(found, lambda _: wanted.discard(namespaces, selector, number))
            wanted.add(namespaces, selector, number, gone)
            scopes = list(self._placed) if namespaces is None else [n for n in namespaces if n in self._placed]
            for scope in scopes:
                for row, who, _ in self._placed[scope].values():
                    if found.matches(who):
                        found.counts[row] += 1
        return found

    def holdings_meaning(self, who: PodIdentity) -> list[Holding]:
        """Terms of pods on nodes that mean this pod, in the order in which they came up."""
        if not self._holdings:
            return []
        found = [h for h in self._held.candidates(who.namespace, who.labels) if h.key.term.matches(who)]
        found.sort(key=_number)
        return found

    @property
    def held(self) -> bool:
        """Does a pod on a node have any term?"""
        return bool(self._holdings)

    def held_by(self, pod: PodClass, who: PodIdentity) -> tuple[HoldingKey, ...]:
        """The terms of a pod."""
        if not pod.pod_terms:
            return ()
        own = tuple(who.labels.get(key) for key in pod.term_label_keys)
        key = pod.base.number, who.namespace, own
        found = self._terms.get(key)
        if found is None:
            if len(self._terms) >= _TERMS_KEPT:
                self._terms.clear()
            found = self._terms[key] = tuple(
                HoldingKey(resolve_term(term, who, self.namespaces), required, weight)
                for term, required, weight in pod.pod_terms
            )
        return found

    def who(self, uid: Uid, namespace: str) -> PodIdentity | None:
        placed = self._placed.get(namespace, {}).get(uid)
        return None if placed is None else placed.who

    def first_on(self, rows: frozenset[int], selection: Selection) -> PodIdentity | None:
        """A pod of the selection on one of the rows: the first by namespace and name."""
        found = [
            who
            for pods in self._placed.values()
            for row, who, _ in pods.values()
            if row in rows and selection.matches(who)
        ]
        return min(found, key=_name, default=None)

    def first_holder(self, rows: frozenset[int], key: HoldingKey) -> PodIdentity | None:
        """A pod on one of the rows that has the term."""
        found = [
            who
            for pods in self._placed.values()
            for row, who, pod in pods.values()
            if row in rows and key in self.held_by(pod, who)
        ]
        return min(found, key=_name, default=None)

    # -- telling ---------------------------------------------------------------------------------------------------

    def add(self, uid: Uid, row: int, pod: PodClass, who: PodIdentity) -> None:
        """A pod came to a node."""
        pods = self._placed.get(who.namespace)
        if pods is None:
            pods = self._placed[who.namespace] = {}
        pods[uid] = Placed(row, who, pod)
        if self._wanted:
            self._count(row, who, 1)
        if pod.pod_terms:
            self._hold(row, pod, who, 1)

    def remove(self, uid: Uid, namespace: str) -> PodIdentity:
        """A pod left its node; it was there."""
        row, who, pod = self._placed[namespace].pop(uid)
        if self._wanted:
            self._count(row, who, -1)
        if pod.pod_terms:
            self._hold(row, pod, who, -1)
        return who

    def relabel(self, uid: Uid, who: PodIdentity) -> Placed | None:
        """A pod on a node has other labels, or is being deleted. What it was; None if nothing changed."""
        before = self._placed.get(who.namespace, {}).get(uid)
        if before is None or before.who == who:
            return None
        self.remove(uid, who.namespace)
        self.add(uid, before.row, before.pod, who)
        return before

    def namespaces_changed(self) -> None:
        """Labels of a namespace changed: terms may mean others than before."""
        self._terms.clear()
        self._holdings, self._held = {}, _Index()
        self._every_holding.clear()
        for pods in self._placed.values():
            for row, who, pod in pods.values():
                if pod.pod_terms:
                    self._hold(row, pod, who, 1)

    def grow(self, rows: int) -> None:
        """The table has room for more rows."""
        for selection in list(self._by_parts.values()):
            selection.counts = _wider(selection.counts, rows)
        for holding in list(self._every_holding.values()):
            holding.counts = _wider(holding.counts, rows)
        self._rows = rows

    # -- inside ----------------------------------------------------------------------------------------------------

    def _count(self, row: int, who: PodIdentity, sign: int) -> None:
        for reference in self._wanted.candidates(who.namespace, who.labels):
            selection = reference()
            if selection is not None and selection.matches(who):
                selection.counts[row] += sign
                selection.version += 1

    def _hold(self, row: int, pod: PodClass, who: PodIdentity, sign: int) -> None:
        for key in self.held_by(pod, who):
            holding = self._holdings.get(key)
            if holding is None:
                holding = self._every_holding.get(key)
                if holding is None:
                    self._numbers += 1
                    holding = self._every_holding[key] = Holding(self._numbers, key, self._rows)
                self._holdings[key] = holding
                self._held.add(key.term.namespaces, key.term.selector, holding.number, holding)
            holding.counts[row] += sign
            holding.total += sign
            holding.version += 1
            if not holding.total:
                del self._holdings[key]
                self._held.discard(key.term.namespaces, key.term.selector, holding.number)


def _number(holding: Holding) -> int:
    return holding.number


def _name(who: PodIdentity) -> tuple[str, str]:
    return who.namespace, who.name


def _wider(counts: npt.NDArray[np.int64], rows: int) -> npt.NDArray[np.int64]:
    wider = np.zeros(rows, np.int64)
    wider[: len(counts)] = counts
    return wider
