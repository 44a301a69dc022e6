"""ephemeral-volume-controller: makes the claims of pods' generic ephemeral volumes.

The claim is named `<pod>-<volume>` and owned by the pod, so that it goes with it. A claim of that name which belongs
to somebody else is left alone, and the pod waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.api.errors import ApiError
from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PODS
from engine.controllers.controller import Key, Queue, Terminal, Watch, being_deleted, controller_reference
from engine.storage.reading import find_claim, made_for
from store.types import DELETED, Envelope, JsonObject, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class EphemeralVolumeController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller
        self._recorder = context.recorder("ephemeral_volume")

    def watches(self) -> Sequence[Watch]:
        return (Watch(PODS, _pods_in_need),)

    def start(self, queue: Queue) -> None:
        """Nothing is kept."""

    def reconcile(self, key: Key) -> None:
        pod = self._api.find(PODS, *key)
        if pod is None or being_deleted(pod.obj):
            return
        for volume in pod.obj["spec"].get("volumes") or ():
            if "ephemeral" in volume:
                self._make(pod, volume)

    def _make(self, pod: Envelope, volume: JsonObject) -> None:
        name = f"{pod.name}-{volume['name']}"
        found = find_claim(self._api, pod.namespace, name)
        if found is not None:
            if not made_for(found, pod):
                text = f'PVC "{pod.namespace}/{name}" was not created for pod "{pod.namespace}/{pod.name}" '
                text += "(pod is not owner)"
                raise Terminal(text, pod, "EphemeralVolumeConflict")
            return
        template = (volume["ephemeral"] or {}).get("volumeClaimTemplate") or {}
        asked = template.get("metadata") or {}
        meta = {"name": name, "ownerReferences": [controller_reference(pod)]}
        meta |= {key: asked[key] for key in ("labels", "annotations") if asked.get(key)}
        try:
            claim = {"metadata": meta, "spec": template.get("spec") or {}}
            self._api.create(self._caller, PERSISTENTVOLUMECLAIMS, pod.namespace, claim)
        except ApiError as error:
            self._recorder.event(
                pod, "Warning", "EphemeralVolumeCreationFailed", f"ephemeral volume {volume['name']}: {error}"
            )
            raise


def _pods_in_need(event: WatchEvent) -> Iterable[Key]:
    if event.type == DELETED or event.before is not None:
        return ()
    if any("ephemeral" in volume for volume in event.now.obj["spec"].get("volumes") or ()):
        return ((event.now.namespace, event.now.name),)
    return ()
