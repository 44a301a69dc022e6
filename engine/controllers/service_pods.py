"""Which pods a Service selects, and which of them changed since the Service was last looked at.

Both endpoint controllers stand on this. It watches Services and pods; an event of a pod that matters to a Service (its
address, readiness, labels, end: endpointslice/util's podEndpointsChanged) is noted with that Service and its key is
queued. A sync then looks at the noted pods only. At its first sync, and when the Service itself changed, it looks at
all pods of the namespace once.

Finding a pod's Services costs a few dictionary look-ups however many Services there are: they are kept by one label of
their selector, and answers are remembered by the identity of the labels, which the pods of one template share.

Changes come in bursts. After a sync, the next one of the same Service waits for the batch period
(`--endpoint-updates-batch-period`), and for the time that a real controller manager takes for a Service of that size,
about 50 ms and 50 µs for each endpoint: so that ten thousand pods make some dozens of writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from engine.api.kinds import PODS, SERVICES
from engine.api.selectors import LabelSelector, from_labels
from engine.api.server import Api
from engine.clock import Clock
from engine.controllers.controller import Key, Queue, Watch
from engine.network.pod_endpoints import endpoint_changed, ready_since
from store.types import DELETED, Envelope, ObjectKey, Uid, WatchEvent

_PACE: Final = 50_000
_PACE_EACH: Final = 50
"""Microseconds between two syncs of one Service: so much, and so much more for each endpoint."""
_REMEMBERED: Final = 8192
TRIGGER_TIME: Final = "endpoints.kubernetes.io/last-change-trigger-time"


class Followed:
    """One Service and what is known of its pods."""

    def __init__(self, uid: Uid) -> None:
        self.uid = uid
        self.pods: dict[ObjectKey, None] = {}
        """Pods that changed since the last sync."""
        self.everything = True
        """Look at all pods: the Service is new or changed."""
        self.size = 0
        """Endpoints at the last sync."""
        self.synced = -1
        """Instant of the last sync, -1 before the first."""
        self.ready_since: dict[ObjectKey, str] = {}
        """lastTransitionTime of each pod's Ready condition at the last sync."""


class ServiceFollower:
    """All Services of the cluster, for one controller."""

    def __init__(self, api: Api, clock: Clock, batch_period: int) -> None:
        """`batch_period`: microseconds between two syncs of a Service at least."""
        self._api, self._clock, self._batch_period = api, clock, batch_period
        self._queue: Queue | None = None
        self._followed: dict[Key, Followed] = {}
        self._selectors: dict[Key, LabelSelector] = {}
        self._by_label: dict[tuple[str, str, str], dict[Key, LabelSelector]] = {}
        """(namespace, key, value) of one label of the selector → Services."""
        self._found: dict[tuple[str, int], tuple[Mapping[str, str], tuple[Key, ...]]] = {}

    def watches(self) -> Sequence[Watch]:
        return (Watch(SERVICES, self._service_event), Watch(PODS, self._pod_event))

    def start(self, queue: Queue) -> None:
        """Forget everything."""
        self._queue = queue
        for cache in (self._followed, self._selectors, self._by_label, self._found):
            cache.clear()

    def follow(self, service: Envelope) -> Followed:
        """What is known of a Service; anew when another took its name."""
        key = (service.namespace, service.name)
        followed = self._followed.get(key)
        if followed is None or followed.uid != service.uid:
            followed = self._followed[key] = Followed(service.uid)
        return followed

    def forget(self, key: Key) -> None:
        """The Service is gone."""
        self._followed.pop(key, None)

    def look_at_everything(self, key: Key, span: int = 0) -> None:
        """What was written is not there any more, or is another's: sync anew after `span` microseconds."""
        followed = self._followed.get(key)
        if followed is not None:
            followed.everything = True
        if self._queue is not None:
            self._queue.add_after(key, span)

    def selected(self, service: Envelope) -> list[Envelope]:
        """All pods that a Service selects, by name."""
        selector = from_labels(service.obj["spec"].get("selector"))
        if selector.nothing:
            return []
        return [env for env in self._api.store.list(PODS, service.namespace) if selector.matches(env.labels)]

    def changed(
        self, service: Envelope, followed: Followed, known: Iterable[ObjectKey]
    ) -> dict[ObjectKey, Envelope | None]:
        """Pods to look at: those that the Service selects, and None for those that it does not (any more).

        `known`: pods that the controller holds; they matter when everything is looked at.
        """
        followed.synced = self._clock.now()
        pods: dict[ObjectKey, Envelope | None]
        if followed.everything:
            pods = dict.fromkeys(known)
            pods.update((env.key, env) for env in self.selected(service))
        else:
            matches = from_labels(service.obj["spec"].get("selector")).matches
            pods = {}
            for key in followed.pods:
                env = self._api.store.get(key)
                pods[key] = env if env is not None and matches(env.labels) else None
        followed.everything, followed.pods = False, {}
        return pods

    def trigger_time(
        self, service: Envelope, followed: Followed, first: bool, pods: Mapping[ObjectKey, Envelope | None]
    ) -> str | None:
        """When what is now written began (TriggerTimeTracker): the earliest change of readiness among the changed pods;
        for a new Service its creation; None when nothing of that kind changed."""
        earliest: str | None = None
        for key, env in pods.items():
            since = ready_since(env.obj) if env is not None else None
            if since is None:
                followed.ready_since.pop(key, None)
                continue
            if since > followed.ready_since.get(key, "") and (earliest is None or since < earliest):
                earliest = since
            followed.ready_since[key] = since
        created: str = service.obj["metadata"]["creationTimestamp"]
        return created if first else earliest

    # -- events ----------------------------------------------------------------------------------------------------

    def services_of(self, namespace: str, labels: Mapping[str, str]) -> tuple[Key, ...]:
        """Services that select a pod with these labels."""
        mark = (namespace, id(labels))
        known = self._found.get(mark)
        if known is not None and known[0] is labels:
            return known[1]
        found = []
        for key, value in labels.items():
            for service, selector in self._by_label.get((namespace, key, value), {}).items():
                if selector.matches(labels):
                    found.append(service)
        answer = tuple(found)
        if len(self._found) >= _REMEMBERED:
            self._found.clear()
        self._found[mark] = (labels, answer)
        return answer

    def _service_event(self, event: WatchEvent) -> Iterable[Key]:
        env = event.now
        key = (env.namespace, env.name)
        selector = from_labels((env.obj.get("spec") or {}).get("selector"))
        gone = event.type == DELETED
        if gone or self._selectors.get(key) != selector:
            self._index(key, None if gone else selector)
        followed = self._followed.get(key)
        if followed is not None:
            followed.everything = True
        return (key,)

    def _index(self, key: Key, selector: LabelSelector | None) -> None:
        self._found.clear()
        old = self._selectors.pop(key, None)
        if old is not None and old.equality:
            place = (key[0], *old.equality[0])
            services = self._by_label.get(place, {})
            services.pop(key, None)
            if not services:
                self._by_label.pop(place, None)
        if selector is not None:
            self._selectors[key] = selector
            if selector.equality:
                self._by_label.setdefault((key[0], *selector.equality[0]), {})[key] = selector

    def _pod_event(self, event: WatchEvent) -> Iterable[Key]:
        now, before = event.now, event.before
        if before is None:
            if (now.obj.get("status") or {}).get("podIPs"):
                self._note(now.key, self.services_of(now.namespace, now.labels))
            return ()
        if event.type == DELETED:
            self._note(now.key, self.services_of(now.namespace, before.labels))
            return ()
        moved = _place_changed(before, now)
        if moved:
            self._note(now.key, self.services_of(now.namespace, before.labels))
        if moved or endpoint_changed(before.obj, now.obj):
            self._note(now.key, self.services_of(now.namespace, now.labels))
        return ()

    def _note(self, pod: ObjectKey, services: Iterable[Key]) -> None:
        queue = self._queue
        for key in services:
            followed = self._followed.get(key)
            span = self._batch_period
            if followed is not None:
                followed.pods[pod] = None
                if followed.synced >= 0:
                    pace = _PACE + _PACE_EACH * followed.size
                    span = max(span, followed.synced + pace - self._clock.now())
            if queue is not None:
                queue.add_after(key, span)


def _place_changed(before: Envelope, now: Envelope) -> bool:
    if before.labels is not now.labels and before.labels != now.labels:
        return True
    was, spec = before.obj["spec"], now.obj["spec"]
    return was is not spec and (
        was.get("hostname") != spec.get("hostname") or was.get("subdomain") != spec.get("subdomain")
    )
