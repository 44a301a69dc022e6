"""Storage through the whole cluster on virtual time: claim → pod → node → volume, and what goes wrong on the way."""

from __future__ import annotations

import pytest

from engine.api.kinds import (
    EVENTS,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    STORAGECLASSES,
)
from engine.api.server import Caller
from engine.clock import SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.controllers.persistent_volume.driver import ZONE
from engine.scheduler.volumes import CSINODES
from store.store import Store
from store.types import Envelope, JsonObject
from tests.engine.controllers.volumes import claim, pod, storage_class, volume

USER = Caller("tester")
LAZY = storage_class("lazy", volumeBindingMode="WaitForFirstConsumer")


class Town:
    """A cluster of three nodes in three zones."""

    def __init__(self) -> None:
        self.cluster = Cluster(Store(), Clock(parse_time("2026-11-23T09:00:00Z")), ClusterOptions(seed=3))
        self.cluster.start(stepped=True)
        self.api = self.cluster.api
        for zone in "abc":
            labels = {ZONE: zone, "kubernetes.io/hostname": f"node-{zone}"}
            self.api.create(USER, NODES, "", {"metadata": {"name": f"node-{zone}", "labels": labels}})
        self.run(60)

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


@pytest.fixture
def town() -> Town:
    return Town()


def test_a_volume_is_made_where_the_pod_goes(town: Town) -> None:
    """WaitForFirstConsumer: node first, then the volume in its zone, then the pod is bound."""
    town.make(LAZY, claim("data", "lazy"), pod("db", "data", nodeSelector={ZONE: "b"}))
    town.run(1)
    assert town.why("db") == ""
    assert town.claim("data").obj["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == "node-b"
    assert town.messages("WaitForPodScheduled") == ["waiting for pod db to be scheduled"]
    town.run(10)
    assert town.node_of("db") == "node-b"
    made = town.api.get(PERSISTENTVOLUMES, "", town.volume_of("data")).obj
    (term,) = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": ZONE, "operator": "In", "values": ["b"]}]
    town.make(pod("reader", "data"))
    town.run(10)
    assert town.node_of("reader") == "node-b"


def test_volumes_that_exist_are_taken_first(town: Town) -> None:
    """A local volume leads the pod to its node; each of two claims gets one of its own there."""
    town.make(storage_class("local", "kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer"))
    town.make(volume("one", "5Gi", "local", zone="c"), volume("two", "9Gi", "local", zone="c"))
    town.make(volume("far", "9Gi", "local", zone="a"))
    town.make(claim("x", "local", "6Gi"), claim("y", "local", "1Gi"))
    both = pod("db", "x")
    both["spec"]["volumes"].append({"name": "more", "persistentVolumeClaim": {"claimName": "y"}})
    town.run(1)
    town.make(both)
    town.run(10)
    assert town.node_of("db") == "node-c"
    assert (town.volume_of("x"), town.volume_of("y")) == ("two", "one")


def test_unbound_claims_hold_the_pod_back(town: Town) -> None:
    """Missing, then unbound, then bound: the scheduler says so, and the kubelet sees nothing of the pod before."""
    town.make(pod("db", "data"))
    town.run(5)
    assert town.why("db") == (
        '0/3 nodes are available: persistentvolumeclaim "data" not found. no new claims to deallocate, preemption: '
        "0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )
    town.make(claim("data"))
    town.run(5)
    assert town.why("db").startswith("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. ")
    town.make(volume("disk"))
    town.run(30)
    assert town.node_of("db")


def test_broken_21_claim_and_pod_wait_for_each_other(town: Town) -> None:
    """The class makes volumes in zone c only, the pod wants zone a: nobody moves until one of them does."""
    rule = {"key": ZONE, "values": ["c"]}
    town.make({**LAZY, "allowedTopologies": [{"matchLabelExpressions": [rule]}]})
    town.make(claim("data", "lazy"), pod("db", "data", nodeSelector={ZONE: "a"}))
    town.run(300)
    assert town.why("db").startswith(
        "0/3 nodes are available: 1 node(s) didn't find available persistent volumes to bind, 2 node(s) didn't match "
        "Pod's node affinity/selector. "
    )
    assert town.claim("data").obj["status"]["phase"] == "Pending"
    town.api.delete(USER, PODS, "default", "db")
    town.make(pod("db", "data", nodeSelector={ZONE: "c"}))
    town.run(10)
    assert town.node_of("db") == "node-c"


def test_a_volume_out_of_reach(town: Town) -> None:
    """A bound volume in one zone, a pod that wants another."""
    town.make(volume("disk", zone="a"), claim("data"))
    town.run(1)
    town.make(pod("db", "data", nodeSelector={ZONE: "b"}))
    town.run(5)
    assert town.why("db").startswith(
        "0/3 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 2 node(s) didn't match "
        "Pod's node affinity/selector. "
    )


def test_a_driver_that_never_answers(town: Town) -> None:
    """The pod waits ten minutes for its volume, then the attempt fails and says so; it goes on trying."""
    town.make(storage_class("ebs", "ebs.csi.aws.com", volumeBindingMode="WaitForFirstConsumer"))
    town.make(claim("data", "ebs"), pod("db", "data"))
    town.run(590)
    assert town.messages("FailedScheduling") == []
    town.run(20)
    assert town.messages("FailedScheduling") == [
        'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded'
    ]


def test_a_pod_that_goes_while_it_waits(town: Town) -> None:
    """Nothing is left of it on its node, and the next pod takes over the claim."""
    town.make(LAZY, claim("data", "lazy"), pod("db", "data"))
    town.run(1)
    town.api.delete(USER, PODS, "default", "db")
    town.run(1)
    assert all(not pods for pods in town.cluster.scheduler.nodes.pods)
    town.make(pod("other", "data"))
    town.run(10)
    assert town.node_of("other")


def test_stuck_protection(town: Town) -> None:
    """A claim deleted under a running pod is Terminating until the pod is gone; no other pod gets it meanwhile."""
    town.make(storage_class("now"), claim("data", "now"), pod("db", "data"))
    town.run(15)
    assert town.node_of("db")
    town.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", "data")
    town.make(pod("late", "data"))
    town.run(600)
    assert "deletionTimestamp" in town.claim("data").obj["metadata"]
    assert 'persistentvolumeclaim "data" is being deleted' in town.why("late")
    town.api.delete(USER, PODS, "default", "db")
    town.run(60)
    assert town.api.find(PERSISTENTVOLUMECLAIMS, "default", "data") is None
    assert not town.api.store.list(PERSISTENTVOLUMES)


def test_a_claim_for_one_pod_only(town: Town) -> None:
    """ReadWriteOncePod: the second pod waits until the first is gone."""
    town.make(storage_class("now"), claim("data", "now", mode="ReadWriteOncePod"), pod("first", "data"))
    town.run(15)
    town.make(pod("second", "data"))
    town.run(15)
    assert "3 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod" in town.why("second")
    town.api.delete(USER, PODS, "default", "first")
    town.run(60)
    assert town.node_of("second")


def test_a_node_takes_so_many_volumes(town: Town) -> None:
    """CSINode's allocatable count, over volumes and not pods."""
    for zone in "abc":
        driver = {"name": "csi.kubarium.dev", "nodeID": zone, "allocatable": {"count": 1}}
        town.api.create(USER, CSINODES, "", {"metadata": {"name": f"node-{zone}"}, "spec": {"drivers": [driver]}})
    town.make(LAZY, *[claim(f"data-{n}", "lazy") for n in range(4)], *[pod(f"db-{n}", f"data-{n}") for n in range(4)])
    town.run(30)
    placed = sorted(town.node_of(f"db-{n}") for n in range(4))
    assert placed == ["", "node-a", "node-b", "node-c"]
    (waiting,) = [n for n in range(4) if not town.node_of(f"db-{n}")]
    assert "3 node(s) exceed max volume count" in town.why(f"db-{waiting}")
    (running, *_) = [n for n in range(4) if n != waiting]
    town.make(pod("sharer", f"data-{running}"))
    town.run(10)
    assert town.node_of("sharer") == town.node_of(f"db-{running}")
    town.api.delete(USER, PODS, "default", "sharer")
    town.api.delete(USER, PODS, "default", f"db-{running}")
    town.run(60)
    assert town.node_of(f"db-{waiting}")


def test_the_same_seed_gives_the_same_log() -> None:
    """Volumes included."""
    logs = []
    for _ in range(2):
        town = Town()
        town.make(LAZY, *[claim(f"d-{n}", "lazy") for n in range(5)], *[pod(f"p-{n}", f"d-{n}") for n in range(5)])
        town.run(30)
        logs.append([env.raw for env in town.api.store.list(PERSISTENTVOLUMES)])
        logs[-1] += [env.raw for env in town.api.store.list(PODS)]
    assert logs[0] == logs[1]


def test_a_claim_grows(town: Town) -> None:
    """The volume at once, the file system when a pod runs with it; the claim's capacity follows the file system."""
    town.make({**LAZY, "allowVolumeExpansion": True}, claim("data", "lazy"), pod("db", "data"))
    town.run(15)
    town.api.delete(USER, PODS, "default", "db")
    town.run(60)
    obj = town.claim("data").obj
    wanted = {**obj, "spec": {**obj["spec"], "resources": {"requests": {"storage": "4Gi"}}}}
    town.api.update(USER, PERSISTENTVOLUMECLAIMS, "default", "data", wanted)
    town.run(10)
    status = town.claim("data").obj["status"]
    assert status["capacity"] == {"storage": "1Gi"}
    assert [condition["type"] for condition in status["conditions"]] == ["FileSystemResizePending"]
    made = town.api.get(PERSISTENTVOLUMES, "", town.volume_of("data"))
    assert made.obj["spec"]["capacity"] == {"storage": "4Gi"}
    town.make(pod("again", "data"))
    town.run(20)
    status = town.claim("data").obj["status"]
    assert status["capacity"] == {"storage": "4Gi"}
    assert "conditions" not in status
    assert town.messages("Resizing") == [f"External resizer is resizing volume {made.name}"]
    assert len(town.messages("FileSystemResizeSuccessful")) == 2


def test_a_pod_that_chose_its_node_itself(town: Town) -> None:
    """It comes to its kubelet before its claim is bound, and waits there."""
    town.make(pod("db", "data", nodeName="node-a"))
    town.run(5)
    assert town.node_of("db") == ""
    (message,) = set(town.messages("FailedMount"))
    assert message.endswith(
        "error processing PVC default/data: failed to fetch PVC from API server: "
        'persistentvolumeclaims "data" not found'
    )
    town.make(volume("disk"), claim("data"))
    town.run(60)
    assert town.node_of("db") == "node-a"
