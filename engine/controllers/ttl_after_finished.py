"""Finished Jobs go when their ttlSecondsAfterFinished are over (kube-controller-manager's
ttl-after-finished-controller).

The time counts from the last transition of `Complete` or `Failed`. The Job is deleted in the foreground: its pods go
first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.api.errors import NotFound
from engine.api.kinds import JOBS
from engine.api.server import DeleteOptions
from engine.clock import SECOND, parse_time
from engine.controllers.controller import Key, Queue, Watch, being_deleted, own_key
from engine.controllers.job.conditions import finished_condition
from store.types import DELETED, Envelope, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class TtlAfterFinishedController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller

    def watches(self) -> Sequence[Watch]:
        return (Watch(JOBS, _expiring),)

    def start(self, queue: Queue) -> None:
        """Nothing is kept."""

    def reconcile(self, key: Key) -> int | None:
        job = self._api.find(JOBS, *key)
        until = _expiry(job) if job is not None else None
        if job is None or until is None:
            return None
        left = until - self._clock.now()
        if left > 0:
            return left
        try:
            options = DeleteOptions(propagation="Foreground", uid=job.uid)
            self._api.delete(self._caller, JOBS, job.namespace, job.name, options)
        except NotFound:
            return None
        return None


def _expiring(event: WatchEvent) -> Iterable[Key]:
    return own_key(event) if event.type != DELETED and _expiry(event.now) is not None else ()


def _expiry(job: Envelope) -> int | None:
    """The instant at which a Job is to go; None when it is not to go, or not yet finished."""
    seconds = job.obj["spec"].get("ttlSecondsAfterFinished")
    if seconds is None or being_deleted(job.obj):
        return None
    condition = finished_condition(job.obj)
    if condition is None or not condition.get("lastTransitionTime"):
        return None
    return parse_time(condition["lastTransitionTime"]) + int(seconds) * SECOND
