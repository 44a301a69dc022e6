"""A volume's spec.claimRef: whose it is (GetBindVolumeToClaim)."""

from __future__ import annotations

from engine.storage.annotations import BOUND_BY_CONTROLLER
from engine.storage.reading import marks_of, refers_to
from store.types import Envelope, JsonObject


def claimed_by(volume: JsonObject, claim: Envelope) -> JsonObject:
    """The volume with a claimRef to the claim; the same object if it has it already (GetBindVolumeToClaim)."""
    ref = volume["spec"].get("claimRef") or {}
    known = refers_to(volume, claim)
    if known and ref.get("uid") == claim.uid:
        return volume
    new = {**volume, "spec": {**volume["spec"], "claimRef": claim_reference(claim)}}
    if not known:
        new["metadata"] = {**volume["metadata"], "annotations": {**marks_of(volume), BOUND_BY_CONTROLLER: "yes"}}
    return new


def claim_reference(claim: Envelope) -> JsonObject:
    """A volume's spec.claimRef."""
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": claim.namespace, "name": claim.name,
        "uid": claim.uid, "resourceVersion": str(claim.revision),
    }  # fmt: skip
