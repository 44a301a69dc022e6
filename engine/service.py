"""What `LocalClient` asks for, done on the engine thread: one method per request, plain values in and out.

It owns the cluster, feeds views (a cursor on committed revisions each, one wake-up per commit for all of them) and
sends the header's figures when they change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from engine.api.server import Caller, DeleteOptions
from engine.client import (
    ClientError,
    ClusterSummary,
    ConnectOptions,
    Diagnosis,
    DriftedObject,
    FieldHelp,
    FolderReceiver,
    Headroom,
    Item,
    Json,
    KindInfo,
    Mailbox,
    Plan,
    Query,
    Reach,
    Subscription,
    SummaryReceiver,
    TakenLive,
    WhyReport,
)
from engine.clock import SECOND, Clock
from engine.cluster import Cluster, ClusterOptions
from engine.container_service import ContainerService
from engine.flags import Flags
from engine.folder.live_edit import edit
from engine.history.requests import HistoryRequests
from engine.network.reach import reach
from engine.scheduler.headroom import headroom
from engine.views import Views
from engine.why.diagnosis import diagnose
from store.store import Store
from store.types import Resource, Uid

USER = "kubernetes-admin"
_MANAGER = "kubarium-console"
"""Who owns the fields that the console sets (metadata.managedFields)."""
"""The console's user, as in kubeadm's admin.conf."""


class Service:
    """A running cluster and the requests of the console. Everything here runs on the engine thread."""

    def __init__(self, options: ConnectOptions) -> None:
        """Open the store; a kept cluster's components start once the loop runs.

        Raises StoreError, BadFlag or OSError; then nothing was changed.
        """
        flags = Flags(options.flags)
        self.store = Store.open(options.store, durable=options.durable)
        try:
            clock = Clock(starting_instant(self.store, options), options.speed)
            clock.set_speed(options.speed)
            self.cluster = Cluster(
                self.store,
                clock,
                ClusterOptions(options.seed, flags=flags, folder=options.folder, history=options.history),
            )
            if self.store.revision:
                self.cluster.start_soon()
            else:  # nothing to show yet: the components first, what is asked meanwhile would only delay them
                self.cluster.start()
            self.containers = ContainerService(self.cluster)
            """Questions about running containers."""
            self._views = Views(self.cluster.api, self.cluster.loop)
            self.past = HistoryRequests(self.cluster.api, self.cluster.loop, USER)
        except BaseException:
            self.store.close()
            raise
        self._summaries: list[SummaryReceiver] = []
        self._last_summary: ClusterSummary | None = None
        self._summary_at = 0.0
        self._hearing_commit = False
        self.store.on_commit(self._committed)

    def run(self) -> None:
        """Until `stop`; then commit and close."""
        try:
            self.cluster.loop.run()
        finally:
            self.cluster.stop()
            self.store.close()

    def stop(self) -> None:
        self.cluster.loop.stop()

    def submit(self, work: Callable[[], object]) -> None:
        self.cluster.loop.submit(work)

    def when_committed(self, done: Callable[[BaseException | None], None]) -> None:
        """Call back (on the writer's thread) when everything written so far is durable."""
        future = self.store.when_committed(self.store.revision)
        future.add_done_callback(lambda f: done(f.exception()))

    def _committed(self) -> None:
        """On the writer's thread: wake the engine, once for the commits it has not looked at yet."""
        if not self._hearing_commit:
            self._hearing_commit = True
            self.cluster.loop.submit(self._after_commit)

    def _after_commit(self) -> None:
        self._hearing_commit = False
        self._views.pump()
        self._send_summary()

    # -- reads -----------------------------------------------------------------------------------------------------

    def kinds(self) -> list[KindInfo]:
        return [
            KindInfo(
                str(kind.resource), kind.api_version, kind.kind, kind.resource.plural, kind.singular, kind.short_names,
                kind.namespaced, frozenset(kind.subresources), kind.verbs, kind.categories,
            )
            for kind in self.cluster.api.kinds.all() if kind.stored or "list" not in kind.verbs
        ]  # fmt: skip

    def get(self, resource: str, namespace: str, name: str) -> Item:
        return self.cluster.api.get(Resource.parse(resource), namespace, name)

    def find(self, query: Query) -> Sequence[Item]:
        return self.cluster.api.list(
            Resource.parse(query.resource), query.namespace, labels=query.labels, fields=query.fields
        ).items

    def watch(self, query: Query, mailbox: Mailbox) -> Subscription:
        return self._views.open(query, mailbox)

    def reach(self, source: tuple[str, str] | None, target: str, port: int, protocol: str) -> Reach:
        return reach(self.cluster.api, source, target, port, protocol)

    def why(self, namespace: str, pod: str) -> WhyReport:
        return self.cluster.why(namespace, pod)

    def headroom(self, namespace: str, pod: str) -> Headroom:
        return headroom(self.cluster.api, self.cluster.scheduler, namespace, pod)

    def diagnose(self, resource: str, namespace: str, name: str) -> Diagnosis:
        return diagnose(self.cluster.api, Resource.parse(resource), namespace, name)

    # -- writes ----------------------------------------------------------------------------------------------------

    def create(self, resource: str, namespace: str, obj: Json, intent: str, dry_run: bool) -> Item:
        return self.cluster.api.create(
            _caller(intent),
            Resource.parse(resource),
            namespace,
            obj,
            dry_run=dry_run,
            field_validation="Strict",
            field_manager=_MANAGER,
        )

    def update(
        self, resource: str, namespace: str, name: str, obj: Json, intent: str, subresource: str, dry_run: bool
    ) -> Item:
        return self.cluster.api.update(
            _caller(intent), Resource.parse(resource), namespace, name, obj, subresource=subresource, dry_run=dry_run,
            field_validation="Strict", field_manager=_MANAGER,
        )  # fmt: skip

    def edit(self, resource: str, namespace: str, name: str, text: str, intent: str, dry_run: bool) -> Plan:
        return edit(
            self.cluster.api, _caller(intent), Resource.parse(resource), namespace, name, text, dry_run=dry_run,
            field_manager=_MANAGER,
        )  # fmt: skip

    def patch(
        self,
        resource: str,
        namespace: str,
        name: str,
        patch: Any,
        intent: str,
        type_: Literal["json", "merge", "strategic"],
        subresource: str,
        dry_run: bool,
    ) -> Item:
        return self.cluster.api.patch(
            _caller(intent), Resource.parse(resource), namespace, name, type_, patch,
            subresource=subresource, dry_run=dry_run, field_validation="Strict", field_manager=_MANAGER,
        )  # fmt: skip

    def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        intent: str,
        grace: int | None,
        propagation: Literal["Background", "Foreground", "Orphan"] | None,
        uid: str | None,
    ) -> None:
        options = DeleteOptions(grace, propagation, Uid(uid) if uid is not None else None)
        self.cluster.api.delete(_caller(intent), Resource.parse(resource), namespace, name, options)

    def dependents(self, resource: str, namespace: str, name: str) -> list[Item]:
        """Everything below the object in the owner graph, nearest first."""
        found: list[Item] = []
        todo = [self.cluster.api.get(Resource.parse(resource), namespace, name)]
        for env in todo:
            for child in self.store.owned_by(env.uid):
                todo.append(child)
                found.append(child)
        return found

    def scale(self, resource: str, namespace: str, name: str, replicas: int, intent: str) -> None:
        self.patch(
            resource, namespace, name, {"spec": {"replicas": replicas}}, intent, "merge", "scale", dry_run=False
        )  # fmt: skip

    def evict(self, namespace: str, pod: str, intent: str, grace: int | None) -> None:
        self.cluster.api.evict(_caller(intent), namespace, pod, DeleteOptions(grace_period_seconds=grace))

    # -- time and faults ---------------------------------------------------------------------------------------------

    def set_speed(self, speed: float) -> None:
        self.cluster.clock.set_speed(speed)
        self._send_summary(force=True)

    def step(self, span: int) -> None:
        clock = self.cluster.clock
        self.cluster.loop.run_until(clock.now() + span)
        clock.set_speed(clock.speed)
        self._send_summary(force=True)

    # -- the header's figures ----------------------------------------------------------------------------------------

    def watch_summary(self, receive: SummaryReceiver) -> Subscription:
        self._summaries.append(receive)
        receive(self.summarise())
        return _Receiver(self._summaries, receive)

    def summarise(self) -> ClusterSummary:
        clock = self.cluster.clock
        return self.cluster.summary.summary(
            cluster_time=clock.now(), speed=clock.speed if clock.speed is not None else 0.0,
            revision=self.store.revision, folder=self.cluster.folder_states(),
        )  # fmt: skip

    def _send_summary(self, force: bool = False) -> None:
        """At most ten a second: commits come more often than anybody reads."""
        now = time.monotonic()
        if not self._summaries or (not force and now - self._summary_at < 0.1):
            return
        self._summary_at = now
        summary = self.summarise()
        for receive in self._summaries:
            receive(summary)

    # -- the watched folder ------------------------------------------------------------------------------------------

    def watch_folder(self, receive: FolderReceiver) -> Subscription:
        folder = self.cluster.folder
        if folder is None:
            receive(())
            return _Receiver([], receive)
        return folder.subscribe(receive)

    def plan(self, path: str, text: str) -> Plan:
        if self.cluster.folder is None:
            raise ClientError("no folder is watched: start with `kubarium DIR`")
        return self.cluster.folder.plan(path, text)

    def drift(self, path: str) -> Sequence[DriftedObject]:
        return () if self.cluster.folder is None else self.cluster.folder.drift(path)

    def take_live(self, path: str, text: str) -> TakenLive:
        return TakenLive(text, (), ()) if self.cluster.folder is None else self.cluster.folder.take_live(path, text)

    def manifest_of(self, resource: str, namespace: str, name: str) -> tuple[str, int] | None:
        if self.cluster.folder is None:
            return None
        return self.cluster.folder.manifest_of(resource, namespace, name)

    def complete(self, api_version: str, kind: str, path: Sequence[str]) -> Sequence[FieldHelp]:
        return [FieldHelp(*doc) for doc in self.cluster.api.schema.fields(api_version, kind, path)]

    def explain(self, api_version: str, kind: str, path: Sequence[str]) -> FieldHelp | None:
        doc = self.cluster.api.schema.describe(api_version, kind, path)
        return None if doc is None else FieldHelp(*doc)


class _Receiver:
    """One entry of a list of receivers."""

    def __init__(self, receivers: list[Any], receive: Any) -> None:
        self._receivers, self._receive = receivers, receive

    def close(self) -> None:
        if self._receive in self._receivers:
            self._receivers.remove(self._receive)


def _caller(intent: str) -> Caller:
    return Caller(USER, intent, ("system:masters", "system:authenticated"))


def starting_instant(store: Store, options: ConnectOptions) -> int:
    """A reopened cluster continues where its time stood; a new one begins at `options.start`, or now."""
    stored = store.get_meta("cluster_time")
    if stored is not None:
        return int(stored)
    if options.start is not None:
        return options.start
    return int(time.time()) * SECOND
