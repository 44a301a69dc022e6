"""The cluster in a few figures, kept up to date event by event: what the console's header tells.

Nodes ready, pods by phase, requested against allocatable. A pod counts as requesting while it is bound and not
finished, as in `kubectl describe node`. Nothing is scanned: each event adds the difference it makes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from engine.api import quantity
from engine.api.kinds import FAULTS, NODES, PODS
from engine.client import ClusterSummary
from engine.scheduler.resources import CPU, MEMORY, pod_requests
from store.store import Store
from store.types import DELETED, Envelope, JsonObject, Uid


class _PodShare(NamedTuple):
    phase: str
    spec: JsonObject
    """What the figures were counted from. Writes that leave it alone share it, so its identity says that they hold."""
    cpu: int
    """Millicores; 0 while the pod requests nothing of a node."""
    memory: int
    """Bytes; likewise."""


class _NodeShare(NamedTuple):
    ready: bool
    cpu: int
    memory: int


class Totals:
    """Figures of the nodes and pods that were counted in, or out again."""

    def __init__(self) -> None:
        self.pods_by_phase: Counter[str] = Counter()
        self.cpu_requested = self.memory_requested = 0
        self.cpu_allocatable = self.memory_allocatable = 0
        self.nodes = self.nodes_ready = 0
        self._faults: dict[str, None] = {}
        self._pods: dict[Uid, _PodShare] = {}
        self._nodes: dict[Uid, _NodeShare] = {}

    def summary(
        self, *, cluster_time: int, speed: float, revision: int, folder: Mapping[str, int] = MappingProxyType({})
    ) -> ClusterSummary:
        """The figures as the header tells them."""
        return ClusterSummary(
            cluster_time=cluster_time,
            speed=speed,
            revision=revision,
            nodes=self.nodes,
            nodes_ready=self.nodes_ready,
            pods_by_phase={phase: n for phase, n in sorted(self.pods_by_phase.items()) if n},
            cpu_requested=self.cpu_requested,
            cpu_allocatable=self.cpu_allocatable,
            memory_requested=self.memory_requested,
            memory_allocatable=self.memory_allocatable,
            folder=folder,
            faults=len(self._faults),
        )

    def count_pod(self, env: Envelope, lives: bool) -> None:
        """Count a pod as it is now, or no more."""
        before = self._pods.pop(env.uid, None)
        if before is not None:
            self.pods_by_phase[before.phase] -= 1
            self.cpu_requested -= before.cpu
            self.memory_requested -= before.memory
        if not lives:
            return
        spec, status = env.obj.get("spec") or {}, env.obj.get("status") or {}
        phase = status.get("phase") or "Pending"
        if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
            share = _PodShare(phase, spec, 0, 0)
        elif before is not None and before.spec is spec and before.phase not in ("Succeeded", "Failed"):
            share = before if before.phase == phase else before._replace(phase=phase)
        else:
            requests = pod_requests(spec)
            share = _PodShare(phase, spec, requests.get(CPU, 0), requests.get(MEMORY, 0))
        self._pods[env.uid] = share
        self.pods_by_phase[phase] += 1
        self.cpu_requested += share.cpu
        self.memory_requested += share.memory

    def count_node(self, env: Envelope, lives: bool) -> None:
        """Count a node as it is now, or no more."""
        before = self._nodes.pop(env.uid, None)
        if before is not None:
            self.nodes -= 1
            self.nodes_ready -= before.ready
            self.cpu_allocatable -= before.cpu
            self.memory_allocatable -= before.memory
        if not lives:
            return
        status = env.obj.get("status") or {}
        allocatable = status.get("allocatable") or {}
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
        share = _NodeShare(
            ready, quantity.milli(allocatable.get("cpu", "0")), quantity.value(allocatable.get("memory", "0"))
        )
        self._nodes[env.uid] = share
        self.nodes += 1
        self.nodes_ready += share.ready
        self.cpu_allocatable += share.cpu
        self.memory_allocatable += share.memory

    def count_fault(self, env: Envelope, lives: bool) -> None:
        """Count a fault as it is now, or no more."""
        self._faults.pop(env.uid, None)
        if lives and (env.obj.get("status") or {}).get("phase") == "Active":
            self._faults[env.uid] = None


class Summary(Totals):
    """Totals of the present, kept up to date from the store's events."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        for env in store.list(PODS):
            self.count_pod(env, True)
        for env in store.list(NODES):
            self.count_node(env, True)
        for env in store.list(FAULTS):
            self.count_fault(env, True)
        store.listen(lambda event: self.count_fault(event.now, event.type != DELETED), FAULTS)
        store.listen(lambda event: self.count_pod(event.now, event.type != DELETED), PODS)
        store.listen(lambda event: self.count_node(event.now, event.type != DELETED), NODES)
