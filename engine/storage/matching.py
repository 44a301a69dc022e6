"""Which existing volume serves a claim best.

The rules of pv_helpers.FindMatchingVolume and the controller's volume index: volumes with the fewest access modes go
first, among those the smallest that is large enough; a volume whose claimRef already names the claim goes before all
others of its access modes. The controller takes the best, but leaves claims of a class that waits for its consumer to
the scheduler, unless a volume names them; the scheduler takes the best that can be reached from a node.
"""

from __future__ import annotations

from engine.api.selectors import from_spec
from engine.api.server import Api
from engine.storage.reading import (
    capacity,
    claimed_for,
    class_of,
    modes_of,
    refers_to,
    requested,
    same_volume_mode,
    unclaimed,
)
from store.types import Envelope, JsonObject


def best_volume(api: Api, claim: Envelope, *, delayed: bool = False) -> Envelope | None:
    """The volume for the controller to bind, None when none will do. `delayed`: the class waits for its consumer."""
    return next(iter(candidates(api, claim, reserved_only=delayed)), None)


def candidates(api: Api, claim: Envelope, *, reserved_only: bool = False) -> list[Envelope]:
    """Volumes that would serve, best first. `reserved_only`: only those whose claimRef names the claim."""
    wanted, size = modes_of(claim.obj), requested(claim.obj)
    fitting = [
        volume
        for volume in claimed_for(api, claim.namespace, claim.name)
        if refers_to(volume.obj, claim) and _fits(claim.obj, volume.obj, wanted, size)
    ]
    if not reserved_only:
        selector = claim.obj["spec"].get("selector")
        matches = None if selector is None else from_spec(selector).matches
        fitting += [
            volume
            for volume in unclaimed(api, class_of(claim.obj))
            if (volume.obj.get("status") or {}).get("phase") == "Available"
            and (matches is None or matches(volume.labels))
            and _fits(claim.obj, volume.obj, wanted, size)
        ]
    by_modes: dict[tuple[int, tuple[str, ...]], list[Envelope]] = {}
    for volume in fitting:
        modes = tuple(sorted(modes_of(volume.obj)))
        by_modes.setdefault((len(modes), modes), []).append(volume)
    ranked: list[Envelope] = []
    for key in sorted(by_modes):
        reserved = next((volume for volume in by_modes[key] if refers_to(volume.obj, claim)), None)
        if reserved is not None:
            return [*ranked, reserved]  # this one or none
        ranked += sorted(by_modes[key], key=lambda volume: (capacity(volume.obj), volume.name))
    return ranked


def why_unfit(claim: Envelope, volume: Envelope) -> str:
    """Why a volume that the claim names cannot serve it; "" when it can (checkVolumeSatisfyClaim)."""
    if "deletionTimestamp" in volume.obj["metadata"]:
        return f'the volume is marked for deletion "{volume.name}"'
    if capacity(volume.obj) < requested(claim.obj):
        return "requested PV is too small"
    if class_of(volume.obj) != class_of(claim.obj):
        return "storageClassName does not match"
    if not same_volume_mode(claim.obj, volume.obj):
        return "incompatible volumeMode"
    if not modes_of(claim.obj) <= modes_of(volume.obj):
        return "incompatible accessMode"
    return ""


def _fits(claim: JsonObject, volume: JsonObject, wanted: frozenset[str], size: int) -> bool:
    return (
        capacity(volume) >= size
        and wanted <= modes_of(volume)
        and same_volume_mode(claim, volume)
        and _attributes_class(claim) == _attributes_class(volume)
        and "deletionTimestamp" not in volume["metadata"]
    )


def _attributes_class(obj: JsonObject) -> str:
    return obj["spec"].get("volumeAttributesClassName") or ""
