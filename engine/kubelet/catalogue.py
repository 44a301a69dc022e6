"""The image catalogue: how images behave that somebody declared, as objects of kind Image (kubarium.dev/v1alpha1).

`find` answers for one reference: whether it can be pulled, its size and platforms, and its containers' behaviour.
An exact name wins over a pattern, a listed tag over any tag. Where every Image of a repository lists tags, a tag that
none of them lists does not exist. An Image that cannot be understood is left out, and `complaint` says why.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from engine.api.kinds import IMAGES
from engine.kubelet import amounts, spread
from engine.kubelet.behaviour import Behaviour, CommandRule, Curve, HttpRule, LogRule, ProbeRule
from engine.kubelet.references import Reference
from store.store import Store
from store.types import Envelope

_NONE: Final[Mapping[str, Any]] = {}
_MALFORMED: Final = (ValueError, TypeError, KeyError, AttributeError)
_UNDECLARED_SIZE: Final = (3_000_000, 90_000_000)


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a registry and a node know of one reference."""

    size: int
    """Bytes."""
    image_id: str
    """`docker.io/library/nginx@sha256:…`"""
    exists: bool = True
    private: bool = False
    platforms: tuple[str, ...] = ()
    """`linux/amd64`; empty: every platform."""
    pull_delay: int = 0
    """Microseconds added to each pull."""
    behaviour: Behaviour | None = None
    """None: nobody declared it."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    pattern: str
    tags: tuple[str, ...]
    info: ImageInfo

    def names(self, reference: Reference) -> bool:
        return any(fnmatchcase(name, self.pattern) for name in (reference.familiar, reference.repository))

    def lists(self, reference: Reference) -> bool:
        return not self.tags or any(fnmatchcase(reference.tag, tag) for tag in self.tags)


class Catalogue:
    """All Images of the cluster."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: list[_Entry] | None = None
        self._found: dict[Reference, ImageInfo] = {}

    def forget(self) -> None:
        """The Images changed."""
        self._entries = None
        self._found.clear()

    def complaint(self, image: Envelope) -> str:
        """Why an Image is left out; "" when it is not."""
        try:
            _parse(image.name, image.obj.get("spec") or _NONE)
        except _MALFORMED as error:
            return f"The image is not in the catalogue: spec: {error}"
        return ""

    def find(self, reference: Reference) -> ImageInfo:
        """What is known of `reference`; one that nobody declared exists, and runs everywhere."""
        info = self._found.get(reference)
        if info is None:
            info = self._found[reference] = self._look_up(reference)
        return info

    def _look_up(self, reference: Reference) -> ImageInfo:
        image_id = f"{reference.repository}@{reference.digest or 'sha256:' + spread.hex_id('image', reference)}"
        named = [entry for entry in self._loaded() if entry.names(reference)]
        for entry in named:
            if entry.lists(reference):
                known = entry.info
                size = known.size or spread.within(_UNDECLARED_SIZE, reference)
                return ImageInfo(
                    size, image_id, known.exists, known.private, known.platforms, known.pull_delay, known.behaviour
                )
        return ImageInfo(spread.within(_UNDECLARED_SIZE, reference), image_id, exists=not named)

    def _loaded(self) -> Sequence[_Entry]:
        if self._entries is None:
            entries = []
            for env in self._store.list(IMAGES):
                try:
                    entries.append(_parse(env.name, env.obj.get("spec") or _NONE))
                except _MALFORMED:
                    continue
            entries.sort(key=_precedence)
            self._entries = entries
        return self._entries


def _precedence(entry: _Entry) -> tuple[bool, bool, int, str]:
    exact = not any(c in entry.pattern for c in "*?[")
    return not exact, not entry.tags, -len(entry.pattern), entry.name


def _parse(name: str, spec: Mapping[str, Any]) -> _Entry:
    pattern, tags = str(spec.get("image") or name), [str(tag) for tag in spec.get("tags") or ()]
    head, colon, tag = pattern.rpartition(":")
    if colon and "/" not in tag:
        pattern = head
        tags.append(tag)
    info = ImageInfo(
        size=amounts.units(spec["size"]) if "size" in spec else 0,
        image_id="",
        exists=bool(spec.get("exists", True)),
        private=bool(spec.get("private", False)),
        platforms=tuple(spec.get("platforms") or ()),
        pull_delay=amounts.span(spec.get("pullDelay", 0)),
        behaviour=_behaviour(spec),
    )
    return _Entry(name, pattern, tuple(tags), info)


def _behaviour(spec: Mapping[str, Any]) -> Behaviour:
    ending, stop = spec.get("exit") or _NONE, spec.get("stop") or _NONE
    return Behaviour(
        startup=amounts.span(spec.get("startupDelay", 0)),
        exit_after=amounts.span(ending.get("after", 0)) if ending else None,
        exit_code=int(ending.get("code", 0)),
        deaf=bool(stop.get("ignoresSigterm", False)),
        stop_after=amounts.span(stop["after"]) if "after" in stop else None,
        stop_code=int(stop.get("code", 0)),
        requires=tuple(str(name) for name in spec.get("requires") or ()),
        executables=tuple(str(name) for name in spec.get("executables") or ()),
        memory=_curve(spec.get("memory") or _NONE),
        storage=_curve(spec.get("storage") or _NONE),
        pids=_curve(spec.get("pids") or _NONE),
        cpu=amounts.milli(spec.get("cpu", 0)),
        probes=tuple(
            ProbeRule(
                rule.get("path", ""), int(rule.get("status", 200)), amounts.span(rule.get("readyAfter", 0)),
                amounts.span(rule["failsAfter"]) if "failsAfter" in rule else None,
            )
            for rule in spec.get("probes") or ()
        ),
        logs=tuple(
            LogRule(line["text"], amounts.span(line.get("at", 0)), amounts.span(line.get("every", 0)))
            for line in spec.get("logs") or ()
        ),
        http=tuple(
            HttpRule(
                rule["path"], int(rule.get("status", 200)), rule.get("body", ""), rule.get("contentType", "")
            )
            for rule in spec.get("http") or ()
        ),
        commands=tuple(
            CommandRule(
                tuple(shlex.split(rule["command"])), rule.get("output", ""), rule.get("error", ""),
                int(rule.get("code", 0)), amounts.span(rule.get("after", 0)),
            )
            for rule in spec.get("commands") or ()
        ),
        declared=True,
    )  # fmt: skip


def _curve(given: Mapping[str, Any]) -> Curve:
    return Curve(
        amounts.units(given.get("start", 0)), amounts.units(given.get("growthPerSecond", 0)),
        amounts.units(given["max"]) if "max" in given else None,
    )  # fmt: skip
