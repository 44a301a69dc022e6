"""A small world for controllers: store, API and loop on a stepped clock, with the controllers that a test names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from engine.api.errors import Forbidden
from engine.api.kinds import DEPLOYMENTS, EVENTS, NAMESPACES, PODS, REPLICASETS, SERVICEACCOUNTS, builtin_kinds
from engine.api.server import Api, Caller, DeleteOptions
from engine.clock import SECOND, Clock, parse_time, rfc3339, seconds
from engine.cloud.registry import chosen_provider
from engine.controllers.controller import ControllerRunner
from engine.controllers.registry import CONTROLLERS, ControllerContext
from engine.flags import Flags
from engine.informers import Informers
from engine.loop import Loop
from engine.seed import Seed
from store.store import Store
from store.types import Envelope, JsonObject, Resource, WatchEvent

START = parse_time("2026-11-23T09:00:00Z")
USER = Caller("tester")
KUBELET = Caller("system:node:fake")


class World:
    """Everything a controller needs, and a record of what is written."""

    def __init__(self, controllers: Iterable[str], flags: dict[str, str] | None = None) -> None:
        self.store = Store()
        self.clock = Clock(START)
        self.loop = Loop(self.clock, on_crash=self._crash)
        self.seed = Seed(7)
        self.api = Api(self.store, self.clock, self.seed, builtin_kinds(), Flags(flags))
        self.informers = Informers(self.store, self.loop)
        self.cloud = chosen_provider(Flags(flags), self.api)
        self.log: list[WatchEvent] = []
        self.crashes: list[BaseException] = []
        self.store.listen(self.log.append)
        for name in ("default", "kube-system"):
            self.namespace(name)
        self.runners = {
            name: ControllerRunner(
                CONTROLLERS[name](
                    ControllerContext(self.api, self.clock, self.seed, name, Flags(flags), cloud=self.cloud)
                ),
                self.api, self.clock, self.loop, self.informers, on_crash=lambda _, error: self.crashes.append(error),
            )
            for name in controllers
        }  # fmt: skip
        for runner in self.runners.values():
            runner.start()
        self.settle()

    def _crash(self, error: BaseException) -> None:
        self.crashes.append(error)

    # -- time ------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Work of the present instant."""
        self.loop.settle()
        assert not self.crashes, self.crashes

    def run(self, span_seconds: float) -> None:
        self.loop.run_until(self.clock.now() + seconds(span_seconds))
        assert not self.crashes, self.crashes

    @property
    def elapsed(self) -> float:
        """Seconds of cluster time since the start."""
        return (self.clock.now() - START) / SECOND

    # -- objects ---------------------------------------------------------------------------------------------------

    def create(self, resource: Resource, obj: JsonObject, namespace: str = "default") -> Envelope:
        return self.api.create(USER, resource, namespace, obj)

    def namespace(self, name: str) -> None:
        """A namespace in which pods can be created."""
        self.api.create(USER, NAMESPACES, "", {"metadata": {"name": name}})
        self.api.create(USER, SERVICEACCOUNTS, name, {"metadata": {"name": "default"}})

    def edit(
        self, resource: Resource, name: str, change: Callable[[JsonObject], JsonObject], namespace: str = "default"
    ) -> Envelope:
        """Update with what `change` makes of the present object."""
        env = self.api.get(resource, namespace, name)
        return self.api.update(USER, resource, namespace, name, change(env.obj))

    def spec(self, resource: Resource, name: str, **fields: Any) -> Envelope:
        """Set fields of the spec."""
        return self.edit(resource, name, lambda obj: {**obj, "spec": {**obj["spec"], **fields}})

    def pods(self) -> list[Envelope]:
        return list(self.store.list(PODS))

    def live_pods(self) -> list[Envelope]:
        return [pod for pod in self.pods() if "deletionTimestamp" not in pod.obj["metadata"]]

    def sets(self) -> list[Envelope]:
        """ReplicaSets, oldest revision first."""
        mark = "deployment.kubernetes.io/revision"
        return sorted(
            self.store.list(REPLICASETS),
            key=lambda env: (int((env.obj["metadata"].get("annotations") or {}).get(mark, 0)), env.name),
        )

    def deployment(self, name: str = "web") -> JsonObject:
        return self.api.get(DEPLOYMENTS, "default", name).obj

    def events(self, reason: str = "") -> list[tuple[str, str, str, int]]:
        """(type, reason, message, count), oldest first."""
        found = [env for env in self.store.list(EVENTS) if not reason or env.obj["reason"] == reason]
        found.sort(key=lambda env: env.name.rsplit(".", 1)[-1])
        return [
            (env.obj["type"], env.obj["reason"], env.obj["message"], env.obj.get("count", 0)) for env in found
        ]  # fmt: skip

    def messages(self, reason: str = "") -> list[str]:
        return [message for _, _, message, _ in self.events(reason)]

    def writes(self, *resources: Resource) -> list[str]:
        """What was written since the last call, as `MODIFIED replicasets.apps default/web`."""
        lines = [
            f"{event.type} {event.now.key}"
            for event in self.log
            if not resources or event.now.key.resource in resources
        ]
        self.log.clear()
        return lines

    def refuse_pods(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """No pod may be created until the patch is undone. When it was tried, in seconds since the start."""
        create: Callable[..., Envelope] = self.api.create
        tries: list[float] = []

        def refuse(caller: Caller, resource: Resource, namespace: str, obj: JsonObject, **options: Any) -> Envelope:
            if resource == PODS:
                tries.append(self.elapsed)
                raise Forbidden(f'pods "{obj["metadata"]["generateName"]}" is forbidden: exceeded quota: q')
            return create(caller, resource, namespace, obj, **options)

        monkeypatch.setattr(self.api, "create", refuse)
        return tries

    # -- fake kubelets -----------------------------------------------------------------------------------------------

    def report(self, pod: Envelope, ready: bool = True, phase: str = "Running", restarts: int = 0) -> None:
        """A kubelet's word about a pod."""
        condition = {
            "type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": rfc3339(self.clock.now()),
        }  # fmt: skip
        container = {"name": "c", "restartCount": restarts, "image": "i", "imageID": "", "ready": ready}
        status = {"phase": phase, "conditions": [condition], "containerStatuses": [container]}
        self.api.update_status(KUBELET, self.api.get(PODS, pod.namespace, pod.name), status)

    def gone(self, name: str, namespace: str = "default") -> None:
        """A kubelet has stopped a pod's containers."""
        self.api.delete(KUBELET, PODS, namespace, name, DeleteOptions(grace_period_seconds=0))

    def all_ready(self) -> None:
        """Every pod that is not being deleted runs and is ready."""
        for pod in self.live_pods():
            conditions = (pod.obj.get("status") or {}).get("conditions", ())
            if not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
                self.report(pod)

    def roll_out(self, steps: int = 40) -> None:
        """Kubelets make all pods ready again and again, half a second apart, until nothing is written any more."""
        for _ in range(steps):
            head = self.store.revision
            self.run(0.5)
            self.all_ready()
            self.run(0.5)
            if self.store.revision == head:
                return


def workload(replicas: int, name: str = "web", image: str = "i:1", **spec: Any) -> JsonObject:
    """A Deployment or ReplicaSet."""
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": image}], "terminationGracePeriodSeconds": 30},
            },
            **spec,
        },
    }
