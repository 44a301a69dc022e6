"""Volumes are given other attributes when their claim names another VolumeAttributesClass."""

from __future__ import annotations

import pytest

from engine.api.kinds import PERSISTENTVOLUMECLAIMS
from engine.controllers.persistent_volume.driver import DRIVER
from engine.controllers.persistent_volume.modifier import ATTRIBUTE_CLASSES
from store.types import JsonObject
from tests.engine.controllers.volumes import STORAGE_CONTROLLERS, Storage, claim, storage_class
from tests.engine.controllers.world import World


@pytest.fixture
def world() -> World:
    found = World((*STORAGE_CONTROLLERS, "volume-modifier"))
    attributes(found, "silver")
    Storage(found).make(storage_class("std"), claim("data", "std", volumeAttributesClassName="silver"))
    found.run(3)
    return found


def attributes(world: World, name: str, driver: str = DRIVER) -> None:
    parameters = {"iops": "3000"}
    world.create(ATTRIBUTE_CLASSES, {"metadata": {"name": name}, "driverName": driver, "parameters": parameters}, "")
    world.settle()


def status(world: World) -> JsonObject:
    found: JsonObject = Storage(world).claim("data").obj["status"]
    return found


def volume_has(world: World) -> str:
    storage = Storage(world)
    return str(storage.volume(storage.bound_to("data")).obj["spec"]["volumeAttributesClassName"])


def test_a_new_volume_has_what_its_claim_names(world: World) -> None:
    """The claim's status says so; nothing is modified, and nothing more is written."""
    assert volume_has(world) == status(world)["currentVolumeAttributesClassName"] == "silver"
    assert world.messages("VolumeModify") == []
    world.log.clear()
    world.run(3600)
    assert world.writes() == []


def test_a_volume_is_modified(world: World) -> None:
    """Two seconds, with a condition meanwhile."""
    attributes(world, "gold")
    world.spec(PERSISTENTVOLUMECLAIMS, "data", volumeAttributesClassName="gold")
    world.run(1)
    assert status(world)["modifyVolumeStatus"] == {"targetVolumeAttributesClassName": "gold", "status": "InProgress"}
    assert [condition["type"] for condition in status(world)["conditions"]] == ["ModifyingVolume"]
    assert volume_has(world) == "silver"
    world.run(1)
    assert volume_has(world) == status(world)["currentVolumeAttributesClassName"] == "gold"
    assert "modifyVolumeStatus" not in status(world)
    assert "conditions" not in status(world)
    assert world.messages("VolumeModify") == ["external resizer is modifying volume data with vac gold"]
    text = "external resizer modified volume data with vac gold successfully"
    assert world.messages("VolumeModifySuccessful") == [text]


def test_a_class_that_comes_later(world: World) -> None:
    """The claim waits for it, Pending."""
    world.spec(PERSISTENTVOLUMECLAIMS, "data", volumeAttributesClassName="gold")
    world.run(60)
    assert status(world)["modifyVolumeStatus"]["status"] == "Pending"
    assert len(world.messages("VolumeModifyFailed")) == 1
    attributes(world, "gold")
    world.run(2)
    assert volume_has(world) == "gold"


def test_another_drivers_class(world: World) -> None:
    """Does nothing."""
    attributes(world, "ebs", "ebs.csi.aws.com")
    world.spec(PERSISTENTVOLUMECLAIMS, "data", volumeAttributesClassName="ebs")
    world.log.clear()
    world.run(60)
    assert world.writes() == []
