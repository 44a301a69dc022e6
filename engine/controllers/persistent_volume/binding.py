"""The writes that bind a claim and a volume to each other, and those that take it back.

A binding is four writes, as in pv_controller.bind: the volume's claimRef, its phase, the claim's volumeName, its
phase. Each is left out when it would change nothing, so a binding that was interrupted is finished by doing it again.
"""

from __future__ import annotations

from typing import Any

from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from engine.api.server import Api, Caller
from engine.clock import rfc3339
from engine.controllers.controller import with_metadata
from engine.events import EventKind, EventRecorder
from engine.storage.annotations import BIND_COMPLETED, BOUND_BY_CONTROLLER
from engine.storage.claim_reference import claimed_by
from engine.storage.reading import marks_of
from store.types import Envelope, JsonObject


class Binding:
    """Writes as one controller."""

    def __init__(self, api: Api, caller: Caller, recorder: EventRecorder) -> None:
        self.api, self.caller, self.recorder = api, caller, recorder

    def bind(self, volume: Envelope, claim: Envelope) -> None:
        """Bind them; both may be bound to each other in part already."""
        volume = self._claim_volume(volume, claim)
        volume = self.volume_phase(volume, "Bound")
        claim = self._name_volume(claim, volume)
        self.claim_phase(claim, "Bound", volume)

    def unbind(self, volume: Envelope) -> None:
        """Free the volume. One that a person reserved for the claim stays reserved (unbindVolume)."""
        obj, marks = volume.obj, marks_of(volume.obj)
        if BOUND_BY_CONTROLLER in marks:
            left = {key: value for key, value in marks.items() if key != BOUND_BY_CONTROLLER}
            spec = {key: value for key, value in obj["spec"].items() if key != "claimRef"}
            obj = {**with_metadata(obj, annotations=left or None), "spec": spec}
        elif "uid" in obj["spec"]["claimRef"]:
            ref = {key: value for key, value in obj["spec"]["claimRef"].items() if key != "uid"}
            obj = {**obj, "spec": {**obj["spec"], "claimRef": ref}}
        self.volume_phase(self.update_volume(volume, obj), "Available")

    # -- phases ----------------------------------------------------------------------------------------------------

    def volume_phase(self, volume: Envelope, phase: str, message: str = "") -> Envelope:
        """Set the volume's phase if it is another."""
        status = volume.obj.get("status") or {}
        if status.get("phase") == phase and (status.get("message") or "") == message:
            return volume
        new: JsonObject = {"phase": phase}
        if message:
            new["message"] = message
        if status.get("phase") == phase and "lastPhaseTransitionTime" in status:
            new["lastPhaseTransitionTime"] = status["lastPhaseTransitionTime"]
        else:
            new["lastPhaseTransitionTime"] = rfc3339(self.api.clock.now())
        return self.api.update_status(self.caller, volume, new)

    def volume_phase_told(
        self, volume: Envelope, phase: str, type_: EventKind, reason: str, message: str
    ) -> Envelope:  # fmt: skip
        """The same with an event, which is recorded once per change of phase."""
        if (volume.obj.get("status") or {}).get("phase") == phase:
            return volume
        volume = self.volume_phase(volume, phase, message)
        self.recorder.event(volume, type_, reason, message)
        return volume

    def claim_phase(self, claim: Envelope, phase: str, volume: Envelope | None = None) -> Envelope:
        """Set the claim's phase, and with a volume what it got. What grew since it was bound stays (expansion)."""
        status = claim.obj.get("status") or {}
        new: dict[str, Any] = {**status, "phase": phase}
        if volume is None:
            new.pop("accessModes", None)
            new.pop("capacity", None)
        else:
            new["accessModes"] = volume.obj["spec"].get("accessModes")
            if status.get("phase") != phase:
                new["capacity"] = volume.obj["spec"].get("capacity")
        return self.api.update_status(self.caller, claim, new)

    def claim_phase_told(self, claim: Envelope, phase: str, reason: str, message: str) -> Envelope:
        """The same with a Warning, recorded once per change of phase."""
        if (claim.obj.get("status") or {}).get("phase") == phase:
            return claim
        claim = self.claim_phase(claim, phase)
        self.recorder.event(claim, "Warning", reason, message)
        return claim

    # -- objects ---------------------------------------------------------------------------------------------------

    def update_volume(self, volume: Envelope, obj: JsonObject) -> Envelope:
        return self.api.update(self.caller, PERSISTENTVOLUMES, "", volume.name, obj)

    def update_claim(self, claim: Envelope, obj: JsonObject) -> Envelope:
        return self.api.update(self.caller, PERSISTENTVOLUMECLAIMS, claim.namespace, claim.name, obj)

    def _claim_volume(self, volume: Envelope, claim: Envelope) -> Envelope:
        changed = claimed_by(volume.obj, claim)
        return volume if changed is volume.obj else self.update_volume(volume, changed)

    def _name_volume(self, claim: Envelope, volume: Envelope) -> Envelope:
        obj, marks = claim.obj, dict(marks_of(claim.obj))
        if obj["spec"].get("volumeName") != volume.name:
            obj = {**obj, "spec": {**obj["spec"], "volumeName": volume.name}}
            marks.setdefault(BOUND_BY_CONTROLLER, "yes")
        marks.setdefault(BIND_COMPLETED, "yes")
        if obj is claim.obj and marks == marks_of(obj):
            return claim
        return self.update_claim(claim, with_metadata(obj, annotations=marks))
