"""Storage through the whole cluster on virtual time: claim → pod → node → volume, and what goes wrong on the way."""

from __future__ import annotations

import pytest

from engine.api.kinds import (
    CSINODES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    PRIORITYCLASSES,
    VOLUMEATTACHMENTS,
)
from engine.api.server import DeleteOptions
from engine.controllers.persistent_volume.driver import ZONE
from store.store import Store
from tests.engine.controllers.volumes import claim, pod, storage_class, volume
from tests.engine.town import LAZY, USER, Town


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
    assert town.why("db") == ('0/3 nodes are available: persistentvolumeclaim "data" not found. not found')
    town.make(claim("data"))
    town.run(5)
    assert town.why("db").startswith("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. ")
    town.make(volume("disk"))
    town.run(30)
    assert town.node_of("db")


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
    assert town.why("second").endswith("3 No preemption victims found for incoming pod.")
    town.api.delete(USER, PODS, "default", "first")
    town.run(60)
    assert town.node_of("second")


def test_a_claim_for_one_pod_goes_to_the_more_important(town: Town) -> None:
    """ReadWriteOncePod: a pod of higher priority drives the holder out, from the node where it is."""
    town.api.create(USER, PRIORITYCLASSES, "", {"metadata": {"name": "high"}, "value": 1000})
    town.make(storage_class("now"), claim("data", "now", mode="ReadWriteOncePod"), pod("first", "data"))
    town.run(15)
    town.make(pod("second", "data", priorityClassName="high"))
    town.run(60)
    assert town.node_of("second")
    assert town.api.find(PODS, "default", "first") is None


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


# -- attaching -----------------------------------------------------------------------------------------------------


def attached(town: Town) -> list[str]:
    """Nodes that the volumes are attached to."""
    return [
        env.obj["spec"]["nodeName"]
        for env in town.api.store.list(VOLUMEATTACHMENTS)
        if (env.obj.get("status") or {}).get("attached")
    ]


def test_a_volume_follows_its_pod(town: Town) -> None:
    """Attached before the container starts, reported in use, detached when the pod is gone, attached elsewhere."""
    town.make(storage_class("now"), claim("data", "now"))
    town.run(5)
    town.make(pod("db", "data", nodeSelector={"kubernetes.io/hostname": zone_node(town)}))
    town.run(0.9)
    assert town.node_of("db") == ""
    town.run(10)
    node = town.node_of("db")
    assert attached(town) == [node]
    status = town.api.get(NODES, "", node).obj["status"]
    assert [each["name"] for each in status["volumesAttached"]] == status["volumesInUse"]
    (message,) = town.messages("SuccessfulAttachVolume")
    assert message == f'AttachVolume.Attach succeeded for volume "{town.volume_of("data")}" '
    town.api.delete(USER, PODS, "default", "db")
    town.run(60)
    assert attached(town) == []
    status = town.api.get(NODES, "", node).obj["status"]
    assert "volumesAttached" not in status
    assert "volumesInUse" not in status


def zone_node(town: Town) -> str:
    """The node in the zone of the claim's volume."""
    made = town.api.get(PERSISTENTVOLUMES, "", town.volume_of("data")).obj
    (term,) = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    return f"node-{term['matchExpressions'][0]['values'][0]}"


def anywhere(town: Town, name: str, mode: str = "ReadWriteOnce") -> None:
    """A bound claim whose volume can be attached to any node."""
    made = volume(f"disk-{name}", modes=(mode,), csi={"driver": "csi.kubarium.dev", "volumeHandle": name})
    del made["spec"]["hostPath"]
    town.make(made, claim(name, "", mode=mode))
    town.run(1)


def test_a_volume_of_a_node_that_failed(town: Town) -> None:
    """The new pod waits for the volume (Multi-Attach) until the dead node's pod is gone and six minutes have passed."""
    anywhere(town, "data")
    town.make(pod("old", "data", nodeName="node-a", terminationGracePeriodSeconds=0))
    town.run(10)
    town.stop_kubelet("node-a")
    town.run(70)
    town.make(pod("new", "data", nodeName="node-b"))
    town.run(60)
    assert town.messages("FailedAttachVolume") == [
        'Multi-Attach error for volume "disk-data" Volume is already used by pod(s) old'
    ]
    town.api.delete(USER, PODS, "default", "old", DeleteOptions(grace_period_seconds=0))
    town.run(350)
    assert town.node_of("new") == ""
    town.run(30)
    assert town.node_of("new") == "node-b"
    assert attached(town) == ["node-b"]


def test_a_node_put_out_of_service(town: Town) -> None:
    """The taint frees the pods and the volumes of a node that is off for sure, within a minute."""
    anywhere(town, "data")
    town.make(pod("old", "data", nodeName="node-a"))
    town.run(10)
    town.stop_kubelet("node-a")
    town.run(70)
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    town.api.patch(
        USER, NODES, "", "node-a", "json", [{"op": "add", "path": "/spec/taints/-", "value": taint}]
    )  # fmt: skip
    town.run(60)
    assert town.api.find(PODS, "default", "old") is None
    assert attached(town) == []
    town.make(pod("new", "data"))
    town.run(10)
    assert town.node_of("new") in ("node-b", "node-c")


def test_a_kubelet_that_comes_back_lets_go(town: Town) -> None:
    """What went while it was away is reported unused as soon as it runs, long before the six minutes."""
    anywhere(town, "data")
    town.make(pod("old", "data", nodeName="node-a"))
    town.run(10)
    town.stop_kubelet("node-a")
    town.run(70)
    town.api.delete(USER, PODS, "default", "old", DeleteOptions(grace_period_seconds=0))
    town.run(30)
    assert attached(town) == ["node-a"]
    town.start_kubelet("node-a")
    town.run(10)
    assert attached(town) == []


def test_a_driver_that_is_not_installed(town: Town) -> None:
    """The pod stays in ContainerCreating; controller and kubelet say why, each in its own words."""
    made = volume("disk", csi={"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"})
    del made["spec"]["hostPath"]
    town.make(made, claim("data", ""), pod("db", "data"))
    town.run(130)
    assert town.node_of("db") == ""
    assert town.messages("FailedAttachVolume") == [
        'AttachVolume.Attach failed for volume "disk" : timed out waiting for external-attacher of ebs.csi.aws.com CSI '
        "driver to attach volume vol-1"
    ]
    assert town.messages("FailedMount") == [
        "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process "
        "volumes=[]: context deadline exceeded"
    ]


def test_a_process_that_starts_again_keeps_its_volumes() -> None:
    """Nothing is detached from under running pods when a store is reopened."""
    store = Store()
    town = Town(store)
    anywhere(town, "data")
    town.make(pod("db", "data", nodeName="node-a"))
    town.run(10)
    head = [env.revision for env in store.list(VOLUMEATTACHMENTS)]
    again = Town(store)
    again.run(60)
    assert [env.revision for env in store.list(VOLUMEATTACHMENTS)] == head
    assert again.node_of("db") == "node-a"
