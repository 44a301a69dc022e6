"""csi-attacher: attaches and detaches the volumes of the simulated driver (external-attacher).

A VolumeAttachment for this driver gets a finalizer and, a second later, status.attached; one that is being deleted is
detached in half a second and loses its finalizer. Attachments for other drivers wait, as they do where that driver is
not installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.kinds import CSINODES, PERSISTENTVOLUMES, VOLUMEATTACHMENTS
from engine.clock import SECOND, rfc3339
from engine.controllers.controller import Key, Queue, Watch, being_deleted, with_metadata
from engine.controllers.persistent_volume.driver import DRIVER
from engine.controllers.slow_work import SlowWork
from engine.storage.attaching import is_attached, volume_of_attachment
from store.types import DELETED, Envelope, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

FINALIZER: Final = "external-attacher/csi-kubarium-dev"
_ATTACHING: Final = SECOND
_DETACHING: Final = SECOND // 2


class SimulatedAttacher:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller, self._clock = context.api, context.caller, context.clock
        self._work = SlowWork(context.clock)

    def watches(self) -> Sequence[Watch]:
        return (Watch(VOLUMEATTACHMENTS, _for_the_driver),)

    def start(self, queue: Queue) -> None:
        self._work.clear()

    def reconcile(self, key: Key) -> int | None:
        attachment = self._api.find(VOLUMEATTACHMENTS, *key)
        if attachment is None:
            return None
        if being_deleted(attachment.obj):
            return self._detach(attachment)
        return None if is_attached(attachment) else self._attach(attachment)

    def _attach(self, attachment: Envelope) -> int | None:
        wait = self._work.wait((attachment.uid, False), _ATTACHING)
        present = list(attachment.obj["metadata"].get("finalizers") or ())
        if FINALIZER not in present:
            changed = with_metadata(attachment.obj, finalizers=[*present, FINALIZER])
            attachment = self._api.update(self._caller, VOLUMEATTACHMENTS, "", attachment.name, changed)
        if wait:
            return wait
        node = attachment.obj["spec"]["nodeName"]
        problem = ""
        if self._api.find(CSINODES, "", node) is None:
            problem = f'csinode.storage.k8s.io "{node}" not found'
        elif self._api.find(PERSISTENTVOLUMES, "", volume_of_attachment(attachment)) is None:
            problem = f'persistentvolume "{volume_of_attachment(attachment)}" not found'
        if problem:
            error = {"message": problem, "time": rfc3339(self._clock.now())}
            self._api.update_status(self._caller, attachment, {"attached": False, "attachError": error})
            return 10 * SECOND
        self._api.update_status(self._caller, attachment, {"attached": True})
        return None

    def _detach(self, attachment: Envelope) -> int | None:
        present = list(attachment.obj["metadata"].get("finalizers") or ())
        if FINALIZER not in present:
            return None
        wait = self._work.wait((attachment.uid, True), _DETACHING)
        if wait:
            return wait
        left = [name for name in present if name != FINALIZER]
        changed = with_metadata(attachment.obj, finalizers=left or None)
        self._api.update(self._caller, VOLUMEATTACHMENTS, "", attachment.name, changed)
        return None


def _for_the_driver(event: WatchEvent) -> Iterable[Key]:
    if event.type == DELETED or event.now.obj["spec"].get("attacher") != DRIVER:
        return ()
    return ((event.now.namespace, event.now.name),)
