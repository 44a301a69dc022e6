"""What the pods that a node has admitted ask for together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.kubelet.worker import PodWorker


class Usage:
    """Sums over pods, in the units of their facts."""

    __slots__ = ("cpu", "extended", "memory", "pods", "storage")

    def __init__(self) -> None:
        self.pods = self.cpu = self.memory = self.storage = 0
        self.extended: dict[str, int] = {}

    def add(self, worker: PodWorker, sign: int) -> None:
        facts = worker.facts
        self.pods += sign
        self.cpu += sign * facts.cpu
        self.memory += sign * facts.memory
        self.storage += sign * facts.storage
        for name, amount in facts.extended.items():
            self.extended[name] = self.extended.get(name, 0) + sign * amount
