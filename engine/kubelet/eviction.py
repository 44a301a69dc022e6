"""The eviction manager: what a kubelet does when its machine runs out of memory, disk or processes.

Every 10 s it looks at what is left. A threshold that is met makes a node condition (which stays for 5 minutes after);
for disk it first deletes what nobody uses; then it evicts one pod, the one that uses most beyond what it asked for.
When nothing is met and nothing grows, it does not look at all: the next look is at the first tick at which a line can
have been crossed. Sources: pkg/kubelet/eviction (eviction_manager.go, helpers.go).

When memory is used up between two looks, the kernel kills the container that deserves it most (oom_score_adj).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from engine.clock import SECOND, Timer
from engine.kubelet import spread
from engine.kubelet.container import Container
from engine.kubelet.eviction_words import (
    evicted_for,
    limit_exceeded,
    node_condition,
    oom_words,
)
from engine.kubelet.runtime import Stats
from engine.kubelet.signals import CONDITIONS, MEMORY, SIGNALS, Observations, Threshold
from engine.kubelet.usage import observe, pod_stats, running, size_of, total, total_growth, with_hogs

if TYPE_CHECKING:
    from engine.kubelet.node import Node
    from engine.kubelet.worker import PodWorker

PERIOD: Final = 10 * SECOND
"""evictionMonitoringPeriod"""
CRITICAL: Final = 2_000_000_000
"""From this priority on a pod is never evicted (SystemCriticalPriority)."""
_MEMORY_TAINT: Final = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
_GROWTH: Final = {"memory": 0, "ephemeral-storage": 1, "inodes": -1, "pids": 2}


class Pressure:
    """One node's eviction manager."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.conditions: tuple[str, ...] = ()
        """The node conditions that are true."""
        self._met: tuple[Threshold, ...] = ()
        self._first_met: dict[Threshold, int] = {}
        self._last_seen: dict[str, int] = {}
        """Condition → the last instant at which a threshold of it was met."""
        self._timer: Timer | None = None
        self._oom: Timer | None = None

    def resume(self) -> None:
        """The kubelet starts: conditions that are told of count from now."""
        status = self._node.env.obj.get("status") or {}
        true = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
        self.conditions = tuple(name for name in CONDITIONS if name in true)
        self._last_seen = dict.fromkeys(self.conditions, self._node.clock.now())
        self.touch()

    def stop(self) -> None:
        """The kubelet is no more."""
        for timer in (self._timer, self._oom):
            if timer is not None:
                timer.cancel()
        self._timer = self._oom = None

    def touch(self) -> None:
        """Something uses more, or another line holds: look at the next tick; the kernel looks at once."""
        clock = self._node.clock
        now = clock.now()
        self._look_at(now + 1)
        if self._oom is None or not self._oom.active or self._oom.when > now:
            if self._oom is not None:
                self._oom.cancel()
            self._oom = clock.call_at(now, self._out_of_memory)

    # -- looking ---------------------------------------------------------------------------------------------------

    def _look_at(self, instant: int) -> None:
        """Look at the first tick at or after an instant, unless a look comes sooner."""
        node = self._node
        phase = spread.within((0, PERIOD - 1), node.env.uid, "eviction")
        when = instant + (phase - instant) % PERIOD
        if self._timer is not None and self._timer.active:
            if self._timer.when <= when:
                return
            self._timer.cancel()
        self._timer = node.clock.call_at(when, self._look)

    def observe(self) -> Observations:
        """What is left now."""
        node = self._node
        used = total(stats for _, _, stats in running(node.workers.values()))
        size = size_of(node.env)
        beside = with_hogs(node.beside, node.hogs, size, node.config.thresholds) if node.hogs else node.beside
        return observe(size, beside, node.images.size, used)

    def _look(self) -> None:
        node = self._node
        if not node.running:
            return
        now, seen = node.clock.now(), self.observe()
        met = [t for t in node.config.thresholds if _is_met(t, seen, t in self._met)]
        self._first_met = {t: self._first_met.get(t, now) for t in met}
        for threshold in met:
            self._last_seen[SIGNALS[threshold.signal][1]] = now
        hold = node.config.pressure_transition
        self._last_seen = {name: at for name, at in self._last_seen.items() if at == now or now - at < hold}
        conditions = tuple(name for name in CONDITIONS if name in self._last_seen)
        if conditions != self.conditions:
            self.conditions = conditions
            node.status_changed()
        self._met = tuple(t for t in met if not t.soft or now - self._first_met[t] >= t.grace)
        self._relieve(seen)
        node.collector.consider(seen["imagefs.available"])
        self._plan(seen)

    def _relieve(self, seen: Observations) -> None:
        """Evict what uses more than its own limit; else, for the first threshold that is met, reclaim something."""
        if self._evict_over_limit() or not self._met:
            return
        signals = list(SIGNALS)
        threshold = min(self._met, key=lambda t: signals.index(t.signal))
        resource = SIGNALS[threshold.signal][0]
        node = self._node
        node.note("Warning", "EvictionThresholdMet", f"Attempting to reclaim {resource}")
        if resource in ("ephemeral-storage", "inodes") and node.collector.delete_unused():
            seen = self.observe()
            if not any(_is_met(t, seen, True) for t in self._met):
                return
        grace = 1 if not threshold.soft else max(1, node.config.eviction_max_grace)
        for worker in ranked(list(node.workers.values()), resource):
            text = evicted_for(worker, resource, threshold, seen[threshold.signal])
            worker.evict(text, grace)
            return

    def _evict_over_limit(self) -> bool:
        """Pods that use more of the disk than their ephemeral-storage limits allow."""
        found = False
        for worker in list(self._node.workers.values()):
            text = limit_exceeded(worker) if _may_be_evicted(worker) else ""
            if text:
                worker.evict(text, 1)
                found = True
        return found

    def _plan(self, seen: Observations) -> None:
        """When to look again."""
        node = self._node
        now = node.clock.now()
        growth = total_growth(node.workers.values())
        self._plan_oom(seen, growth.memory)
        if self._met or self._first_met or self._last_seen or node.collector.busy:
            self._look_at(now + 1)
            return
        soonest: int | None = None
        lines = [(t.signal, t.bound(seen[t.signal].capacity, with_reclaim=False)) for t in node.config.thresholds]
        lines.append(("imagefs.available", node.collector.line(seen["imagefs.available"].capacity)))
        for signal, bound in lines:
            index = _GROWTH[SIGNALS[signal][0]]
            rate = growth[index] if index >= 0 else 0
            if rate:
                span = max(0, seen[signal].available - bound) * SECOND // rate
                soonest = span if soonest is None else min(soonest, span)
        for worker, c, _ in running(node.workers.values()):
            limit = worker.facts.storage_limit
            if limit and c.handle is not None and (rate := c.handle.growth().storage):
                span = max(0, limit - total(pod_stats(worker).values()).storage) * SECOND // rate
                soonest = span if soonest is None else min(soonest, span)
        if soonest is not None:
            self._look_at(now + soonest + 1)

    # -- the kernel ------------------------------------------------------------------------------------------------

    def _plan_oom(self, seen: Observations, rate: int) -> None:
        if self._oom is not None:
            self._oom.cancel()
            self._oom = None
        left = seen[MEMORY].available
        if rate and left > 0:
            self._oom = self._node.clock.call_later(left * SECOND // rate + 1, self._out_of_memory)

    def _out_of_memory(self) -> None:
        """If the machine's memory is used up, one container is killed, and there is some again."""
        node = self._node
        self._oom = None
        seen = self.observe()
        victims = [found for found in running(node.workers.values()) if found[2].memory and not found[1].killing]
        if seen[MEMORY].available > 0 or not victims:
            self._plan_oom(seen, total_growth(node.workers.values()).memory)
            return
        capacity = seen[MEMORY].capacity
        worker, c, _ = max(victims, key=lambda victim: _badness(victim[0], victim[1], victim[2], capacity))
        node.note("Warning", "SystemOOM", oom_words(c, worker.uid))
        if c.handle is not None:
            c.handle.out_of_memory()
        # Its memory is free at the end of this instant; if that is not enough, another one follows.
        self._oom = node.clock.call_later(1, self._out_of_memory)

    # -- admission -------------------------------------------------------------------------------------------------

    def refusal(self, worker: PodWorker) -> tuple[str, str] | None:
        """(reason, message) why a node under pressure takes no such pod; None when it does."""
        if not self.conditions or priority_of(worker) >= CRITICAL:
            return None
        if self.conditions == ("MemoryPressure",):
            if worker.facts.qos != "BestEffort":
                return None
            if any(_tolerates_memory(t) for t in worker.env.obj["spec"].get("tolerations") or ()):
                return None
        return "Evicted", node_condition(self.conditions)


def ranked(workers: Sequence[PodWorker], resource: str) -> list[PodWorker]:
    """Pods in the order in which they are evicted for a resource."""
    uses = {worker.uid: total(pod_stats(worker).values()) for worker in workers}

    def beyond(worker: PodWorker) -> int:
        used = uses[worker.uid]
        if resource == "memory":
            return used.memory - worker.facts.memory
        if resource == "ephemeral-storage":
            return used.storage - worker.facts.storage
        return used.pids if resource == "pids" else 0

    def order(worker: PodWorker) -> tuple[bool, bool, int, int]:
        # Of a pod that runs nothing there are no figures: it goes first.
        known = any(c.handle is not None for c in worker.containers)
        within = resource in ("memory", "ephemeral-storage") and beyond(worker) <= 0
        return known, within, priority_of(worker), -beyond(worker)

    return sorted((worker for worker in workers if _may_be_evicted(worker)), key=order)


def priority_of(worker: PodWorker) -> int:
    """spec.priority."""
    return int(worker.env.obj["spec"].get("priority") or 0)


def _may_be_evicted(worker: PodWorker) -> bool:
    mirror = "kubernetes.io/config.mirror" in (worker.env.obj["metadata"].get("annotations") or {})
    return not (worker.finished or worker.terminating or mirror) and priority_of(worker) < CRITICAL


def _is_met(threshold: Threshold, seen: Observations, was_met: bool) -> bool:
    """Crossed; one that was acted on counts until the minimum reclaim is left too."""
    available, capacity = seen[threshold.signal]
    return available < threshold.bound(capacity, with_reclaim=was_met)


def _badness(worker: PodWorker, c: Container, used: Stats, capacity: int) -> tuple[int, str, str]:
    """A container's claim to be killed: what it uses, and its oom_score_adj (pkg/kubelet/qos/policy.go)."""
    asked = c.facts.memory_request
    adjust = 1000
    if worker.facts.qos == "Guaranteed" or priority_of(worker) >= CRITICAL:
        adjust = -997
    elif worker.facts.qos == "Burstable":
        adjust = min(max(1000 - 1000 * asked // max(capacity, 1), 3), 999)
    return used.memory + adjust * capacity // 1000, worker.uid, c.facts.name


def _tolerates_memory(toleration: dict[str, str]) -> bool:
    if toleration.get("effect") not in (None, "", _MEMORY_TAINT["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", _MEMORY_TAINT["key"])
    return toleration.get("key") == _MEMORY_TAINT["key"] and not toleration.get("value")
