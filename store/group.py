"""What the engine thread hands to the writer thread."""

from __future__ import annotations

from dataclasses import dataclass, field

from store.types import Attempt, Author, Envelope, Micros, Revision

CREATE, UPDATE, DELETE = range(3)
"""How the log keeps what a revision did."""

PendingRevision = tuple[Envelope, int, Revision | None, Author, Micros, Micros]
"""Envelope, what was done, previous revision, author, cluster time, wall time: a plain tuple, one is made per write."""
PendingAttempt = tuple[int, Attempt]
"""Number of the row, and the row."""


@dataclass(slots=True)
class Group:
    """What one transaction holds."""

    revisions: list[PendingRevision] = field(default_factory=list)
    attempts: list[PendingAttempt] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
