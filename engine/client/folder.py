"""The watched folder as outsiders see it: files and their problems, plans, help about fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol


class Diagnostic(NamedTuple):
    """A complaint about a place in a file. Lines and columns count from 1; 0 means the file as a whole."""

    line: int
    column: int
    severity: Literal["error", "warning", "info"]
    path: str
    """Field path: `spec.template.spec.containers[0].image`; "" for syntax."""
    message: str
    document: int = 0
    """Index of the YAML document in the file."""


@dataclass(frozen=True, slots=True)
class FolderFile:
    """One file of the watched folder."""

    path: str
    """Relative to the folder, with `/`."""
    state: Literal["applied", "waiting", "error", "drifted", "pending"]
    diagnostics: tuple[Diagnostic, ...] = ()
    objects: tuple[tuple[str, str, str, int], ...] = ()
    """(resource, namespace, name, line) of each document that could be read."""
    message: str = ""
    """One line about the state: what it waits for, what drifted, the first error."""
    revision: int = 0
    """The newest one that applying the file wrote; 0: none yet in this run."""


class FieldChange(NamedTuple):
    path: str
    before: Any
    after: Any


class PlannedObject(NamedTuple):
    """What applying would do to one object."""

    action: Literal["create", "change", "unchanged", "prune", "error"]
    resource: str
    namespace: str
    name: str
    line: int
    changes: tuple[FieldChange, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Answer to `plan`: problems of a text, and what saving it would do (a dry run by the API)."""

    diagnostics: tuple[Diagnostic, ...]
    objects: tuple[PlannedObject, ...]


class DriftedObject(NamedTuple):
    """An object of a file that somebody changed in the cluster."""

    resource: str
    namespace: str
    name: str
    line: int
    changes: tuple[FieldChange, ...]
    """`before` is the live value, `after` what the file says. Empty when the object was deleted."""
    message: str


class TakenLive(NamedTuple):
    """A file's text with live values in it."""

    text: str
    taken: tuple[str, ...]
    """Paths of the fields that were taken over: `web: spec.replicas`."""
    left: tuple[str, ...]
    """What could not be, and why."""


class FieldHelp(NamedTuple):
    """One possible key or value at a place in a manifest, or the doc of the field there."""

    name: str
    type: str
    required: bool
    description: str


class FolderReceiver(Protocol):
    def __call__(self, files: Sequence[FolderFile]) -> None:
        """Called on the engine thread; must only store and wake."""
