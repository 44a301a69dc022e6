"""What a machine has left of memory, disk and processes: its size, less its images, its containers, and all else.

What runs beside pods is declared by the annotation `kubarium.dev/usage` on the Node, `memory=14Gi,disk=80Gi`
(also `inodes=`, `pids=`). Everything is computed for one instant, when the kubelet looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.kubelet.amounts import units
from engine.kubelet.runtime import Growth, Stats
from engine.kubelet.signals import Observation, Observations, Threshold
from store.types import Envelope

if TYPE_CHECKING:
    from engine.faults.effects import Hog
    from engine.kubelet.container import Container
    from engine.kubelet.worker import PodWorker

USAGE: Final = "kubarium.dev/usage"
_SIGNALS: Final = {
    "memory": ("memory.available",), "disk": ("nodefs.available", "imagefs.available"), "pids": ("pid.available",),
}  # fmt: skip
_NAMES: Final = ("memory", "disk", "inodes", "pids")
_BYTES_PER_INODE: Final = 16384
"""mke2fs' default for ext4."""
_BYTES_PER_PROCESS: Final = 131072
"""A kernel allows as many threads as their stacks of 16 KiB fill an eighth of the memory (fork.c, set_max_threads)."""
_PID_LIMIT: Final = 4194304
_NONE: Final[Mapping[str, Any]] = {}


class Size(NamedTuple):
    """A machine's size."""

    memory: int
    disk: int
    """Bytes of the one file system for images, logs and volumes."""

    @property
    def inodes(self) -> int:
        return self.disk // _BYTES_PER_INODE

    @property
    def pids(self) -> int:
        return min(self.memory // _BYTES_PER_PROCESS, _PID_LIMIT)


def size_of(node: Envelope) -> Size:
    """By status.capacity."""
    capacity = (node.obj.get("status") or _NONE).get("capacity") or _NONE
    return Size(units(capacity.get("memory") or 0), units(capacity.get("ephemeral-storage") or 0))


def declared_usage(node: Envelope) -> tuple[dict[str, int], str]:
    """What runs beside pods, and what is wrong with the annotation ("" when nothing is)."""
    text: str = (node.obj["metadata"].get("annotations") or _NONE).get(USAGE) or ""
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        try:
            if not equals or name.strip() not in _NAMES:
                raise ValueError(f"expected {'=, '.join(_NAMES)}=")
            found[name.strip()] = units(value.strip())
        except ValueError as error:
            return {}, f"annotation {USAGE}: {part!r}: {error}"
    return found, ""


def with_hogs(
    beside: Mapping[str, int], hogs: Iterable[Hog], size: Size, thresholds: Iterable[Threshold]
) -> dict[str, int]:
    """What is used beside pods, with what is put there on purpose. Without an amount a hog leaves half of what the
    hard thresholds want left; several such are no more than one."""
    found, leaves = dict(beside), {"memory": size.memory, "disk": size.disk, "pids": size.pids}
    filled: dict[str, int] = {}
    for hog in hogs:
        if hog.amount is not None:
            found[hog.resource] = found.get(hog.resource, 0) + hog.amount
            continue
        signals = _SIGNALS[hog.resource]
        wanted = [t.value(leaves[hog.resource]) for t in thresholds if not t.soft and t.signal in signals]
        filled[hog.resource] = leaves[hog.resource] - max(wanted, default=0) // 2
    for resource, amount in filled.items():
        found[resource] = max(found.get(resource, 0), amount)
    return found


def running(workers: Iterable[PodWorker]) -> Iterator[tuple[PodWorker, Container, Stats]]:
    """The containers that use anything, with what they use now."""
    for worker in workers:
        for c in worker.containers:
            if c.handle is not None and c.handle.consumes:
                yield worker, c, c.handle.stats()


def pod_stats(worker: PodWorker) -> dict[str, Stats]:
    """What each running container of a pod uses now."""
    return {c.facts.name: c.handle.stats() for c in worker.containers if c.handle is not None}


def total(stats: Iterable[Stats]) -> Stats:
    """All together."""
    cpu = memory = storage = pids = 0
    for each in stats:
        cpu, memory, storage, pids = cpu + each.cpu, memory + each.memory, storage + each.storage, pids + each.pids
    return Stats(cpu, memory, storage, pids)


def total_growth(workers: Iterable[PodWorker]) -> Growth:
    """How fast the machine fills, at most, from now on."""
    memory = storage = pids = 0
    for _, c, _ in running(workers):
        if c.handle is not None:
            growth = c.handle.growth()
            memory, storage, pids = memory + growth.memory, storage + growth.storage, pids + growth.pids
    return Growth(memory, storage, pids)


def observe(size: Size, beside: Mapping[str, int], images: int, used: Stats) -> Observations:
    """Every signal. `beside`: what runs beside pods; `images`: bytes; `used`: by all containers."""
    disk = Observation(max(0, size.disk - beside.get("disk", 0) - images - used.storage), size.disk)
    inodes = Observation(max(0, size.inodes - beside.get("inodes", 0)), size.inodes)
    return {
        "memory.available": Observation(max(0, size.memory - beside.get("memory", 0) - used.memory), size.memory),
        "nodefs.available": disk, "imagefs.available": disk,
        "nodefs.inodesFree": inodes, "imagefs.inodesFree": inodes,
        "pid.available": Observation(max(0, size.pids - beside.get("pids", 0) - used.pids), size.pids),
    }  # fmt: skip
