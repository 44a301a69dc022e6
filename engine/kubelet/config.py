"""The kubelets' knobs: Kubernetes' own flags, and the speed of the simulated machines.

All spans are microseconds of cluster time; a pair is a range from which each pod, node or container has its own
value, fixed by its uid (`engine.kubelet.spread`).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.clock import MINUTE, SECOND
from engine.flags import BadFlag, Flags
from engine.kubelet.config_file import with_file
from engine.kubelet.signals import Threshold, parse_thresholds

Range = tuple[int, int]
DEFAULT_HARD = (
    "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%"
)
"""Default of `--eviction-hard`."""


@dataclass(frozen=True, slots=True)
class KubeletConfig:
    """One for all nodes of a cluster."""

    version: str = "v1.36.2"
    lease_duration_seconds: int = 40
    """`nodeLeaseDurationSeconds`; the lease is renewed every quarter of it."""
    status_update: int = 10 * SECOND
    """`--node-status-update-frequency`: a change of the node's status is posted within this span."""
    status_report: int = 5 * MINUTE
    """`nodeStatusReportFrequency`: an unchanged status is posted this often."""
    max_pods: int = 110
    """`--max-pods`."""
    back_off_start: int = 10 * SECOND
    """First wait before a crashed container starts again, or a failed pull is tried again; doubles each time."""
    back_off_limit: int = 300 * SECOND
    """Longest of those waits. A container that ran for twice as long starts over at `back_off_start`."""
    sync_period: int = SECOND
    """How soon the kubelet's next look at a pod comes (the relist period of its pod lifecycle event generator)."""
    recovery_delay: int = 5 * SECOND
    """From the start of a kubelet on a known node to its first posted status."""
    ready_delay: Range = (400_000, 1_000_000)
    """From registration to NodeReady (the network plugin comes up)."""
    sandbox_latency: Range = (100_000, 300_000)
    """From admission to a pod sandbox with an address."""
    sandbox_post: int = 3 * SECOND
    """A sandbox whose containers take longer than this to come up is posted by itself (podIP, conditions)."""
    start_latency: Range = (150_000, 500_000)
    """From image present to container running."""
    stop_latency: Range = (40_000, 250_000)
    """From SIGTERM to the exit of a container that heeds it."""
    fake_latency: Range = (5_000, 30_000)
    """On a fake node: from a pod's change to the write that follows from it."""
    own_pod_ranges: bool = True
    """A kubelet takes a pod range for its node; False: it waits for the controller manager to give it one."""
    parallel_pulls: int = 1
    """Images pulled at once (`--serialize-image-pulls`, `--max-parallel-image-pulls`); 0: all that are asked for."""
    status_max_images: int = 50
    """`--node-status-max-images`: the largest images that `status.images` tells; -1: all."""
    thresholds: tuple[Threshold, ...] = parse_thresholds(DEFAULT_HARD)
    """`--eviction-hard`, `--eviction-soft`, `--eviction-soft-grace-period`, `--eviction-minimum-reclaim`."""
    pressure_transition: int = 5 * MINUTE
    """`--eviction-pressure-transition-period`: how long a node condition stays after its threshold was last met."""
    eviction_max_grace: int = 0
    """`--eviction-max-pod-grace-period`: seconds that a pod has to end after a soft threshold was met."""
    image_gc_high: int = 85
    """`--image-gc-high-threshold`: percent of the disk from which images are deleted; 100: never."""
    image_gc_low: int = 80
    """`--image-gc-low-threshold`: percent of the disk down to which they are."""
    image_minimum_age: int = 2 * MINUTE
    """`--minimum-image-ttl-duration`: a younger image is not deleted."""
    shutdown_grace: int = 0
    """`--shutdown-grace-period`: how long a machine that goes down waits for its pods; 0: not at all."""
    shutdown_grace_critical: int = 0
    """`--shutdown-grace-period-critical-pods`: the part of it that is for critical pods."""
    dead_per_container: int = 1
    """`--maximum-dead-containers-per-container`: ended runs of a container that are kept for `logs --previous`."""
    dead_containers: int = -1
    """`--maximum-dead-containers`: the same for a whole machine; -1: no limit."""
    pull_base: Range = (80_000, 250_000)
    """Resolving a reference and its manifest."""
    pull_bandwidth: int = 80_000_000
    """Bytes per second of an image pull."""

    @property
    def lease_renew(self) -> int:
        return self.lease_duration_seconds * SECOND // 4

    @classmethod
    def from_flags(cls, flags: Flags) -> KubeletConfig:
        """With the component flags of one cluster, and the file that `--kubelet-config` names. Raises BadFlag."""
        flags = with_file(flags)
        return cls(
            status_update=flags.duration("node-status-update-frequency"),
            status_report=flags.duration("node-status-report-frequency"),
            own_pod_ranges=not flags.boolean("allocate-node-cidrs"),
            parallel_pulls=1
            if flags.boolean("serialize-image-pulls")
            else int(flags.number("max-parallel-image-pulls")),
            thresholds=_thresholds(flags),
            pressure_transition=flags.duration("eviction-pressure-transition-period"),
            eviction_max_grace=int(flags.number("eviction-max-pod-grace-period")),
            image_gc_high=int(flags.number("image-gc-high-threshold")),
            image_gc_low=int(flags.number("image-gc-low-threshold")),
            image_minimum_age=flags.duration("minimum-image-ttl-duration"),
            shutdown_grace=flags.duration("shutdown-grace-period"),
            shutdown_grace_critical=flags.duration("shutdown-grace-period-critical-pods"),
            dead_per_container=int(flags.number("maximum-dead-containers-per-container")),
            dead_containers=int(flags.number("maximum-dead-containers")),
            max_pods=int(flags.number("max-pods")),
            status_max_images=int(flags.number("node-status-max-images")),
        )


def _thresholds(flags: Flags) -> tuple[Threshold, ...]:
    try:
        return parse_thresholds(
            flags.text("eviction-hard"), flags.text("eviction-soft"), flags.text("eviction-soft-grace-period"),
            flags.text("eviction-minimum-reclaim"),
        )  # fmt: skip
    except ValueError as error:
        raise BadFlag(f"eviction thresholds: {error}") from error
