"""Volumes that are attached to a node before they can be mounted: those of CSI drivers, unless the driver says no.

The unique name of a volume, by which nodes report it (status.volumesAttached, status.volumesInUse), is
`kubernetes.io/csi/<driver>^<handle>` (volume/util.GetUniqueVolumeName).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from engine.api.kinds import CSIDRIVERS, NODES, VOLUMEATTACHMENTS
from engine.api.server import Api
from engine.storage.reading import modes_of
from store.types import Envelope

_BY_VOLUME: Final = "spec.source.persistentVolumeName"
_BY_NODE: Final = "spec.nodeName"
_SHARED: Final = frozenset({"ReadWriteMany", "ReadOnlyMany"})


class Attachable(NamedTuple):
    """A volume as its driver knows it."""

    driver: str
    handle: str

    @property
    def unique_name(self) -> str:
        return f"kubernetes.io/csi/{self.driver}^{self.handle}"

    def attachment_name(self, node: str) -> str:
        """Name of the VolumeAttachment of this volume to a node (csi.getAttachmentName)."""
        return "csi-" + hashlib.sha256(f"{self.handle}{self.driver}{node}".encode()).hexdigest()


def attachable(api: Api, volume: Envelope) -> Attachable | None:
    """None for a volume that needs no attaching. A driver without a CSIDriver object is taken to need it."""
    source = volume.obj["spec"].get("csi")
    if not source:
        return None
    driver = api.find(CSIDRIVERS, "", source["driver"])
    if driver is not None and (driver.obj.get("spec") or {}).get("attachRequired") is False:
        return None
    return Attachable(source["driver"], source.get("volumeHandle") or "")


def one_node_only(volume: Envelope) -> bool:
    """It may be attached to one node at a time (isMultiAttachForbidden)."""
    modes = modes_of(volume.obj)
    return bool(modes) and not modes & _SHARED


def index_attachments(api: Api) -> None:
    """Keep attachments findable by volume and by node. May be called by each who needs it."""
    api.store.add_index(VOLUMEATTACHMENTS, _BY_VOLUME, _volume_key)
    api.store.add_index(VOLUMEATTACHMENTS, _BY_NODE, _node_key)


def attachments_of(api: Api, volume: str) -> Sequence[Envelope]:
    """VolumeAttachments of a volume."""
    return api.store.by_index(VOLUMEATTACHMENTS, _BY_VOLUME, volume)


def attachments_on(api: Api, node: str) -> Sequence[Envelope]:
    """VolumeAttachments to a node."""
    return api.store.by_index(VOLUMEATTACHMENTS, _BY_NODE, node)


def is_attached(attachment: Envelope) -> bool:
    return bool((attachment.obj.get("status") or {}).get("attached"))


def volume_of_attachment(attachment: Envelope) -> str:
    """Name of its PersistentVolume; "" for an inline one."""
    return (attachment.obj["spec"].get("source") or {}).get("persistentVolumeName") or ""


def reported_attached(node: Envelope) -> list[dict[str, Any]]:
    """status.volumesAttached: written by the controller, read by the kubelet before it mounts."""
    return list((node.obj.get("status") or {}).get("volumesAttached") or ())


def reported_in_use(node: Envelope) -> Sequence[str]:
    """status.volumesInUse: written by the kubelet; what is in it is not detached."""
    return (node.obj.get("status") or {}).get("volumesInUse") or ()


def attached_names(api: Api, node: str) -> frozenset[str]:
    """Unique names that a node's status reports as attached."""
    env = api.find(NODES, "", node)
    return frozenset(each["name"] for each in reported_attached(env)) if env is not None else frozenset()


def _volume_key(attachment: Envelope) -> Sequence[str]:
    name = volume_of_attachment(attachment)
    return (name,) if name else ()


def _node_key(attachment: Envelope) -> Sequence[str]:
    return (attachment.obj["spec"]["nodeName"],)
