"""`LocalClient`: the client of a cluster that runs in this process, on a thread of its own.

The engine (SQLModel, numpy and the rest) is imported on that thread, after the console has painted its first frame.
Requests made earlier wait for it. Each request runs as one callback of the engine's loop; a write is acknowledged
when its revision is committed. Refusals by the API arrive as `ClientError`.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from engine.client import (
    ClientError,
    ConnectOptions,
    Diagnosis,
    DriftedObject,
    ExecAnswer,
    FieldHelp,
    FolderReceiver,
    Headroom,
    Item,
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
    Subscription,
    SummaryReceiver,
    TakenLive,
    WhyReport,
    WirePlace,
)
from engine.client.history import HistoryClient
from engine.collector import set_collector, share_heap
from engine.history.local import LocalHistory

if TYPE_CHECKING:
    from engine.history.requests import HistoryRequests
    from engine.http.server import HttpServer
    from engine.service import Service

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_Work = Callable[["Service"], _T]


class LocalClient:
    """See `engine.client.ClusterClient` for what each method promises."""

    def __init__(self, options: ConnectOptions) -> None:
        share_heap()  # here, since a console starts threads of its own before it starts the engine
        self._options = options
        self._ready: Future[None] = Future()
        self._lost: Future[None] = Future()
        self._engine: Service | None = None
        self._waiting: deque[Callable[[Service], None]] = deque()
        self._lock = threading.Lock()
        """Guards the hand-over of `_waiting` when the engine comes up, nothing else."""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._past = LocalHistory(self, as_client_error)
        self._endpoint: Future[WirePlace] | None = Future() if options.wire is not None else None
        self._http: HttpServer | None = None

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        if not self._thread.is_alive():
            return
        self._past.close()
        if self._http is not None:
            self._http.stop(timeout)
        self._send(lambda engine: engine.stop())
        self._thread.join(timeout)
        if self._thread.is_alive():
            _log.warning("the engine did not stop within %.1f s; what was acknowledged is safe", timeout)

    @property
    def ready(self) -> Future[None]:
        return self._ready

    @property
    def lost(self) -> Future[None]:
        return self._lost

    @property
    def endpoint(self) -> Future[WirePlace] | None:
        return self._endpoint

    def _run(self) -> None:
        sys.setswitchinterval(0.001)
        try:
            from engine.service import Service

            gc.disable()
            try:
                engine = Service(self._options)
            finally:
                gc.enable()
        except Exception as error:  # noqa: BLE001  whatever it is, the console must be told
            self._ready.set_exception(as_client_error(error))
            if self._endpoint is not None:
                self._endpoint.set_exception(as_client_error(error))
            return
        engine.store.on_failure(self._lose)
        set_collector()
        with self._lock:
            self._engine = engine
            while self._waiting:
                self._waiting.popleft()(engine)
        self._serve(engine)
        self._ready.set_result(None)
        engine.run()

    def _lose(self, failure: Exception) -> None:
        if self._lost.set_running_or_notify_cancel():
            self._lost.set_exception(as_client_error(failure))

    def _serve(self, engine: Service) -> None:
        """Serve the Kubernetes API, if that was asked for, on a thread of its own."""
        endpoint, options = self._endpoint, self._options.wire
        if endpoint is None or options is None:
            return
        from engine.http.server import HttpServer

        def listening(where: Future[WirePlace]) -> None:
            failure = where.exception()
            if failure is None:
                endpoint.set_result(where.result())
            else:
                endpoint.set_exception(as_client_error(failure))

        self._http = HttpServer(engine.cluster, options)
        self._http.where.add_done_callback(listening)
        self._http.start()

    def _send(self, work: Callable[[Service], None]) -> None:
        with self._lock:
            if self._engine is None:
                self._waiting.append(work)
                return
        work(self._engine)

    def _ask(self, work: _Work[_T]) -> Future[_T]:
        """Run on the engine thread; the future holds the result."""
        answer: Future[_T] = Future()

        def run(engine: Service) -> None:
            engine.cluster.loop.submit(lambda: _answer(answer, lambda: work(engine)))

        self._send(run)
        return answer

    def _write(self, work: _Work[_T]) -> Future[_T]:
        """Run on the engine thread; the future is done when everything it wrote is committed."""
        answer: Future[_T] = Future()

        def run(engine: Service) -> None:
            def write() -> None:
                try:
                    result = work(engine)
                except Exception as error:  # noqa: BLE001  handed to the caller, who raises it
                    answer.set_exception(as_client_error(error))
                    return
                engine.when_committed(lambda failure: _settle(answer, result, failure))

            engine.cluster.loop.submit(write)

        self._send(run)
        return answer

    # -- the past --------------------------------------------------------------------------------------------------

    @property
    def past(self) -> HistoryClient:
        return self._past

    def ask_history(self, work: Callable[[HistoryRequests], _T]) -> Future[_T]:
        return self._ask(lambda engine: work(engine.past))

    def write_history(self, work: Callable[[HistoryRequests], _T]) -> Future[_T]:
        return self._write(lambda engine: work(engine.past))

    # -- reads -----------------------------------------------------------------------------------------------------

    def kinds(self) -> Future[Sequence[KindInfo]]:
        return self._ask(lambda engine: engine.kinds())

    def get(self, resource: str, namespace: str, name: str) -> Future[Item]:
        return self._ask(lambda engine: engine.get(resource, namespace, name))

    def list(self, query: Query) -> Future[Sequence[Item]]:
        return self._ask(lambda engine: engine.find(query))

    def watch(self, query: Query, mailbox: Mailbox) -> Subscription:
        subscription = _Later()
        self._send(lambda engine: engine.submit(lambda: subscription.attach(engine.watch(query, mailbox))))
        return subscription

    def watch_summary(self, receive: SummaryReceiver) -> Subscription:
        subscription = _Later()
        self._send(lambda engine: engine.submit(lambda: subscription.attach(engine.watch_summary(receive))))
        return subscription

    def why(self, namespace: str, pod: str) -> Future[WhyReport]:
        return self._ask(lambda engine: engine.why(namespace, pod))

    def diagnose(self, resource: str, namespace: str, name: str) -> Future[Diagnosis]:
        return self._ask(lambda engine: engine.diagnose(resource, namespace, name))

    def headroom(self, namespace: str, pod: str) -> Future[Headroom]:
        return self._ask(lambda engine: engine.headroom(namespace, pod))

    def reach(self, source: tuple[str, str] | None, target: str, port: int = 0, protocol: str = "TCP") -> Future[Reach]:
        return self._ask(lambda engine: engine.reach(source, target, port, protocol))

    def logs(
        self, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail: int = 1000
    ) -> Future[Sequence[tuple[int, str]]]:
        query = LogQuery(namespace, pod, container, previous, tail)
        return self._ask(lambda engine: engine.containers.logs(query))

    def follow_logs(self, query: LogQuery, receiver: LogReceiver) -> Subscription:
        subscription = _Later()

        def begin(engine: Service) -> None:
            try:
                subscription.attach(engine.containers.follow(query, receiver))
            except Exception as error:  # noqa: BLE001  handed to the receiver
                receiver.ended(_shown(error))

        self._send(lambda engine: engine.submit(lambda: begin(engine)))
        return subscription

    def exec(self, namespace: str, pod: str, command: Sequence[str], container: str = "") -> Future[ExecAnswer]:
        answer: Future[ExecAnswer] = Future()

        def run(engine: Service) -> None:
            def begin() -> None:
                try:
                    session = engine.containers.exec(namespace, pod, container, command, lambda a: _give(answer, a))
                except Exception as error:  # noqa: BLE001  handed to the caller, who raises it
                    answer.set_exception(as_client_error(error))
                    return
                # A cancelled future is told on the thread that cancels it.
                answer.add_done_callback(lambda f: engine.submit(session.cancel) if f.cancelled() else None)

            engine.submit(begin)

        self._send(run)
        return answer

    def top_pods(self, namespace: str | None = None) -> Future[Sequence[PodUsage]]:
        return self._ask(lambda engine: engine.containers.top_pods(namespace))

    def top_nodes(self) -> Future[Sequence[NodeUsage]]:
        return self._ask(lambda engine: engine.containers.top_nodes())

    # -- writes ----------------------------------------------------------------------------------------------------

    def create(self, resource: str, namespace: str, obj: Json, *, intent: str, dry_run: bool = False) -> Future[Item]:
        return self._write(lambda engine: engine.create(resource, namespace, obj, intent, dry_run))

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
    ) -> Future[Item]:
        return self._write(lambda engine: engine.update(resource, namespace, name, obj, intent, subresource, dry_run))

    def edit(
        self, resource: str, namespace: str, name: str, text: str, *, intent: str, dry_run: bool = False
    ) -> Future[Plan]:
        return self._write(lambda engine: engine.edit(resource, namespace, name, text, intent, dry_run))

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
    ) -> Future[Item]:
        return self._write(
            lambda engine: engine.patch(resource, namespace, name, patch, intent, type, subresource, dry_run)
        )

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
    ) -> Future[None]:
        return self._write(lambda engine: engine.delete(resource, namespace, name, intent, grace, propagation, uid))

    def delete_preview(self, resource: str, namespace: str, name: str) -> Future[Sequence[Item]]:
        return self._ask(lambda engine: engine.dependents(resource, namespace, name))

    def scale(self, resource: str, namespace: str, name: str, replicas: int, *, intent: str) -> Future[None]:
        return self._write(lambda engine: engine.scale(resource, namespace, name, replicas, intent))

    def evict(self, namespace: str, pod: str, *, intent: str, grace: int | None = None) -> Future[None]:
        return self._write(lambda engine: engine.evict(namespace, pod, intent, grace))

    # -- time and faults ---------------------------------------------------------------------------------------------

    def set_speed(self, speed: float) -> Future[None]:
        return self._ask(lambda engine: engine.set_speed(speed))

    def step(self, span: int) -> Future[None]:
        return self._ask(lambda engine: engine.step(span))

    # -- the watched folder ------------------------------------------------------------------------------------------

    @property
    def folder(self) -> str | None:
        return os.path.abspath(self._options.folder) if self._options.folder is not None else None

    def watch_folder(self, receive: FolderReceiver) -> Subscription:
        subscription = _Later()
        self._send(lambda engine: engine.submit(lambda: subscription.attach(engine.watch_folder(receive))))
        return subscription

    def plan(self, path: str, text: str) -> Future[Plan]:
        return self._ask(lambda engine: engine.plan(path, text))

    def drift(self, path: str) -> Future[Sequence[DriftedObject]]:
        return self._ask(lambda engine: engine.drift(path))

    def take_live(self, path: str, text: str) -> Future[TakenLive]:
        return self._ask(lambda engine: engine.take_live(path, text))

    def manifest_of(self, resource: str, namespace: str, name: str) -> Future[tuple[str, int] | None]:
        return self._ask(lambda engine: engine.manifest_of(resource, namespace, name))

    def complete(self, api_version: str, kind: str, path: Sequence[str]) -> Future[Sequence[FieldHelp]]:
        return self._ask(lambda engine: engine.complete(api_version, kind, path))

    def explain(self, api_version: str, kind: str, path: Sequence[str]) -> Future[FieldHelp | None]:
        return self._ask(lambda engine: engine.explain(api_version, kind, path))


class _Later:
    """A subscription that may be closed before the engine is up."""

    def __init__(self) -> None:
        self._real: Subscription | None = None
        self._closed = False

    def attach(self, real: Subscription) -> None:
        if self._closed:
            real.close()
        self._real = real

    def close(self) -> None:
        self._closed = True
        if self._real is not None:
            self._real.close()


def as_client_error(error: BaseException) -> BaseException:
    """What an outsider sees of an engine's exception."""
    status = getattr(error, "status", None)
    if callable(status):
        body = status()
        return ClientError(str(error), body, body.get("code", 0), body.get("reason", ""))
    return ClientError(str(error) or type(error).__name__) if not isinstance(error, ClientError) else error


def _shown(error: Exception) -> Exception:
    told = as_client_error(error)
    return told if isinstance(told, Exception) else error


def _give(answer: Future[_T], result: _T) -> None:
    """Unless it was cancelled meanwhile."""
    if answer.set_running_or_notify_cancel():
        answer.set_result(result)


def _answer(answer: Future[_T], work: Callable[[], _T]) -> None:
    try:
        answer.set_result(work())
    except Exception as error:  # noqa: BLE001  handed to the caller, who raises it
        answer.set_exception(as_client_error(error))


def _settle(answer: Future[_T], result: _T, failure: BaseException | None) -> None:
    if failure is not None:
        answer.set_exception(as_client_error(failure))
    else:
        answer.set_result(result)
