"""A small world for the scheduler: store, API and loop on a stepped clock; nodes and pods as the tests make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.api.kinds import EVENTS, NAMESPACES, NODES, PODS, builtin_kinds
from engine.api.server import Api, Caller, DeleteOptions
from engine.clock import Clock, parse_time
from engine.events import SeriesRecorder
from engine.informers import Informers
from engine.loop import Loop
from engine.scheduler.config import SchedulerConfig
from engine.scheduler.framework import Plugin
from engine.scheduler.plugins import default_plugins
from engine.scheduler.scheduler import Scheduler
from engine.seed import Seed
from store.store import Store
from store.types import Envelope, JsonObject

START = parse_time("2026-11-23T09:00:00Z")
USER = Caller("tester")
NAMESPACE = "default"


def resources(**requests: str) -> JsonObject:
    """`resources(cpu="1")`; `nvidia.com/gpu` and the like by `**{...}`."""
    return {"requests": dict(requests)}


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
        self.api.create(USER, NAMESPACES, "", {"metadata": {"name": NAMESPACE}})
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
        env = self.api.create(USER, NODES, "", {"metadata": {"name": name, "labels": all_labels}, "spec": spec})
        offered = {"cpu": cpu, "memory": memory, "pods": pods, **extended}
        return self.api.update_status(USER, env, {"capacity": offered, "allocatable": offered})

    def change_node(self, name: str, **spec: Any) -> Envelope:
        """Replace fields of the spec."""
        env = self.api.get(NODES, "", name)
        return self.api.update(USER, NODES, "", name, {**env.obj, "spec": {**env.obj.get("spec", {}), **spec}})

    def pod(self, name: str, spec: JsonObject | None = None, **metadata: Any) -> Envelope:
        obj = {"metadata": {"name": name, **metadata}, "spec": pod_spec() if spec is None else spec}
        return self.api.create(USER, PODS, NAMESPACE, obj)

    def end(self, name: str) -> None:
        """The pod has succeeded."""
        env = self.api.get(PODS, NAMESPACE, name)
        self.api.update_status(USER, env, {**env.obj["status"], "phase": "Succeeded"})

    def delete(self, name: str) -> None:
        self.api.delete(USER, PODS, NAMESPACE, name, DeleteOptions(grace_period_seconds=0))

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
