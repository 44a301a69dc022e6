"""Garbage collection on a machine: images that nobody uses go when the disk fills.

Above 85 % of the disk, unused images are deleted, those unused for longest first, until 80 % are in use. What cannot
be freed is told: FreeDiskSpaceFailed at once, ImageGCFailed when it happens again. An image is in use while any
container of the machine is made from it, also an ended one that is still remembered. The kubelet looks every 5 minutes
(pkg/kubelet/images/image_gc_manager.go), here only while the disk is above the line.

Ended containers are swept every minute (pkg/kubelet/kuberuntime/kuberuntime_gc.go); with them goes what
`logs --previous` and `lastState` tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.clock import MINUTE, Timer
from engine.kubelet import spread
from engine.kubelet.references import InvalidReference, Reference, parse
from engine.kubelet.signals import Observation

if TYPE_CHECKING:
    from engine.kubelet.node import Node

PERIOD: Final = 5 * MINUTE
"""ImageGCPeriod"""


SWEEP: Final = MINUTE
"""ContainerGCPeriod"""


class ContainerCollector:
    """One node's ended containers: more than may be kept are swept away, the oldest first."""

    def __init__(self, node: Node) -> None:
        self._node = node
        config = node.config
        self.limited = config.dead_per_container == 0 or config.dead_containers >= 0
        """Ended containers may be swept at all: one for each container is all that a machine here keeps."""
        self._timer: Timer | None = None

    def consider(self) -> None:
        """A container was replaced by its next run."""
        if self.limited and (self._timer is None or not self._timer.active):
            clock = self._node.clock
            phase = spread.within((0, SWEEP - 1), self._node.env.uid, "containers")
            self._timer = clock.call_later((phase - clock.now()) % SWEEP or SWEEP, self.sweep)

    def sweep(self) -> None:
        """Delete what is too much."""
        node = self._node
        if not node.running:
            return
        dead = [
            (str(c.last["finishedAt"]), worker, c)
            for worker in node.workers.values() for c in worker.containers
            if c.last is not None and not c.swept
        ]  # fmt: skip
        dead.sort(key=lambda each: (each[0], each[1].uid, each[2].facts.name))
        kept = len(dead) if node.config.dead_per_container else 0
        if node.config.dead_containers >= 0:
            kept = min(kept, node.config.dead_containers)
        for _, worker, c in dead[: len(dead) - kept]:
            c.swept = True
            worker.post()


class ImageCollector:
    """One node's image garbage collection."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._timer: Timer | None = None
        self._failed = False
        """The last collection could not free what it should."""

    @property
    def busy(self) -> bool:
        """A collection is to come."""
        return self._timer is not None and self._timer.active

    def line(self, capacity: int) -> int:
        """What must be left of the disk for nothing to be collected."""
        return capacity * (100 - self._node.config.image_gc_high) // 100

    def consider(self, disk: Observation) -> None:
        """The kubelet has looked at the disk: collect at the next turn if it is above the line."""
        if not self._is_full(disk):
            self._failed = False
        elif not self.busy:
            node = self._node
            now = node.clock.now()
            phase = spread.within((0, PERIOD - 1), node.env.uid, "images")
            self._timer = node.clock.call_at(now + ((phase - now) % PERIOD or PERIOD), self.collect)

    def stop(self) -> None:
        """The kubelet is no more."""
        if self._timer is not None:
            self._timer.cancel()

    def collect(self) -> None:
        """Free what is above the lower line."""
        node = self._node
        disk = node.pressure.observe()["imagefs.available"]
        if not node.running or not self._is_full(disk):
            return
        wanted = disk.capacity * (100 - node.config.image_gc_low) // 100 - disk.available
        freed = self._free(wanted)
        if freed >= wanted:
            self._failed = False
        else:
            text = (
                f"Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, but only "
                f"found {freed} bytes eligible to free."
            )
            node.note("Warning", "FreeDiskSpaceFailed", text)
            if self._failed:
                node.note("Warning", "ImageGCFailed", text)
            self._failed = True
        node.pressure.touch()

    def delete_unused(self) -> int:
        """Delete every image that nobody uses; the bytes that were freed."""
        return self._free(1 << 62)

    def _is_full(self, disk: Observation) -> bool:
        if not disk.capacity or self._node.config.image_gc_high >= 100:
            return False
        return 100 - disk.available * 100 // disk.capacity >= self._node.config.image_gc_high

    def _free(self, wanted: int) -> int:
        node, freed = self._node, 0
        held = self._in_use()
        now, youngest = node.clock.now(), node.config.image_minimum_age
        unused = [ref for ref in node.images.present if ref not in held]
        for ref in sorted(unused, key=lambda ref: (node.images.used.get(ref, 0), str(ref))):
            if freed >= wanted:
                break
            if now - node.images.came.get(ref, 0) < youngest:
                continue
            freed += node.images.present[ref].size
            node.images.remove(ref)
        return freed

    def _in_use(self) -> frozenset[Reference]:
        held = set()
        for worker in self._node.workers.values():
            for c in worker.containers:
                if c.id or c.busy:
                    try:
                        held.add(parse(c.facts.image))
                    except InvalidReference:
                        continue
        return frozenset(held)
