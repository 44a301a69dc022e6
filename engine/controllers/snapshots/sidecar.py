"""csi-snapshotter: takes, adopts and deletes snapshots for the simulated driver.

A content with a volume's handle is taken in two seconds and says then under which handle, when and how large; a
content with a snapshot's handle is taken to be there. A content that is being deleted lets go when its snapshot is
deleted (a second) or, by its policy, retained. Contents of other drivers wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.kinds import PERSISTENTVOLUMES
from engine.clock import SECOND
from engine.controllers.controller import Key, Queue, Watch, being_deleted, with_metadata
from engine.controllers.persistent_volume.driver import DRIVER
from engine.controllers.slow_work import SlowWork
from engine.controllers.snapshots.controller import BEING_DELETED, CONTENT_FINALIZER
from engine.storage.reading import capacity, marks_of
from engine.storage.snapshot_kinds import CONTENTS
from store.types import DELETED, Envelope, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_TAKING: Final = 2 * SECOND
_DELETING: Final = SECOND


class SimulatedSnapshotter:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._work = SlowWork(context.clock)

    def watches(self) -> Sequence[Watch]:
        return (Watch(CONTENTS, _of_the_driver),)

    def start(self, queue: Queue) -> None:
        self._work.clear()

    def reconcile(self, key: Key) -> int | None:
        content = self._api.find(CONTENTS, *key)
        if content is None:
            return None
        if being_deleted(content.obj):
            return self._delete(content)
        status = content.obj.get("status") or {}
        return None if status.get("readyToUse") else self._take(content)

    def _take(self, content: Envelope) -> int | None:
        source = content.obj["spec"].get("source") or {}
        size = 0
        if source.get("volumeHandle"):
            wait = self._work.wait((content.uid, False), _TAKING)
            if wait:
                return wait
            volume = self._volume(source["volumeHandle"])
            if volume is None:
                error = {"message": f"Failed to create snapshot: volume {source['volumeHandle']} not found"}
                self._api.update_status(self._caller, content, {"readyToUse": False, "error": error})
                return None
            size = capacity(volume.obj)
        handle = source.get("snapshotHandle") or f"snapshot-{content.obj['spec']['volumeSnapshotRef'].get('uid')}"
        status: dict[str, Any] = {
            "snapshotHandle": handle, "creationTime": self._clock.now() * 1000, "readyToUse": True,
            "restoreSize": size,
        }  # fmt: skip
        self._api.update_status(self._caller, content, status)
        return None

    def _volume(self, handle: str) -> Envelope | None:
        """The driver names its volumes as Kubernetes does; others are looked for."""
        found = self._api.find(PERSISTENTVOLUMES, "", handle)
        if found is not None:
            return found
        return next(
            (env for env in self._api.store.list(PERSISTENTVOLUMES)
             if (env.obj["spec"].get("csi") or {}).get("volumeHandle") == handle),
            None,
        )  # fmt: skip

    def _delete(self, content: Envelope) -> int | None:
        present = content.obj["metadata"].get("finalizers") or []
        if CONTENT_FINALIZER not in present:
            return None
        if content.obj["spec"].get("deletionPolicy") == "Delete":
            if marks_of(content.obj).get(BEING_DELETED) != "yes":
                return None  # its VolumeSnapshot is still there: nothing is lost by a mistake
            wait = self._work.wait((content.uid, True), _DELETING)
            if wait:
                return wait
        left = [name for name in present if name != CONTENT_FINALIZER]
        changed = with_metadata(content.obj, finalizers=left or None)
        self._api.update(self._caller, CONTENTS, "", content.name, changed)
        return None


def _of_the_driver(event: WatchEvent) -> Iterable[Key]:
    if event.type == DELETED or event.now.obj["spec"].get("driver") != DRIVER:
        return ()
    return ((event.now.namespace, event.now.name),)
