"""The Service `kubernetes`, by which pods find the API: kept in namespace `default` with its addresses, whoever deletes
it (kube-apiserver's kubernetesservice controller).

The API server looks every 10 s; here a deletion is what asks for the look, after the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.kinds import ENDPOINTS, ENDPOINTSLICES, SERVICES
from engine.bootstrap import create_system_objects
from engine.clock import SECOND
from engine.controllers.controller import Key, Queue, Watch
from store.types import DELETED, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

PERIOD: Final = 10 * SECOND
"""endpointInterval"""
_KEY: Final = ("default", "kubernetes")


class KubernetesServiceController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._flags = context.api, context.flags
        self._queue: Queue | None = None

    def watches(self) -> Sequence[Watch]:
        return [Watch(resource, self._deleted) for resource in (SERVICES, ENDPOINTS, ENDPOINTSLICES)]

    def start(self, queue: Queue) -> None:
        """At the start the cluster itself has made everything."""
        self._queue = queue

    def reconcile(self, key: Key) -> None:
        create_system_objects(self._api, self._flags)

    def _deleted(self, event: WatchEvent) -> Iterable[Key]:
        if event.type == DELETED and event.now.key[2:] == _KEY and self._queue is not None:
            self._queue.add_after(_KEY, PERIOD)
        return ()
