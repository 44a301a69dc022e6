"""What all screens share: the client, what it serves, cluster time, namespaces, command history.

Holds no widget. Belongs to the app's thread; the summary and the folder's files come from the engine's thread through
small boxes of their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final, NamedTuple

from textual.message_pump import MessagePump

from engine.client import ClusterClient, ClusterSummary, FolderFile, KindInfo, Usage, WirePlace
from tui.answers import answer
from tui.board import PodBoard
from tui.buffers import Buffers
from tui.gate import gated
from tui.kinds.registry import view_of
from tui.kinds.spec import KindView, Load
from tui.settings import Settings
from tui.usage import UsageBoard
from tui.work import WorkBoard

SPEEDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1000.0)

K9S_NAMES: Final = {
    "dp": "deployments.apps",
    "sec": "secrets",
    "jo": "jobs.batch",
    "np": "networkpolicies.networking.k8s.io",
    "cr": "clusterroles.rbac.authorization.k8s.io",
    "crb": "clusterrolebindings.rbac.authorization.k8s.io",
    "ro": "roles.rbac.authorization.k8s.io",
    "rb": "rolebindings.rbac.authorization.k8s.io",
}
"""The aliases that k9s has from the start and Kubernetes does not; a kind's own short name goes before."""


class ViewState(NamedTuple):
    """How a table was left."""

    filter: str
    only_faults: bool
    sort: str
    descending: bool
    wide: bool
    name: str
    """Of the object under the cursor; "" of none."""


class Session:
    """The console's view of one cluster. It is the `Facts` that cells may ask."""

    def __init__(self, client: ClusterClient, owner: MessagePump, read_only: bool = False) -> None:
        self.client, self.gate = gated(client, read_only)
        self.board = PodBoard(self.client, owner)
        self.usage = UsageBoard(self.client, self.gate, owner, self.now)
        self.summary = ClusterSummary()
        self.ready = False
        """The cluster runs: requests are answered."""
        self.endpoint: WirePlace | None = None
        """Where kubectl finds this cluster; None while it does not."""
        self.kinds: Sequence[KindInfo] = ()
        self.files: Sequence[FolderFile] = ()
        self.settings = Settings()
        """A person's own aliases, columns and colours."""
        self.namespace: str | None = None
        """Namespace that new views start in; None: all."""
        self.favourites: list[str] = ["default"]
        """Namespaces behind the keys 1-9, as they were chosen."""
        self.commands: list[str] = []
        """Commands given, oldest first."""
        self.work = WorkBoard(self.tell)
        """Long work under way."""
        self.messages: deque[tuple[int, str, str, str]] = deque(maxlen=500)
        """What was shown in passing: (cluster time, title, text, severity), oldest first."""
        self.filters: list[str] = []
        """Filters given, oldest first."""
        self.kept: dict[str, ViewState] = {}
        """How the view of each command was left, for when history comes back to it."""
        self.tabs: Callable[[], Sequence[tuple[str, bool]]] = tuple
        """(what it shows, is it the open one) of each tab."""
        self.place = -1
        """Index in `commands` of the view that is open (`[` and `]` walk)."""
        self.resume_speed = 1.0
        """Speed that `.` returns to."""
        self.known_namespaces: set[str] = set()
        """Namespaces that a table showed."""
        self.buffers = Buffers(client.folder) if client.folder is not None else None
        """Manifests being edited; None without a watched folder."""
        self.last_manifest: str | None = None
        """The file that was edited last."""
        self._owner = owner
        self._received = monotonic()
        self._listeners: list[Callable[[], None]] = []
        self._printer_columns: dict[str, Sequence[dict[str, Any]]] = {}

    # -- life --------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Learn what the cluster serves and follow it. Call when the client is ready."""
        self.client.watch_summary(lambda summary: self._to_app(self._summary_came, summary))
        if self.client.folder is not None:
            self.client.watch_folder(lambda files: self._to_app(self._files_came, files))
        self.ready = True
        self.board.open()
        await self.learn_kinds()

    def _to_app(self, receive: Callable[[Any], None], value: object) -> None:
        with suppress(RuntimeError):  # the app's loop is closed: nobody is left to tell
            self._owner.call_later(receive, value)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Hear when summary or files changed; call the result to hear no more."""
        self._listeners.append(listener)

        def unlisten() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unlisten

    def _summary_came(self, summary: ClusterSummary) -> None:
        self.summary, self._received = summary, monotonic()
        if summary.speed:
            self.resume_speed = summary.speed
        self.tell()

    def _files_came(self, files: Sequence[FolderFile]) -> None:
        self.files = files
        self.tell()

    def tell(self) -> None:
        for listener in list(self._listeners):
            listener()

    # -- facts -------------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Cluster time, microseconds since the epoch."""
        passed = (monotonic() - self._received) * self.summary.speed
        return self.summary.cluster_time + round(passed * 1_000_000)

    def node_load(self, node: str) -> Load:
        return self.board.node_load(node)

    def namespace_load(self, namespace: str) -> Load:
        return self.board.namespace_load(namespace)

    def pod_usage(self, namespace: str, name: str) -> Usage | None:
        return self.usage.pod(namespace, name)

    def container_usage(self, namespace: str, pod: str, name: str) -> Usage | None:
        return self.usage.container(namespace, pod, name)

    def node_usage(self, node: str) -> Usage | None:
        return self.usage.node(node)

    # -- kinds -------------------------------------------------------------------------------------------------------

    async def learn_kinds(self) -> None:
        """Ask what is served now (a CRD may have come)."""
        self.kinds = await answer(self.client.kinds())
        crds = next((k for k in self.kinds if k.kind == "CustomResourceDefinition"), None)
        if crds is None:
            return
        from engine.client import Query

        for item in await answer(self.client.list(Query(crds.resource))):
            spec = item.obj.get("spec") or {}
            for version in spec.get("versions") or ():
                if version.get("served"):
                    resource = f"{spec['names']['plural']}.{spec['group']}"
                    self._printer_columns[resource] = version.get("additionalPrinterColumns") or ()

    def find_kind(self, word: str) -> KindInfo | None:
        """The kind that a person means by `po`, `pods`, `Pod`, `deployments.apps`, `deploy`, or `dp` as in k9s."""
        word = word.lower()
        for kind in self.kinds:
            names = (kind.resource, kind.plural, kind.singular, kind.kind.lower(), *kind.short_names)
            if word in names:
                return kind
        return self.kind_of(K9S_NAMES[word]) if word in K9S_NAMES else None

    def kind_of(self, resource: str) -> KindInfo | None:
        return next((kind for kind in self.kinds if kind.resource == resource), None)

    def called(self, resource: str, count: int = 1) -> str:
        """A kind as a sentence has it: `deployment`, `3 deployments`."""
        plural, kind = resource.partition(".")[0], self.kind_of(resource)
        if count == 1:
            return kind.singular if kind is not None else plural.removesuffix("s")
        return f"{count} {plural}"

    def kind_named(self, api_version: str, kind: str) -> KindInfo | None:
        return next((k for k in self.kinds if k.kind == kind and k.api_version == api_version), None)

    def view_of(self, resource: str) -> KindView:
        kind = self.kind_of(resource)
        columns = self._printer_columns.get(resource, ())
        return self.settings.tailored(view_of(resource, kind.namespaced if kind else True, columns))

    def namespace_names(self) -> list[str]:
        """Namespaces that are known to hold pods or were chosen, for completion."""
        return sorted({*self.board.namespaces(), *self.favourites, *self.known_namespaces})

    # -- namespaces and commands -------------------------------------------------------------------------------------

    def favour(self, namespace: str) -> None:
        """Remember a chosen namespace behind a number key."""
        if namespace not in self.favourites:
            self.favourites = [*self.favourites[:8], namespace]

    def forget_namespace(self, namespace: str) -> None:
        """It is not there: no number key for it."""
        self.favourites = [each for each in self.favourites if namespace not in each.split(",")]

    def remember(self, command: str) -> None:
        """A command opened a view: what was ahead of it in history is forgotten."""
        if self.place >= 0 and self.commands[self.place] == command:
            return
        self.commands = [*self.commands[: self.place + 1], command][-100:]
        self.place = len(self.commands) - 1


__all__ = ["SPEEDS", "Session", "ViewState", "answer"]
