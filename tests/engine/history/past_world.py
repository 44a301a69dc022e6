"""A whole cluster on virtual time whose past can be asked: three machines, two namespaces, a watched folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.api.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS
from engine.api.server import Caller, DeleteOptions
from engine.client import UndoResult
from engine.clock import MINUTE, SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.history.declared import UNDECLARED, declared
from engine.history.requests import HistoryRequests
from store.store import Store
from store.types import JsonObject, Resource

START = parse_time("2026-11-23T09:00:00Z")
STATEFULSETS = Resource("apps", "statefulsets")
SERVICES = Resource("", "services")
SHOP = "shop"
_MADE_BY_THE_CLUSTER = {"kube-root-ca.crt", "default", "kubernetes"}
ADMIN = ("system:masters", "system:authenticated")


def node(name: str) -> JsonObject:
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"capacity": {"cpu": "8", "memory": "16Gi", "pods": "110"}},
    }  # fmt: skip


def workload(kind: str, name: str, replicas: int = 2, image: str = "nginx:1") -> JsonObject:
    labels = {"app": name}
    spec: JsonObject = {
        "replicas": replicas, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}},
    }  # fmt: skip
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


class PastWorld:
    """A cluster, and its past."""

    def __init__(self, folder: Path | None = None) -> None:
        self.cluster = Cluster(
            Store(), Clock(START), ClusterOptions(seed=7, folder=str(folder) if folder is not None else None)
        )
        self.cluster.start(stepped=True)
        self.api, self.store = self.cluster.api, self.cluster.store
        self.past = HistoryRequests(self.api, self.cluster.loop, "kubernetes-admin")
        self._folder = folder
        self._intents = 0
        setup = Caller("setup", groups=ADMIN)
        for name in ("one", "two", "three"):
            self.api.create(setup, NODES, "", node(name))
        self.api.create(setup, NAMESPACES, "", {"metadata": {"name": SHOP}})
        self.run(5)

    def run(self, seconds: float) -> None:
        self.cluster.run_for(int(seconds * SECOND))

    def settle(self) -> None:
        """Long enough for graceful deletions and the namespace controller."""
        self.cluster.run_for(MINUTE)

    def caller(self, what: str) -> Caller:
        """The administrator, in a new action."""
        self._intents += 1
        return Caller("kubernetes-admin", f"t-{self._intents} {what}", ADMIN)

    # -- actions ---------------------------------------------------------------------------------------------------

    def create(self, resource: Resource, obj: JsonObject, namespace: str = SHOP) -> None:
        what = f"create {obj['metadata']['name']}"
        self.api.create(self.caller(what), resource, namespace, obj, field_validation="Strict")

    def patch(self, resource: Resource, name: str, patch: Any, namespace: str = SHOP, subresource: str = "") -> None:
        self.api.patch(
            self.caller(f"edit {name}"), resource, namespace, name, "merge", patch, subresource=subresource,
            field_validation="Strict",
        )  # fmt: skip

    def delete(
        self, resource: Resource, name: str, namespace: str = SHOP, options: DeleteOptions = DeleteOptions()
    ) -> None:
        self.api.delete(self.caller(f"delete {name}"), resource, namespace, name, options)

    def drain(self, name: str) -> None:
        caller = self.caller(f"drain {name}")
        self.api.patch(caller, NODES, "", name, "merge", {"spec": {"unschedulable": True}}, field_validation="Strict")
        for pod in self.store.list(PODS):
            if pod.obj["spec"].get("nodeName") == name:
                self.api.evict(caller, pod.namespace, pod.name)

    def save(self, text: str) -> None:
        """The watched folder has one file with this text."""
        folder = self.cluster.folder
        assert folder is not None
        assert self._folder is not None
        (self._folder / "saved.yaml").write_text(text)
        folder.load(folder.watcher.read_all())

    def undo(self, intent: str | None = None) -> UndoResult:
        """Undo an action, the last one by default."""
        deeds = self.past.deeds(intent)
        assert deeds is not None
        self._intents += 1
        return self.past.undo(deeds, f"t-{self._intents} undo {deeds.intent.id}")

    # -- looking ---------------------------------------------------------------------------------------------------

    def declared(self) -> dict[str, JsonObject]:
        """What people declared, by key: nothing that a controller or the cluster itself made."""
        found = {}
        for kind in self.api.kinds.all():
            if not kind.stored or kind.stored_as in UNDECLARED or kind.kind in ("Endpoints", "ControllerRevision"):
                continue
            for env in self.store.list(kind.stored_as):
                owners = env.obj["metadata"].get("ownerReferences") or ()
                if env.namespace in ("kube-system", "kube-public", "kube-node-lease", "default"):
                    continue
                if any(owner.get("controller") for owner in owners) or env.name in _MADE_BY_THE_CLUSTER:
                    continue
                found[str(env.key)] = _essence(kind.stored_as, env.obj)
        return found

    def names(self, resource: Resource, namespace: str = SHOP) -> list[str]:
        return [env.name for env in self.store.list(resource, namespace)]

    def get(self, resource: Resource, name: str, namespace: str = SHOP) -> JsonObject:
        return self.api.get(resource, namespace, name).obj


def _essence(resource: Resource, obj: JsonObject) -> JsonObject:
    """The declared part, without where a pod was put."""
    new = declared(obj)
    if resource == PODS:
        spec = {name: value for name, value in new["spec"].items() if name not in ("nodeName", "volumes")}
        spec["containers"] = [{**each, "volumeMounts": []} for each in spec["containers"]]
        new["spec"] = spec
    return new


__all__ = ["CONFIGMAPS", "DEPLOYMENTS", "SERVICES", "SHOP", "START", "STATEFULSETS", "PastWorld", "workload"]
