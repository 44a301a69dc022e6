"""persistentvolume-binder-controller: brings claims and volumes together (pv_controller.go).

A claim that is not bound takes the best volume there is, or asks its class's provisioner for one, or waits for its
first consumer. A volume whose claim is gone is reclaimed. What is not settled is looked at again every 15 s
(`--pvclaimbinder-sync-period`), and says again what it waits for; that is why such events count up on a real cluster
too. Settled claims and volumes cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.errors import not_found
from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES
from engine.clock import SECOND
from engine.controllers.controller import Key, Queue, Watch, with_metadata
from engine.controllers.persistent_volume.binding import Binding
from engine.controllers.persistent_volume.reclaim import Reclaimer
from engine.storage.annotations import (
    BETA_STORAGE_PROVISIONER,
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    PROVISIONED_BY,
    STORAGE_PROVISIONER,
)
from engine.storage.default_class import default_class
from engine.storage.matching import best_volume, why_unfit
from engine.storage.reading import (
    claimed_for,
    class_of,
    delays_binding,
    find_claim,
    has_class,
    index_storage,
    marks_of,
    pods_using,
    refers_to,
    same_volume_mode,
    selected_node,
    storage_class,
)
from store.types import DELETED, Envelope, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_RESYNC: Final[Key] = ("resync",)
_PERIOD: Final = 15 * SECOND
_NO_CLASS: Final = "no persistent volumes available for this claim and no storage class is set"
_LOST_REFERENCE: Final = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
_LOST_VOLUME: Final = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
_MISBOUND: Final = "Two claims are bound to the same volume, this one is bound incorrectly"


class PersistentVolumeBinder:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock = context.api, context.clock
        self._recorder = context.recorder("persistentvolume-controller")
        self._binding = Binding(context.api, context.caller, self._recorder)
        self._reclaimer = Reclaimer(self._binding)
        self._queue: Queue | None = None
        self._unsettled: dict[Key, None] = {}
        """What is looked at again at the next resync, in the order in which it came up."""
        index_storage(context.api)

    def watches(self) -> Sequence[Watch]:
        return Watch(PERSISTENTVOLUMES, self._of_volume), Watch(PERSISTENTVOLUMECLAIMS, self._of_claim)

    def start(self, queue: Queue) -> None:
        self._queue = queue
        self._unsettled.clear()
        self._reclaimer.clear()

    def reconcile(self, key: Key) -> int | None:
        if key == _RESYNC:
            return self._resync()
        self._unsettled.pop(key, None)
        if key[0] == "claim":
            claim = find_claim(self._api, key[1], key[2])
            if claim is not None:
                self._sync_claim(key, claim)
            return None
        volume = self._api.find(PERSISTENTVOLUMES, "", key[1])
        return None if volume is None else self._sync_volume(key, volume)

    # -- claims ----------------------------------------------------------------------------------------------------

    def _sync_claim(self, key: Key, claim: Envelope) -> None:
        if BIND_COMPLETED in marks_of(claim.obj):
            self._sync_bound(claim)
        elif claim.obj["spec"].get("volumeName"):
            self._sync_named(key, claim)
        else:
            self._sync_open(key, claim)

    def _sync_open(self, key: Key, claim: Envelope) -> None:
        """The claim takes any volume."""
        delayed = delays_binding(self._api, claim.obj)
        volume = best_volume(self._api, claim, delayed=delayed)
        if volume is not None:
            self._binding.bind(volume, claim)
            return
        self._later(key)
        if not has_class(claim.obj) and self._give_default_class(claim):
            return
        if delayed and not selected_node(claim.obj):
            self._tell_waiting(claim)
        elif class_of(claim.obj):
            self._ask_provisioner(claim)
            return
        else:
            self._recorder.event(claim, "Normal", "FailedBinding", _NO_CLASS)
        self._binding.claim_phase(claim, "Pending")

    def _sync_named(self, key: Key, claim: Envelope) -> None:
        """The claim names a volume."""
        volume = self._api.find(PERSISTENTVOLUMES, "", claim.obj["spec"]["volumeName"])
        if volume is None:
            self._later(key)
            self._binding.claim_phase(claim, "Pending")
        elif not volume.obj["spec"].get("claimRef"):
            why = why_unfit(claim, volume)
            if not why:
                self._binding.bind(volume, claim)
                return
            self._later(key)
            text = f'Cannot bind to requested volume "{volume.name}": {why}'
            self._recorder.event(claim, "Warning", "VolumeMismatch", text)
            self._binding.claim_phase(claim, "Pending")
        elif refers_to(volume.obj, claim):
            self._binding.bind(volume, claim)
        else:
            # Somebody else has it. (Where the controller itself had named it, somebody took the mark of completion.)
            self._later(key)
            if BOUND_BY_CONTROLLER not in marks_of(claim.obj):
                text = f'volume "{volume.name}" already bound to a different claim.'
                self._recorder.event(claim, "Warning", "FailedBinding", text)
                self._binding.claim_phase(claim, "Pending")

    def _sync_bound(self, claim: Envelope) -> None:
        """The claim was bound once."""
        name = claim.obj["spec"].get("volumeName")
        if not name:
            self._binding.claim_phase_told(claim, "Lost", "ClaimLost", _LOST_REFERENCE)
            return
        volume = self._api.find(PERSISTENTVOLUMES, "", name)
        if volume is None:
            self._binding.claim_phase_told(claim, "Lost", "ClaimLost", _LOST_VOLUME)
            return
        ref = volume.obj["spec"].get("claimRef")
        if not ref or ref.get("uid") == claim.uid:
            self._binding.bind(volume, claim)
        else:
            self._binding.claim_phase_told(claim, "Lost", "ClaimMisbound", _MISBOUND)

    def _give_default_class(self, claim: Envelope) -> bool:
        """A default class that came after the claim is given to it (assignDefaultStorageClass)."""
        name = default_class(self._api.store.list(STORAGECLASSES))
        if name is None:
            return False
        self._binding.update_claim(claim, {**claim.obj, "spec": {**claim.obj["spec"], "storageClassName": name}})
        return True

    def _tell_waiting(self, claim: Envelope) -> None:
        waiting = sorted(
            pod.name
            for pod in pods_using(self._api, claim.namespace, claim.name)
            if not pod.obj["spec"].get("nodeName") and not _ended(pod)
        )
        if not waiting:
            message = "waiting for first consumer to be created before binding"
            self._recorder.event(claim, "Normal", "WaitForFirstConsumer", message)
            return
        pods = f"pods {','.join(waiting)}" if len(waiting) > 1 else f"pod {waiting[0]}"
        self._recorder.event(claim, "Normal", "WaitForPodScheduled", f"waiting for {pods} to be scheduled")

    def _ask_provisioner(self, claim: Envelope) -> None:
        """provisionClaim: an external provisioner reads the annotations."""
        name = class_of(claim.obj)
        found = storage_class(self._api, name)
        if found is None:
            error = str(not_found(STORAGECLASSES, name)).replace("storageclasses.", "storageclass.", 1)
            self._recorder.event(claim, "Warning", "ProvisioningFailed", error)
            self._binding.claim_phase(claim, "Pending")
            return
        provisioner = found["provisioner"]
        if provisioner.startswith("kubernetes.io/"):
            error = f"no volume plugin matched name: {provisioner}"
            self._recorder.event(claim, "Warning", "ProvisioningFailed", error)
            self._binding.claim_phase(claim, "Pending")
            return
        marks = marks_of(claim.obj)
        if marks.get(STORAGE_PROVISIONER) != provisioner or marks.get(BETA_STORAGE_PROVISIONER) != provisioner:
            marks = {**marks, BETA_STORAGE_PROVISIONER: provisioner, STORAGE_PROVISIONER: provisioner}
            claim = self._binding.update_claim(claim, with_metadata(claim.obj, annotations=marks))
        self._recorder.event(
            claim, "Normal", "ExternalProvisioning",
            f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
            "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
            "correctly registered.",
        )  # fmt: skip

    # -- volumes ---------------------------------------------------------------------------------------------------

    def _sync_volume(self, key: Key, volume: Envelope) -> int | None:
        ref = volume.obj["spec"].get("claimRef")
        if not ref or not ref.get("uid"):
            self._binding.volume_phase(volume, "Available")
            return None
        claim = find_claim(self._api, ref.get("namespace") or "", ref.get("name") or "")
        if claim is None or claim.uid != ref["uid"]:
            return self._release(key, volume)
        named = claim.obj["spec"].get("volumeName")
        if not named:
            if not same_volume_mode(claim.obj, volume.obj):
                self._tell_mode_mismatch(volume, claim)
            elif self._queue is not None:
                self._queue.add(_claim_key(claim))
        elif named == volume.name:
            self._binding.volume_phase(volume, "Bound")
        elif (
            PROVISIONED_BY in marks_of(volume.obj)
            and volume.obj["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        ):
            return self._release(key, volume)
        else:
            self._binding.unbind(volume)
        return None

    def _release(self, key: Key, volume: Envelope) -> int | None:
        """Its claim is gone, or went elsewhere."""
        if (volume.obj.get("status") or {}).get("phase") not in ("Released", "Failed"):
            volume = self._binding.volume_phase(volume, "Released")
        if volume.obj["spec"].get("persistentVolumeReclaimPolicy") in ("Delete", "Recycle"):
            self._later(key)
        return self._reclaimer.reclaim(volume)

    def _tell_mode_mismatch(self, volume: Envelope, claim: Envelope) -> None:
        self._recorder.event(
            volume, "Warning", "VolumeMismatch",
            f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{claim.name}" due to incompatible '
            "volumeMode.",
        )  # fmt: skip
        self._recorder.event(
            claim, "Warning", "VolumeMismatch",
            f'Cannot bind PersistentVolume "{volume.name}" to requested PersistentVolumeClaim "{claim.name}" due to '
            "incompatible volumeMode.",
        )  # fmt: skip

    # -- what to look at -------------------------------------------------------------------------------------------

    def _later(self, key: Key) -> None:
        """Look at it again at the next resync."""
        self._unsettled[key] = None
        if self._queue is not None:
            self._queue.add_after(_RESYNC, _PERIOD - self._clock.now() % _PERIOD)

    def _resync(self) -> int | None:
        unsettled, self._unsettled = self._unsettled, {}
        assert self._queue is not None
        for key in unsettled:
            self._queue.add(key)
        return None

    def _of_volume(self, event: WatchEvent) -> Iterable[Key]:
        ref = event.now.obj["spec"].get("claimRef")
        if event.type == DELETED:
            return (("claim", ref.get("namespace") or "", ref.get("name") or ""),) if ref else ()
        return (("volume", event.now.name),)

    def _of_claim(self, event: WatchEvent) -> Iterable[Key]:
        if event.type == DELETED:
            claimed = claimed_for(self._api, event.now.namespace, event.now.name)
            return [("volume", volume.name) for volume in claimed]
        return (_claim_key(event.now),)


def _claim_key(claim: Envelope) -> Key:
    return "claim", claim.namespace, claim.name


def _ended(pod: Envelope) -> bool:
    return (pod.obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")
