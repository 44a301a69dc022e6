"""A cluster client without a cluster: plain objects in dicts, writes recorded, watches delivered at once.

Only for tests and pictures of the console. Objects change by `put` and `drop`; futures are done when they are returned,
so tests need no sleeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Literal

from engine.client import (
    Change,
    ClientError,
    ClusterSummary,
    Diagnosis,
    DriftedObject,
    ExecAnswer,
    FieldHelp,
    FolderFile,
    FolderReceiver,
    Headroom,
    Json,
    KindInfo,
    LogQuery,
    LogReceiver,
    Mailbox,
    NodeUsage,
    Plan,
    PodUsage,
    Query,
    Reach,
    Relist,
    SummaryReceiver,
    TakenLive,
    Usage,
    WhyReport,
    WirePlace,
)
from tests.tui.fake_history import FakeHistory
from tui.times import rfc3339

START = 1_795_424_829_000_000
"""2026-11-23T09:07:09Z."""


def ago(seconds: int) -> str:
    """An instant before `START`, as objects carry it."""
    return rfc3339(START - seconds * 1_000_000)


@dataclass(frozen=True, slots=True)
class FakeItem:
    """One object at a revision."""

    resource: str
    revision: int
    obj: Json

    @property
    def uid(self) -> str:
        return str(self.obj["metadata"]["uid"])

    @property
    def namespace(self) -> str:
        return str(self.obj["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def labels(self) -> Mapping[str, str]:
        return self.obj["metadata"].get("labels") or {}


def kind(resource: str, name: str, *short: str, namespaced: bool = True) -> KindInfo:
    plural, _, group = resource.partition(".")
    version = f"{group}/v1" if group else "v1"
    return KindInfo(resource, version, name, plural, name.lower(), short, namespaced, frozenset())


KINDS = (
    kind("pods", "Pod", "po"),
    kind("nodes", "Node", "no", namespaced=False),
    kind("namespaces", "Namespace", "ns", namespaced=False),
    kind("events", "Event", "ev"),
    kind("services", "Service", "svc"),
    kind("configmaps", "ConfigMap", "cm"),
    kind("secrets", "Secret"),
    kind("serviceaccounts", "ServiceAccount", "sa"),
    kind("deployments.apps", "Deployment", "deploy"),
    kind("replicasets.apps", "ReplicaSet", "rs"),
    kind("cronjobs.batch", "CronJob", "cj"),
    kind("jobs.batch", "Job"),
    kind("leases.coordination.k8s.io", "Lease"),
    kind("widgets.example.com", "Widget"),
)


class _Subscription:
    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close

    def close(self) -> None:
        self._close()


def done(value: Any = None) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def refused(error: BaseException) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


class FakeClient:
    """Implements `ClusterClient` over dicts."""

    def __init__(self, objects: Sequence[tuple[str, Json]] = (), *, fail: BaseException | None = None) -> None:
        """`objects`: (resource, object) each; `fail`: the error that `ready` carries."""
        self.served: Sequence[KindInfo] = KINDS
        self.objects: dict[str, dict[str, FakeItem]] = {}
        self.writes: list[tuple[Any, ...]] = []
        """(verb, resource, namespace, name, what, intent) per write."""
        self.refuse: ClientError | None = None
        """Set: every write is refused with it."""
        self.started = self.stopped = False
        self.endpoint: Future[WirePlace] | None = None
        self.report = WhyReport("", ())
        self.preview: list[FakeItem] = []
        self.plan_answer = Plan((), ())
        self.planned: list[tuple[str, str]] = []
        """(path, text) of each plan that was asked for."""
        self._folder_receivers: list[FolderReceiver] = []
        self.files: Sequence[FolderFile] = (FolderFile("web.yaml", "applied"), FolderFile("bad.yaml", "error"))
        self.drifted: Sequence[DriftedObject] = ()
        self.live_text: TakenLive | None = None
        self.fields: dict[tuple[str, ...], Sequence[FieldHelp]] = {}
        """Answers of `complete`, by path."""
        self.meanings: dict[tuple[str, ...], FieldHelp] = {}
        """Answers of `explain`, by path."""
        self.place: tuple[str, int] | None = None
        self.diagnosis = Diagnosis("All is well", "ok", ())
        self.past = FakeHistory()
        self.followers: list[tuple[LogQuery, LogReceiver]] = []
        """Logs that are followed now."""
        self.room = Headroom(0, ())
        self.usage: dict[str, Usage] = {}
        self.container_usage: dict[str, dict[str, Usage]] = {}
        """By `namespace/name` of a pod, or the name of a node."""
        self.asked_usage: list[str] = []
        self.summary = ClusterSummary(cluster_time=START, speed=0.0)
        self.folder: str | None = None
        self.ready: Future[None] = Future()
        self.lost: Future[None] = Future()
        self._fail = fail
        self._revision = 100
        self._watches: list[tuple[Query, Mailbox]] = []
        self._summary_receivers: list[SummaryReceiver] = []
        for resource, obj in objects:
            self.put(resource, obj)

    # -- the world ---------------------------------------------------------------------------------------------------

    def put(self, resource: str, obj: Json) -> FakeItem:
        """Create or replace an object; watchers hear of it."""
        self._revision += 1
        meta = {
            "uid": f"{resource}-{obj['metadata'].get('namespace', '')}-{obj['metadata']['name']}",
            **obj["metadata"],
        }
        item = FakeItem(resource, self._revision, {**obj, "metadata": meta})
        known = self.objects.setdefault(resource, {})
        type_: Literal["ADDED", "MODIFIED"] = "MODIFIED" if item.uid in known else "ADDED"
        known[item.uid] = item
        self._tell(Change(type_, item))
        return item

    def drop(self, resource: str, uid: str) -> None:
        """Delete an object; watchers hear of it."""
        self._tell(Change("DELETED", self.objects[resource].pop(uid)))

    def tell_summary(self, **changes: Any) -> None:
        self.summary = replace(self.summary, **changes)
        for receive in list(self._summary_receivers):
            receive(self.summary)

    def _tell(self, change: Change) -> None:
        for query, mailbox in list(self._watches):
            if _matches(query, change.item):  # type: ignore[arg-type]
                mailbox.deliver([change])

    @property
    def watches(self) -> list[Query]:
        """What is watched now."""
        return [query for query, _ in self._watches]

    # -- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self.started = True
        if self._fail is not None:
            self.ready.set_exception(self._fail)
        else:
            self.ready.set_result(None)

    def stop(self, timeout: float = 2.0) -> None:
        self.stopped = True

    # -- reads -------------------------------------------------------------------------------------------------------

    def kinds(self) -> Future[Sequence[KindInfo]]:
        return done(self.served)

    def get(self, resource: str, namespace: str, name: str) -> Future[Any]:
        for item in self.objects.get(resource, {}).values():
            if (item.namespace, item.name) == (namespace, name):
                return done(item)
        return refused(ClientError(f'{resource} "{name}" not found', code=404, reason="NotFound"))

    def list(self, query: Query) -> Future[Any]:
        return done([item for item in self.objects.get(query.resource, {}).values() if _matches(query, item)])

    def watch(self, query: Query, mailbox: Mailbox) -> _Subscription:
        entry = (query, mailbox)
        self._watches.append(entry)
        mailbox.deliver(Relist(self.list(query).result()))
        return _Subscription(lambda: self._watches.remove(entry))

    def watch_summary(self, receive: SummaryReceiver) -> _Subscription:
        self._summary_receivers.append(receive)
        receive(self.summary)
        return _Subscription(lambda: self._summary_receivers.remove(receive))

    def reach(self, source: tuple[str, str] | None, target: str, port: int = 0, protocol: str = "TCP") -> Future[Reach]:
        return done(Reach())

    def diagnose(self, resource: str, namespace: str, name: str) -> Future[Diagnosis]:
        return done(self.diagnosis)

    def headroom(self, namespace: str, pod: str) -> Future[Headroom]:
        return done(self.room)

    def why(self, namespace: str, pod: str) -> Future[WhyReport]:
        return done(self.report)

    def logs(
        self, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail: int = 1000
    ) -> Future[Any]:
        word = "before" if previous else "now"
        return done([(START + i * 1_000_000, f"{container} line {i} {word}") for i in range(20)])

    def follow_logs(self, query: LogQuery, receiver: LogReceiver) -> _Subscription:
        word = "before" if query.previous else "now"
        receiver.lines([(START + i * 1_000_000, f"{query.container} line {i} {word}") for i in range(20)])
        entry = (query, receiver)
        self.followers.append(entry)
        return _Subscription(lambda: self.followers.remove(entry))

    def exec(self, namespace: str, pod: str, command: Sequence[str], container: str = "") -> Future[Any]:
        return done(ExecAnswer(0, f"{' '.join(command)}\n", ""))

    def top_pods(self, namespace: str | None = None) -> Future[Any]:
        self.asked_usage.append("pods")
        pods = [(*name.partition("/")[::2], usage) for name, usage in self.usage.items() if "/" in name]
        parts = self.container_usage
        return done([PodUsage(space, name, usage, parts.get(f"{space}/{name}", {})) for space, name, usage in pods])

    def top_nodes(self) -> Future[Any]:
        self.asked_usage.append("nodes")
        whole = Usage(4000, 16 * 2**30)
        return done([NodeUsage(name, usage, whole) for name, usage in self.usage.items() if "/" not in name])

    # -- writes ------------------------------------------------------------------------------------------------------

    def _write(self, *written: Any) -> Future[Any]:
        if self.refuse is not None:
            return refused(self.refuse)
        self.writes.append(written)
        return done()

    def create(self, resource: str, namespace: str, obj: Json, *, intent: str, dry_run: bool = False) -> Future[Any]:
        return self._write("create", resource, namespace, obj["metadata"].get("name", ""), obj, intent)

    def update(
        self, resource: str, namespace: str, name: str, obj: Json, *, intent: str, subresource: str = "",
        dry_run: bool = False,
    ) -> Future[Any]:  # fmt: skip
        return self._write("update", resource, namespace, name, obj, intent)

    def edit(
        self, resource: str, namespace: str, name: str, text: str, *, intent: str, dry_run: bool = False
    ) -> Future[Any]:
        if self.refuse is not None:
            return refused(self.refuse)
        if dry_run or any(each.severity == "error" for each in self.plan_answer.diagnostics):
            self.planned.append((f"{resource} {name}", text))
        else:
            self.writes.append(("edit", resource, namespace, name, text, intent))
        return done(self.plan_answer)

    def patch(
        self, resource: str, namespace: str, name: str, patch: Any, *, intent: str,
        type: Literal["json", "merge", "strategic"] = "strategic", subresource: str = "", dry_run: bool = False,
    ) -> Future[Any]:  # fmt: skip
        return self._write("patch", resource, namespace, name, patch, intent)

    def delete(
        self, resource: str, namespace: str, name: str, *, intent: str, grace: int | None = None,
        propagation: Literal["Background", "Foreground", "Orphan"] | None = None, uid: str | None = None,
    ) -> Future[None]:  # fmt: skip
        return self._write("delete", resource, namespace, name, (propagation, grace), intent)

    def delete_preview(self, resource: str, namespace: str, name: str) -> Future[Any]:
        return done(self.preview)

    def scale(self, resource: str, namespace: str, name: str, replicas: int, *, intent: str) -> Future[None]:
        return self._write("scale", resource, namespace, name, replicas, intent)

    def evict(self, namespace: str, pod: str, *, intent: str, grace: int | None = None) -> Future[None]:
        return self._write("evict", "pods", namespace, pod, grace, intent)

    def set_speed(self, speed: float) -> Future[None]:
        self.tell_summary(speed=speed)
        return done()

    def step(self, span: int) -> Future[None]:
        return done()

    # -- the folder --------------------------------------------------------------------------------------------------

    def watch_folder(self, receive: FolderReceiver) -> _Subscription:
        self._folder_receivers.append(receive)
        receive(self.files)
        return _Subscription(lambda: self._folder_receivers.remove(receive))

    def tell_files(self, files: Sequence[FolderFile]) -> None:
        """The engine's news of the folder."""
        self.files = files
        for receive in self._folder_receivers:
            receive(files)

    def plan(self, path: str, text: str) -> Future[Plan]:
        self.planned.append((path, text))
        return done(self.plan_answer)

    def drift(self, path: str) -> Future[Sequence[DriftedObject]]:
        return done(self.drifted)

    def take_live(self, path: str, text: str) -> Future[TakenLive]:
        return done(self.live_text or TakenLive(text, (), ()))

    def manifest_of(self, resource: str, namespace: str, name: str) -> Future[Any]:
        return done(self.place)

    def complete(self, api_version: str, kind: str, path: Sequence[str]) -> Future[Sequence[FieldHelp]]:
        return done(self.fields.get(tuple(path), ()))

    def explain(self, api_version: str, kind: str, path: Sequence[str]) -> Future[FieldHelp | None]:
        return done(self.meanings.get(tuple(path)))


def _matches(query: Query, item: FakeItem) -> bool:
    if item.resource != query.resource or query.namespace not in (None, item.namespace):
        return False
    for pair in filter(None, query.labels.split(",")):
        key, _, value = pair.partition("=")
        if item.labels.get(key) != value:
            return False
    for pair in filter(None, query.fields.split(",")):
        path, _, value = pair.partition("=")
        found: Any = item.obj
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found != value:
            return False
    return True
