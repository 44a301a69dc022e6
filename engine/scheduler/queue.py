"""The scheduling queue: which pod is tried next, and when one that found no node is tried again.

    active         to be tried: highest priority first, then longest in the queue
    backoff        will be active when its back-off ends (1 s · 2ⁿ, at most 10 s), or before, if the scheduler is
                   idle a moment after an event (up to `qps` a second; not if the pod failed by an error)
    unschedulable  waits for an event that may help, as the plugins that refused it judge (queueing hints), or for
                   5 minutes to pass
    gated          held back by PreEnqueue until the pod is updated

Unschedulable pods are kept by (class, plugins that refused): an event is judged once per group, not once per pod.
Order never depends on anything but priority, cluster time and the order of arrival.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from engine.clock import SECOND, Clock, Timer
from engine.scheduler.config import SchedulerConfig
from engine.scheduler.podclass import PodClass
from store.types import Uid

_TOGETHER: Final = 100_000
"""Microseconds from an event to the pods that are tried early because of it: what happens together (a hundred nodes
become ready) is seen as a whole, instead of filling the first node."""

Where = Literal["active", "backoff", "unschedulable", "gated", "in flight"]


class QueuedPod:
    """One pod waiting (QueuedPodInfo)."""

    __slots__ = (
        "attempts", "backoff_until", "errors", "failures", "name", "namespace", "pod_class", "priority",
        "rejectors", "since", "ticket", "timestamp", "uid", "where",
    )  # fmt: skip

    def __init__(self, uid: Uid, namespace: str, name: str, priority: int, now: int) -> None:
        self.uid, self.namespace, self.name, self.priority = uid, namespace, name, priority
        self.where: Where = "gated"
        self.since = now
        """When it came to the queue first."""
        self.timestamp = now
        """When it came to the queue last: its place among equals."""
        self.ticket = 0
        """Names its present place in a heap; entries with another ticket are void."""
        self.attempts = 0
        self.failures = 0
        """Attempts that found no node."""
        self.errors = 0
        """Attempts in a row that ended in an error."""
        self.backoff_until = now
        self.pod_class: PodClass | None = None
        self.rejectors: tuple[str, ...] = ()


class _Group(NamedTuple):
    pod_class: PodClass
    rejectors: tuple[str, ...]
    pods: dict[Uid, QueuedPod]


class SchedulingQueue:
    """`on_ready` is called whenever `pop` may have something to give."""

    def __init__(self, clock: Clock, config: SchedulerConfig, on_ready: Callable[[], None]) -> None:
        self._clock, self._config, self._on_ready = clock, config, on_ready
        self._pods: dict[Uid, QueuedPod] = {}
        self._tickets = 0
        self._active: list[tuple[int, int, int, QueuedPod]] = []
        self._backoff: list[tuple[int, int, int, QueuedPod]] = []
        self._error_backoff: list[tuple[int, int, int, QueuedPod]] = []
        self._groups: dict[tuple[int, tuple[str, ...]], _Group] = {}
        self._unschedulable: dict[Uid, QueuedPod] = {}
        """In the order of `timestamp`: the first one is flushed first."""
        self._backoff_timer: Timer | None = None
        self._flush_timer: Timer | None = None
        self._early_timer: Timer | None = None
        self._tokens = config.burst * SECOND
        """How many pods may be tried early, in millionths."""
        self._tokens_at = clock.now()

    def __len__(self) -> int:
        return len(self._pods)

    def __iter__(self) -> Iterator[QueuedPod]:
        return iter(self._pods.values())

    def get(self, uid: Uid) -> QueuedPod | None:
        return self._pods.get(uid)

    def counts(self) -> dict[str, int]:
        """Pods by place (the metric `scheduler_pending_pods`)."""
        found = {"active": 0, "backoff": 0, "unschedulable": 0, "gated": 0}
        for pod in self._pods.values():
            if pod.where in found:
                found[pod.where] += 1
        return found

    # -- in --------------------------------------------------------------------------------------------------------

    def add(self, uid: Uid, namespace: str, name: str, priority: int, gated: bool) -> QueuedPod:
        """A pod without a node appeared, or its gates did; does nothing if it waits already in the right way."""
        pod = self._pods.get(uid)
        if pod is None:
            pod = self._pods[uid] = QueuedPod(uid, namespace, name, priority, self._clock.now())
            if not gated:
                self._activate(pod)
        elif gated != (pod.where == "gated"):
            if gated:
                self._leave(pod)
                pod.where = "gated"
            else:
                pod.timestamp = self._clock.now()
                self._activate(pod)
        pod.priority = priority
        return pod

    def touched(self, uid: Uid) -> None:
        """The pod itself changed in a way that matters: try it again."""
        pod = self._pods.get(uid)
        if pod is not None and pod.where == "unschedulable":
            self._requeue(pod)

    def unschedulable(self, pod: QueuedPod, pod_class: PodClass, rejectors: tuple[str, ...]) -> None:
        """No node took it: it waits for an event."""
        pod.failures += 1
        pod.errors = 0
        pod.pod_class, pod.rejectors = pod_class, rejectors
        pod.timestamp = self._clock.now()
        pod.backoff_until = pod.timestamp + self._span(pod.failures)
        pod.where = "unschedulable"
        self._unschedulable[pod.uid] = pod
        key = pod_class.number, rejectors
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(pod_class, rejectors, {})
        group.pods[pod.uid] = pod
        self._set_flush()

    def failed(self, pod: QueuedPod) -> None:
        """The attempt ended in an error: it is repeated after a back-off, whatever happens."""
        self._leave(pod)
        pod.errors += 1
        pod.rejectors = ()
        pod.timestamp = self._clock.now()
        pod.backoff_until = pod.timestamp + self._span(pod.errors)
        self._back_off(pod)

    def move(self, helps: Callable[[str, PodClass], bool]) -> int:
        """An event: try again the pods of each group to which one of its rejecting plugins gives a chance.

        `helps(plugin, class)` is the plugin's queueing hint for the event. Returns how many pods moved."""
        chosen = [
            group for group in self._groups.values() if any(helps(name, group.pod_class) for name in group.rejectors)
        ]
        pods = sorted((pod for group in chosen for pod in group.pods.values()), key=lambda p: (p.timestamp, p.ticket))
        for pod in pods:
            self._requeue(pod)
        return len(pods)

    def waits_for(self, plugins: frozenset[str]) -> bool:
        """Was a pod that waits for an event refused by one of these?"""
        return bool(self._groups) and any(not plugins.isdisjoint(group.rejectors) for group in self._groups.values())

    def remove(self, uid: Uid) -> None:
        """The pod is bound or gone."""
        pod = self._pods.pop(uid, None)
        if pod is not None:
            self._leave(pod)

    # -- out -------------------------------------------------------------------------------------------------------

    def pop(self) -> QueuedPod | None:
        """The next pod to try, or None. Its attempt is counted; it stays known until `remove`."""
        pod = _take(self._active, "active")
        if pod is not None:
            pod.where = "in flight"
            pod.attempts += 1
        return pod

    @property
    def ready(self) -> bool:
        """Would `pop` give a pod?"""
        return _peek(self._active, "active")

    # -- inside ----------------------------------------------------------------------------------------------------

    def _span(self, failures: int) -> int:
        return min(self._config.initial_backoff << min(failures - 1, 20), self._config.max_backoff)

    def _next_ticket(self, pod: QueuedPod) -> int:
        self._tickets += 1
        pod.ticket = self._tickets
        return self._tickets

    def _activate(self, pod: QueuedPod) -> None:
        self._leave(pod)
        pod.where = "active"
        heapq.heappush(self._active, (-pod.priority, pod.timestamp, self._next_ticket(pod), pod))
        self._on_ready()

    def _back_off(self, pod: QueuedPod) -> None:
        self._leave(pod)
        pod.where = "backoff"
        heap = self._backoff if pod.rejectors else self._error_backoff
        heapq.heappush(heap, (pod.backoff_until, -pod.priority, self._next_ticket(pod), pod))
        self._set_backoff()
        self._set_early(self._clock.now() + _TOGETHER)

    def _requeue(self, pod: QueuedPod) -> None:
        if pod.backoff_until > self._clock.now():
            self._back_off(pod)
        else:
            self._activate(pod)

    def _leave(self, pod: QueuedPod) -> None:
        """Out of where it is; entries in heaps become void by its next ticket."""
        if pod.where == "unschedulable":
            pod.where = "in flight"
            del self._unschedulable[pod.uid]
            assert pod.pod_class is not None
            key = pod.pod_class.number, pod.rejectors
            group = self._groups[key]
            del group.pods[pod.uid]
            if not group.pods:
                del self._groups[key]
        pod.ticket = 0

    def _set_backoff(self) -> None:
        heads = [heap[0][0] for heap in (self._backoff, self._error_backoff) if heap]
        if not heads:
            return
        due = min(heads)
        if self._backoff_timer is not None and self._backoff_timer.active:
            if self._backoff_timer.when <= due:
                return
            self._backoff_timer.cancel()
        self._backoff_timer = self._clock.call_at(due, self._backoff_over)

    def _backoff_over(self) -> None:
        now = self._clock.now()
        for heap in (self._backoff, self._error_backoff):
            while heap and heap[0][0] <= now:
                _, _, ticket, pod = heapq.heappop(heap)
                if pod.where == "backoff" and pod.ticket == ticket:
                    self._activate(pod)
        self._set_backoff()

    def _set_early(self, when: int) -> None:
        """Look at `when` for pods that can be tried before their back-off ends."""
        waiting = self._early_timer is not None and self._early_timer.active
        if self._config.pop_from_backoff and not waiting and _peek(self._backoff, "backoff"):
            self._early_timer = self._clock.call_at(when, self._try_early)

    def _try_early(self) -> None:
        now = self._clock.now()
        self._tokens += (now - self._tokens_at) * self._config.qps
        self._tokens = min(self._tokens, self._config.burst * SECOND)
        self._tokens_at = now
        while self._tokens >= SECOND and (pod := _take(self._backoff, "backoff")) is not None:
            self._tokens -= SECOND
            self._activate(pod)
        self._set_early(now + SECOND)

    def _set_flush(self) -> None:
        if self._flush_timer is not None and self._flush_timer.active:
            return
        first = next(iter(self._unschedulable.values()), None)
        if first is not None:
            self._flush_timer = self._clock.call_at(first.timestamp + self._config.max_in_unschedulable, self._flush)

    def _flush(self) -> None:
        limit = self._clock.now() - self._config.max_in_unschedulable
        due = []
        for pod in self._unschedulable.values():
            if pod.timestamp > limit:
                break
            due.append(pod)
        for pod in due:
            self._requeue(pod)
        self._set_flush()


def _peek(heap: list[tuple[int, int, int, QueuedPod]], where: Where) -> bool:
    """Is there a valid entry? Drops void ones from the top."""
    while heap:
        _, _, ticket, pod = heap[0]
        if pod.where == where and pod.ticket == ticket:
            return True
        heapq.heappop(heap)
    return False


def _take(heap: list[tuple[int, int, int, QueuedPod]], where: Where) -> QueuedPod | None:
    return heapq.heappop(heap)[3] if _peek(heap, where) else None
