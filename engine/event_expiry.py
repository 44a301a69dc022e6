"""Events live for an hour after they were last written (`--event-ttl` of kube-apiserver).

As the API server does it with etcd's leases: events written within one minute share a lease, which runs out when the
last of them is due; a write moves an event to the newest lease. One timer waits for the oldest lease, and an expired
lease is swept in batches; with no events there is no timer.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from engine.api.errors import ApiError
from engine.api.kinds import EVENTS
from engine.api.server import Api, Caller
from engine.clock import MINUTE, parse_time
from engine.informers import Informers
from store.types import DELETED, Envelope, ObjectKey, WatchEvent

_SHARED: Final = MINUTE
"""leaseReuseDurationSeconds."""
_LEASE_SIZE: Final = 1000
"""Objects per lease at most (leaseMaxObjectCount)."""
_BATCH: Final = 50
"""Events removed in one callback."""
_CALLER: Final = Caller("system:apiserver")


class _Lease:
    __slots__ = ("due", "keys", "reusable_until")

    def __init__(self, due: int, reusable_until: int) -> None:
        self.due, self.reusable_until = due, reusable_until
        self.keys: dict[ObjectKey, None] = {}


class EventExpiry:
    """Removes the events whose time is over. One per cluster."""

    def __init__(self, api: Api, informers: Informers, ttl: int) -> None:
        """`ttl` in microseconds of cluster time; 0 keeps events for ever."""
        self._api, self._ttl = api, ttl
        self._leases: deque[_Lease] = deque()
        self._held: dict[ObjectKey, _Lease] = {}
        if ttl > 0:
            informers.on_event(EVENTS, self._observe)

    def start(self) -> None:
        """Take up the events that exist, by the times that they carry."""
        if self._ttl <= 0:
            return
        for written, key in sorted((_written(env), env.key) for env in self._api.store.list(EVENTS)):
            self._hold(key, written)

    def _observe(self, event: WatchEvent) -> None:
        if event.type == DELETED:
            lease = self._held.pop(event.now.key, None)
            if lease is not None:
                lease.keys.pop(event.now.key, None)
        else:
            self._hold(event.now.key, self._api.clock.now())

    def _hold(self, key: ObjectKey, written: int) -> None:
        lease = self._leases[-1] if self._leases else None
        if lease is None or written >= lease.reusable_until or len(lease.keys) >= _LEASE_SIZE:
            lease = _Lease(written + self._ttl + _SHARED, written + _SHARED)
            self._leases.append(lease)
            if len(self._leases) == 1:
                self._api.clock.call_at(lease.due, self._sweep)
        earlier = self._held.get(key)
        if earlier is lease:
            return
        if earlier is not None:
            earlier.keys.pop(key, None)
        lease.keys[key] = None
        self._held[key] = lease

    def _sweep(self) -> None:
        lease = self._leases[0]
        for key in list(lease.keys)[:_BATCH]:
            lease.keys.pop(key, None)
            self._held.pop(key, None)
            try:
                self._api.delete(_CALLER, EVENTS, key.namespace, key.name)
            except ApiError:  # gone already, or held by somebody's finalizer: not ours any more
                continue
        if not lease.keys:
            self._leases.popleft()
        if self._leases:
            self._api.clock.call_at(self._leases[0].due, self._sweep)


def _written(env: Envelope) -> int:
    obj = env.obj
    metadata = obj["metadata"]
    times = [metadata.get("creationTimestamp"), obj.get("lastTimestamp"), obj.get("eventTime")]
    times.append((obj.get("series") or {}).get("lastObservedTime"))
    # Most events carry one instant in several fields.
    return max((parse_time(text) for text in dict.fromkeys(times) if text), default=0)
