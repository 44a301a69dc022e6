"""A cluster of simulated machines without scheduler and controllers: pods are bound by hand, time is virtual."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import EVENTS, IMAGES, NAMESPACES, NODES, PODS, SERVICEACCOUNTS, builtin_kinds
from engine.api.server import Api, Caller, DeleteOptions
from engine.clock import SECOND, Clock, parse_time
from engine.informers import Informers
from engine.kubelet.config import KubeletConfig
from engine.kubelet.kubelets import Kubelets
from engine.kubelet.streams import Streams
from engine.loop import Loop
from engine.seed import Seed
from store.store import Store
from store.types import Envelope, JsonObject

START = parse_time("2026-11-23T09:00:00Z")
USER = Caller("system:admin", "test", ("system:masters",))


class Machines:
    """Nodes, kubelets and pods bound by hand."""

    def __init__(self, store: Store | None = None, start: int = START, config: KubeletConfig | None = None) -> None:
        self.store = store or Store()
        self.clock = Clock(start)
        self.loop = Loop(self.clock, on_crash=self._crashed)
        self.seed = Seed(7, self.store.revision)
        self.api = Api(self.store, self.clock, self.seed, builtin_kinds())
        self.informers = Informers(self.store, self.loop)
        self.kubelets = Kubelets(
            self.api, self.clock, self.loop, self.informers, self.seed, config or KubeletConfig()
        )  # fmt: skip
        self.streams = Streams(self.api, self.clock, self.informers, self.kubelets)
        self.crashes: list[BaseException] = []
        for name in ("default", "kube-node-lease"):
            if self.api.find(NAMESPACES, "", name) is None:
                self.api.create(USER, NAMESPACES, "", {"metadata": {"name": name}})
        if self.api.find(SERVICEACCOUNTS, "default", "default") is None:
            self.api.create(USER, SERVICEACCOUNTS, "default", {"metadata": {"name": "default"}})
        self.kubelets.start()
        self.loop.settle()

    def _crashed(self, error: BaseException) -> None:
        self.crashes.append(error)

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return (self.clock.now() - START) / SECOND

    def run(self, seconds: float) -> None:
        """Play cluster time."""
        self.loop.run_until(self.clock.now() + round(seconds * SECOND))
        assert not self.crashes, self.crashes

    def node(self, name: str = "n1", ready: bool = True, **metadata: Any) -> Envelope:
        """A new node, by default after its kubelet has made it ready."""
        self.api.create(USER, NODES, "", {"metadata": {"name": name, **metadata}})
        self.run(2 if ready else 0)
        return self.api.get(NODES, "", name)

    def image(self, name: str, **spec: Any) -> None:
        """Declare an Image."""
        self.api.create(USER, IMAGES, "", {"metadata": {"name": name}, "spec": spec})

    def pod(
        self, name: str = "p", node: str = "n1", annotations: dict[str, str] | None = None,
        containers: list[JsonObject] | None = None, **spec: Any,
    ) -> Envelope:  # fmt: skip
        """A pod bound to a node; with one container `c` of image nginx:1.27 unless told."""
        containers = [{"name": "c", "image": "nginx:1.27", **(c or {})} for c in containers or [{}]]
        meta: JsonObject = {"name": name} | ({"annotations": annotations} if annotations else {})
        self.api.create(
            USER, PODS, "default",
            {"metadata": meta, "spec": {"containers": containers, **spec}, "status": {"phase": "Pending"}},
        )  # fmt: skip
        return self.api.bind(Caller("system:kube-scheduler"), "default", name, node)

    def delete(self, name: str = "p", grace: int | None = None) -> None:
        self.api.delete(USER, PODS, "default", name, DeleteOptions(grace_period_seconds=grace))

    def annotate_node(self, name: str, **notes: str) -> None:
        env = self.api.get(NODES, "", name)
        annotations = {
            **(env.obj["metadata"].get("annotations") or {}),
            **{f"kubarium.dev/{k}": v for k, v in notes.items()},
        }
        obj = {**env.obj, "metadata": {**env.obj["metadata"], "annotations": annotations}}
        self.api.update(USER, NODES, "", name, obj)

    def exists(self, name: str = "p") -> bool:
        return self.api.find(PODS, "default", name) is not None

    def status(self, name: str = "p") -> JsonObject:
        status: JsonObject = self.api.get(PODS, "default", name).obj["status"]
        return status

    def container(self, name: str = "p", index: int = 0, kind: str = "containerStatuses") -> JsonObject:
        status: JsonObject = self.status(name)[kind][index]
        return status

    def conditions(self, name: str = "p") -> dict[str, str]:
        return {c["type"]: c["status"] for c in self.status(name).get("conditions", ())}

    def events(self, name: str = "p") -> list[tuple[str, str, str]]:
        """(type, reason, message) of the events about an object, in the order in which they were made."""
        found = [e for e in self.store.list(EVENTS) if e.obj["involvedObject"]["name"] == name]
        found.sort(key=lambda e: (e.obj["firstTimestamp"], e.name))
        return [(e.obj["type"], e.obj["reason"], e.obj["message"]) for e in found]

    def reasons(self, name: str = "p") -> list[str]:
        return [reason for _, reason, _ in self.events(name)]

    def when(self, name: str = "p", limit: float = 1200, **wanted: Any) -> float:
        """Seconds since the start at which the pod's first container's state is as wanted; looks every 10 ms."""
        end = self.clock.now() + round(limit * SECOND)
        while self.clock.now() < end:
            if self.exists(name) and all(_fits(self, name, key, value) for key, value in wanted.items()):
                return self.now
            self.run(0.01)
        raise AssertionError(f"never {wanted}: {self.status(name) if self.exists(name) else 'gone'}")

    def restart(self) -> Machines:
        """The process ends and starts again on the same store at the same instant."""
        copy = Store()
        for resource in (NAMESPACES, SERVICEACCOUNTS, NODES, PODS, IMAGES, EVENTS):
            for env in self.store.list(resource):
                meta = dict(env.obj["metadata"])
                copy.put(env.key, {**env.obj, "metadata": meta}, USER.author, self.clock.now())
        return Machines(copy, self.clock.now())


def _fits(machines: Machines, name: str, key: str, value: Any) -> bool:
    status = machines.status(name)
    if key == "phase":
        return bool(status.get("phase") == value)
    found = (status.get("containerStatuses") or [{}])[0]
    if key == "state":
        return value in found.get("state", {})
    if key == "reason":
        return any(s.get("reason") == value for s in found.get("state", {}).values())
    return bool(found.get(key) == value)
