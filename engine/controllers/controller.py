"""The frame that every controller runs on.

A controller says which resources it watches and how an event turns into keys (`watches`), and reconciles one key at
a time, level-based: it reads the present and writes what is missing. Outcomes of `reconcile`:

- returns None: done; returns a span (microseconds of cluster time): look again after it, 0 is at once;
- raises `Terminal`: an event says why, nothing is retried until the object changes;
- raises an `ApiError` (Conflict, AlreadyExists, NotFound …): back-off;
- raises anything else: a crash. It is logged, counted and told by a Warning event; the controller starts anew from a
  fresh list, and the key that crashed it backs off. The other controllers go on.

Work that belongs to no object (a monitor that ticks, a zone's queue) is a key of the controller's own making, put on
the queue that `start` hands it: so it has the same outcomes. One callback of the loop reconciles one key, which
should take about 2 ms at most: a long job does a fixed number of steps and returns 0. Never a number that depends on
the wall clock, for the order of the log must not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from engine.api.errors import ApiError
from engine.api.kinds import NAMESPACES
from engine.api.server import Api
from engine.clock import Clock
from engine.controllers.workqueue import WorkQueue
from engine.events import EventKind, EventRecorder
from engine.informers import Informers
from engine.loop import Loop
from store.types import ADDED, DELETED, Envelope, JsonObject, Resource, WatchEvent

_log = logging.getLogger(__name__)

Key = tuple[str, ...]
"""(namespace, name) of the object that is reconciled, an `ObjectKey`, or words of the controller's own."""
Queue = WorkQueue[Key]


class Terminal(Exception):
    """Retrying cannot help. The message is for a person."""

    def __init__(self, message: str, about: Envelope | None = None, reason: str = "ReconcileFailed") -> None:
        """With `about`, a Warning event about it carries the reason and the message."""
        super().__init__(message)
        self.about, self.reason = about, reason


class Watch(NamedTuple):
    """One watched resource. `keys` turns an event into what to reconcile: it must be quick and write nothing."""

    resource: Resource | None
    """None: every resource that there is."""
    keys: Callable[[WatchEvent], Iterable[Key]]


class Controller(Protocol):
    """What a controller provides; the runner does the rest."""

    name: str
    """As in Kubernetes' `--controllers`: `deployment-controller`, `node-lifecycle-controller` …"""

    def watches(self) -> Sequence[Watch]: ...

    def start(self, queue: Queue) -> None:
        """Called before the first event, and again after each crash: drop caches, queue work of one's own."""

    def reconcile(self, key: Key) -> int | None: ...


def own_key(event: WatchEvent) -> Iterable[Key]:
    """The object itself."""
    return ((event.now.namespace, event.now.name),)


def spec_changed(event: WatchEvent) -> Iterable[Key]:
    """The object itself, unless only its status or its metadata's small print changed: one's own status writes ask
    for nothing."""
    before, now = event.before, event.now
    if event.type not in (ADDED, DELETED) and before is not None:
        was, meta = before.obj["metadata"], now.obj["metadata"]
        if (
            before.obj.get("spec") == now.obj.get("spec")
            and was.get("generation") == meta.get("generation")
            and was.get("deletionTimestamp") == meta.get("deletionTimestamp")
            and before.uid == now.uid
        ):
            return ()
    return own_key(event)


class ControllerRunner:
    """Runs one controller on the loop: informers → queue → reconcile, with back-off and restart."""

    def __init__(
        self, controller: Controller, api: Api, clock: Clock, loop: Loop, informers: Informers,
        on_crash: Callable[[str, BaseException], None] | None = None,
    ) -> None:  # fmt: skip
        """`on_crash` is told the controller's name and the error, besides the log and the event."""
        self.controller, self._api, self._loop = controller, api, loop
        self._on_crash = on_crash
        self._recorder = EventRecorder(api, controller.name)
        self._scheduled = False
        self._held = ""
        self.crashes = 0
        self.queue: Queue = WorkQueue(clock, self._schedule)
        for watch in controller.watches():
            if watch.resource is None:
                informers.on_any(self._handler(watch))
            else:
                informers.on_event(watch.resource, self._handler(watch))

    def start(self) -> None:
        """Start the controller and queue everything that exists."""
        self._start()

    def hold(self, why: str) -> None:
        """The controller is down until this is called with ""; then it starts anew, as after a crash."""
        before, self._held = self._held, why
        if why and not before:
            self._say("Warning", "ControllerStopped", f"{self.controller.name} is down: {why}")
        elif before and not why:
            self.queue.clear()
            self._start()
            self._say("Normal", "ControllerRestarted", f"{self.controller.name} was down ({before}); started anew")

    def step(self) -> bool:
        """Reconcile one key. False when the queue was empty."""
        key = self.queue.take()
        if key is None:
            return False
        try:
            again = self.controller.reconcile(key)
        except Terminal as error:
            _log.info("%s %s: %s", self.controller.name, "/".join(key), error)
            self.queue.forget(key)
            if error.about is not None:
                self._recorder.event(error.about, "Warning", error.reason, str(error))
        except ApiError as error:
            _log.debug("%s %s: %s", self.controller.name, "/".join(key), error)
            self.queue.add_rate_limited(key)
        except Exception as error:  # noqa: BLE001  a crash of one controller never takes the others with it
            self._crashed(key, error)
        else:
            self.queue.forget(key)
            if again is not None:
                self.queue.add_after(key, again)
        finally:
            self.queue.done(key)
        return True

    # -- inside ----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Keys that have failed before wait as long as they did last, whoever queues them: a restart is no way around
        the back-off."""
        try:
            self.controller.start(self.queue)
            for watch in self.controller.watches():
                resources = [watch.resource] if watch.resource else [kind.resource for kind in self._api.kinds.all()]
                for resource in resources:
                    for env in self._api.store.list(resource):
                        for key in watch.keys(WatchEvent(ADDED, env, None, env.revision)):
                            self.queue.add(key)
        finally:
            self.queue.hold_back()

    def _handler(self, watch: Watch) -> Callable[[WatchEvent], None]:
        keys, controller = watch.keys, self.controller.name

        def handle(event: WatchEvent) -> None:
            try:
                for key in keys(event):
                    self.queue.add(key)
            except Exception as error:  # noqa: BLE001  a handler's crash is its controller's, nobody else's
                self._told(f"{controller} crashed on an event of {event.now.key}", error)

        return handle

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        if self._held:
            return
        self.step()
        if len(self.queue):
            self._schedule()

    def _crashed(self, key: Key, error: Exception) -> None:
        self._told(f"{self.controller.name} crashed on {'/'.join(key)}", error)
        self.queue.clear()
        self.queue.add_rate_limited(key)
        try:
            self._start()
        except Exception as again:  # noqa: BLE001  what was queued so far is worked on; the key that crashed comes again
            _log.error("%s did not start anew", self.controller.name, exc_info=again)

    def _told(self, what: str, error: Exception) -> None:
        self.crashes += 1
        _log.error(what, exc_info=error)
        if self._on_crash is not None:
            self._on_crash(self.controller.name, error)
        self._say("Warning", "ControllerRestarted", f"{what}: {type(error).__name__}: {error}; starting anew")

    def _say(self, type_: EventKind, reason: str, text: str) -> None:
        """An event about the controller itself: they stand at the namespace kube-system."""
        system = self._api.find(NAMESPACES, "", "kube-system")
        if system is not None:
            self._recorder.event(system, type_, reason, text)


def controlled_by(env: Envelope, kind: str) -> Key | None:
    """(namespace, name) of the controlling owner if it is of this kind."""
    for ref in env.obj["metadata"].get("ownerReferences", ()):
        if ref.get("controller") and ref["kind"] == kind:
            return env.namespace, ref["name"]
    return None


def controller_reference(env: Envelope) -> dict[str, Any]:
    """metav1.NewControllerRef: what an object that `env` controls carries in ownerReferences."""
    return {
        "apiVersion": env.obj["apiVersion"], "kind": env.obj["kind"], "name": env.name, "uid": env.uid,
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def being_deleted(obj: JsonObject) -> bool:
    """It waits for its finalizers or for its grace period."""
    return "deletionTimestamp" in obj["metadata"]


def with_metadata(obj: JsonObject, **changes: Any) -> JsonObject:
    """The object with some of its metadata replaced; None drops the field. Everything else is shared."""
    meta = {**obj["metadata"], **changes}
    return {**obj, "metadata": {name: value for name, value in meta.items() if value is not None}}
