"""A small world for the scheduler: store, API and loop on a stepped clock.

What a test sets up goes straight into the store, so that a pod is exactly what the test says (the API would add
defaults and admission's fields); what the scheduler writes goes through the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.api.kinds import EVENTS, NAMESPACES, NODES, PODS, SERVICES, builtin_kinds
from engine.api.server import Api, Caller
from engine.clock import Clock, parse_time, rfc3339
from engine.events import SeriesRecorder
from engine.informers import Informers
from engine.loop import Loop
from engine.scheduler.config import SchedulerConfig
from engine.scheduler.framework import Plugin
from engine.scheduler.plugins import default_plugins
from engine.scheduler.scheduler import Scheduler
from engine.seed import Seed
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey, Resource

START = parse_time("2026-11-23T09:00:00Z")
USER = Caller("tester")
NAMESPACE = "default"


def pod_spec(cpu: str = "", memory: str = "", **spec: Any) -> JsonObject:
    """A spec with one container."""
    requests = {name: value for name, value in (("cpu", cpu), ("memory", memory)) if value}
    container = {"name": "c", "image": "i", "resources": {"requests": requests} if requests else {}}
    return {"containers": [container], **spec}


class SchedulerWorld:
    """Events are delivered and pods tried by `settle` (no time passes) and `play` (time does)."""

    def __init__(
        self, config: SchedulerConfig = SchedulerConfig(), seed: int = 7,
        plugins: Callable[[Api, Caller], list[Plugin]] = default_plugins,
    ) -> None:  # fmt: skip
        self.store = Store()
        self.clock = Clock(START)
        self.crashes: list[BaseException] = []
        self.loop = Loop(self.clock, on_crash=self.crashes.append)
        self.seed = Seed(seed)
        self.api = Api(self.store, self.clock, self.seed, builtin_kinds())
        self.informers = Informers(self.store, self.loop)
        self._create(NAMESPACES, "v1", "Namespace", "", {"name": NAMESPACE}, status={"phase": "Active"})
        self.scheduler = Scheduler(
            self.api, self.clock, self.loop, self.informers, self.seed,
            SeriesRecorder(self.api, "default-scheduler", "test"), self.store, config, plugins,
        )  # fmt: skip
        self.scheduler.start()

    def settle(self) -> None:
        self.loop.settle()
        assert not self.crashes, self.crashes

    def play(self, span: int) -> None:
        self.loop.run_until(self.clock.now() + span)
        assert not self.crashes, self.crashes

    # -- writing ---------------------------------------------------------------------------------------------------

    def node(
        self, name: str, cpu: str = "4", memory: str = "16Gi", pods: str = "110",
        labels: Mapping[str, str] | None = None,
        taints: Sequence[JsonObject] = (), unschedulable: bool = False, **extended: str,
    ) -> Envelope:  # fmt: skip
        spec: JsonObject = {"taints": list(taints)} if taints else {}
        if unschedulable:
            spec["unschedulable"] = True
        all_labels = {"kubernetes.io/hostname": name, **(labels or {})}
        offered = {"cpu": cpu, "memory": memory, "pods": pods, **extended}
        return self._create(
            NODES, "v1", "Node", "",
            {"name": name, "labels": all_labels}, spec=spec, status={"capacity": offered, "allocatable": offered},
        )  # fmt: skip

    def change(self, resource: Resource, name: str, **parts: Any) -> Envelope:
        """Replace fields of metadata, spec or status: `change(NODES, "a", spec={"unschedulable": True})`."""
        env = self.api.get(resource, "" if resource == NODES else NAMESPACE, name)
        obj = {**env.obj, "metadata": dict(env.obj["metadata"])}
        for part, fields in parts.items():
            obj[part] = {**obj.get(part, {}), **fields}
        return self.store.put(env.key, obj, USER.author, self.clock.now())

    def pod(self, name: str, spec: JsonObject | None = None, **metadata: Any) -> Envelope:
        meta = {"name": name, "namespace": NAMESPACE, **metadata}
        spec = pod_spec() if spec is None else spec
        return self._create(PODS, "v1", "Pod", NAMESPACE, meta, spec=spec, status={"phase": "Pending"})

    def service(self, name: str, selector: JsonObject) -> Envelope:
        return self._create(
            SERVICES, "v1", "Service", NAMESPACE, {"name": name, "namespace": NAMESPACE}, spec={"selector": selector}
        )  # fmt: skip

    def end(self, name: str) -> None:
        """The pod has succeeded."""
        self.change(PODS, name, status={"phase": "Succeeded"})

    def delete(self, name: str, resource: Resource = PODS) -> None:
        """At once."""
        env = self.api.get(resource, "" if resource == NODES else NAMESPACE, name)
        self.store.delete(env.key, USER.author, self.clock.now())

    def _create(
        self, resource: Resource, version: str, kind: str, namespace: str, meta: JsonObject, **parts: JsonObject
    ) -> Envelope:
        meta |= {"uid": self.seed.uid(), "creationTimestamp": rfc3339(self.clock.now()), "generation": 1}
        key = ObjectKey(*resource, namespace, meta["name"])
        obj = {"apiVersion": version, "kind": kind, "metadata": meta, **parts}
        return self.store.put(key, obj, USER.author, self.clock.now())

    # -- reading ---------------------------------------------------------------------------------------------------

    def node_of(self, pod: str) -> str:
        """Name of the pod's node, "" without one."""
        return str(self.api.get(PODS, NAMESPACE, pod).obj["spec"].get("nodeName", ""))

    def condition(self, pod: str) -> JsonObject:
        """PodScheduled; empty without it."""
        status = self.api.get(PODS, NAMESPACE, pod).obj.get("status") or {}
        found: JsonObject = next((c for c in status.get("conditions") or () if c["type"] == "PodScheduled"), {})
        return found

    def message(self, pod: str) -> str:
        return str(self.condition(pod).get("message", ""))

    def events(self, reason: str = "") -> list[JsonObject]:
        return [e.obj for e in self.store.list(EVENTS) if not reason or e.obj["reason"] == reason]

    def where(self, pod: str) -> str:
        """Place in the queue, "" when it is in none."""
        queued = self.scheduler.queue.get(self.api.get(PODS, NAMESPACE, pod).uid)
        return queued.where if queued is not None else ""
