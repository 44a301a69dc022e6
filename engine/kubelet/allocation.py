"""What the pods that a node has admitted ask for together, and who waits for room."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from engine.clock import Clock
from engine.kubelet import resize
from engine.kubelet.eviction import priority_of
from engine.kubelet.facts import PodFacts
from store.types import Uid

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker

_Answer = TypeVar("_Answer")


class Usage:
    """Sums over pods, in the units of their facts."""

    __slots__ = ("cpu", "extended", "memory", "pods", "ports", "storage")

    def __init__(self) -> None:
        self.pods = self.cpu = self.memory = self.storage = 0
        self.extended: dict[str, int] = {}
        self.ports: list[tuple[str, str, int]] = []
        """Taken ports of the machine: (address, protocol, port)."""

    def add(self, worker: PodWorker, sign: int) -> None:
        facts = worker.facts
        self.pods += sign
        self.cpu += sign * facts.cpu
        self.memory += sign * facts.memory
        self.storage += sign * facts.storage
        for port in facts.host_ports:
            if sign > 0:
                self.ports.append(port)
            else:
                self.ports.remove(port)
        for name, amount in facts.extended.items():
            self.extended[name] = self.extended.get(name, 0) + sign * amount


class Allocation:
    """Who has been admitted to one node, and who waits for others to leave it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._admitted: dict[Uid, PodWorker] = {}
        self.usage = Usage()
        self.deferred: dict[Uid, PodWorker] = {}
        """Pods whose resize does not fit now."""
        self.waiting: dict[Uid, PodWorker] = {}
        """Critical pods for which others are being ended."""

    def count(self, worker: PodWorker) -> None:
        """The pod uses the node's resources."""
        if worker.uid not in self._admitted:
            self._admitted[worker.uid] = worker
            self.usage.add(worker, 1)

    def without(self, worker: PodWorker, ask: Callable[[Usage], _Answer]) -> _Answer:
        """An answer about what all other pods use."""
        self.usage.add(worker, -1)
        answer = ask(self.usage)
        self.usage.add(worker, 1)
        return answer

    def recount(self, worker: PodWorker, facts: PodFacts) -> None:
        """The pod is allocated other resources from now on."""
        self.usage.add(worker, -1)
        worker.facts = facts
        self.usage.add(worker, 1)
        self._retry()

    def leave(self, worker: PodWorker) -> bool:
        """The pod uses nothing any more; whether it did. What waited for room is looked at again."""
        self.waiting.pop(worker.uid, None)
        if self._admitted.pop(worker.uid, None) is None:
            return False
        self.usage.add(worker, -1)
        self.deferred.pop(worker.uid, None)
        self._retry()
        return True

    def _retry(self) -> None:
        """The most important pods first."""
        if not self.deferred and not self.waiting:
            return
        deferred, self.deferred = self.deferred, {}
        waiting, self.waiting = self.waiting, {}
        for worker in waiting.values():
            self._clock.call_later(0, worker.begin)
        for worker in sorted(deferred.values(), key=lambda worker: -priority_of(worker)):
            self._clock.call_later(0, partial(resize.consider, worker))
