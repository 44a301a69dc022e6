"""Manifests and a small cluster for tests of Jobs and CronJobs."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import EVENTS, JOBS, NODES, PODS
from engine.api.server import Caller
from engine.clock import Clock, parse_time, rfc3339, seconds
from engine.cluster import Cluster, ClusterOptions
from store.store import Store
from store.types import Envelope, JsonObject, Resource
from tests.engine.controllers.world import KUBELET, World

USER = Caller("tester")


def job_spec(annotations: dict[str, str] | None = None, pod: dict[str, Any] | None = None, **spec: Any) -> JsonObject:
    """A Job's spec; `pod` are fields of the pod's spec."""
    pod_spec = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}], **(pod or {})}
    return {"template": {"metadata": {"annotations": annotations or {}}, "spec": pod_spec}, **spec}


def job(
    name: str = "j", annotations: dict[str, str] | None = None, pod: dict[str, Any] | None = None, **spec: Any
) -> JsonObject:
    return {"metadata": {"name": name}, "spec": job_spec(annotations, pod, **spec)}


def indexed(completions: int, parallelism: int | None = None, **spec: Any) -> JsonObject:
    parallelism = completions if parallelism is None else parallelism
    return job(completionMode="Indexed", completions=completions, parallelism=parallelism, **spec)


def status(world: World, name: str = "j") -> JsonObject:
    return dict(world.api.get(JOBS, "default", name).obj.get("status") or {})


def conditions(world: World, name: str = "j") -> list[tuple[str, str, str]]:
    """(type, status, reason)."""
    return [(c["type"], c["status"], c["reason"]) for c in status(world, name).get("conditions") or ()]


def end(world: World, pod: Envelope, code: int = 0) -> None:
    """A kubelet's word that a pod's container has exited."""
    stamp = world.api.clock.now()
    terminated = {"exitCode": code, "finishedAt": rfc3339(stamp), "startedAt": rfc3339(stamp)}
    new = {
        "phase": "Failed" if code else "Succeeded",
        "containerStatuses": [
            {"name": "c", "restartCount": 0, "image": "i", "imageID": "", "ready": False,
             "state": {"terminated": terminated}}
        ],
    }  # fmt: skip
    world.api.update_status(KUBELET, world.api.get(PODS, pod.namespace, pod.name), new)


def waiting(world: World) -> list[Envelope]:
    """Pods that have not ended and are not being deleted."""
    return [pod for pod in world.live_pods() if pod.obj["status"]["phase"] not in ("Succeeded", "Failed")]


def end_all(world: World, code: int = 0) -> None:
    for pod in waiting(world):
        end(world, pod, code)


class SmallCluster:
    """A whole cluster on the stepped clock."""

    def __init__(self, start: str = "2026-11-23T09:00:00Z", machines: int = 1) -> None:
        self.cluster = Cluster(Store(), Clock(parse_time(start)), ClusterOptions(seed=7))
        self.api, self.store = self.cluster.api, self.cluster.store
        self.cluster.start(stepped=True)
        amounts = {"cpu": "64", "memory": "256Gi", "pods": "500"}
        for number in range(machines):
            node = {
                "metadata": {"name": f"n{number}"}, "spec": {},
                "status": {"capacity": amounts, "allocatable": amounts},
            }  # fmt: skip
            self.api.create(USER, NODES, "", node)

    def create(self, resource: Resource, obj: JsonObject) -> Envelope:
        return self.api.create(USER, resource, "default", obj)

    def run(self, span: float) -> None:
        self.cluster.run_for(seconds(span))
        assert self.cluster.crashes == 0

    def until(self, instant: str) -> None:
        self.cluster.loop.run_until(parse_time(instant))
        assert self.cluster.crashes == 0

    def get(self, resource: Resource, name: str) -> JsonObject:
        return self.api.get(resource, "default", name).obj

    def said(self, name: str, reason: str) -> list[tuple[str, str]]:
        """(time, message) of events about an object."""
        return [
            (event.obj["firstTimestamp"][11:19], event.obj["message"])
            for event in self.store.list(EVENTS)
            if event.obj["involvedObject"]["name"] == name and event.obj["reason"] == reason
        ]
