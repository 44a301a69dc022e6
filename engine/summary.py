"""The cluster in a few figures, kept up to date event by event: what the console's header tells.

Nodes ready, pods by phase, requested against allocatable. A pod counts as requesting while it is bound and not
finished, as in `kubectl describe node`. Nothing is scanned: each event adds the difference it makes.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from engine.api import quantity
from engine.api.kinds import NODES, PODS
from store.store import Store
from store.types import DELETED, Envelope, JsonObject, Uid, WatchEvent


class _PodShare(NamedTuple):
    phase: str
    cpu: int
    memory: int


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
        store.listen(self._on_event)

    def _on_event(self, event: WatchEvent) -> None:
        plural = event.now.key.plural
        if plural == "pods" and event.now.key.group == "":
            self._count_pod(event.now, event.type != DELETED)
        elif plural == "nodes" and event.now.key.group == "":
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
        cpu = memory = 0
        if spec.get("nodeName") and phase not in ("Succeeded", "Failed"):
            cpu, memory = pod_requests(spec)
        self._pods[env.uid] = _PodShare(phase, cpu, memory)
        self.pods_by_phase[phase] += 1
        self.cpu_requested += cpu
        self.memory_requested += memory

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


def pod_requests(spec: JsonObject) -> tuple[int, int]:
    """(millicores, bytes) that the scheduler reserves for a pod: containers and sidecars, or a larger init step.

    Follows k8s.io/component-helpers/resource.PodRequests.
    """
    cpu = memory = 0
    for container in spec.get("containers") or ():
        c, m = _requests(container)
        cpu, memory = cpu + c, memory + m
    side_cpu = side_memory = init_cpu = init_memory = 0
    for container in spec.get("initContainers") or ():
        c, m = _requests(container)
        if container.get("restartPolicy") == "Always":
            side_cpu, side_memory = side_cpu + c, side_memory + m
            c, m = side_cpu, side_memory
        else:
            c, m = c + side_cpu, m + side_memory
        init_cpu, init_memory = max(init_cpu, c), max(init_memory, m)
    overhead = spec.get("overhead") or {}
    return (
        max(cpu + side_cpu, init_cpu) + quantity.milli(overhead.get("cpu", "0")),
        max(memory + side_memory, init_memory) + quantity.value(overhead.get("memory", "0")),
    )


def _requests(container: JsonObject) -> tuple[int, int]:
    requests = (container.get("resources") or {}).get("requests")
    if not requests:
        return 0, 0
    return quantity.milli(requests.get("cpu", "0")), quantity.value(requests.get("memory", "0"))
