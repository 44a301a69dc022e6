"""The simulated CSI driver `csi.kubarium.dev`: what the sidecar external-provisioner does for the classes that name it.

A claim that the binder has annotated for this driver gets a volume two seconds later, of the class's reclaim policy
and mount options, empty or filled from a snapshot or another claim, in a zone that the class, or the node that the
scheduler chose, allows; a Released volume of reclaim policy Delete goes. Nothing is behind the volumes. Classes of
other provisioners are not served: their claims wait, as they do on a cluster where that driver is not installed.

Events and texts as in sig-storage-lib-external-provisioner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from zlib import crc32

from engine.api.errors import AlreadyExists
from engine.api.kinds import NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from engine.clock import SECOND
from engine.controllers.controller import Key, Queue, Watch, being_deleted, with_metadata
from engine.controllers.persistent_volume.sources import SourceError, check_source, is_populated_elsewhere, source_of
from engine.storage.annotations import (
    PROVISIONED_BY,
    PROVISIONER_FINALIZER,
    SELECTED_NODE,
    STORAGE_PROVISIONER,
    VOLUME_PROTECTION,
)
from engine.storage.claim_reference import claim_reference
from engine.storage.reading import class_of, find_claim, marks_of, selected_node, storage_class, topology_allows
from store.types import DELETED, Envelope, JsonObject, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

DRIVER: Final = "csi.kubarium.dev"
ZONE: Final = "topology.kubernetes.io/zone"
_CREATING: Final = 2 * SECOND
_DELETING: Final = SECOND
_LONGEST_RETRY: Final = 300 * SECOND
_NO_SECRET: Final = {
    "volume.kubernetes.io/provisioner-deletion-secret-name": "",
    "volume.kubernetes.io/provisioner-deletion-secret-namespace": "",
}


class ProvisioningError(Exception):
    """No volume can be made. The text is the driver's."""


class SimulatedDriver:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller, self._clock = context.api, context.caller, context.clock
        self._recorder = context.recorder(f"{DRIVER}_csi-provisioner")
        self._due: dict[Uid, int] = {}
        """When the work on a claim or a volume is done."""
        self._failures: dict[Uid, int] = {}
        """Of a claim whose volume could not be made."""

    def watches(self) -> Sequence[Watch]:
        return Watch(PERSISTENTVOLUMECLAIMS, _asked), Watch(PERSISTENTVOLUMES, _released)

    def start(self, queue: Queue) -> None:
        self._due.clear()
        self._failures.clear()

    def reconcile(self, key: Key) -> int | None:
        if key[0] == "claim":
            claim = find_claim(self._api, key[1], key[2])
            return None if claim is None else self._provision(claim)
        volume = self._api.find(PERSISTENTVOLUMES, "", key[1])
        return None if volume is None else self._delete(volume)

    # -- making ----------------------------------------------------------------------------------------------------

    def _provision(self, claim: Envelope) -> int | None:
        found = storage_class(self._api, class_of(claim.obj))
        waits = found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"
        if (
            found is None
            or found.get("provisioner") != DRIVER
            or marks_of(claim.obj).get(STORAGE_PROVISIONER) != DRIVER
            or claim.obj["spec"].get("volumeName")
            or being_deleted(claim.obj)
            or (waits and not selected_node(claim.obj))
            or self._api.find(PERSISTENTVOLUMES, "", f"pvc-{claim.uid}") is not None
        ):
            self._due.pop(claim.uid, None)
            self._failures.pop(claim.uid, None)
            return None
        source = source_of(claim.obj)
        if source is not None and is_populated_elsewhere(source):
            text = "Assuming an external populator will provision the volume"
            self._recorder.event(claim, "Normal", "Provisioning", text)
            return None
        now = self._clock.now()
        due = self._due.get(claim.uid)
        if due is None:
            text = f'External provisioner is provisioning volume for claim "{claim.namespace}/{claim.name}"'
            self._recorder.event(claim, "Normal", "Provisioning", text)
            self._due[claim.uid] = now + _CREATING
            return _CREATING
        if now < due:
            return due - now
        del self._due[claim.uid]
        try:
            check_source(self._api, claim, DRIVER)
            volume = self._volume(claim, found)
        except (ProvisioningError, SourceError) as error:
            return self._fail(claim, found, error)
        self._failures.pop(claim.uid, None)
        try:
            self._api.create(self._caller, PERSISTENTVOLUMES, "", volume)
        except AlreadyExists:
            return None
        text = f"Successfully provisioned volume {volume['metadata']['name']}"
        self._recorder.event(claim, "Normal", "ProvisioningSucceeded", text)
        return None

    def _volume(self, claim: Envelope, found: JsonObject) -> JsonObject:
        spec, name = claim.obj["spec"], f"pvc-{claim.uid}"
        zone = self._zone(claim, found)
        parameters = found.get("parameters") or {}
        source: JsonObject = {"driver": DRIVER, "volumeHandle": name, "volumeAttributes": {"simulated": "true"}}
        if (spec.get("volumeMode") or "Filesystem") == "Filesystem":
            source["fsType"] = parameters.get("csi.storage.k8s.io/fstype") or "ext4"
        volume: JsonObject = {
            "accessModes": spec.get("accessModes"),
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": claim_reference(claim),
            "csi": source,
            "persistentVolumeReclaimPolicy": found.get("reclaimPolicy") or "Delete",
            "storageClassName": class_of(claim.obj),
            "volumeMode": spec.get("volumeMode") or "Filesystem",
        }
        if found.get("mountOptions"):
            volume["mountOptions"] = found["mountOptions"]
        if spec.get("volumeAttributesClassName"):
            volume["volumeAttributesClassName"] = spec["volumeAttributesClassName"]
        if zone:
            rule = {"key": ZONE, "operator": "In", "values": [zone]}
            volume["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}}
        meta = {
            "name": name, "annotations": {PROVISIONED_BY: DRIVER, **_NO_SECRET},
            "finalizers": [PROVISIONER_FINALIZER, VOLUME_PROTECTION],
        }  # fmt: skip
        return {"metadata": meta, "spec": volume}

    def _zone(self, claim: Envelope, found: JsonObject) -> str:
        """The zone that the volume is made in; "" where nodes have none. Raises ProvisioningError."""
        chosen = selected_node(claim.obj)
        if chosen:
            node = self._api.find(NODES, "", chosen)
            if node is None:
                raise ProvisioningError(f'failed to get target node: node "{chosen}" not found')
            if not topology_allows(found, node.labels):
                raise ProvisioningError(
                    "error generating accessibility requirements: selected node '\"" + chosen + "\"' topology "
                    f"'map[{ZONE}:{node.labels.get(ZONE, '')}]' is not in requisite: [{_requisite(found)}]"
                )
            return node.labels.get(ZONE, "")
        zones = sorted(
            {
                node.labels[ZONE]
                for node in self._api.store.list(NODES)
                if ZONE in node.labels and topology_allows(found, node.labels)
            }
        )
        if zones:
            return zones[_spread(claim.name) % len(zones)]
        if found.get("allowedTopologies"):
            raise ProvisioningError("error generating accessibility requirements: no available topology found")
        return ""

    def _fail(self, claim: Envelope, found: JsonObject, error: Exception) -> int | None:
        """Tell, and give a claim that waits for its consumer back to the scheduler (ProvisioningReschedule).

        Others are tried again after 1 s, 2 s … 5 min (`--retry-interval-start`, `--retry-interval-max`).
        """
        text = f'failed to provision volume with StorageClass "{found["metadata"]["name"]}": {error}'
        self._recorder.event(claim, "Warning", "ProvisioningFailed", text)
        if selected_node(claim.obj):
            marks = {key: value for key, value in marks_of(claim.obj).items() if key != SELECTED_NODE}
            changed = with_metadata(claim.obj, annotations=marks or None)
            self._api.update(self._caller, PERSISTENTVOLUMECLAIMS, claim.namespace, claim.name, changed)
            return None
        failures = self._failures[claim.uid] = self._failures.get(claim.uid, 0) + 1
        return min(SECOND << min(failures - 1, 9), _LONGEST_RETRY)

    # -- deleting --------------------------------------------------------------------------------------------------

    def _delete(self, volume: Envelope) -> int | None:
        obj = volume.obj
        finalizers = obj["metadata"].get("finalizers") or []
        if (
            marks_of(obj).get(PROVISIONED_BY) != DRIVER
            or obj["spec"].get("persistentVolumeReclaimPolicy") != "Delete"
            or (obj.get("status") or {}).get("phase") != "Released"
            or (being_deleted(obj) and PROVISIONER_FINALIZER not in finalizers)
        ):
            self._due.pop(volume.uid, None)
            return None
        now = self._clock.now()
        due = self._due.setdefault(volume.uid, now + _DELETING)
        if now < due:
            return due - now
        del self._due[volume.uid]
        left = [name for name in finalizers if name != PROVISIONER_FINALIZER]
        if len(left) != len(finalizers):
            self._api.update(
                self._caller, PERSISTENTVOLUMES, "", volume.name, with_metadata(obj, finalizers=left or None)
            )  # fmt: skip
        if not being_deleted(obj):
            self._api.delete(self._caller, PERSISTENTVOLUMES, "", volume.name)
        return None


def _spread(name: str) -> int:
    """A number to choose a zone by: claims of one StatefulSet go round the zones by their ordinals."""
    base, dash, ordinal = name.rpartition("-")
    if dash and ordinal.isdigit():
        return crc32(base.encode()) + int(ordinal)
    return crc32(name.encode())


def _requisite(found: Mapping[str, Sequence[JsonObject]]) -> str:
    return " ".join(
        f"map[{rule['key']}:{value}]"
        for term in found.get("allowedTopologies") or ()
        for rule in term.get("matchLabelExpressions") or ()
        for value in rule.get("values") or ()
    )


def _asked(event: WatchEvent) -> Iterable[Key]:
    if event.type == DELETED or marks_of(event.now.obj).get(STORAGE_PROVISIONER) != DRIVER:
        return ()
    return (("claim", event.now.namespace, event.now.name),)


def _released(event: WatchEvent) -> Iterable[Key]:
    if event.type == DELETED or marks_of(event.now.obj).get(PROVISIONED_BY) != DRIVER:
        return ()
    return (("volume", event.now.name),)
