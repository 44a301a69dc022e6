"""Who is meant by a term: the identity of a pod, the labels of namespaces, and terms of (anti-)affinity resolved.

A PodAffinityTerm means pods by labels in some namespaces. Which namespaces follows from the pod that has the term
(its own by default) and from their labels (namespaceSelector); `matchLabelKeys` and `mismatchLabelKeys` bind the
selector to values of that pod's own labels. A resolved term compares by what it means, so that equal terms of
different templates are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from engine.api.selectors import LabelSelector, Requirement, from_spec
from store.types import Envelope

Names = frozenset[str] | None
"""Namespaces; None is all of them."""


class PodIdentity(NamedTuple):
    """What selectors see of a pod."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    terminating: bool = False
    """It is being deleted."""


NOBODY: Final = PodIdentity("", "", {})


def identity_of(env: Envelope) -> PodIdentity:
    return PodIdentity(env.key.namespace, env.key.name, env.labels, "deletionTimestamp" in env.obj["metadata"])


class Namespaces:
    """Labels of all namespaces."""

    def __init__(self) -> None:
        self._labels: dict[str, Mapping[str, str]] = {}
        self._found: dict[LabelSelector, frozenset[str]] = {}

    def put(self, name: str, labels: Mapping[str, str]) -> bool:
        """Add or update. True if that may change what selectors find."""
        if self._labels.get(name) == labels:
            return False
        self._labels[name] = labels
        self._found.clear()
        return True

    def remove(self, name: str) -> bool:
        self._found.clear()
        return self._labels.pop(name, None) is not None

    def matching(self, selector: LabelSelector) -> Names:
        """None for the selector that matches everything, namespaces to come included."""
        if selector.everything:
            return None
        found = self._found.get(selector)
        if found is None:
            found = frozenset(name for name, labels in self._labels.items() if selector.matches(labels))
            self._found[selector] = found
        return found


class Term(NamedTuple):
    """A PodAffinityTerm with everything filled in."""

    key: str
    """topologyKey"""
    namespaces: Names
    selector: LabelSelector

    def matches(self, who: PodIdentity) -> bool:
        if self.namespaces is not None and who.namespace not in self.namespaces:
            return False
        return self.selector.matches(who.labels)

    def __str__(self) -> str:
        where = "" if self.namespaces is None else f" in {', '.join(sorted(self.namespaces))}"
        return f"[{self.selector}]{where}"


def resolve_term(raw: Mapping[str, Any], who: PodIdentity, namespaces: Namespaces) -> Term:
    """A term of the pod `who`."""
    names: Names = frozenset(raw.get("namespaces") or ())
    chosen = raw.get("namespaceSelector")
    if chosen is not None:
        matching = namespaces.matching(from_spec(chosen))
        names = None if matching is None else (names or frozenset()) | matching
    elif not names:
        names = frozenset((who.namespace,))
    selector = from_spec(raw.get("labelSelector"))
    selector = narrowed(selector, raw.get("matchLabelKeys") or (), who.labels)
    selector = narrowed(selector, raw.get("mismatchLabelKeys") or (), who.labels, differ=True)
    return Term(raw["topologyKey"], names, selector)


def narrowed(
    selector: LabelSelector, keys: Iterable[str], labels: Mapping[str, str], *, differ: bool = False
) -> LabelSelector:
    """The selector and the pod's own value of each key that it has; with `differ`, any value but its own."""
    operator: Any = "notin" if differ else "in"
    more = [Requirement(key, operator, (labels[key],)) for key in keys if key in labels]
    more = [requirement for requirement in more if requirement not in selector.requirements]
    return LabelSelector((*selector.requirements, *more), nothing=selector.nothing) if more else selector
