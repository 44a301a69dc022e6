"""Readers of claims, volumes and classes: the small questions of pv_helpers.go, answered from the stored objects.

All of them take the object as JSON (`claim`, `volume`) or its envelope where its identity matters, and write nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.api import quantity
from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from engine.api.server import Api
from engine.storage.annotations import BETA_CLASS, BIND_COMPLETED, NO_PROVISIONER, SELECTED_NODE
from store.types import Envelope, JsonObject

_PODS_BY_CLAIM: Final = "claims"
_VOLUMES_BY_CLASS: Final = "unclaimed volumes by class"
_VOLUMES_BY_CLAIM: Final = "spec.claimRef"


def marks_of(obj: JsonObject) -> Mapping[str, str]:
    """Its annotations."""
    return obj["metadata"].get("annotations") or {}


# -- claims and volumes --------------------------------------------------------------------------------------------


def class_of(obj: JsonObject) -> str:
    """The storage class of a claim or a volume, "" for none (GetPersistentVolumeClaimClass)."""
    beta = marks_of(obj).get(BETA_CLASS)
    return beta if beta is not None else obj["spec"].get("storageClassName") or ""


def has_class(claim: JsonObject) -> bool:
    """Whether the claim says anything about its class, be it ""."""
    return BETA_CLASS in marks_of(claim) or claim["spec"].get("storageClassName") is not None


def requested(claim: JsonObject) -> int:
    """Bytes that the claim asks for."""
    return quantity.value(((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0"))


def capacity(volume: JsonObject) -> int:
    """Bytes of the volume."""
    return quantity.value((volume["spec"].get("capacity") or {}).get("storage", "0"))


def modes_of(obj: JsonObject) -> frozenset[str]:
    return frozenset(obj["spec"].get("accessModes") or ())


def same_volume_mode(claim: JsonObject, volume: JsonObject) -> bool:
    """Filesystem or Block; Filesystem where it is not said (CheckVolumeModeMismatches)."""
    default = "Filesystem"
    return bool((claim["spec"].get("volumeMode") or default) == (volume["spec"].get("volumeMode") or default))


def is_bound(claim: JsonObject) -> bool:
    """The controller has done all its writes for the claim's binding."""
    return bool(claim["spec"].get("volumeName")) and BIND_COMPLETED in marks_of(claim)


def refers_to(volume: JsonObject, claim: Envelope) -> bool:
    """The volume's claimRef is this claim, by name and, unless it has none yet, by uid (IsVolumeBoundToClaim)."""
    ref = volume["spec"].get("claimRef")
    if ref is None or ref.get("name") != claim.name or ref.get("namespace") != claim.namespace:
        return False
    return not ref.get("uid") or ref["uid"] == claim.uid


# -- classes -------------------------------------------------------------------------------------------------------


def storage_class(api: Api, name: str) -> JsonObject | None:
    """The class of that name, None for "" and for one that does not exist."""
    env = api.find(STORAGECLASSES, "", name) if name else None
    return None if env is None else env.obj


def delays_binding(api: Api, claim: JsonObject) -> bool:
    """The class waits for the first consumer (IsDelayBindingMode)."""
    found = storage_class(api, class_of(claim))
    return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"


def provisions(found: JsonObject | None) -> bool:
    """The class makes volumes."""
    return found is not None and found.get("provisioner") not in (None, "", NO_PROVISIONER)


def selected_node(claim: JsonObject) -> str:
    """The node that the scheduler chose for a claim to be provisioned, "" for none."""
    return marks_of(claim).get(SELECTED_NODE) or ""


def topology_allows(found: JsonObject, labels: Mapping[str, str]) -> bool:
    """Volumes of the class may be on a node with these labels (MatchTopologySelectorTerms)."""
    terms: Sequence[JsonObject] = found.get("allowedTopologies") or ()
    return not terms or any(
        all(labels.get(rule["key"]) in (rule.get("values") or ()) for rule in term.get("matchLabelExpressions") or ())
        for term in terms
    )


# -- pods and their claims -----------------------------------------------------------------------------------------


class PodClaim(NamedTuple):
    """A claim that a pod mounts."""

    name: str
    volume: str
    """The pod's volume that it is mounted as."""
    ephemeral: bool
    """A generic ephemeral volume: the claim is made for the pod and goes with it."""


def claims_of(pod: Envelope) -> Iterator[PodClaim]:
    """The pod's claims, in the order of its volumes."""
    volume: dict[str, Any]
    for volume in pod.obj["spec"].get("volumes") or ():
        source = volume.get("persistentVolumeClaim")
        if source is not None:
            yield PodClaim(source["claimName"], volume["name"], False)
        elif "ephemeral" in volume:
            yield PodClaim(f"{pod.name}-{volume['name']}", volume["name"], True)


def made_for(claim: Envelope, pod: Envelope) -> bool:
    """The claim belongs to the pod (ephemeral.VolumeIsForPod)."""
    return claim.owner == pod.uid


def index_storage(api: Api) -> None:
    """Keep pods findable by claim, and volumes by class and by claim. May be called by each who needs it."""
    api.store.add_index(PODS, _PODS_BY_CLAIM, _claim_keys)
    api.store.add_index(PERSISTENTVOLUMES, _VOLUMES_BY_CLASS, _unclaimed_class)
    api.store.add_index(PERSISTENTVOLUMES, _VOLUMES_BY_CLAIM, _claim_ref)


def pods_using(api: Api, namespace: str, claim: str) -> Sequence[Envelope]:
    """Pods that name the claim, scheduled or not, ended or not."""
    return api.store.by_index(PODS, _PODS_BY_CLAIM, f"{namespace}/{claim}")


def unclaimed(api: Api, class_name: str) -> Sequence[Envelope]:
    """Volumes of a class that no claimRef is on."""
    return api.store.by_index(PERSISTENTVOLUMES, _VOLUMES_BY_CLASS, class_name)


def claimed_for(api: Api, namespace: str, claim: str) -> Sequence[Envelope]:
    """Volumes whose claimRef has this name."""
    return api.store.by_index(PERSISTENTVOLUMES, _VOLUMES_BY_CLAIM, f"{namespace}/{claim}")


def volume_of(api: Api, claim: JsonObject) -> Envelope | None:
    """The volume that the claim names."""
    name = claim["spec"].get("volumeName")
    return api.find(PERSISTENTVOLUMES, "", name) if name else None


def find_claim(api: Api, namespace: str, name: str) -> Envelope | None:
    return api.find(PERSISTENTVOLUMECLAIMS, namespace, name)


def _claim_keys(pod: Envelope) -> Sequence[str]:
    # Asked twice at each write of a pod, and most have no other volume than their token.
    for volume in pod.obj["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume or "ephemeral" in volume:
            return list(dict.fromkeys(f"{pod.namespace}/{claim.name}" for claim in claims_of(pod)))
    return ()


def _unclaimed_class(volume: Envelope) -> Sequence[str]:
    return () if volume.obj["spec"].get("claimRef") else (class_of(volume.obj),)


def _claim_ref(volume: Envelope) -> Sequence[str]:
    ref = volume.obj["spec"].get("claimRef")
    return (f"{ref.get('namespace') or ''}/{ref.get('name') or ''}",) if ref else ()
