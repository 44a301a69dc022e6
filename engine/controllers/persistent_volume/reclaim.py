"""What becomes of a volume whose claim is gone: kept, deleted, or wiped and offered again (reclaimVolume).

`Delete` is the job of who provisioned the volume: a CSI driver's volumes are left to it, here only host paths under
/tmp can be deleted, as by the in-tree plugin. `Recycle` wipes host paths and NFS exports; the recycler pod itself is
not modelled, only the time it takes.
"""

from __future__ import annotations

import re
from typing import Final

from engine.api.kinds import PERSISTENTVOLUMES
from engine.clock import SECOND
from engine.controllers.persistent_volume.binding import Binding
from engine.storage.annotations import PROVISIONED_BY
from engine.storage.reading import marks_of
from store.types import Envelope, Uid

_RECYCLING: Final = 5 * SECOND
_DELETABLE: Final = re.compile(r"/tmp/.+")
_RECYCLABLE: Final = ("hostPath", "nfs")


class Reclaimer:
    """Reclaims for one controller."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._recycled_at: dict[Uid, int] = {}
        """When the wiping of a volume ends."""

    def clear(self) -> None:
        """Forget what is under way."""
        self._recycled_at.clear()

    def reclaim(self, volume: Envelope) -> int | None:
        """One step; the span after which to come again while a volume is being wiped."""
        policy = volume.obj["spec"].get("persistentVolumeReclaimPolicy") or "Retain"
        if policy == "Delete":
            self._delete(volume)
        elif policy == "Recycle":
            return self._recycle(volume)
        return None

    def _delete(self, volume: Envelope) -> None:
        maker = marks_of(volume.obj).get(PROVISIONED_BY)
        if maker and not maker.startswith("kubernetes.io/"):
            return  # an external provisioner deletes its own
        path = (volume.obj["spec"].get("hostPath") or {}).get("path")
        if path is None:
            self._failed(
                volume, "VolumeFailedDelete",
                f'error getting deleter volume plugin for volume "{volume.name}": no deletable volume plugin matched',
            )  # fmt: skip
        elif not _DELETABLE.match(path):
            self._failed(
                volume, "VolumeFailedDelete", f"host_path deleter only supports /tmp/.+ but received provided {path}"
            )
        elif "deletionTimestamp" not in volume.obj["metadata"]:
            self._binding.api.delete(self._binding.caller, PERSISTENTVOLUMES, "", volume.name)

    def _recycle(self, volume: Envelope) -> int | None:
        if not any(kind in volume.obj["spec"] for kind in _RECYCLABLE):
            self._failed(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!")
            return None
        now = self._binding.api.clock.now()
        until = self._recycled_at.setdefault(volume.uid, now + _RECYCLING)
        if now < until:
            return until - now
        del self._recycled_at[volume.uid]
        self._binding.recorder.event(volume, "Normal", "VolumeRecycled", "Volume recycled")
        self._binding.unbind(volume)
        return None

    def _failed(self, volume: Envelope, reason: str, message: str) -> None:
        self._binding.volume_phase_told(volume, "Failed", "Warning", reason, message)
