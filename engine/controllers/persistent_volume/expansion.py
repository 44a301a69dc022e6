"""Growing claims: persistentvolume-expander-controller, the simulated driver's resizer, and the kubelets' part.

A bound claim that asks for more than its volume has is announced (ExternalExpanding); the driver, if it is the
simulated one, enlarges the volume (Resizing, then FileSystemResizePending); the file system grows when a pod that
mounts the claim runs, and only then does the claim's status show the new capacity. Block volumes need no file system.
Conditions and events follow external-resizer and kubelet; other drivers' claims stay announced, as without a resizer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api import quantity
from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS
from engine.clock import SECOND, rfc3339
from engine.controllers.controller import Key, Queue, Watch, own_key
from engine.controllers.persistent_volume.driver import DRIVER
from engine.events import EventRecorder
from engine.storage.reading import capacity, claims_of, index_storage, is_bound, pods_using, requested, volume_of
from store.types import DELETED, Envelope, JsonObject, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_ENLARGING: Final = 2 * SECOND
_PENDING: Final = "FileSystemResizePending"
_PENDING_TEXT: Final = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."


class VolumeExpander:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller, self._clock = context.api, context.caller, context.clock
        self._expander = context.recorder("volume_expand")
        self._resizer = context.recorder(f"external-resizer {DRIVER}")
        self._due: dict[Uid, int] = {}
        """When a volume is enlarged."""
        index_storage(context.api)

    def watches(self) -> Sequence[Watch]:
        return Watch(PERSISTENTVOLUMECLAIMS, own_key), Watch(PODS, _claims_of_started)

    def start(self, queue: Queue) -> None:
        self._due.clear()

    def reconcile(self, key: Key) -> int | None:
        claim = self._api.find(PERSISTENTVOLUMECLAIMS, *key)
        if claim is None or not is_bound(claim.obj):
            return None
        volume = volume_of(self._api, claim.obj)
        if volume is None or requested(claim.obj) <= self._has(claim):
            return None
        if capacity(volume.obj) < requested(claim.obj):
            return self._enlarge(claim, volume)
        self._grow_file_system(claim, volume)
        return None

    # -- the volume ------------------------------------------------------------------------------------------------

    def _enlarge(self, claim: Envelope, volume: Envelope) -> int | None:
        now, due = self._clock.now(), self._due.get(claim.uid)
        if due is None:
            text = "waiting for an external controller to expand this PVC"
            self._expander.event(claim, "Normal", "ExternalExpanding", text)
            if (volume.obj["spec"].get("csi") or {}).get("driver") != DRIVER:
                self._due[claim.uid] = 0
                return None
            self._resizer.event(claim, "Normal", "Resizing", f"External resizer is resizing volume {volume.name}")
            self._due[claim.uid] = now + _ENLARGING
            self._condition(claim, "Resizing", "", "ControllerResizeInProgress")
            return _ENLARGING
        if not due or now < due:
            return due - now if due else None
        del self._due[claim.uid]
        size = claim.obj["spec"]["resources"]["requests"]["storage"]
        spec = {**volume.obj["spec"], "capacity": {**volume.obj["spec"]["capacity"], "storage": size}}
        self._api.update(self._caller, PERSISTENTVOLUMES, "", volume.name, {**volume.obj, "spec": spec})
        if volume.obj["spec"].get("volumeMode") == "Block":
            self._finish(claim, size)
            self._resizer.event(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")
            return None
        self._condition(claim, _PENDING, _PENDING_TEXT, "NodeResizePending")
        text = "Require file system resize of volume on node"
        self._resizer.event(claim, "Normal", "FileSystemResizeRequired", text)
        return 0

    # -- the file system -------------------------------------------------------------------------------------------

    def _grow_file_system(self, claim: Envelope, volume: Envelope) -> None:
        """The kubelet of a node where the claim is mounted does it."""
        for pod in pods_using(self._api, claim.namespace, claim.name):
            if (pod.obj.get("status") or {}).get("phase") != "Running":
                continue
            node = pod.obj["spec"].get("nodeName") or ""
            self._finish(claim, volume.obj["spec"]["capacity"]["storage"])
            kubelet = EventRecorder(self._api, "kubelet", node)
            text = f'MountVolume.NodeExpandVolume succeeded for volume "{volume.name}" {node}'
            for about in (pod, claim):
                kubelet.event(about, "Normal", "FileSystemResizeSuccessful", text)
            return

    # -- status ----------------------------------------------------------------------------------------------------

    def _has(self, claim: Envelope) -> int:
        return quantity.value(((claim.obj.get("status") or {}).get("capacity") or {}).get("storage", "0"))

    def _condition(self, claim: Envelope, type_: str, message: str, stage: str) -> None:
        """One condition at a time; the last one makes room."""
        claim = self._api.get(PERSISTENTVOLUMECLAIMS, claim.namespace, claim.name)
        condition: JsonObject = {
            "type": type_, "status": "True", "lastProbeTime": None, "lastTransitionTime": rfc3339(self._clock.now()),
        }  # fmt: skip
        if message:
            condition["message"] = message
        size = claim.obj["spec"]["resources"]["requests"]["storage"]
        status = {
            **claim.obj["status"], "conditions": [*_others(claim), condition], "allocatedResources": {"storage": size},
            "allocatedResourceStatuses": {"storage": stage},
        }  # fmt: skip
        self._api.update_status(self._caller, claim, status)

    def _finish(self, claim: Envelope, size: str) -> None:
        claim = self._api.get(PERSISTENTVOLUMECLAIMS, claim.namespace, claim.name)
        status = {**claim.obj["status"], "capacity": {"storage": size}, "allocatedResources": {"storage": size}}
        for name in ("conditions", "allocatedResourceStatuses"):
            status.pop(name, None)
        if _others(claim):
            status["conditions"] = _others(claim)
        self._api.update_status(self._caller, claim, status)


def _others(claim: Envelope) -> list[JsonObject]:
    """Conditions that tell of something else."""
    conditions = (claim.obj.get("status") or {}).get("conditions") or ()
    return [condition for condition in conditions if condition["type"] not in ("Resizing", _PENDING)]


def _claims_of_started(event: WatchEvent) -> Iterable[Key]:
    """Claims of a pod that has begun to run."""
    now, before = event.now, event.before
    if event.type == DELETED or (now.obj.get("status") or {}).get("phase") != "Running":
        return ()
    if before is not None and (before.obj.get("status") or {}).get("phase") == "Running":
        return ()
    return [(now.namespace, claim.name) for claim in claims_of(now)]
