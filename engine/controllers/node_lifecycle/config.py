"""Knobs of the node lifecycle controller, with the names of kube-controller-manager's flags."""

from __future__ import annotations

from dataclasses import dataclass

from engine.clock import MINUTE, SECOND
from engine.flags import Flags


@dataclass(frozen=True, slots=True)
class NodeLifecycleConfig:
    """Spans are microseconds of cluster time, rates are nodes per second."""

    monitor_period: int = 5 * SECOND
    """`--node-monitor-period`: how often heartbeats are looked at."""
    grace_period: int = 50 * SECOND
    """`--node-monitor-grace-period`: how long a node may be silent before it is Unknown."""
    startup_grace_period: int = MINUTE
    """`--node-startup-grace-period`: the same for a node that has never posted a status."""
    eviction_rate: float = 0.1
    """`--node-eviction-rate`, in zones that are healthy or fully disrupted."""
    secondary_eviction_rate: float = 0.01
    """`--secondary-node-eviction-rate`, in large zones that are partially disrupted; small ones have none then."""
    unhealthy_zone_threshold: float = 0.55
    """`--unhealthy-zone-threshold`: fraction of nodes not ready (at least 3) that makes a partial disruption."""
    large_cluster_size_threshold: int = 50
    """`--large-cluster-size-threshold`: zones with more nodes are large."""

    @classmethod
    def from_flags(cls, flags: Flags) -> NodeLifecycleConfig:
        """With the component flags of one cluster."""
        return cls(
            monitor_period=flags.duration("node-monitor-period"),
            grace_period=flags.duration("node-monitor-grace-period"),
            startup_grace_period=flags.duration("node-startup-grace-period"),
            eviction_rate=flags.number("node-eviction-rate"),
            secondary_eviction_rate=flags.number("secondary-node-eviction-rate"),
            unhealthy_zone_threshold=flags.number("unhealthy-zone-threshold"),
            large_cluster_size_threshold=int(flags.number("large-cluster-size-threshold")),
        )
