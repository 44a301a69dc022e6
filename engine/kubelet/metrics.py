"""What metrics-server would report: usage of pods and nodes (metrics.k8s.io/v1beta1), from the simulated containers.

A pod is reported when all its containers run, and have for the ten seconds that two samples need; a node when its
kubelet runs. Everything carries an annotation that says that it is simulated.

Source: sigs.k8s.io/metrics-server (pkg/storage, pkg/api).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from engine.api.kinds import NODES, PODS
from engine.api.server import Api
from engine.clock import SECOND, rfc3339
from engine.kubelet.amounts import milli, units
from engine.kubelet.kubelets import Kubelets
from engine.kubelet.runtime import Stats
from store.types import Envelope, JsonObject

API_VERSION: Final = "metrics.k8s.io/v1beta1"
SIMULATED: Final = {"kubarium.dev/simulated": "true"}
"""Annotation of every object here."""
_FRESH: Final = 10 * SECOND
_RESOLUTION: Final = 15 * SECOND
"""`--metric-resolution`: samples are so far apart."""


class Usage(NamedTuple):
    """One pod's or one node's."""

    env: Envelope
    total: Stats
    containers: Mapping[str, Stats]
    """By name; of a node: none."""


class Metrics:
    """One per cluster; on the engine's loop."""

    def __init__(self, api: Api, kubelets: Kubelets) -> None:
        self._api, self._kubelets = api, kubelets

    def pods(self, envs: Iterable[Envelope]) -> list[Usage]:
        """Of those pods that are reported, in their order."""
        return [usage for env in envs if (usage := self.pod(env)) is not None]

    def pod(self, env: Envelope) -> Usage | None:
        """None: it is not reported (yet)."""
        node = self._kubelets.nodes.get(env.obj["spec"].get("nodeName") or "")
        worker = self._kubelets.worker(env)
        if worker is None or node is None or not node.running:
            return None
        now = self._api.clock.now()
        running = [c for c in worker.containers if c.handle is not None]
        if not running or any(c.handle is None for c in worker.apps):
            return None
        if any(now - c.started_at < _FRESH for c in running):
            return None
        containers = {c.facts.name: c.handle.stats() for c in running if c.handle is not None}
        return Usage(env, _sum(containers.values()), containers)

    def node(self, env: Envelope) -> Usage | None:
        """What its pods use together, and what runs beside them; None while its kubelet tells nothing."""
        node = self._kubelets.nodes.get(env.name)
        if node is None or not node.running or node.unserved:
            return None
        handles = (c.handle for worker in node.workers.values() for c in worker.containers)
        beside = Stats(0, node.beside.get("memory", 0))
        return Usage(env, _sum((beside, *(handle.stats() for handle in handles if handle is not None))), {})

    def nodes(self, envs: Iterable[Envelope]) -> list[Usage]:
        return [usage for env in envs if (usage := self.node(env)) is not None]

    # -- as objects of the API -------------------------------------------------------------------------------------

    def object_of(self, usage: Usage) -> JsonObject:
        """PodMetrics or NodeMetrics."""
        env, is_pod = usage.env, usage.env.key.resource == PODS
        meta: dict[str, Any] = {"name": env.name}
        if is_pod:
            meta["namespace"] = env.namespace
        sampled = self._api.clock.now() // _RESOLUTION * _RESOLUTION
        meta["creationTimestamp"] = rfc3339(self._api.clock.now())
        if env.labels:
            meta["labels"] = dict(env.labels)
        meta["annotations"] = SIMULATED
        obj: JsonObject = {
            "kind": "PodMetrics" if is_pod else "NodeMetrics", "apiVersion": API_VERSION, "metadata": meta,
            "timestamp": rfc3339(sampled), "window": f"{_RESOLUTION // SECOND}s",
        }  # fmt: skip
        if is_pod:
            obj["containers"] = [{"name": n, "usage": _quantities(stats)} for n, stats in usage.containers.items()]
        else:
            obj["usage"] = _quantities(usage.total)
        return obj

    def find(self, resource: str, namespace: str, name: str) -> JsonObject | None:
        """One PodMetrics (`pods`) or NodeMetrics (`nodes`); None when it is not reported. Raises NotFound."""
        if resource == "pods":
            usage = self.pod(self._api.get(PODS, namespace, name))
        else:
            usage = self.node(self._api.get(NODES, "", name))
        return self.object_of(usage) if usage is not None else None

    def list(self, resource: str, namespace: str | None, labels: str = "", fields: str = "") -> list[JsonObject]:
        """Objects of all pods or nodes that are reported and match."""
        if resource == "pods":
            found = self.pods(self._api.list(PODS, namespace, labels=labels, fields=fields).items)
        else:
            found = self.nodes(self._api.list(NODES, labels=labels, fields=fields).items)
        return [self.object_of(usage) for usage in found]


def allocatable(node: Envelope) -> Stats:
    """What a node can give."""
    given = (node.obj.get("status") or {}).get("allocatable") or {}
    return Stats(milli(given.get("cpu", 0)), units(given.get("memory", 0)))


def _sum(stats: Iterable[Stats]) -> Stats:
    cpu = memory = 0
    for each in stats:
        cpu += each.cpu
        memory += each.memory
    return Stats(cpu, memory)


def _quantities(stats: Stats) -> dict[str, str]:
    """As metrics-server writes them: nanocores and kibibytes."""
    return {"cpu": f"{stats.cpu * 1_000_000}n" if stats.cpu else "0", "memory": f"{-(-stats.memory // 1024)}Ki"}
