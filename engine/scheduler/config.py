"""The scheduler's settings: a KubeSchedulerConfiguration, with Kubernetes' names and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from engine.clock import MINUTE, SECOND
from store.types import JsonObject

DEFAULT_WEIGHTS: Mapping[str, int] = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodeResourcesFit": 1,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
}
"""Score weights of the default profile (pkg/scheduler/apis/config/v1/default_plugins.go)."""

Point = Literal["preEnqueue", "filter", "postFilter", "score", "reserve", "bind"]
"""Extension points at which plugins can be switched; preFilter goes with filter, preScore with score."""


class SpreadDefaults(NamedTuple):
    """What spreads pods that say nothing about it (PodTopologySpreadArgs)."""

    constraints: tuple[JsonObject, ...]
    system: bool
    """The built-in ones, which also look at nodes that lack one of the keys."""


SYSTEM_SPREAD = SpreadDefaults(
    (
        {"maxSkew": 3, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"},
        {"maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"},
    ),
    True,
)
"""systemDefaultConstraints of PodTopologySpread."""


class Strategy(NamedTuple):
    """How NodeResourcesFit scores (ScoringStrategy)."""

    kind: Literal["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"] = "LeastAllocated"
    resources: tuple[tuple[str, int], ...] = (("cpu", 1), ("memory", 1))
    """(resource, weight)"""
    shape: tuple[tuple[int, int], ...] = ()
    """Of RequestedToCapacityRatio: (utilization 0..100, score 0..10), utilization ascending."""


LEAST_ALLOCATED = Strategy()


@dataclass(frozen=True, slots=True)
class ProfileConfig:
    """One profile (KubeSchedulerProfile)."""

    scheduler_name: str = "default-scheduler"
    weights: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    """Score weight by plugin; a plugin without one does not score."""
    disabled: frozenset[str] = frozenset()
    """Plugins that do not run at all."""
    off: Mapping[Point, frozenset[str]] = field(default_factory=dict)
    """Plugins that do not run at one point."""
    strategy: Strategy = LEAST_ALLOCATED
    ignored_resources: frozenset[str] = frozenset()
    """Extended resources that NodeResourcesFit does not look at (`ignoredResources`)."""
    ignored_groups: frozenset[str] = frozenset()
    """The same by the part before the slash (`ignoredResourceGroups`)."""
    spread: SpreadDefaults = SYSTEM_SPREAD
    hard_affinity_weight: int = 1
    """`hardPodAffinityWeight`: score of another pod's required affinity that means the pod."""
    ignore_preferred_of_others: bool = False
    """`ignorePreferredTermsOfExistingPods`"""
    added_affinity: JsonObject | None = None
    """`addedAffinity` of NodeAffinity: a node affinity that every pod of the profile has besides its own."""
    min_candidates_percentage: int = 10
    """`minCandidateNodesPercentage`: nodes on which preemption looks for victims, at least."""
    min_candidates: int = 100
    """`minCandidateNodesAbsolute`"""


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    """Spans are microseconds of cluster time.

    `percentageOfNodesToScore` is read and not used: all nodes are scored, which over arrays is cheaper than taking a
    sample.
    """

    profiles: tuple[ProfileConfig, ...] = (ProfileConfig(),)
    """Pods whose `spec.schedulerName` names none of them are left alone. The first one takes pods without a name."""
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
