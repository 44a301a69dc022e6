"""A whole cluster of three nodes in three zones, for stories of storage on virtual time."""

from __future__ import annotations

from engine.api.kinds import EVENTS, LEASES, NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from engine.api.server import Caller
from engine.clock import SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.controllers.persistent_volume.driver import ZONE
from store.store import Store
from store.types import Envelope, JsonObject
from tests.engine.controllers.volumes import storage_class

USER = Caller("tester")
LAZY = storage_class("lazy", volumeBindingMode="WaitForFirstConsumer")


class Town:
    """A cluster of three nodes in three zones."""

    def __init__(self, store: Store | None = None) -> None:
        """`store`: that of an earlier town, which goes on."""
        begin = parse_time("2026-11-23T09:00:00Z") if store is None or not store.revision else _latest(store)
        self.cluster = Cluster(store or Store(), Clock(begin), ClusterOptions(seed=3))
        self.cluster.start(stepped=True)
        self.api = self.cluster.api
        for zone in "abc":
            labels = {ZONE: zone, "kubernetes.io/hostname": f"node-{zone}"}
            if self.api.find(NODES, "", f"node-{zone}") is None:
                self.api.create(USER, NODES, "", {"metadata": {"name": f"node-{zone}", "labels": labels}})
        self.run(60)

    def stop_kubelet(self, node: str) -> None:
        self._kubelet(node, "stopped")

    def start_kubelet(self, node: str) -> None:
        self._kubelet(node, None)

    def _kubelet(self, node: str, state: str | None) -> None:
        patch = {"metadata": {"annotations": {"kubarium.dev/kubelet": state}}}
        self.api.patch(USER, NODES, "", node, "merge", patch)

    def run(self, seconds: float) -> None:
        self.cluster.run_for(int(seconds * SECOND))
        assert not self.cluster.crashes

    def make(self, *objects: JsonObject) -> None:
        for obj in objects:
            if "provisioner" in obj:
                self.api.create(USER, STORAGECLASSES, "", obj)
            elif "containers" in obj["spec"]:
                self.api.create(USER, PODS, "default", obj)
            elif "capacity" in obj["spec"]:
                self.api.create(USER, PERSISTENTVOLUMES, "", obj)
            else:
                self.api.create(USER, PERSISTENTVOLUMECLAIMS, "default", obj)

    def node_of(self, name: str) -> str:
        """Where a pod runs; "" while it does not."""
        obj = self.api.get(PODS, "default", name).obj
        return str(obj["spec"].get("nodeName", "")) if obj["status"]["phase"] == "Running" else ""

    def claim(self, name: str) -> Envelope:
        return self.api.get(PERSISTENTVOLUMECLAIMS, "default", name)

    def volume_of(self, name: str) -> str:
        return str(self.claim(name).obj["spec"].get("volumeName", ""))

    def why(self, name: str) -> str:
        """The scheduler's word about a pod."""
        conditions = self.api.get(PODS, "default", name).obj["status"].get("conditions") or ()
        return str(next((c.get("message", "") for c in conditions if c["type"] == "PodScheduled"), ""))

    def messages(self, reason: str) -> list[str]:
        return [env.obj.get("message", "") for env in self.api.store.list(EVENTS) if env.obj["reason"] == reason]


def _latest(store: Store) -> int:
    """When the store was last written: the latest stamp of a lease."""
    return max(parse_time(env.obj["spec"]["renewTime"][:19] + "Z") for env in store.list(LEASES))
