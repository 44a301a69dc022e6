"""`ClusterClient`: everything an outsider may do with a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Literal, Protocol

from engine.client.folder import DriftedObject, FieldHelp, FolderReceiver, Plan, TakenLive
from engine.client.history import HistoryClient
from engine.client.reach import Reach
from engine.client.streams import ExecAnswer, LogQuery, LogReceiver, NodeUsage, PodUsage
from engine.client.values import Item, Json, KindInfo, Mailbox, Query, Subscription, SummaryReceiver
from engine.client.why import Diagnosis, Headroom, WhyReport
from engine.client.wire import WirePlace


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

    @property
    def lost(self) -> Future[None]:
        """Not done while all is well; carries the error once nothing can be stored any more (full disk …)."""

    @property
    def past(self) -> HistoryClient:
        """The past, undo and snapshots."""

    @property
    def endpoint(self) -> Future[WirePlace] | None:
        """Done when the Kubernetes API is served; carries the error when it cannot be. None: it was not asked for."""

    # -- reads -----------------------------------------------------------------------------------------------------
    def kinds(self) -> Future[Sequence[KindInfo]]: ...
    def get(self, resource: str, namespace: str, name: str) -> Future[Item]: ...
    def list(self, query: Query) -> Future[Sequence[Item]]: ...
    def watch(self, query: Query, mailbox: Mailbox) -> Subscription: ...
    def watch_summary(self, receive: SummaryReceiver) -> Subscription: ...
    def why(self, namespace: str, pod: str) -> Future[WhyReport]: ...
    def diagnose(self, resource: str, namespace: str, name: str) -> Future[Diagnosis]:
        """What is the matter with any object, and which others have to do with it."""

    def headroom(self, namespace: str, pod: str) -> Future[Headroom]:
        """How many more pods like this one the nodes would take now."""

    def reach(self, source: tuple[str, str] | None, target: str, port: int = 0, protocol: str = "TCP") -> Future[Reach]:
        """Can a pod, (namespace, name), or somebody outside of the cluster (None) reach a name, an address or a URL?

        By which name, through which endpoint, and if not, who says no. `port`: 0 for the URL's own.
        """

    def logs(
        self, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail: int = 1000
    ) -> Future[Sequence[tuple[int, str]]]:
        """(cluster time in microseconds, text) per line, oldest first."""

    def follow_logs(self, query: LogQuery, receiver: LogReceiver) -> Subscription:
        """What the log holds, and what is written from now on until the container ends."""

    def exec(self, namespace: str, pod: str, command: Sequence[str], container: str = "") -> Future[ExecAnswer]:
        """Run a command; done when it has ended, which may take cluster time. Cancel the future to end it."""

    def top_pods(self, namespace: str | None = None) -> Future[Sequence[PodUsage]]:
        """Usage of the pods that run, by namespace and name; None: of all namespaces."""

    def top_nodes(self) -> Future[Sequence[NodeUsage]]:
        """Usage of the nodes, by name."""

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
    def edit(
        self, resource: str, namespace: str, name: str, text: str, *, intent: str, dry_run: bool = False
    ) -> Future[Plan]:
        """Replace an object by what a YAML text says: an update, whose refusal stands at the text's lines.

        With an error among the diagnostics nothing was written. ClientError 409: somebody wrote since the
        resourceVersion in the text.
        """

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

    # -- the watched folder ------------------------------------------------------------------------------------------
    @property
    def folder(self) -> str | None:
        """Absolute path of the watched folder, None without one."""

    def watch_folder(self, receive: FolderReceiver) -> Subscription:
        """`receive` gets all files at first and whenever one changed."""

    def plan(self, path: str, text: str) -> Future[Plan]:
        """What saving `text` as the folder's file `path` would do. Writes nothing."""

    def drift(self, path: str) -> Future[Sequence[DriftedObject]]:
        """Objects of a file of the folder that were changed in the cluster since they were applied."""

    def take_live(self, path: str, text: str) -> Future[TakenLive]:
        """`text` as the folder's file `path`, with the live values of drifted fields spliced in. Writes nothing."""

    def manifest_of(self, resource: str, namespace: str, name: str) -> Future[tuple[str, int] | None]:
        """(file relative to the folder, line) of an object that the folder declares; for a pod, its workload's."""

    def complete(self, api_version: str, kind: str, path: Sequence[str]) -> Future[Sequence[FieldHelp]]:
        """Fields possible under `path` (list items as "[]"), from the schema."""

    def explain(self, api_version: str, kind: str, path: Sequence[str]) -> Future[FieldHelp | None]:
        """Documentation of the field at `path`."""
