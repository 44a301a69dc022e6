"""The cluster in a few figures, kept up to date event by event: what the console's header tells.

Nodes ready, pods by phase, requested against allocatable. A pod counts as requesting while it is bound and not
finished, as in `kubectl describe node`. Nothing is scanned: each event adds the difference it makes.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from engine.api import quantity
from engine.api.kinds import NODES, PODS
from engine.scheduler.resources import CPU, MEMORY, pod_requests
from store.store import Store
from store.types import DELETED, Envelope, JsonObject, Uid, WatchEvent


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


class Summary:
    """Running totals. Listens to the store from its first moment."""

    def __init__(self, store: Store) -> None:
        self.pods_by_phase: Counter[str] = Counter()
        self.cpu_requested = self.memory_requested = 0
        self.cpu_allocatable = self.memory_allocatable = 0
        self.nodes = self.nodes_ready = 0
        self._pods: dict[Uid, _PodShare] = {}
        self._nodes: dict[Uid, _NodeShare] = {}
        for env in store.list(PODS):
            self._count_pod(env, True)
        for env in store.list(NODES):
            self._count_node(env, True)
        store.listen(self._on_pod, PODS)
        store.listen(self._on_node, NODES)

    def _on_pod(self, event: WatchEvent) -> None:
        self._count_pod(event.now, event.type != DELETED)

    def _on_node(self, event: WatchEvent) -> None:
        self._count_node(event.now, event.type != DELETED)

    def _count_pod(self, env: Envelope, lives: bool) -> None:
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

    def _count_node(self, env: Envelope, lives: bool) -> None:
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
