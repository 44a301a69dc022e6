"""Tables of volumes, claims and classes."""

from __future__ import annotations

from typing import Any, Final

from engine.api.table.columns import AGE, NAME, NONE, UNSET, Cell, Column, Printer, at, count, field

_MODES: Final = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"


def _modes(path: str) -> Cell:
    def cell(obj: dict[str, Any], now: int) -> str:
        given = at(obj, path) or ()
        return ",".join(short for mode, short in _MODES.items() if mode in given)

    return cell


def _phase(obj: dict[str, Any], now: int) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else at(obj, "status.phase") or ""


def _class(obj: dict[str, Any], now: int) -> str:
    notes = obj["metadata"].get("annotations") or {}
    return str(notes.get(_BETA_CLASS) or at(obj, "spec.storageClassName") or "")


def _claim(obj: dict[str, Any], now: int) -> str:
    ref = at(obj, "spec.claimRef")
    return f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else ""


def _when_bound(cell: Cell) -> Cell:
    """A claim has a size and modes once it has a volume."""
    return lambda obj, now: cell(obj, now) if at(obj, "spec.volumeName") else ""


def _is_default(obj: dict[str, Any], *keys: str) -> bool:
    notes = obj["metadata"].get("annotations") or {}
    return any(notes.get(key) == "true" for key in keys)


def _class_name(obj: dict[str, Any], now: int) -> str:
    name: str = obj["metadata"].get("name", "")
    default = _is_default(
        obj, "storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"
    )
    return f"{name} (default)" if default else name


def _flag(path: str, missing: bool = False) -> Cell:
    return field(path, missing)


def _tokens(obj: dict[str, Any], now: int) -> str:
    requests = at(obj, "spec.tokenRequests")
    return UNSET if requests is None else ",".join(request.get("audience", "") for request in requests)


_VOLUME_MODE: Final = Column("VolumeMode", field("spec.volumeMode", UNSET), ".spec.volumeMode", priority=1)
_ATTRIBUTES: Final = Column(
    "VolumeAttributesClass", field("spec.volumeAttributesClassName", UNSET), ".spec.volumeAttributesClassName"
)

PRINTERS: Final[dict[str, Printer]] = {
    "persistentvolumes": Printer(
        (
            NAME, Column("Capacity", field("spec.capacity.storage", "0"), ".spec.capacity"),
            Column("Access Modes", _modes("spec.accessModes"), ".spec.accessModes"),
            Column(
                "Reclaim Policy", field("spec.persistentVolumeReclaimPolicy"), ".spec.persistentVolumeReclaimPolicy"
            ),
            Column("Status", _phase, ".status.phase"), Column("Claim", _claim, ".spec.claimRef"),
            Column("StorageClass", _class, "StorageClass of the pv"), _ATTRIBUTES,
            Column("Reason", field("status.reason"), ".status.reason"), AGE, _VOLUME_MODE,
        )
    ),
    "persistentvolumeclaims": Printer(
        (
            NAME, Column("Status", _phase, ".status.phase"),
            Column("Volume", field("spec.volumeName"), ".spec.volumeName"),
            Column("Capacity", _when_bound(field("status.capacity.storage", "0")), ".status.capacity"),
            Column("Access Modes", _when_bound(_modes("status.accessModes")), ".status.accessModes"),
            Column("StorageClass", _class, "StorageClass of the pvc"), _ATTRIBUTES, AGE,
            Column(
                "VolumeMode", lambda obj, now: at(obj, "spec.volumeMode") or UNSET, ".spec.volumeMode", priority=1
            ),
        )
    ),
    "storageclasses.storage.k8s.io": Printer(
        (
            NAME._replace(cell=_class_name), Column("Provisioner", field("provisioner"), ".provisioner"),
            Column("ReclaimPolicy", field("reclaimPolicy", "Delete"), ".reclaimPolicy"),
            Column("VolumeBindingMode", field("volumeBindingMode", "Immediate"), ".volumeBindingMode"),
            Column("AllowVolumeExpansion", _flag("allowVolumeExpansion"), ".allowVolumeExpansion"), AGE,
        )
    ),
    "volumeattributesclasses.storage.k8s.io": Printer(
        (NAME, Column("DriverName", field("driverName"), ".driverName"), AGE)
    ),
    "volumeattachments.storage.k8s.io": Printer(
        (
            NAME, Column("Attacher", field("spec.attacher"), ".spec.attacher", format="name"),
            Column("PV", field("spec.source.persistentVolumeName"), ".spec.source"),
            Column("Node", field("spec.nodeName"), ".spec.nodeName"),
            Column("Attached", _flag("status.attached"), ".status.attached", "boolean"), AGE,
        )
    ),
    "csinodes.storage.k8s.io": Printer(
        (
            NAME,
            Column(
                "Drivers", count("spec.drivers"), "Drivers indicates the number of CSI drivers registered on the node",
                "integer",
            ),
            AGE,
        )
    ),
    "csidrivers.storage.k8s.io": Printer(
        (
            NAME, Column("AttachRequired", _flag("spec.attachRequired", True), ".spec.attachRequired", "boolean"),
            Column("PodInfoOnMount", _flag("spec.podInfoOnMount"), ".spec.podInfoOnMount", "boolean"),
            Column("StorageCapacity", _flag("spec.storageCapacity"), ".spec.storageCapacity", "boolean"),
            Column("TokenRequests", _tokens, ".spec.tokenRequests"),
            Column("RequiresRepublish", _flag("spec.requiresRepublish"), ".spec.requiresRepublish", "boolean"),
            Column(
                "Modes", lambda obj, now: ",".join(at(obj, "spec.volumeLifecycleModes") or ()) or NONE,
                ".spec.volumeLifecycleModes",
            ),
            AGE,
        )
    ),
    "csistoragecapacities.storage.k8s.io": Printer(
        (
            NAME, Column("StorageClassName", field("storageClassName"), ".storageClassName"),
            Column("Capacity", field("capacity", UNSET), ".capacity"),
        )
    ),
}  # fmt: skip
