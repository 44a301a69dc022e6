"""Attaching and detaching: world → one step → VolumeAttachments, node statuses and events."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import CSIDRIVERS, CSINODES, NODES, PODS, STORAGECLASSES, VOLUMEATTACHMENTS
from engine.clock import rfc3339
from engine.controllers.persistent_volume.driver import DRIVER
from engine.storage.attaching import Attachable
from store.types import JsonObject
from tests.engine.controllers.volumes import STORAGE_CONTROLLERS, Storage, claim, pod, storage_class, volume
from tests.engine.controllers.world import KUBELET, World

CONTROLLER = "persistentvolume-attach-detach-controller"
NAME = f"kubernetes.io/csi/{DRIVER}^disk-1"


def disk(driver: str = DRIVER, modes: tuple[str, ...] = ("ReadWriteOnce",)) -> JsonObject:
    made = volume("pv", modes=modes, csi={"driver": driver, "volumeHandle": "disk-1"})
    del made["spec"]["hostPath"]
    return made


def setup(world: World, volume_: JsonObject | None = None) -> Storage:
    """A bound claim `data`, and three nodes that are ready."""
    storage = Storage(world)
    made = volume_ or disk()
    storage.make(made, claim("data", "", mode=made["spec"]["accessModes"][0]))
    for name in ("n1", "n2", "n3"):
        world.create(NODES, {"metadata": {"name": name}}, "")
        report(world, name)
    world.settle()
    return storage


def report(world: World, name: str, ready: str = "True", **status: Any) -> None:
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": rfc3339(world.clock.now())}
    env = world.api.get(NODES, "", name)
    world.api.update_status(KUBELET, env, {**(env.obj.get("status") or {}), "conditions": [condition], **status})
    world.settle()


def attachments(world: World) -> list[tuple[str, bool, bool]]:
    """(node, attached, being deleted)"""
    return [
        (env.obj["spec"]["nodeName"], bool((env.obj.get("status") or {}).get("attached")),
         "deletionTimestamp" in env.obj["metadata"])
        for env in sorted(world.store.list(VOLUMEATTACHMENTS), key=lambda env: str(env.obj["spec"]["nodeName"]))
    ]  # fmt: skip


def attached_to(world: World, node: str) -> list[str]:
    return [each["name"] for each in world.api.get(NODES, "", node).obj["status"].get("volumesAttached") or ()]


def attach(world: World) -> None:
    """The driver has attached whatever was asked for."""
    for env in world.store.list(VOLUMEATTACHMENTS):
        if not (env.obj.get("status") or {}).get("attached"):
            world.api.update_status(KUBELET, env, {"attached": True})
    world.settle()


@pytest.fixture
def world() -> World:
    return World(("persistentvolume-binder-controller", CONTROLLER))


def test_a_volume_is_attached_where_its_pod_is(world: World) -> None:
    """An attachment is asked for; when the driver is done the node reports it and the pod is told."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"))
    (made,) = world.store.list(VOLUMEATTACHMENTS)
    assert made.name.startswith("csi-")
    assert len(made.name) == 68
    assert made.obj["spec"] == {"attacher": DRIVER, "nodeName": "n1", "source": {"persistentVolumeName": "pv"}}
    assert attached_to(world, "n1") == []
    attach(world)
    assert attached_to(world, "n1") == [NAME]
    assert world.events("SuccessfulAttachVolume") == [
        ("Normal", "SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "pv" ', 1)
    ]


def test_a_volume_goes_when_its_pod_has_gone_and_let_go(world: World) -> None:
    """First out of the node's report, then the attachment; not while the kubelet still uses it."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"))
    attach(world)
    report(world, "n1", volumesInUse=[NAME])
    world.gone("a")
    world.run(30)
    assert attachments(world) == [("n1", True, False)]
    world.log.clear()
    report(world, "n1", volumesInUse=[])
    assert attachments(world) == []
    assert attached_to(world, "n1") == []
    assert world.writes(NODES, VOLUMEATTACHMENTS)[-2:] == [
        "MODIFIED nodes n1", f"DELETED volumeattachments.storage.k8s.io {made_name()}",
    ]  # fmt: skip


def made_name() -> str:
    return Attachable(DRIVER, "disk-1").attachment_name("n1")


def test_multi_attach(world: World) -> None:
    """A second node has to wait; its pod is told once by which pod the volume is held, and gets it afterwards."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"), pod("b", "data", nodeName="n2"))
    world.run(60)
    attach(world)
    assert attachments(world) == [("n1", True, False)]
    assert world.events("FailedAttachVolume") == [
        ("Warning", "FailedAttachVolume", 'Multi-Attach error for volume "pv" Volume is already used by pod(s) a', 1)
    ]
    world.gone("a")
    world.settle()
    assert attachments(world) == [("n2", False, False)]


def test_a_node_that_has_not_let_go(world: World) -> None:
    """The pod that held the volume is gone, the kubelet is silent: six minutes, then it is taken away by force."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"))
    attach(world)
    report(world, "n1", "Unknown", volumesInUse=[NAME])
    world.gone("a")
    storage.make(pod("b", "data", nodeName="n2"))
    assert world.messages("FailedAttachVolume") == [
        'Multi-Attach error for volume "pv" Volume is already exclusively attached to one node and can\'t be attached '
        "to another"
    ]
    world.run(359)
    assert attachments(world) == [("n1", True, False)]
    world.run(2)
    assert attachments(world) == [("n2", False, False)]


def test_a_node_that_is_well_is_never_forced(world: World) -> None:
    """As long as its kubelet is ready, the controller waits for it."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"))
    attach(world)
    report(world, "n1", volumesInUse=[NAME])
    world.gone("a")
    world.run(900)
    assert attachments(world) == [("n1", True, False)]


def test_out_of_service(world: World) -> None:
    """The taint says that the machine is off for sure: its volumes are detached at once."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"))
    attach(world)
    report(world, "n1", "Unknown", volumesInUse=[NAME])
    world.gone("a")
    world.run(10)
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    world.edit(NODES, "n1", lambda obj: {**obj, "spec": {**obj["spec"], "taints": [taint]}}, "")
    world.settle()
    assert attachments(world) == []


def test_a_node_that_is_deleted(world: World) -> None:
    """What it used last counts as used: six minutes."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"))
    attach(world)
    report(world, "n1", "Unknown", volumesInUse=[NAME])
    world.api.delete(KUBELET, NODES, "", "n1")
    world.run(359)
    assert attachments(world) == [("n1", True, False)]
    world.run(2)
    assert attachments(world) == []


def test_a_node_that_comes_again(world: World) -> None:
    """Pods that are bound to its name get their volumes back."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"))
    attach(world)
    world.api.delete(KUBELET, NODES, "", "n1")
    world.settle()
    assert attachments(world) == []
    world.create(NODES, {"metadata": {"name": "n1"}}, "")
    world.settle()
    assert attachments(world) == [("n1", False, False)]


def test_shared_volumes_are_attached_to_many(world: World) -> None:
    """ReadWriteMany: each node has an attachment of its own."""
    storage = setup(world, disk(modes=("ReadWriteMany",)))
    storage.make(pod("a", "data", nodeName="n1"), pod("b", "data", nodeName="n2"))
    assert [node for node, _, _ in attachments(world)] == ["n1", "n2"]


def test_two_pods_on_one_node_share_an_attachment(world: World) -> None:
    """It goes with the last of them; a pod that has ended uses nothing."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"), pod("b", "data", nodeName="n1"))
    attach(world)
    assert len(world.events("SuccessfulAttachVolume")) == 2
    world.report(world.api.get(PODS, "default", "a"), phase="Succeeded")
    world.settle()
    assert attachments(world) == [("n1", True, False)]
    world.gone("b")
    world.settle()
    assert attachments(world) == []


def test_a_driver_that_nobody_installed(world: World) -> None:
    """After two minutes the pod is told, and again every two minutes."""
    storage = setup(world, disk("ebs.csi.aws.com"))
    storage.make(pod("a", "data", nodeName="n1"))
    world.run(119)
    assert world.messages("FailedAttachVolume") == []
    world.run(122)
    assert world.events("FailedAttachVolume") == [
        ("Warning", "FailedAttachVolume", 'AttachVolume.Attach failed for volume "pv" : timed out waiting for '
         "external-attacher of ebs.csi.aws.com CSI driver to attach volume disk-1", 2)
    ]  # fmt: skip


def test_volumes_that_need_no_attaching(world: World) -> None:
    """Does nothing: a path of the node, and a driver that says attachRequired: false."""
    storage = setup(world, volume("pv"))
    storage.make(pod("a", "data", nodeName="n1"))
    assert attachments(world) == []
    world.create(CSIDRIVERS, {"metadata": {"name": "nfs.example.com"}, "spec": {"attachRequired": False}}, "")
    other = disk("nfs.example.com")
    other["metadata"]["name"] = "pv2"
    storage.make(other, claim("files", ""), pod("b", "files", nodeName="n1"))
    assert attachments(world) == []


def test_a_settled_attachment_costs_nothing(world: World) -> None:
    """Does nothing for an hour."""
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"))
    attach(world)
    world.log.clear()
    world.run(3600)
    assert world.writes() == []


# -- the simulated driver ------------------------------------------------------------------------------------------


def test_the_driver_attaches_and_detaches() -> None:
    """A second to attach, half a second to detach; a finalizer holds the attachment meanwhile."""
    world = World((*STORAGE_CONTROLLERS, CONTROLLER, "csi-attacher", "csi-node-driver-registrar"))
    storage = setup(world)
    storage.make(pod("a", "data", nodeName="n1"))
    world.run(0.9)
    assert attachments(world) == [("n1", False, False)]
    world.run(0.1)
    assert attachments(world) == [("n1", True, False)]
    (made,) = world.store.list(VOLUMEATTACHMENTS)
    assert made.obj["metadata"]["finalizers"] == ["external-attacher/csi-kubarium-dev"]
    world.gone("a")
    world.settle()
    assert attachments(world) == [("n1", True, True)]
    world.run(0.5)
    assert attachments(world) == []


def test_the_driver_is_installed_when_it_is_wanted() -> None:
    """CSIDriver and CSINodes come with the first class that names it, also for nodes that come later."""
    world = World(("csi-node-driver-registrar",))
    world.create(NODES, {"metadata": {"name": "n1"}}, "")
    world.create(STORAGECLASSES, storage_class("other", "ebs.csi.aws.com"), "")
    world.run(60)
    assert (world.store.list(CSIDRIVERS), world.store.list(CSINODES)) == ([], [])
    world.create(STORAGECLASSES, storage_class("standard"), "")
    world.settle()
    assert world.api.get(CSIDRIVERS, "", DRIVER).obj["spec"]["attachRequired"] is True
    labels = {"topology.kubernetes.io/zone": "a"}
    world.create(NODES, {"metadata": {"name": "n2", "labels": labels}}, "")
    world.settle()
    found = {env.name: env.obj["spec"]["drivers"] for env in world.store.list(CSINODES)}
    assert found == {
        "n1": [{"name": DRIVER, "nodeID": "n1", "topologyKeys": None, "allocatable": {"count": 24}}],
        "n2": [{"name": DRIVER, "nodeID": "n2", "topologyKeys": ["topology.kubernetes.io/zone"],
                "allocatable": {"count": 24}}],
    }  # fmt: skip


def test_a_count_that_a_person_wrote_stays() -> None:
    """Does nothing where the node's CSINode names the driver already; other drivers are kept."""
    world = World(("csi-node-driver-registrar",))
    few = {"name": DRIVER, "nodeID": "x", "allocatable": {"count": 1}}
    other = {"name": "other.example.com", "nodeID": "y"}
    for name, driver in (("n1", few), ("n2", other)):
        world.create(NODES, {"metadata": {"name": name}}, "")
        world.create(CSINODES, {"metadata": {"name": name}, "spec": {"drivers": [driver]}}, "")
    world.create(STORAGECLASSES, storage_class("standard"), "")
    world.settle()
    assert world.api.get(CSINODES, "", "n1").obj["spec"]["drivers"] == [few]
    names = [driver["name"] for driver in world.api.get(CSINODES, "", "n2").obj["spec"]["drivers"]]
    assert names == ["other.example.com", DRIVER]
