"""What a store can be told when it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from store.types import Resource

EVENTS: Final = Resource("", "events")
LEASES: Final = Resource("coordination.k8s.io", "leases")


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Knobs of a store; the defaults suit a cluster of 10,000 pods."""

    thin: frozenset[Resource] = frozenset({EVENTS, LEASES})
    """Kinds of which only the bytes are kept in memory, decoded at each access: those that are many and seldom read."""
    ring_events: int = 50_000
    """Events that watchers can lag behind before they are told Expired."""
    ring_bytes: int = 32 * 1024 * 1024
    """The same in bytes of JSON; whichever is reached sooner."""
    commit_interval: float = 0.025
    """Wall seconds that a group may gather while nobody waits for it."""
    commit_rows: int = 5_000
    """Revisions that make a group commit at once."""
    queue_rows: int = 20_000
    """Revisions that may wait for the writer; with more, `put` waits. Less than `ring_events`, so that a watcher
    who keeps up with commits is never behind the ring."""
    keep_newest: int = 1_000
    """Revisions that no compaction touches; at least 1."""
    attempts: int = 100_000
    """Rows of scheduling attempts that are kept in the file."""
    attempts_in_memory: int = 4_000
    """Of these, rows that are read without the file."""
