"""The kubelets' knobs: Kubernetes' own flags, and the speed of the simulated machines.

All spans are microseconds of cluster time; a pair is a range from which each pod, node or container has its own
value, fixed by its uid (`engine.kubelet.spread`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.clock import MINUTE, SECOND

if TYPE_CHECKING:
    from engine.flags import Flags

Range = tuple[int, int]


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
    own_pod_ranges: bool = True
    """A kubelet takes a pod range for its node; False: it waits for the controller manager to give it one."""
    parallel_pulls: int = 1
    """Images pulled at once (`--serialize-image-pulls`, `--max-parallel-image-pulls`); 0: all that are asked for."""
    status_max_images: int = 50
    """`--node-status-max-images`: the largest images that `status.images` tells; -1: all."""
    pull_base: Range = (80_000, 250_000)
    """Resolving a reference and its manifest."""
    pull_bandwidth: int = 80_000_000
    """Bytes per second of an image pull."""

    @property
    def lease_renew(self) -> int:
        return self.lease_duration_seconds * SECOND // 4

    @classmethod
    def from_flags(cls, flags: Flags) -> KubeletConfig:
        """With the component flags of one cluster."""
        return cls(
            status_update=flags.duration("node-status-update-frequency"),
            status_report=flags.duration("node-status-report-frequency"),
            own_pod_ranges=not flags.boolean("allocate-node-cidrs"),
            parallel_pulls=1
            if flags.boolean("serialize-image-pulls")
            else int(flags.number("max-parallel-image-pulls")),
            status_max_images=int(flags.number("node-status-max-images")),
        )
