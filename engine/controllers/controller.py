"""The frame that every controller runs on.

A controller says which resources it watches and how an event turns into keys (`watches`), and reconciles one key at
a time, level-based: it reads the present and writes what is missing. Outcomes of `reconcile`:

- returns None: done; returns a span (microseconds of cluster time): look again after it;
- raises `Terminal`: an event says why, nothing is retried until the object changes;
- raises a `Conflict`, `AlreadyExists` or `NotFound` of the API, or any other exception: back-off. What is not an
  `ApiError` is a crash: it is logged, counted, and the controller is restarted from a fresh list.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from engine.api.errors import ApiError
from engine.api.server import Api
from engine.clock import Clock
from engine.controllers.workqueue import WorkQueue
from engine.informers import Informers
from engine.loop import Loop
from store.types import ADDED, Envelope, Resource, WatchEvent

_log = logging.getLogger(__name__)
_SLICE: Final = 0.002

Key = tuple[str, str]
"""(namespace, name) of the object that is reconciled."""


class Terminal(Exception):
    """Retrying cannot help. The message is for a person."""


class Watch(NamedTuple):
    """One watched resource. `keys` turns an event into what to reconcile: it must be quick and write nothing."""

    resource: Resource
    keys: Callable[[WatchEvent], Iterable[Key]]


class Controller(Protocol):
    """What a controller provides; the runner does the rest."""

    name: str
    """As in Kubernetes' `--controllers`: `deployment-controller`, `node-lifecycle-controller` …"""

    def watches(self) -> Sequence[Watch]: ...

    def reconcile(self, key: Key) -> int | None: ...

    def start(self) -> None:
        """Called once before the first event, and again after each restart (set timers, drop caches here)."""


def own_key(event: WatchEvent) -> Iterable[Key]:
    """The object itself."""
    return ((event.now.namespace, event.now.name),)


class ControllerRunner:
    """Runs one controller on the loop: informers → queue → reconcile, with back-off and restart."""

    def __init__(
        self, controller: Controller, api: Api, clock: Clock, loop: Loop, informers: Informers,
        on_crash: Callable[[str, BaseException], None] | None = None,
    ) -> None:  # fmt: skip
        self.controller, self._api, self._clock, self._loop = controller, api, clock, loop
        self._on_crash = on_crash
        self._scheduled = False
        self.crashes = 0
        self.queue: WorkQueue[Key] = WorkQueue(clock, self._schedule)
        for watch in controller.watches():
            informers.on_event(watch.resource, self._handler(watch))

    def start(self) -> None:
        """Start the controller and queue everything that exists."""
        self.controller.start()
        for watch in self.controller.watches():
            for env in self._api.store.list(watch.resource):
                for key in watch.keys(WatchEvent(ADDED, env, None, env.revision)):
                    self.queue.add(key)

    def step(self) -> bool:
        """Reconcile one key. False when the queue was empty."""
        key = self.queue.take()
        if key is None:
            return False
        try:
            again = self.controller.reconcile(key)
        except Terminal as error:
            _log.info("%s %s: %s", self.controller.name, key, error)
            self.queue.forget(key)
        except ApiError as error:
            _log.debug("%s %s: %s", self.controller.name, key, error)
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

    def _handler(self, watch: Watch) -> Callable[[WatchEvent], None]:
        def handle(event: WatchEvent) -> None:
            for key in watch.keys(event):
                self.queue.add(key)

        return handle

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        end = time.perf_counter() + _SLICE
        while self.step():
            if time.perf_counter() > end:
                break
        if len(self.queue):
            self._schedule()

    def _crashed(self, key: Key, error: Exception) -> None:
        self.crashes += 1
        _log.error("%s crashed on %s", self.controller.name, key, exc_info=error)
        if self._on_crash is not None:
            self._on_crash(self.controller.name, error)
        self.queue.add_rate_limited(key)


def controlled_by(env: Envelope, kind: str) -> Key | None:
    """(namespace, name) of the controlling owner if it is of this kind."""
    for ref in env.obj["metadata"].get("ownerReferences", ()):
        if ref.get("controller") and ref["kind"] == kind:
            return env.namespace, ref["name"]
    return None
