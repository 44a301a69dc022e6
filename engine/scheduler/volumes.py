"""What a pod's claims ask of its node, read from the store at the moment of the decision.

A pod that mounts claims has a class of its own with those claims as its `mounts`; the plugins that look at volumes
ask here what state they are in. `ClaimState` is what VolumeBinding's PreFilter makes of them: refused as such, bound
(their volumes say which nodes reach them), or still to bind on the node that is chosen.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, Final, NamedTuple

from engine.api.kinds import CSINODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES
from engine.api.server import Api
from engine.scheduler.framework import FilterPlugin
from engine.scheduler.nodes import NodeTable
from engine.scheduler.podclass import PodClass
from engine.storage.reading import claims_of, delays_binding, find_claim, is_bound, volume_of
from store.types import Envelope, WatchEvent

VOLUME_PLUGINS: Final = frozenset({"NodeVolumeLimits", "VolumeBinding", "VolumeRestrictions", "VolumeZone"})
_WATCHED: Final = frozenset({PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES, CSINODES})


class VolumeChanges:
    """Counts what happens to claims, volumes, classes and CSI nodes."""

    def __init__(self, api: Api) -> None:
        self.api, self.version = api, 0
        api.store.listen(self._on_event)

    def _on_event(self, event: WatchEvent) -> None:
        if event.now.key.resource in _WATCHED:
            self.version += 1


class VolumeFilter(FilterPlugin):
    """Base of the plugins that look at volumes: they are asked again when any of them has changed."""

    related: ClassVar[bool] = True

    def __init__(self, changes: VolumeChanges) -> None:
        self._changes, self._api = changes, changes.api

    def signature(self, pod: PodClass, nodes: NodeTable) -> Hashable:
        return self._changes.version

    def concerns(self, pod: PodClass) -> bool:
        return pod.mounts is not None

    def state(self, pod: PodClass) -> ClaimState:
        """The pod's claims as they are now."""
        return claim_state(self._api, pod.mounts) if pod.mounts is not None else ClaimState()


class Mounts(NamedTuple):
    """The claims of a pod."""

    namespace: str
    claims: tuple[tuple[str, bool], ...]
    """(name, made for the pod as an ephemeral volume)"""
    pod: str
    """The pod's uid when a claim is made for it, else "": pods that share their claims share their class."""


class ClaimState(NamedTuple):
    """The claims, sorted out."""

    refusal: str = ""
    """Why the pod cannot be scheduled at all for now, in Kubernetes' words."""
    volumes: tuple[Envelope, ...] = ()
    """Volumes of bound claims."""
    volume_missing: bool = False
    """A bound claim's volume does not exist."""
    open: tuple[Envelope, ...] = ()
    """Claims of classes that wait for this pod."""


def mounts_of(env: Envelope) -> Mounts | None:
    """The pod's claims, None without any."""
    if not env.obj["spec"].get("volumes"):
        return None
    claims = tuple((claim.name, claim.ephemeral) for claim in claims_of(env))
    if not claims:
        return None
    return Mounts(env.namespace, claims, env.uid if any(ephemeral for _, ephemeral in claims) else "")


def claim_state(api: Api, mounts: Mounts) -> ClaimState:
    """podHasPVCs and GetPodVolumeClaims of the VolumeBinding plugin."""
    claims = []
    for name, ephemeral in mounts.claims:
        claim = find_claim(api, mounts.namespace, name)
        refusal = _refusal(mounts, name, ephemeral, claim)
        if refusal:
            return ClaimState(refusal)
        assert claim is not None
        claims.append(claim)
    volumes, missing, waiting = [], False, []
    for claim in claims:
        if is_bound(claim.obj):
            volume = volume_of(api, claim.obj)
            if volume is None:
                missing = True
            else:
                volumes.append(volume)
        elif delays_binding(api, claim.obj) and not claim.obj["spec"].get("volumeName"):
            waiting.append(claim)
        else:
            return ClaimState("pod has unbound immediate PersistentVolumeClaims")
    return ClaimState("", tuple(volumes), missing, tuple(waiting))


def _refusal(mounts: Mounts, name: str, ephemeral: bool, claim: Envelope | None) -> str:
    word = PERSISTENTVOLUMECLAIMS.plural[:-1]
    if claim is None:
        if ephemeral:
            return f'waiting for ephemeral volume controller to create the {word} "{name}"'
        return f'{word} "{name}" not found'
    if (claim.obj.get("status") or {}).get("phase") == "Lost":
        volume = claim.obj["spec"].get("volumeName") or ""
        return f'{word} "{name}" bound to non-existent persistentvolume "{volume}"'
    if "deletionTimestamp" in claim.obj["metadata"]:
        return f'{word} "{name}" is being deleted'
    if ephemeral and claim.owner != mounts.pod:
        return f'PVC "{mounts.namespace}/{name}" was not created for pod (pod is not owner)'
    return ""
