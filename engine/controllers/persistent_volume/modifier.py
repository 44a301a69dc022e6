"""Volumes are given other attributes: the simulated driver's part of external-resizer that follows a claim's
volumeAttributesClassName.

A bound claim that names another VolumeAttributesClass than its volume has is modified in two seconds: its status says
so meanwhile (modifyVolumeStatus, condition ModifyingVolume), then the volume and the claim's status carry the new
class. A class that does not exist is waited for; one of another driver is not this driver's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from engine.clock import SECOND, rfc3339
from engine.controllers.controller import Key, Queue, Watch
from engine.controllers.persistent_volume.driver import DRIVER
from engine.controllers.slow_work import SlowWork
from engine.storage.reading import is_bound, volume_of
from store.types import DELETED, Envelope, Resource, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

ATTRIBUTE_CLASSES: Final = Resource("storage.k8s.io", "volumeattributesclasses")
_MODIFYING: Final = 2 * SECOND
_CONDITION: Final = "ModifyingVolume"


class VolumeModifier:
    """One per cluster. Keys are claims."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller, self._clock = context.api, context.caller, context.clock
        self._recorder = context.recorder(f"external-resizer {DRIVER}")
        self._work = SlowWork(context.clock)

    def watches(self) -> Sequence[Watch]:
        return Watch(PERSISTENTVOLUMECLAIMS, _asked), Watch(ATTRIBUTE_CLASSES, self._waiting)

    def start(self, queue: Queue) -> None:
        self._work.clear()

    def reconcile(self, key: Key) -> int | None:
        claim = self._api.find(PERSISTENTVOLUMECLAIMS, *key)
        if claim is None or not is_bound(claim.obj):
            return None
        wanted = claim.obj["spec"].get("volumeAttributesClassName") or ""
        volume = volume_of(self._api, claim.obj)
        if not wanted or volume is None or (volume.obj["spec"].get("csi") or {}).get("driver") != DRIVER:
            return None
        if volume.obj["spec"].get("volumeAttributesClassName") == wanted:
            self._finish(claim, wanted)
            return None
        found = self._api.find(ATTRIBUTE_CLASSES, "", wanted)
        if found is None:
            self._status(claim, {"targetVolumeAttributesClassName": wanted, "status": "Pending"})
            text = f'VAC {wanted} does not exist: volumeattributesclass.storage.k8s.io "{wanted}" not found'
            self._recorder.event(claim, "Warning", "VolumeModifyFailed", text)
            return None
        if found.obj.get("driverName") != DRIVER:
            return None
        if self._status(claim, {"targetVolumeAttributesClassName": wanted, "status": "InProgress"}):
            text = f"external resizer is modifying volume {claim.name} with vac {wanted}"
            self._recorder.event(claim, "Normal", "VolumeModify", text)
        wait = self._work.wait((claim.uid, wanted), _MODIFYING)
        if wait:
            return wait
        spec = {**volume.obj["spec"], "volumeAttributesClassName": wanted}
        self._api.update(self._caller, PERSISTENTVOLUMES, "", volume.name, {**volume.obj, "spec": spec})
        self._finish(self._api.get(PERSISTENTVOLUMECLAIMS, claim.namespace, claim.name), wanted)
        text = f"external resizer modified volume {claim.name} with vac {wanted} successfully"
        self._recorder.event(claim, "Normal", "VolumeModifySuccessful", text)
        return None

    def _status(self, claim: Envelope, modify: dict[str, str]) -> bool:
        """Say what is being done. True when it was not said before."""
        status: dict[str, Any] = claim.obj.get("status") or {}
        if status.get("modifyVolumeStatus") == modify:
            return False
        others = [c for c in status.get("conditions") or () if c["type"] != _CONDITION]
        stamp = rfc3339(self._clock.now())
        condition = {"type": _CONDITION, "status": "True", "lastProbeTime": None, "lastTransitionTime": stamp}
        new = {**status, "modifyVolumeStatus": modify, "conditions": [*others, condition]}
        self._api.update_status(self._caller, claim, new)
        return True

    def _finish(self, claim: Envelope, wanted: str) -> None:
        """The claim's status tells what the volume has."""
        status: dict[str, Any] = {**(claim.obj.get("status") or {}), "currentVolumeAttributesClassName": wanted}
        status.pop("modifyVolumeStatus", None)
        left = [c for c in status.pop("conditions", None) or () if c["type"] != _CONDITION]
        if left:
            status["conditions"] = left
        self._api.update_status(self._caller, claim, status)

    def _waiting(self, event: WatchEvent) -> Iterable[Key]:
        """Claims that wait for a class that has come."""
        if event.type == DELETED or event.before is not None:
            return ()
        return [
            (claim.namespace, claim.name)
            for claim in self._api.store.list(PERSISTENTVOLUMECLAIMS)
            if claim.obj["spec"].get("volumeAttributesClassName") == event.now.name and _differs(claim)
        ]


def _differs(claim: Envelope) -> bool:
    wanted = claim.obj["spec"].get("volumeAttributesClassName")
    return bool(wanted) and (claim.obj.get("status") or {}).get("currentVolumeAttributesClassName") != wanted


def _asked(event: WatchEvent) -> Iterable[Key]:
    """Claims that have other attributes than they ask for."""
    return ((event.now.namespace, event.now.name),) if event.type != DELETED and _differs(event.now) else ()
