"""The past as outsiders see it: an object's revisions, the timeline, moments gone back to, undo, snapshots.

A moment is named by its revision. Views opened on the past (`open_past`) are fed like those of the present: first a
`Relist`, then, each time they are moved, the `Change`s that lead from one moment to the other, also backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from engine.client.folder import FieldChange
from engine.client.values import ClusterSummary, Item, Json, Mailbox, Query, Subscription


@dataclass(frozen=True, slots=True)
class PastRevision:
    """One write of an object's past."""

    revision: int
    op: Literal["create", "update", "delete"]
    who: str
    """`kubernetes-admin`, `system:serviceaccount:kube-system:deployment-controller`, `folder:shop/web.yaml` …"""
    intent: str
    """Id and words of the action that it was part of; "" when a component acted of its own."""
    cluster_time: int
    uid: str
    obj: Json
    """The object after this write; for a deletion its last state."""
    changes: tuple[FieldChange, ...]
    """What it changed; empty for creations, and when the state before is kept no longer."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened: one line of the timeline."""

    revision: int
    cluster_time: int
    who: str
    intent: str
    kind: Literal["action", "warning", "node", "pod", "workload", "object"]
    """What sort of news it is: a person's action, a Warning event, a node's or pod's state, a workload's condition, or
    an object that came or went."""
    resource: str
    namespace: str
    name: str
    title: str
    """`node worker-3 Ready → Unknown`, `deleted deployments.apps shop/web` …"""


@dataclass(frozen=True, slots=True)
class MomentFilter:
    """Which moments to tell."""

    who: str = ""
    """Part of the author's name; "" for everybody."""
    namespace: str | None = None
    """None: all, and what has no namespace."""
    resource: str = ""
    name: str = ""
    """Of the object; "" for all."""
    kinds: frozenset[str] = frozenset()
    """Of `Moment.kind`; empty for all."""


@dataclass(frozen=True, slots=True)
class Span:
    """What the log can tell of."""

    oldest: int
    """The oldest revision whose state is kept."""
    newest: int
    oldest_time: int
    newest_time: int
    """Cluster time of these, microseconds."""
    writes: tuple[int, ...]
    """Revisions per equal stretch of cluster time, oldest first."""
    actions: tuple[int, ...]
    """Of these, revisions of people's actions."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One action of a person (or one save of a file of the folder)."""

    id: str
    title: str
    who: str
    cluster_time: int
    first: int
    last: int
    """Its first and last revision."""
    writes: int
    undone: bool
    """It was undone, and that was not undone in turn."""


class UndoStep(NamedTuple):
    """What undoing does to one object."""

    action: Literal["create", "change", "delete", "keep"]
    """keep: nothing, for the reason that `note` tells."""
    resource: str
    namespace: str
    name: str
    changes: tuple[FieldChange, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What undoing an intent will do."""

    intent: Intent
    steps: tuple[UndoStep, ...]

    @property
    def empty(self) -> bool:
        return all(step.action == "keep" for step in self.steps)


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What undoing did."""

    intent: str
    """The intent under which it was done: undo that to do the thing again."""
    done: int
    waiting: int
    """Objects that are still terminating: each is put back when it is gone."""
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A named moment."""

    name: str
    revision: int
    cluster_time: int
    wall_time: int
    """Microseconds since the epoch, both."""
    objects: int


class ObjectChange(NamedTuple):
    """How one object differs between two moments."""

    action: Literal["created", "changed", "deleted"]
    resource: str
    namespace: str
    name: str
    changes: tuple[FieldChange, ...]


class PastView(Subscription, Protocol):
    """A view that shows the past."""

    def move(self, revision: int) -> Future[None]:
        """Show another moment. Fails with ClientError when it is kept no longer; the view then stays as it was."""


class HistoryClient(Protocol):
    """Everything an outsider may ask of the past. All answers are read beside the engine: it is not held up."""

    def history(self, resource: str, namespace: str, name: str, *, limit: int = 100) -> Future[Sequence[PastRevision]]:
        """What happened under a name, newest first."""

    def object_at(self, resource: str, namespace: str, name: str, revision: int) -> Future[Item | None]:
        """One object as it was; None if there was none."""

    def list_at(self, query: Query, revision: int) -> Future[Sequence[Item]]:
        """What a query would have found."""

    def open_past(self, query: Query, mailbox: Mailbox, revision: int) -> PastView:
        """A view of the past."""

    def summary_at(self, revision: int) -> Future[ClusterSummary]:
        """The header's figures as they were."""

    def span(self, buckets: int = 60) -> Future[Span]:
        """What can be told, and how much happened when."""

    def revision_at(self, cluster_time: int) -> Future[int]:
        """The newest revision made at or before an instant."""

    def moments(
        self, *, before: int | None = None, after: int | None = None, limit: int = 200,
        only: MomentFilter = MomentFilter(),
    ) -> Future[Sequence[Moment]]:  # fmt: skip
        """What happened up to revision `before` (None: now), newest first; with `after`, from there on, oldest first.

        With `limit` 1 it is the next interesting change in either direction.
        """

    def changes_between(self, one: int, other: int) -> Future[Sequence[ObjectChange]]:
        """What differs between two moments in what people declare: no status, no Events, no Leases."""

    def intents(self, limit: int = 50) -> Future[Sequence[Intent]]:
        """People's actions, newest first."""

    def undo_plan(self, intent: str | None = None) -> Future[UndoPlan | None]:
        """What undoing will do. None for `intent`: the last action that is not undone; then None if there is none."""

    def undo(self, intent: str) -> Future[UndoResult]:
        """Undo an action (or an undo). What others changed since is kept."""

    def snapshots(self) -> Future[Sequence[SnapshotInfo]]: ...
    def snapshot(self, name: str) -> Future[SnapshotInfo]:
        """Give the present moment a name."""

    def drop_snapshot(self, name: str) -> Future[None]: ...
    def restore_plan(self, name: str) -> Future[Sequence[ObjectChange]]:
        """What going back to a snapshot will change, status included."""

    def restore(self, name: str, *, intent: str) -> Future[int]:
        """Go back to a snapshot; returns how many objects that changed. Events and Leases stay, time goes on."""

    def fork(self, path: str, name: str | None = None) -> Future[None]:
        """Copy the cluster into a new store file: as it is, or as the snapshot `name` has it."""
