"""Events live for an hour after they were last written (`--event-ttl` of kube-apiserver).

As the API server does it with etcd's leases: events written within one minute share a lease, which runs out when the
last of them is due; a write moves an event to the newest lease. One timer waits for the oldest lease, and an expired
lease is swept in batches; with no events there is no timer. A lease notes keys and revisions only, since there are five
events a pod: what was written again since, or deleted, is found to be so when the lease is swept.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from engine.api.errors import ApiError
from engine.api.kinds import EVENTS
from engine.api.server import Api, Caller
from engine.clock import MINUTE, Timer, parse_time
from engine.informers import Informers
from store.types import DELETED, Envelope, ObjectKey, Revision, WatchEvent

_SHARED: Final = MINUTE
"""leaseReuseDurationSeconds."""
_LEASE_SIZE: Final = 1000
"""Writes per lease at most (leaseMaxObjectCount)."""
_BATCH: Final = 50
"""Events looked at in one callback."""
_CALLER: Final = Caller("system:apiserver")


class _Lease:
    __slots__ = ("due", "keys", "reusable_until", "revisions", "swept")

    def __init__(self, due: int, reusable_until: int) -> None:
        self.due, self.reusable_until = due, reusable_until
        self.keys: list[ObjectKey] = []
        self.revisions: list[Revision] = []
        """Of each key, what was written."""
        self.swept = 0
        """Keys that were looked at."""


class EventExpiry:
    """Removes the events whose time is over. One per cluster."""

    def __init__(self, api: Api, informers: Informers, ttl: int) -> None:
        """`ttl` in microseconds of cluster time; 0 keeps events for ever."""
        self._api, self._ttl = api, ttl
        self._leases: deque[_Lease] = deque()
        self._timer: Timer | None = None
        if ttl > 0:
            informers.on_event(EVENTS, self._observe)

    def start(self) -> None:
        """Take up the events that exist, by the times that they carry: they are due before those that came since."""
        if self._ttl <= 0:
            return
        since, self._leases = self._leases, deque()
        found = sorted((_written(env), env.key, env.revision) for env in self._api.store.list(EVENTS))
        for written, key, revision in found:
            self._hold(key, revision, written)
        self._leases.extend(since)
        self._wait()

    def _observe(self, event: WatchEvent) -> None:
        if event.type != DELETED:
            self._hold(event.now.key, event.revision, self._api.clock.now())

    def _hold(self, key: ObjectKey, revision: Revision, written: int) -> None:
        lease = self._leases[-1] if self._leases else None
        if lease is None or written >= lease.reusable_until or len(lease.keys) >= _LEASE_SIZE:
            lease = _Lease(written + self._ttl + _SHARED, written + _SHARED)
            self._leases.append(lease)
            if len(self._leases) == 1:
                self._wait()
        lease.keys.append(key)
        lease.revisions.append(revision)

    def _sweep(self) -> None:
        lease, store = self._leases[0], self._api.store
        begin, lease.swept = lease.swept, min(lease.swept + _BATCH, len(lease.keys))
        for place in range(begin, lease.swept):
            key = lease.keys[place]
            env = store.get(key)
            if env is None or env.revision != lease.revisions[place]:
                continue
            try:
                self._api.delete(_CALLER, EVENTS, key.namespace, key.name)
            except ApiError:  # gone already, or held by somebody's finalizer: not ours any more
                continue
        if lease.swept == len(lease.keys):
            self._leases.popleft()
        self._wait()

    def _wait(self) -> None:
        """For the oldest lease."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._api.clock.call_at(self._leases[0].due, self._sweep) if self._leases else None


def _written(env: Envelope) -> int:
    obj = env.obj
    metadata = obj["metadata"]
    times = [metadata.get("creationTimestamp"), obj.get("lastTimestamp"), obj.get("eventTime")]
    times.append((obj.get("series") or {}).get("lastObservedTime"))
    # Most events carry one instant in several fields.
    return max((parse_time(text) for text in dict.fromkeys(times) if text), default=0)
