"""The volumes of one node that have to be attached before they are mounted: which are in use, and for which pods wait.

The kubelet reports what its pods use in status.volumesInUse, so that nothing is detached from under them, and mounts a
volume only when the attach-detach controller reports it in status.volumesAttached.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.api.kinds import PERSISTENTVOLUMES
from engine.api.server import Api
from engine.storage.attaching import attachable, attached_names
from engine.storage.reading import claims_of, find_claim
from store.types import Envelope, Uid


class Attachments:
    """Of one node."""

    def __init__(self, api: Api, node: str) -> None:
        self._api, self._node = api, node
        self._pods: dict[Uid, dict[str, str]] = {}
        """Pod → unique name of each volume → the pod's name for it."""

    def take(self, pod: Envelope) -> bool:
        """The pod uses its volumes from now on. True when the node uses others than before."""
        if pod.uid in self._pods:
            return False
        found = {}
        for mount in claims_of(pod):
            claim = find_claim(self._api, pod.namespace, mount.name)
            name = claim.obj["spec"].get("volumeName") if claim is not None else None
            volume = self._api.find(PERSISTENTVOLUMES, "", name) if name else None
            disk = attachable(self._api, volume) if volume is not None else None
            if disk is not None:
                found[disk.unique_name] = mount.volume
        if not found:
            return False
        self._pods[pod.uid] = found
        return True

    def drop(self, uid: Uid) -> bool:
        """The pod has unmounted them. True when it had any."""
        return self._pods.pop(uid, None) is not None

    def unattached(self, uid: Uid) -> Sequence[str]:
        """The pod's names of volumes that are not attached yet."""
        wanted = self._pods.get(uid)
        if not wanted:
            return ()
        attached = attached_names(self._api, self._node)
        return [volume for name, volume in wanted.items() if name not in attached]

    def in_use(self) -> list[str]:
        """status.volumesInUse."""
        return sorted({name for wanted in self._pods.values() for name in wanted})
