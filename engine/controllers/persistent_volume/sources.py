"""What a new volume is filled from: a VolumeSnapshot, another claim's volume, or nothing (external-provisioner).

Texts are those of external-provisioner's controller.
"""

from __future__ import annotations

from engine.api.errors import not_found
from engine.api.kinds import PERSISTENTVOLUMECLAIMS
from engine.api.server import Api
from engine.storage.reading import capacity, class_of, find_claim, requested, same_volume_mode, volume_of
from engine.storage.snapshot_kinds import CONTENTS, GROUP, SNAPSHOTS
from store.types import Envelope, JsonObject


class SourceError(Exception):
    """The volume cannot be filled from it, now or at all."""


def source_of(claim: JsonObject) -> JsonObject | None:
    """spec.dataSourceRef or spec.dataSource; None for an empty volume."""
    spec = claim["spec"]
    found: JsonObject | None = spec.get("dataSourceRef") or spec.get("dataSource")
    return found


def is_populated_elsewhere(source: JsonObject) -> bool:
    """Neither a snapshot nor a claim: some populator's business."""
    group, kind = source.get("apiGroup") or "", source.get("kind")
    return (group, kind) not in ((GROUP, "VolumeSnapshot"), ("", "PersistentVolumeClaim"))


def check_source(api: Api, claim: Envelope, driver: str) -> None:
    """Raises SourceError unless the driver can fill a volume for the claim from its source."""
    source = source_of(claim.obj)
    if source is None:
        return
    if source["kind"] == "VolumeSnapshot":
        why = _snapshot_problem(api, claim, source["name"], driver)
    else:
        why = _clone_problem(api, claim, source["name"], driver)
    if why:
        raise SourceError(f"error getting handle for DataSource Type {source['kind']} by Name {source['name']}: {why}")


def _snapshot_problem(api: Api, claim: Envelope, name: str, driver: str) -> str:
    snapshot = api.find(SNAPSHOTS, claim.namespace, name)
    if snapshot is None:
        return f"error getting snapshot {name} from api server: {not_found(SNAPSHOTS, name)}"
    status = snapshot.obj.get("status") or {}
    if "deletionTimestamp" in snapshot.obj["metadata"]:
        return f"snapshot {name} is currently being deleted"
    if not status.get("readyToUse"):
        return f"snapshot {name} is not Ready"
    bound = status.get("boundVolumeSnapshotContentName") or ""
    content = api.find(CONTENTS, "", bound)
    if content is None:
        missing = not_found(CONTENTS, bound)
        return f"error getting snapshotcontent {bound} for snapshot {name} from api server: {missing}"
    if content.obj["spec"].get("driver") != driver:
        return f"the VolumeSnapshotContent {bound} is not of driver {driver}"
    least = int((content.obj.get("status") or {}).get("restoreSize") or 0)
    if requested(claim.obj) < least:
        return (
            f"requested volume size {requested(claim.obj)} is less than the size {least} for the source snapshot {name}"
        )
    return ""


def _clone_problem(api: Api, claim: Envelope, name: str, driver: str) -> str:
    source = find_claim(api, claim.namespace, name)
    if source is None:
        missing = not_found(PERSISTENTVOLUMECLAIMS, name)
        return f'error getting PVC {name} (namespace "{claim.namespace}") from api server: {missing}'
    if "deletionTimestamp" in source.obj["metadata"]:
        return f"the PVC DataSource {name} is currently being deleted"
    if (source.obj.get("status") or {}).get("phase") != "Bound":
        return f"the PVC DataSource {name} is not bound"
    if not class_of(source.obj):
        return f"the source PVC ({name}) storageclass cannot be empty"
    volume = volume_of(api, source.obj)
    if volume is None or (volume.obj["spec"].get("csi") or {}).get("driver") != driver:
        return f"the PVC DataSource {name} is not of driver {driver}"
    if requested(claim.obj) < capacity(volume.obj):
        return (
            "error, new PVC request must be greater than or equal in size to the specified PVC data source, requested "
            f"{requested(claim.obj)} but source is {capacity(volume.obj)}"
        )
    if not same_volume_mode(claim.obj, source.obj):
        return "the source PVC and destination PVCs must have the same volume mode for cloning"
    return ""
