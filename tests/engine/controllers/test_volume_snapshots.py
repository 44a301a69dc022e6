"""Snapshots of volumes: taken, bound, restored from, kept and deleted; and claims cloned from claims."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import Invalid
from engine.api.kinds import CRDS, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from engine.controllers.persistent_volume.driver import DRIVER
from engine.storage.snapshot_kinds import CLASSES, CONTENTS, DEFINITIONS, GROUP, SNAPSHOTS
from store.types import JsonObject
from tests.engine.controllers.volumes import STORAGE_CONTROLLERS, Storage, claim, pod, storage_class
from tests.engine.controllers.world import USER, World


@pytest.fixture
def world() -> World:
    """The snapshot kinds, a class for snapshots, and a claim `data` of 5Gi with its volume."""
    found = World((*STORAGE_CONTROLLERS, "snapshot-controller", "csi-snapshotter"))
    for definition in DEFINITIONS:
        found.create(CRDS, definition, "")
    snapshot_class(found, "nightly", default=True)
    Storage(found).make(storage_class("standard"), claim("data", "standard", "5Gi"))
    found.run(3)
    return found


def snapshot_class(
    world: World, name: str, policy: str = "Delete", driver: str = DRIVER, default: bool = False
) -> None:
    notes = {"snapshot.storage.kubernetes.io/is-default-class": "true"} if default else {}
    world.create(
        CLASSES, {"metadata": {"name": name, "annotations": notes}, "driver": driver, "deletionPolicy": policy}, ""
    )  # fmt: skip


def take(world: World, name: str = "snap", class_name: str = "", **source: str) -> None:
    spec: JsonObject = {"source": source or {"persistentVolumeClaimName": "data"}}
    if class_name:
        spec["volumeSnapshotClassName"] = class_name
    world.create(SNAPSHOTS, {"metadata": {"name": name}, "spec": spec})
    world.settle()


def snapshot(world: World, name: str = "snap") -> JsonObject:
    return world.api.get(SNAPSHOTS, "default", name).obj


def restore(world: World, name: str, size: str = "5Gi", source: JsonObject | None = None) -> None:
    given = source or {"apiGroup": GROUP, "kind": "VolumeSnapshot", "name": "snap"}
    Storage(world).make(claim(name, "standard", size, dataSource=given))


def phase(world: World, name: str) -> str:
    return str(world.api.get(PERSISTENTVOLUMECLAIMS, "default", name).obj["status"]["phase"])


def finalizers(obj: JsonObject) -> list[str]:
    return [name.rpartition("/")[2] for name in obj["metadata"].get("finalizers") or ()]


def test_a_snapshot_is_taken(world: World) -> None:
    """By the default class; content and snapshot name each other, size and time are the driver's, the claim is held."""
    take(world)
    obj = snapshot(world)
    assert obj["spec"]["volumeSnapshotClassName"] == "nightly"
    assert obj["status"]["readyToUse"] is False
    held = world.api.get(PERSISTENTVOLUMECLAIMS, "default", "data").obj
    assert "pvc-as-source-protection" in finalizers(held)
    world.run(2)
    obj = snapshot(world)
    content = world.api.get(CONTENTS, "", f"snapcontent-{obj['metadata']['uid']}").obj
    assert obj["status"] == {
        "boundVolumeSnapshotContentName": content["metadata"]["name"], "creationTime": "2026-11-23T09:00:05Z",
        "readyToUse": True, "restoreSize": "5Gi",
    }  # fmt: skip
    assert content["spec"]["volumeSnapshotRef"]["uid"] == obj["metadata"]["uid"]
    assert content["spec"]["source"]["volumeHandle"].startswith("pvc-")
    assert content["status"]["restoreSize"] == 5 << 30
    assert finalizers(obj) == ["volumesnapshot-as-source-protection", "volumesnapshot-bound-protection"]
    assert finalizers(content) == ["volumesnapshotcontent-bound-protection"]
    held = world.api.get(PERSISTENTVOLUMECLAIMS, "default", "data").obj
    assert "pvc-as-source-protection" not in finalizers(held)
    assert world.messages("CreatingSnapshot") == [
        "Waiting for a snapshot default/snap to be created by the CSI driver."
    ]
    assert world.messages("SnapshotCreated") == ["Snapshot default/snap was successfully created by the CSI driver."]
    assert world.messages("SnapshotReady") == ["Snapshot default/snap is ready to use."]


def test_a_ready_snapshot_costs_nothing(world: World) -> None:
    """Does nothing for an hour."""
    take(world)
    world.run(5)
    world.log.clear()
    world.run(3600)
    assert world.writes() == []


def test_a_claim_that_is_not_there_yet(world: World) -> None:
    """The error is in the status and told once; with the claim bound the snapshot is taken."""
    take(world, "late", persistentVolumeClaimName="other")
    error = "Failed to set default snapshot class with error failed to retrieve PVC other from the lister: "
    error += '"persistentvolumeclaim \\"other\\" not found"'
    assert snapshot(world, "late")["status"]["error"]["message"] == error
    world.run(20)
    assert world.events("SetDefaultSnapshotClassFailed") == [("Warning", "SetDefaultSnapshotClassFailed", error, 1)]
    Storage(world).make(claim("other", "standard"))
    world.run(60)
    assert snapshot(world, "late")["status"]["readyToUse"] is True
    assert "error" not in snapshot(world, "late")["status"]


@pytest.mark.parametrize(
    ("source", "class_name", "reason"),
    [
        ({"persistentVolumeClaimName": "data", "volumeSnapshotContentName": "x"}, "", "SnapshotValidationError"),
        ({"volumeSnapshotContentName": "x"}, "", "SnapshotContentMissing"),
        ({"persistentVolumeClaimName": "data"}, "gold", "SnapshotContentCreationFailed"),
    ],
)
def test_what_is_wrong_with_a_snapshot(world: World, source: dict[str, str], class_name: str, reason: str) -> None:
    """Two sources, a content or a class that does not exist."""
    take(world, "snap", class_name, **source)
    assert [event[1] for event in world.events(reason)] == [reason]
    assert snapshot(world)["status"]["readyToUse"] is False


def test_another_drivers_snapshot_waits(world: World) -> None:
    """Nobody takes it: it is never ready."""
    snapshot_class(world, "ebs", driver="ebs.csi.aws.com")
    take(world, class_name="ebs")
    world.run(3600)
    assert snapshot(world)["status"]["readyToUse"] is False


def test_deleted_with_what_is_behind_it(world: World) -> None:
    """Policy Delete: the content first, then the snapshot."""
    take(world)
    world.run(3)
    world.api.delete(USER, SNAPSHOTS, "default", "snap")
    world.settle()
    assert "deletionTimestamp" in snapshot(world)["metadata"]
    world.run(2)
    assert world.api.find(SNAPSHOTS, "default", "snap") is None
    assert not world.store.list(CONTENTS)


def test_retained(world: World) -> None:
    """Policy Retain: the content stays, and a new snapshot can be bound to what it stands for."""
    snapshot_class(world, "keep", "Retain")
    take(world, class_name="keep")
    world.run(3)
    world.api.delete(USER, SNAPSHOTS, "default", "snap")
    world.run(2)
    assert world.api.find(SNAPSHOTS, "default", "snap") is None
    (content,) = world.store.list(CONTENTS)
    handle = content.obj["status"]["snapshotHandle"]
    ref = {"name": "again", "namespace": "default"}
    spec = {
        "deletionPolicy": "Retain",
        "driver": DRIVER,
        "source": {"snapshotHandle": handle},
        "volumeSnapshotRef": ref,
    }
    world.create(CONTENTS, {"metadata": {"name": "given"}, "spec": spec}, "")
    take(world, "again", volumeSnapshotContentName="given")
    world.run(3)
    assert snapshot(world, "again")["status"]["readyToUse"] is True
    uid = snapshot(world, "again")["metadata"]["uid"]
    assert world.api.get(CONTENTS, "", "given").obj["spec"]["volumeSnapshotRef"]["uid"] == uid


def test_a_content_deleted_by_mistake(world: World) -> None:
    """It stays as long as its snapshot does."""
    take(world)
    world.run(3)
    (content,) = world.store.list(CONTENTS)
    world.api.delete(USER, CONTENTS, "", content.name)
    world.run(60)
    assert world.api.find(CONTENTS, "", content.name) is not None
    assert snapshot(world)["status"]["readyToUse"] is True


def test_a_claim_is_held_while_it_is_taken(world: World) -> None:
    """Deleted meanwhile, it goes when the snapshot is there; the snapshot outlives it."""
    take(world)
    world.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", "data")
    world.run(1)
    assert world.api.find(PERSISTENTVOLUMECLAIMS, "default", "data") is not None
    world.run(4)
    assert world.api.find(PERSISTENTVOLUMECLAIMS, "default", "data") is None
    restore(world, "copy")
    world.run(5)
    assert phase(world, "copy") == "Bound"


def test_a_claim_that_is_going(world: World) -> None:
    """Of a claim that is being deleted nothing is taken any more."""
    Storage(world).make(pod("db", "data", nodeName="n1"))
    world.api.delete(USER, PERSISTENTVOLUMECLAIMS, "default", "data")
    take(world)
    (message,) = world.messages("SnapshotContentCreationFailed")
    assert message.endswith("cannot add finalizer on claim because it is being deleted")
    assert not world.store.list(CONTENTS)


# -- volumes from something ----------------------------------------------------------------------------------------


def test_restored(world: World) -> None:
    """A claim with the snapshot as its source gets a volume of its own, as large as it asks for."""
    take(world)
    world.run(3)
    restore(world, "copy", "8Gi")
    world.run(3)
    assert phase(world, "copy") == "Bound"
    name = world.api.get(PERSISTENTVOLUMECLAIMS, "default", "copy").obj["spec"]["volumeName"]
    assert world.api.get(PERSISTENTVOLUMES, "", name).obj["spec"]["capacity"] == {"storage": "8Gi"}


def test_restored_too_small(world: World) -> None:
    """Refused, and tried again with longer and longer waits."""
    take(world)
    world.run(3)
    restore(world, "copy", "1Gi")
    world.run(40)
    assert phase(world, "copy") == "Pending"
    ((kind, _, message, count),) = world.events("ProvisioningFailed")
    assert kind == "Warning"
    assert message == (
        'failed to provision volume with StorageClass "standard": error getting handle for DataSource Type '
        "VolumeSnapshot by Name snap: requested volume size 1073741824 is less than the size 5368709120 for the source "
        "snapshot snap"
    )
    assert 3 <= count <= 6


def test_restored_before_it_is_ready(world: World) -> None:
    """The claim waits for the snapshot."""
    restore(world, "copy")
    world.run(5)
    assert 'volumesnapshots.snapshot.storage.k8s.io "snap" not found' in world.messages("ProvisioningFailed")[0]
    take(world)
    world.run(30)
    assert phase(world, "copy") == "Bound"


def test_a_snapshot_is_held_while_it_is_restored(world: World) -> None:
    """Deleted under a claim that waits for it, it stays and says why."""
    take(world)
    world.run(3)
    restore(world, "copy")
    world.api.delete(USER, SNAPSHOTS, "default", "snap")
    world.run(1)
    assert world.messages("SnapshotDeletePending") == ["Snapshot is being used to restore a PVC"]
    assert "deletionTimestamp" in snapshot(world)["metadata"]


def test_cloned(world: World) -> None:
    """From a claim of the same namespace, at least as large, bound."""
    source = {"kind": "PersistentVolumeClaim", "name": "data"}
    restore(world, "small", "1Gi", source)
    restore(world, "none", source={"kind": "PersistentVolumeClaim", "name": "nobody"})
    restore(world, "clone", source=source)
    world.run(3)
    assert [phase(world, name) for name in ("small", "none", "clone")] == ["Pending", "Pending", "Bound"]
    messages = sorted(world.messages("ProvisioningFailed"))
    assert "requested 1073741824 but source is 5368709120" in messages[0]
    assert (
        'error getting PVC nobody (namespace "default") from api server: persistentvolumeclaims "nobody"' in messages[1]
    )


def test_other_sources_are_somebody_elses(world: World) -> None:
    """A volume populator's claim is left to it."""
    restore(world, "copy", source={"apiGroup": "example.com", "kind": "Backup", "name": "x"})
    world.run(60)
    assert phase(world, "copy") == "Pending"
    assert "Assuming an external populator will provision the volume" in world.messages("Provisioning")


def test_the_kinds_are_checked(world: World) -> None:
    """A policy that does not exist is refused by the definition's schema."""
    bad: dict[str, Any] = {"metadata": {"name": "x"}, "driver": DRIVER, "deletionPolicy": "Burn"}
    with pytest.raises(Invalid, match='Unsupported value: "Burn"'):
        world.api.create(USER, CLASSES, "", bad, field_validation="Strict")
