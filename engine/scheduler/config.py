"""The scheduler's settings: KubeSchedulerConfiguration of one profile, with Kubernetes' names and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.clock import MINUTE, SECOND

DEFAULT_WEIGHTS: Mapping[str, int] = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodeResourcesFit": 1,
    "NodeResourcesBalancedAllocation": 1,
}
"""Score weights of the default profile (pkg/scheduler/apis/config/v1/default_plugins.go)."""


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    """One profile. Spans are microseconds of cluster time.

    There is no `percentageOfNodesToScore`: all nodes are scored, which over arrays is cheaper than taking a sample.
    """

    scheduler_name: str = "default-scheduler"
    """Pods with another `spec.schedulerName` are left alone."""
    weights: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    """Score weight by plugin; a plugin without one does not score."""
    disabled: frozenset[str] = frozenset()
    """Plugins that do not run."""
    initial_backoff: int = 1 * SECOND
    """`podInitialBackoffSeconds`"""
    max_backoff: int = 10 * SECOND
    """`podMaxBackoffSeconds`"""
    max_in_unschedulable: int = 5 * MINUTE
    """`--pod-max-in-unschedulable-pods-duration`: a pod that no event moved is tried again after it."""
    pop_from_backoff: bool = True
    """Feature gate `SchedulerPopFromBackoffQ` (on since v1.33): an idle scheduler does not wait for a back-off to end.
    Pods that failed by an error always wait."""
    qps: int = 50
    """`clientConnection.qps`: what a real scheduler's API client allows. Here it limits only how many pods a second are
    tried before their back-off ends; the others wait for its end."""
    burst: int = 100
    """`clientConnection.burst`: how many of them at once after a pause."""
    class_shortcut: bool = True
    """Keep masks and scores of equal pods between attempts. Off, each attempt starts anew: same results, slower."""
    attempt_nodes: int = 100
    """Rows per node kept of a failed attempt; what is beyond is kept by reason."""
