"""The binder: world → one step → expected writes."""

from __future__ import annotations

import pytest

from engine.api.errors import Forbidden
from engine.api.kinds import EVENTS, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES
from store.types import JsonObject
from tests.engine.controllers.volumes import STORAGE_CONTROLLERS, Storage, claim, storage_class, volume
from tests.engine.controllers.world import USER, World


@pytest.fixture
def world() -> World:
    return World(STORAGE_CONTROLLERS)


@pytest.fixture
def storage(world: World) -> Storage:
    return Storage(world)


def test_a_binding_is_four_writes(world: World, storage: Storage) -> None:
    """The volume's claimRef and phase, the claim's volumeName and phase, each with its marks."""
    storage.make(volume("disk"))
    world.writes()
    storage.make(claim("data"))
    assert world.writes(PERSISTENTVOLUMES, PERSISTENTVOLUMECLAIMS) == [
        "ADDED persistentvolumeclaims default/data", "MODIFIED persistentvolumes disk",
        "MODIFIED persistentvolumes disk", "MODIFIED persistentvolumeclaims default/data",
        "MODIFIED persistentvolumeclaims default/data",
    ]  # fmt: skip
    disk, data = storage.volume("disk").obj, storage.claim("data").obj
    assert {key: disk["spec"]["claimRef"][key] for key in ("kind", "namespace", "name", "uid")} == {
        "kind": "PersistentVolumeClaim", "namespace": "default", "name": "data", "uid": data["metadata"]["uid"],
    }  # fmt: skip
    assert disk["metadata"]["annotations"] == {"pv.kubernetes.io/bound-by-controller": "yes"}
    assert data["metadata"]["annotations"] == {
        "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
    }  # fmt: skip
    assert data["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}


def test_does_nothing_when_all_is_bound(world: World, storage: Storage) -> None:
    """Bound claims and volumes are not written again, nor does time pass for them."""
    storage.make(volume("disk"), claim("data"))
    world.writes()
    world.run(3600)
    assert world.writes() == []


def test_the_smallest_that_is_large_enough(storage: Storage) -> None:
    """Size decides among volumes with the same access modes."""
    storage.make(volume("small", "1Gi"), volume("large", "100Gi"), volume("middle", "10Gi"), claim("data", size="5Gi"))
    assert storage.bound_to("data") == "middle"


def test_fewest_access_modes_first(storage: Storage) -> None:
    """A volume that offers less than another goes first, even if it is larger."""
    storage.make(volume("both", "1Gi", modes=("ReadWriteOnce", "ReadWriteMany")), volume("one", "5Gi"), claim("data"))
    assert storage.bound_to("data") == "one"


@pytest.mark.parametrize(
    "asked",
    [
        claim("data", size="2Gi"),
        claim("data", mode="ReadWriteMany"),
        claim("data", volumeMode="Block"),
        claim("data", selector={"matchLabels": {"tier": "gold"}}),
    ],
    ids=["size", "access mode", "volume mode", "selector"],
)
def test_broken_20_a_volume_that_does_not_fit(world: World, storage: Storage, asked: JsonObject) -> None:
    """The claim stays Pending and says why; a volume that fits heals it within 15 s."""
    storage.make(volume("disk", labels={"tier": "iron"}), asked)
    assert storage.phases() == {"data": "Pending", "disk": "Available"}
    assert world.messages("FailedBinding") == [
        "no persistent volumes available for this claim and no storage class is set"
    ]
    modes = ("ReadWriteMany", "ReadWriteOnce")
    storage.make(
        volume("right", "4Gi", modes=modes, labels={"tier": "gold"}, volumeMode=asked["spec"].get("volumeMode"))
        if asked["spec"].get("volumeMode")
        else volume("right", "4Gi", modes=modes, labels={"tier": "gold"})
    )
    world.run(16)
    assert storage.bound_to("data") == "right"


def test_broken_19_no_class_then_a_default_one(world: World, storage: Storage) -> None:
    """A claim without a class waits, counts its event up, and is given the default class that comes later."""
    storage.make(claim("data"))
    world.run(60)
    assert world.events("FailedBinding")[0][3] == 5
    storage.make(storage_class("standard", default=True))
    world.run(20)
    assert storage.claim("data").obj["spec"]["storageClassName"] == "standard"
    assert storage.bound_to("data").startswith("pvc-")


def test_broken_19_a_class_that_does_not_exist(world: World, storage: Storage) -> None:
    """The event names it; the class heals the claim when it comes."""
    storage.make(claim("data", "fast"))
    assert world.events("ProvisioningFailed") == [
        ("Warning", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found', 1)
    ]
    storage.make(storage_class("fast"))
    world.run(20)
    assert storage.bound_to("data")


def test_no_class_at_all_is_not_the_default_class(storage: Storage) -> None:
    """`storageClassName: ""` asks for a volume without a class."""
    storage.make(storage_class("standard", default=True), volume("disk"), claim("data", ""))
    assert storage.claim("data").obj["spec"]["storageClassName"] == ""
    assert storage.bound_to("data") == "disk"


def test_a_driver_that_is_not_installed(world: World, storage: Storage) -> None:
    """The claim is annotated for it, waits and says so."""
    storage.make(storage_class("gp3", "ebs.csi.aws.com"), claim("data", "gp3"))
    world.run(120)
    assert storage.phases() == {"data": "Pending"}
    marks = storage.claim("data").obj["metadata"]["annotations"]
    assert marks["volume.kubernetes.io/storage-provisioner"] == "ebs.csi.aws.com"
    assert world.messages("ExternalProvisioning") == [
        "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    ]


def test_no_provisioner(world: World, storage: Storage) -> None:
    """A class for local volumes that does not wait makes none."""
    storage.make(storage_class("local", "kubernetes.io/no-provisioner"), claim("data", "local"))
    assert world.messages("ProvisioningFailed") == ["no volume plugin matched name: kubernetes.io/no-provisioner"]


def test_waiting_for_the_first_consumer(world: World, storage: Storage) -> None:
    """Neither bound to a volume that would fit nor provisioned."""
    storage.make(storage_class("lazy", volumeBindingMode="WaitForFirstConsumer"), volume("disk", class_name="lazy"))
    storage.make(claim("data", "lazy"))
    assert storage.phases() == {"data": "Pending", "disk": "Available"}
    assert world.events("WaitForFirstConsumer") == [
        ("Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding", 1)
    ]


# -- reserved in advance -------------------------------------------------------------------------------------------


def test_a_volume_reserved_for_a_claim(world: World, storage: Storage) -> None:
    """claimRef without a uid: nobody else gets it, its claim does, whatever else would fit better."""
    ref = {"namespace": "default", "name": "mine"}
    storage.make(volume("kept", "100Gi", claimRef=ref), claim("other"))
    assert storage.bound_to("other") == ""
    storage.make(volume("loose"))
    world.run(16)
    assert storage.bound_to("other") == "loose"
    storage.make(claim("mine"))
    assert storage.bound_to("mine") == "kept"
    assert "annotations" not in storage.volume("kept").obj["metadata"]


def test_a_claim_that_names_its_volume(world: World, storage: Storage) -> None:
    """It takes that one or none."""
    storage.make(volume("disk"), volume("small"), claim("data", size="2Gi", volumeName="small"))
    assert storage.phases()["data"] == "Pending"
    assert world.events("VolumeMismatch") == [
        ("Warning", "VolumeMismatch", 'Cannot bind to requested volume "small": requested PV is too small', 1)
    ]
    storage.make(claim("right", volumeName="disk"))
    assert storage.bound_to("right") == "disk"
    assert "pv.kubernetes.io/bound-by-controller" not in storage.claim("right").obj["metadata"]["annotations"]
    storage.make(claim("late", volumeName="disk"))
    assert storage.phases()["late"] == "Pending"
    assert world.events("FailedBinding") == [
        ("Warning", "FailedBinding", 'volume "disk" already bound to a different claim.', 1)
    ]


# -- loss ----------------------------------------------------------------------------------------------------------


def test_a_lost_volume(world: World, storage: Storage) -> None:
    """A bound claim whose volume was deleted by force is Lost, and says so once."""
    storage.make(volume("disk"), claim("data"))
    world.api.delete(USER, PERSISTENTVOLUMES, "", "disk")
    world.edit(PERSISTENTVOLUMES, "disk", _without_finalizers, "")
    world.run(60)
    assert storage.phases() == {"data": "Lost"}
    assert "capacity" not in storage.claim("data").obj["status"]
    assert world.events("ClaimLost") == [
        ("Warning", "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!", 1)
    ]


def test_growing_needs_a_class_that_allows_it(world: World, storage: Storage) -> None:
    """PersistentVolumeClaimResize."""
    storage.make(storage_class("stiff"), claim("data", "stiff"))
    bigger = {"requests": {"storage": "2Gi"}}
    world.run(5)
    with pytest.raises(Forbidden, match="only dynamically provisioned pvc can be resized and the storageclass"):
        world.spec(PERSISTENTVOLUMECLAIMS, "data", resources=bigger)
    world.edit(STORAGECLASSES, "stiff", lambda obj: {**obj, "allowVolumeExpansion": True}, "")
    world.spec(PERSISTENTVOLUMECLAIMS, "data", resources=bigger)


def test_events_come_from_the_controllers_own_name(world: World, storage: Storage) -> None:
    """`persistentvolume-controller`, as kubectl describe shows it."""
    storage.make(claim("data"))
    (event,) = world.store.list(EVENTS)
    assert event.obj["source"] == {"component": "persistentvolume-controller"}


def _without_finalizers(obj: JsonObject) -> JsonObject:
    return {**obj, "metadata": {**obj["metadata"], "finalizers": []}}
