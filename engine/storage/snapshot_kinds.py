"""The kinds of volume snapshots: CustomResourceDefinitions that come with a driver, not with Kubernetes.

Group snapshot.storage.k8s.io/v1 as kubernetes-csi/external-snapshotter defines it: fields, short names, columns. Not
taken over: its CEL rules (they are not evaluated) and the versions that are no longer served.
"""

from __future__ import annotations

from typing import Any, Final

from engine.api.schema_parts import Schema, flag, number, obj, quantity, text
from store.types import JsonObject, Resource

GROUP: Final = "snapshot.storage.k8s.io"
VERSION: Final = f"{GROUP}/v1"
SNAPSHOTS: Final = Resource(GROUP, "volumesnapshots")
CONTENTS: Final = Resource(GROUP, "volumesnapshotcontents")
CLASSES: Final = Resource(GROUP, "volumesnapshotclasses")

_POLICY: Final = {"type": "string", "enum": ["Delete", "Retain"], "description": "What becomes of the snapshot itself."}
_ERROR: Final = obj("The last error.", {"message": text("What went wrong."), "time": text("When.")})
_SNAPSHOT: Final = {
    "spec": obj(
        "What is wanted.",
        {
            "source": obj(
                "Exactly one of the two; immutable.",
                {
                    "persistentVolumeClaimName": text("Claim, of the same namespace, whose volume is to be taken."),
                    "volumeSnapshotContentName": text("A VolumeSnapshotContent that exists already."),
                },
            ),
            "volumeSnapshotClassName": text("Class; the default one of the claim's driver when it is not given."),
        },
        ["source"],
    ),
    "status": obj(
        "What there is.",
        {
            "boundVolumeSnapshotContentName": text("The content it is bound to."),
            "creationTime": text("When the snapshot was cut."),
            "readyToUse": flag("A volume can be restored from it."),
            "restoreSize": quantity("Least size of a volume that is restored from it."),
            "error": _ERROR,
        },
    ),
}
_CONTENT: Final = {
    "spec": obj(
        "The snapshot in the storage system.",
        {
            "deletionPolicy": _POLICY,
            "driver": text("The CSI driver that took it."),
            "source": obj(
                "Exactly one of the two; immutable.",
                {
                    "volumeHandle": text("The volume that is to be taken."),
                    "snapshotHandle": text("A snapshot that exists already."),
                },
            ),
            "sourceVolumeMode": text("Mode of the volume that was taken."),
            "volumeSnapshotClassName": text("Class it was made by."),
            "volumeSnapshotRef": {
                "type": "object", "description": "The VolumeSnapshot it belongs to.",
                "x-kubernetes-preserve-unknown-fields": True,
            },
        },
        ["deletionPolicy", "driver", "source", "volumeSnapshotRef"],
    ),
    "status": obj(
        "What the driver says.",
        {
            "creationTime": number("When it was cut, in nanoseconds since the epoch."),
            "readyToUse": flag("A volume can be restored from it."),
            "restoreSize": number("Least size in bytes of a volume that is restored from it."),
            "snapshotHandle": text("The driver's name for it."),
            "error": _ERROR,
        },
    ),
}  # fmt: skip
_CLASS: Final = {
    "deletionPolicy": _POLICY,
    "driver": text("The CSI driver that takes the snapshots."),
    "parameters": {
        "type": "object", "additionalProperties": {"type": "string"}, "description": "Parameters for the driver.",
    },
}  # fmt: skip


def _columns(*rows: str) -> list[JsonObject]:
    """Printer columns from `NAME type .path` lines."""
    found: list[JsonObject] = []
    for row in rows:
        name, type_, path = row.split()
        found.append({"name": name, "type": type_, "jsonPath": path})
    return found


_AGE: Final = "Age date .metadata.creationTimestamp"


def _definition(
    kind: str, plural: str, short: list[str], scope: str, properties: Schema, required: list[str],
    columns: list[JsonObject], status: bool,
) -> JsonObject:  # fmt: skip
    schema = obj(f"{kind} of {GROUP}.", properties, required)
    version: dict[str, Any] = {
        "name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": columns,
    }  # fmt: skip
    if status:
        version["subresources"] = {"status": {}}
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower(), "shortNames": short}
    notes = {"api-approved.kubernetes.io": "https://github.com/kubernetes-csi/external-snapshotter/pull/814"}
    return {
        "metadata": {"name": f"{plural}.{GROUP}", "annotations": notes},
        "spec": {"group": GROUP, "names": names, "scope": scope, "versions": [version]},
    }


DEFINITIONS: Final = (
    _definition(
        "VolumeSnapshotClass", CLASSES.plural, ["vsclass", "vsclasses"], "Cluster", _CLASS,
        ["deletionPolicy", "driver"],
        _columns("Driver string .driver", "DeletionPolicy string .deletionPolicy", _AGE), False,
    ),
    _definition(
        "VolumeSnapshotContent", CONTENTS.plural, ["vsc", "vscs"], "Cluster", _CONTENT, ["spec"],
        _columns(
            "ReadyToUse boolean .status.readyToUse", "RestoreSize integer .status.restoreSize",
            "DeletionPolicy string .spec.deletionPolicy", "Driver string .spec.driver",
            "VolumeSnapshotClass string .spec.volumeSnapshotClassName",
            "VolumeSnapshot string .spec.volumeSnapshotRef.name",
            "VolumeSnapshotNamespace string .spec.volumeSnapshotRef.namespace", _AGE,
        ), True,
    ),
    _definition(
        "VolumeSnapshot", SNAPSHOTS.plural, ["vs"], "Namespaced", _SNAPSHOT, ["spec"],
        _columns(
            "ReadyToUse boolean .status.readyToUse", "SourcePVC string .spec.source.persistentVolumeClaimName",
            "SourceSnapshotContent string .spec.source.volumeSnapshotContentName",
            "RestoreSize string .status.restoreSize", "SnapshotClass string .spec.volumeSnapshotClassName",
            "SnapshotContent string .status.boundVolumeSnapshotContentName",
            "CreationTime date .status.creationTime", _AGE,
        ), True,
    ),
)  # fmt: skip
"""The three CustomResourceDefinitions."""
