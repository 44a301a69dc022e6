"""Claims, volumes, classes and pods that mount them, for tests of storage."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from engine.controllers.persistent_volume.driver import DRIVER, ZONE
from store.types import Envelope, JsonObject
from tests.engine.controllers.world import World

STORAGE_CONTROLLERS = (
    "persistentvolume-binder-controller", "persistentvolumeclaim-protection-controller",
    "persistentvolume-protection-controller", "ephemeral-volume-controller", "csi-provisioner",
)  # fmt: skip


def claim(
    name: str, class_name: str | None = None, size: str = "1Gi", mode: str = "ReadWriteOnce", **spec: Any
) -> JsonObject:
    """A PersistentVolumeClaim; `class_name` None says nothing about a class."""
    named = {} if class_name is None else {"storageClassName": class_name}
    body = {"accessModes": [mode], "resources": {"requests": {"storage": size}}, **named, **spec}
    return {"metadata": {"name": name}, "spec": body}


def volume(
    name: str, size: str = "1Gi", class_name: str = "", modes: tuple[str, ...] = ("ReadWriteOnce",),
    labels: dict[str, str] | None = None, zone: str = "", **spec: Any,
) -> JsonObject:  # fmt: skip
    """A PersistentVolume on the nodes' own disks."""
    body: JsonObject = {
        "accessModes": list(modes), "capacity": {"storage": size}, "hostPath": {"path": "/tmp/data"}, **spec,
    }  # fmt: skip
    if class_name:
        body["storageClassName"] = class_name
    if zone:
        rule = {"key": ZONE, "operator": "In", "values": [zone]}
        body["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": body}


def storage_class(name: str, provisioner: str = DRIVER, default: bool = False, **fields: Any) -> JsonObject:
    meta: JsonObject = {"name": name}
    if default:
        meta["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {"metadata": meta, "provisioner": provisioner, **fields}


def pod(name: str, claim_name: str, **spec: Any) -> JsonObject:
    """A pod that mounts a claim."""
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}]
    containers = [{"name": "c", "image": "i", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]
    return {"metadata": {"name": name}, "spec": {"containers": containers, "volumes": volumes, **spec}}


class Storage:
    """The storage objects of a world, by name."""

    def __init__(self, world: World) -> None:
        self.world = world

    def claim(self, name: str) -> Envelope:
        return self.world.api.get(PERSISTENTVOLUMECLAIMS, "default", name)

    def volume(self, name: str) -> Envelope:
        return self.world.api.get(PERSISTENTVOLUMES, "", name)

    def phases(self) -> dict[str, str]:
        """Phase by name, of claims and volumes."""
        found = [*self.world.store.list(PERSISTENTVOLUMECLAIMS), *self.world.store.list(PERSISTENTVOLUMES)]
        return {env.name: env.obj["status"]["phase"] for env in found}

    def bound_to(self, name: str) -> str:
        """The volume of a claim that is wholly bound; "" while it is not."""
        env = self.claim(name)
        return str(env.obj["spec"].get("volumeName", "")) if env.obj["status"]["phase"] == "Bound" else ""

    def make(self, *objects: JsonObject) -> None:
        """Create them; the kind follows from the form."""
        for obj in objects:
            if "provisioner" in obj:
                self.world.create(STORAGECLASSES, obj, "")
            elif "containers" in obj["spec"]:
                self.world.create(PODS, obj)
            elif "capacity" in obj["spec"]:
                self.world.create(PERSISTENTVOLUMES, obj, "")
            else:
                self.world.create(PERSISTENTVOLUMECLAIMS, obj)
        self.world.settle()
