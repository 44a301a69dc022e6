"""Stories of volumes on virtual time: provisioned, used, protected, released, reclaimed, used again."""

from __future__ import annotations

import pytest

from engine.api.kinds import NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from engine.controllers.persistent_volume.driver import ZONE
from store.types import JsonObject
from tests.engine.controllers.volumes import STORAGE_CONTROLLERS, Storage, claim, pod, storage_class, volume
from tests.engine.controllers.world import USER, World


@pytest.fixture
def world() -> World:
    return World((*STORAGE_CONTROLLERS, "garbage-collector-controller"))


@pytest.fixture
def storage(world: World) -> Storage:
    return Storage(world)


def node(world: World, name: str, zone: str) -> None:
    world.create(NODES, {"metadata": {"name": name, "labels": {ZONE: zone}}}, "")


# -- provisioning --------------------------------------------------------------------------------------------------


def test_a_provisioned_volume(world: World, storage: Storage) -> None:
    """It is named after the claim's uid, takes after the class, and is there in two seconds."""
    storage.make(storage_class("standard", mountOptions=["noatime"], reclaimPolicy="Retain"), claim("data", "standard"))
    world.run(2)
    made = storage.volume(f"pvc-{storage.claim('data').uid}").obj
    assert storage.phases() == {"data": "Bound", made["metadata"]["name"]: "Bound"}
    assert made["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert made["spec"]["mountOptions"] == ["noatime"]
    assert made["spec"]["csi"]["driver"] == "csi.kubarium.dev"
    assert made["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"] == "csi.kubarium.dev"
    assert "nodeAffinity" not in made["spec"]
    assert world.messages("Provisioning") == ['External provisioner is provisioning volume for claim "default/data"']
    assert world.messages("ProvisioningSucceeded") == [f"Successfully provisioned volume {made['metadata']['name']}"]


def test_zones_of_a_class(world: World, storage: Storage) -> None:
    """A volume is made where nodes are and the class allows it; a StatefulSet's claims go round the zones."""
    for name, zone in (("n1", "a"), ("n2", "b"), ("n3", "c")):
        node(world, name, zone)
    rule = {"key": ZONE, "values": ["a", "b"]}
    storage.make(storage_class("two", allowedTopologies=[{"matchLabelExpressions": [rule]}]))
    storage.make(*[claim(f"data-db-{n}", "two") for n in range(4)])
    world.run(2)
    zones = [zone_of(storage, f"data-db-{n}") for n in range(4)]
    assert zones[0] != zones[1]
    assert zones[:2] == zones[2:]
    assert set(zones) == {"a", "b"}


def test_a_node_that_the_class_does_not_allow(world: World, storage: Storage) -> None:
    """The claim is given back to the scheduler."""
    node(world, "n1", "a")
    rule = {"key": ZONE, "values": ["b"]}
    lazy = storage_class("lazy", volumeBindingMode="WaitForFirstConsumer")
    storage.make({**lazy, "allowedTopologies": [{"matchLabelExpressions": [rule]}]})
    asked = claim("data", "lazy")
    asked["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": "n1"}
    storage.make(asked)
    world.run(3)
    assert "is not in requisite: [map[topology.kubernetes.io/zone:b]]" in world.messages("ProvisioningFailed")[0]
    assert "volume.kubernetes.io/selected-node" not in storage.claim("data").obj["metadata"]["annotations"]
    assert storage.phases() == {"data": "Pending"}


def zone_of(storage: Storage, name: str) -> str:
    made = storage.volume(storage.bound_to(name)).obj
    (term,) = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    return str(term["matchExpressions"][0]["values"][0])


# -- reclaiming ----------------------------------------------------------------------------------------------------


def test_delete_takes_the_volume_with_the_claim(world: World, storage: Storage) -> None:
    """Reclaim policy Delete: Released, then gone."""
    storage.make(storage_class("standard"), claim("data", "standard"))
    world.run(2)
    name = storage.bound_to("data")
    world.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", "data")
    world.settle()
    assert storage.phases() == {name: "Released"}
    world.run(2)
    assert storage.phases() == {}


def test_broken_22_a_released_volume_is_nobodys(world: World, storage: Storage) -> None:
    """Retain: the next claim waits in vain until the claimRef is cleared."""
    storage.make(volume("disk"), claim("first"))
    world.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", "first")
    storage.make(claim("second"))
    world.run(300)
    assert storage.phases() == {"second": "Pending", "disk": "Released"}
    obj = storage.volume("disk").obj
    spec = {key: value for key, value in obj["spec"].items() if key != "claimRef"}
    world.api.update(USER, PERSISTENTVOLUMES, "", "disk", {**obj, "spec": spec})
    world.run(16)
    assert storage.bound_to("second") == "disk"


def test_a_claim_of_the_same_name_is_another_claim(world: World, storage: Storage) -> None:
    """Retain: made anew, the claim does not get its old volume back."""
    storage.make(volume("disk"), claim("data"))
    world.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", "data")
    world.settle()
    storage.make(claim("data"))
    world.run(60)
    assert storage.phases() == {"data": "Pending", "disk": "Released"}


def test_recycle_offers_the_volume_again(world: World, storage: Storage) -> None:
    """Wiped, it is Available, and the next claim gets it."""
    storage.make(volume("disk", persistentVolumeReclaimPolicy="Recycle"), claim("first"))
    world.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", "first")
    world.run(10)
    assert storage.phases() == {"disk": "Available"}
    assert world.messages("VolumeRecycled") == ["Volume recycled"]
    storage.make(claim("second"))
    assert storage.bound_to("second") == "disk"


def test_who_cannot_be_deleted_fails(world: World, storage: Storage) -> None:
    """A volume that no plugin deletes is Failed, once, and says why."""
    nfs = {"server": "nas", "path": "/"}
    made = volume("share", persistentVolumeReclaimPolicy="Delete")
    made["spec"] = {**{k: v for k, v in made["spec"].items() if k != "hostPath"}, "nfs": nfs}
    far = volume("far", persistentVolumeReclaimPolicy="Delete", hostPath={"path": "/srv"}, class_name="x")
    storage.make(made, far, claim("a"), claim("b", "x"))
    for name in ("a", "b"):
        world.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", name)
    world.run(60)
    assert storage.phases() == {"share": "Failed", "far": "Failed"}
    assert sorted(world.messages("VolumeFailedDelete")) == [
        'error getting deleter volume plugin for volume "share": no deletable volume plugin matched',
        "host_path deleter only supports /tmp/.+ but received provided /srv",
    ]


# -- protection ----------------------------------------------------------------------------------------------------


def test_a_claim_in_use_stays(world: World, storage: Storage) -> None:
    """As long as a pod on a node names it, also one that has ended; a pod without a node does not count."""
    storage.make(volume("disk"), claim("data"), pod("reader", "data", nodeName="n1"), pod("late", "data"))
    world.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", "data")
    world.run(600)
    assert "deletionTimestamp" in storage.claim("data").obj["metadata"]
    assert storage.phases() == {"data": "Bound", "disk": "Bound"}
    world.report(world.api.get(PODS, "default", "reader"), phase="Succeeded")
    world.run(600)
    assert storage.phases() == {"data": "Bound", "disk": "Bound"}
    world.gone("reader")
    world.settle()
    assert storage.phases() == {"disk": "Released"}


def test_a_bound_volume_stays(world: World, storage: Storage) -> None:
    """Deleted, it goes when its claim does."""
    storage.make(volume("disk"), claim("data"))
    world.api.delete(USER, PERSISTENTVOLUMES, "", "disk")
    world.run(60)
    assert storage.phases() == {"data": "Bound", "disk": "Bound"}
    world.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", "data")
    world.settle()
    assert storage.phases() == {}


def test_a_finalizer_that_was_taken_away_is_put_back(world: World, storage: Storage) -> None:
    """Both kinds; and it does nothing more."""
    storage.make(volume("disk"), claim("data"))
    world.edit(PERSISTENTVOLUMECLAIMS, "data", _without_finalizers)
    world.edit(PERSISTENTVOLUMES, "disk", _without_finalizers, "")
    world.settle()
    assert storage.claim("data").obj["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert storage.volume("disk").obj["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    world.writes()
    world.run(60)
    assert world.writes() == []


# -- ephemeral -----------------------------------------------------------------------------------------------------


def test_an_ephemeral_volume_comes_and_goes_with_its_pod(world: World, storage: Storage) -> None:
    """The claim is `<pod>-<volume>`, owned by the pod, provisioned, and collected with it."""
    storage.make(storage_class("standard"))
    template = {"metadata": {"labels": {"a": "b"}}, "spec": claim("x", "standard")["spec"]}
    body = pod("job", "unused")
    body["spec"]["volumes"] = [{"name": "data", "ephemeral": {"volumeClaimTemplate": template}}]
    storage.make(body)
    world.run(3)
    made = storage.claim("job-data")
    assert made.owner == world.api.get(PODS, "default", "job").uid
    assert made.labels == {"a": "b"}
    assert storage.bound_to("job-data")
    world.api.delete(USER, PODS, "default", "job")
    world.run(10)
    assert storage.phases() == {}


def test_a_claim_that_is_in_an_ephemeral_volumes_way(world: World, storage: Storage) -> None:
    """It is left alone, and an event says so."""
    storage.make(claim("job-data"))
    body = pod("job", "unused")
    body["spec"]["volumes"] = [{"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": claim("x")["spec"]}}}]
    storage.make(body)
    assert storage.claim("job-data").owner is None
    assert any("was not created for pod" in message for message in world.messages())


def test_the_driver_goes_on_after_a_restart(world: World, storage: Storage) -> None:
    """A claim that was being provisioned when its controller crashed gets one volume, not two or none."""
    storage.make(storage_class("standard"), claim("data", "standard"))
    runner = world.runners["csi-provisioner"]
    runner.queue.clear()
    runner.start()
    world.run(10)
    assert len(world.store.list(PERSISTENTVOLUMES)) == 1
    assert storage.bound_to("data")
    assert world.store.list(STORAGECLASSES)


def _without_finalizers(obj: JsonObject) -> JsonObject:
    return {**obj, "metadata": {**obj["metadata"], "finalizers": []}}
