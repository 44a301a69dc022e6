"""The controllers that let claims and volumes go only when nothing uses them any longer.

persistentvolumeclaim-protection-controller: a claim that is to be deleted stays as long as a pod on a node names it,
ended or not. persistentvolume-protection-controller: a volume stays as long as it is bound. Both do so by a finalizer
that admission puts on each object when it is made, and that they put on those that lack it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS
from engine.api.server import Api, Caller
from engine.controllers.controller import Key, Queue, Watch, being_deleted, own_key, with_metadata
from engine.storage.annotations import CLAIM_PROTECTION, VOLUME_PROTECTION
from engine.storage.reading import claims_of, index_storage, made_for, pods_using
from store.types import DELETED, Envelope, Resource, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class ClaimProtection:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller
        index_storage(context.api)

    def watches(self) -> Sequence[Watch]:
        return Watch(PERSISTENTVOLUMECLAIMS, own_key), Watch(PODS, _claims_let_go)

    def start(self, queue: Queue) -> None:
        """Nothing is kept."""

    def reconcile(self, key: Key) -> None:
        claim = self._api.find(PERSISTENTVOLUMECLAIMS, *key)
        if claim is not None:
            used = being_deleted(claim.obj) and any(
                _uses(pod, claim) for pod in pods_using(self._api, claim.namespace, claim.name)
            )
            _protect(self._api, self._caller, PERSISTENTVOLUMECLAIMS, claim, CLAIM_PROTECTION, used)


class VolumeProtection:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller

    def watches(self) -> Sequence[Watch]:
        return (Watch(PERSISTENTVOLUMES, own_key),)

    def start(self, queue: Queue) -> None:
        """Nothing is kept."""

    def reconcile(self, key: Key) -> None:
        volume = self._api.find(PERSISTENTVOLUMES, *key)
        if volume is not None:
            used = (volume.obj.get("status") or {}).get("phase") == "Bound"
            _protect(self._api, self._caller, PERSISTENTVOLUMES, volume, VOLUME_PROTECTION, used)


def _protect(api: Api, caller: Caller, resource: Resource, env: Envelope, finalizer: str, used: bool) -> None:
    present = env.obj["metadata"].get("finalizers") or []
    if being_deleted(env.obj):
        if finalizer not in present or used:
            return
        wanted = [name for name in present if name != finalizer]
    elif finalizer not in present:
        wanted = [*present, finalizer]
    else:
        return
    api.update(caller, resource, env.namespace, env.name, with_metadata(env.obj, finalizers=wanted or None))


def _uses(pod: Envelope, claim: Envelope) -> bool:
    """Only pods on a node count: a kubelet starts none whose claim is being deleted."""
    if not pod.obj["spec"].get("nodeName"):
        return False
    ended = (pod.obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return any(
        not (mount.ephemeral and (ended or not made_for(claim, pod)))
        for mount in claims_of(pod)
        if mount.name == claim.name
    )


def _claims_let_go(event: WatchEvent) -> Iterable[Key]:
    """Claims of a pod that is gone or has ended."""
    now = event.now
    if event.type == DELETED or (now.obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return [(now.namespace, mount.name) for mount in claims_of(now)]
    return ()
