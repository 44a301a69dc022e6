"""The cluster as the console (or any other outsider) sees it: plain values, futures and subscriptions.

`ClusterClient` is the protocol; `engine.local.LocalClient` speaks to the engine thread of the same process. This
module imports neither SQLModel nor the engine, so that a first frame can be painted before they are loaded.

- Every write takes an `intent`: one id per user action (make one with `new_intent()`), kept with each revision.
- Futures are `concurrent.futures.Future`; in a coroutine await `asyncio.wrap_future(f)`. Errors that arrive in them
  are `ClientError` (text ready to be shown, Kubernetes' `Status` beside it).
- `watch` delivers to a `Mailbox` on the engine thread: first everything (`Relist`), then `Change`s in revision order,
  committed ones only. A mailbox must only store and wake; it must never touch a widget.
- Items are read-only: nobody mutates `obj`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Json = dict[str, Any]
_intents = itertools.count(1)


def new_intent(what: str) -> str:
    """An id for one user action: `7 scale shop/web to 5`."""
    return f"{next(_intents)} {what}"


class Item(Protocol):
    """One object as it was at `revision`."""

    @property
    def uid(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def obj(self) -> Json: ...


class Relist(NamedTuple):
    """The view starts anew with these."""

    items: Sequence[Item]


class Change(NamedTuple):
    """One object came into the view, changed in it or left it."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    item: Item


class Mailbox(Protocol):
    def deliver(self, news: Relist | Sequence[Change]) -> None:
        """Called on the engine thread."""


class Subscription(Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Query:
    """What a view shows. `resource` as kubectl writes it: `pods`, `deployments.apps`."""

    resource: str
    namespace: str | None = None
    """None: all namespaces."""
    labels: str = ""
    fields: str = ""
    """`spec.nodeName=worker-1`, `involvedObject.uid=…`"""


@dataclass(frozen=True, slots=True)
class KindInfo:
    """One served kind (discovery)."""

    resource: str
    api_version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    namespaced: bool
    subresources: frozenset[str]
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    categories: tuple[str, ...] = ()


class ClientError(Exception):
    """A refusal, ready to be shown."""

    def __init__(self, message: str, status: Json | None = None, code: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.reason = message, status, code, reason


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """What the header tells. Sent when it changes, a few times a second at most."""

    name: str = "kubarium"
    cluster_time: int = 0
    """Microseconds since the epoch, at the moment of sending; extrapolate by `speed` while showing it."""
    speed: float = 1.0
    """Cluster seconds per second; 0 is paused."""
    revision: int = 0
    nodes: int = 0
    nodes_ready: int = 0
    pods_by_phase: Mapping[str, int] = field(default_factory=dict)
    """Running, Pending, Succeeded, Failed, Unknown."""
    cpu_requested: int = 0
    """Millicores."""
    cpu_allocatable: int = 0
    memory_requested: int = 0
    """Bytes."""
    memory_allocatable: int = 0
    folder: Mapping[str, int] = field(default_factory=dict)
    """File count by state: applied, waiting, error, drifted. Empty without a watched folder."""


@dataclass(frozen=True, slots=True)
class NodeVerdict:
    """Why one node does or does not take a pod."""

    node: str
    fits: bool
    plugin: str
    """The plugin that refused (`NodeResourcesFit`), "" when it fits."""
    reasons: tuple[str, ...]
    """Kubernetes' short words: `Insufficient cpu`, `node(s) had untolerated taint(s)`."""
    details: tuple[str, ...]
    """For people, with figures: `needs cpu 3, free 1.4 of 4`, `untolerated taint dedicated=gpu:NoSchedule`."""
    score: int | None = None
    """Total score; None when it does not fit."""
    scores: Mapping[str, int] = field(default_factory=dict)
    """Weighted score by plugin."""


@dataclass(frozen=True, slots=True)
class WhyReport:
    """Answer to `why`: where a pod stands with the scheduler and the kubelet, now."""

    headline: str
    """One line: `0/12 nodes are available: 3 Insufficient cpu, …` or `Back-off 40s restarting failed container …`."""
    explanation: tuple[str, ...]
    """What it means and what would help, a line each."""
    nodes: tuple[NodeVerdict, ...] = ()
    """Node by node, fitting ones first; empty when scheduling is not the question."""
    attempts: tuple[Mapping[str, Any], ...] = ()
    """Kept scheduling attempts, newest first: attempt, time, node, result, message."""


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


class FieldHelp(NamedTuple):
    """One possible key or value at a place in a manifest, or the doc of the field there."""

    name: str
    type: str
    required: bool
    description: str


class ClusterClient(Protocol):
    """Everything an outsider may do with a cluster."""

    # -- life ------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start the engine thread and return at once; requests made before it is up wait for it."""

    def stop(self, timeout: float = 2.0) -> None:
        """Commit, stop the engine thread and wait for it."""

    @property
    def ready(self) -> Future[None]:
        """Done when the store is open and the cluster runs; carries the error when it cannot (damaged store …)."""

    # -- reads -----------------------------------------------------------------------------------------------------
    def kinds(self) -> Future[Sequence[KindInfo]]: ...
    def get(self, resource: str, namespace: str, name: str) -> Future[Item]: ...
    def list(self, query: Query) -> Future[Sequence[Item]]: ...
    def watch(self, query: Query, mailbox: Mailbox) -> Subscription: ...
    def watch_summary(self, receive: SummaryReceiver) -> Subscription: ...
    def why(self, namespace: str, pod: str) -> Future[WhyReport]: ...
    def logs(
        self, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail: int = 1000
    ) -> Future[Sequence[tuple[int, str]]]:
        """(cluster time in microseconds, text) per line, oldest first."""

    # -- writes ----------------------------------------------------------------------------------------------------
    def create(
        self, resource: str, namespace: str, obj: Json, *, intent: str, dry_run: bool = False
    ) -> Future[Item]: ...
    def update(
        self,
        resource: str,
        namespace: str,
        name: str,
        obj: Json,
        *,
        intent: str,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Future[Item]: ...
    def patch(
        self,
        resource: str,
        namespace: str,
        name: str,
        patch: Any,
        *,
        intent: str,
        type: Literal["json", "merge", "strategic"] = "strategic",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Future[Item]: ...
    def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        *,
        intent: str,
        grace: int | None = None,
        propagation: Literal["Background", "Foreground", "Orphan"] | None = None,
        uid: str | None = None,
    ) -> Future[None]: ...
    def delete_preview(self, resource: str, namespace: str, name: str) -> Future[Sequence[Item]]:
        """Dependents that a Background delete takes with it."""

    def scale(self, resource: str, namespace: str, name: str, replicas: int, *, intent: str) -> Future[None]: ...
    def evict(self, namespace: str, pod: str, *, intent: str, grace: int | None = None) -> Future[None]: ...

    # -- time and faults ---------------------------------------------------------------------------------------------
    def set_speed(self, speed: float) -> Future[None]:
        """Cluster seconds per second; 0 pauses."""

    def step(self, span: int) -> Future[None]:
        """Play `span` microseconds of cluster time at once (also while paused)."""

    def set_kubelet(self, node: str, running: bool, *, intent: str) -> Future[None]:
        """Stop or start a node's kubelet."""

    # -- the watched folder ------------------------------------------------------------------------------------------
    @property
    def folder(self) -> str | None:
        """Absolute path of the watched folder, None without one."""

    def watch_folder(self, receive: FolderReceiver) -> Subscription:
        """`receive` gets all files at first and whenever one changed."""

    def plan(self, path: str, text: str) -> Future[Plan]:
        """What saving `text` as the folder's file `path` would do. Writes nothing."""

    def manifest_of(self, resource: str, namespace: str, name: str) -> Future[tuple[str, int] | None]:
        """(file relative to the folder, line) of an object that the folder declares; for a pod, its workload's."""

    def complete(self, api_version: str, kind: str, path: Sequence[str]) -> Future[Sequence[FieldHelp]]:
        """Fields possible under `path` (list items as "[]"), from the schema."""

    def explain(self, api_version: str, kind: str, path: Sequence[str]) -> Future[FieldHelp | None]:
        """Documentation of the field at `path`."""


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """How to open a cluster in this process."""

    folder: str | None = None
    """Directory of manifests to watch; None: no watched folder."""
    store: str | None = None
    """SQLite file; None: in memory, gone at the end."""
    seed: int = 0
    speed: float = 1.0
    """Cluster seconds per second; 0 starts paused."""
    start: int | None = None
    """First instant of a new cluster, microseconds since the epoch; None: now. A reopened one keeps its time."""
    durable: bool = False
    """fsync each commit: survives a power cut, not only a killed process."""
    history: int = 200_000
    """Newest revisions that are kept; 0 keeps all."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Kubernetes' component flags without dashes: {"node-monitor-grace-period": "40s"}; see `engine.flags`."""


@dataclass(frozen=True, slots=True)
class FlagInfo:
    """One Kubernetes component flag that Kubarium honours."""

    name: str
    default: str
    help: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a headless run ended with."""

    cluster_time: str
    """RFC 3339."""
    revisions: int
    digest: str
    """SHA-256 over the revision log: everything but wall time."""
    objects: Mapping[str, int]
    """Living objects by resource."""
    pods_by_phase: Mapping[str, int]
    nodes_by_status: Mapping[str, int]
    events_by_reason: Mapping[str, int]
    files: Mapping[str, int]
    """Files of the folder by state."""
    problems: tuple[str, ...]
    """`path:line:column: message` of each file error."""
    crashes: int
    wall_seconds: float


def connect(options: ConnectOptions) -> ClusterClient:
    """A client of a cluster in this process; its engine is imported and started by `start()`, on its own thread."""
    from engine.local import LocalClient

    return LocalClient(options)


def play(options: ConnectOptions, span: int) -> RunReport:
    """Run a cluster headless for `span` microseconds of cluster time, as fast as it goes."""
    from engine.headless import play as play_headless

    return play_headless(options, span)


def component_flags() -> Sequence[FlagInfo]:
    """The component flags for `--help`."""
    from engine.flags import FLAGS

    return [FlagInfo(flag.name, flag.default, flag.help) for flag in FLAGS]


class SummaryReceiver(Protocol):
    def __call__(self, summary: ClusterSummary) -> None:
        """Called on the engine thread; must only store and wake."""


class FolderReceiver(Protocol):
    def __call__(self, files: Sequence[FolderFile]) -> None:
        """Called on the engine thread; must only store and wake."""
