"""snapshot-controller: binds VolumeSnapshots and VolumeSnapshotContents to each other.

A snapshot of a claim gets a class (the default one of the claim's driver, if it names none) and a content
`snapcontent-<uid>` for the driver to fill; a snapshot of a content that exists is bound to it. Its status follows the
content's. Finalizers hold the claim while the snapshot is taken, the snapshot while it is bound or restored from, the
content while there is something behind it; what is deleted with a snapshot is the class's deletionPolicy to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import ApiError
from engine.api.kinds import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from engine.clock import SECOND, rfc3339
from engine.controllers.controller import Key, Queue, Watch, being_deleted, with_metadata
from engine.storage.reading import find_claim, marks_of
from engine.storage.snapshot_kinds import CLASSES, CONTENTS, GROUP, SNAPSHOTS, VERSION
from store.types import DELETED, Envelope, JsonObject, Resource, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

SOURCE_FINALIZER: Final = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection"
BOUND_FINALIZER: Final = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection"
CONTENT_FINALIZER: Final = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"
CLAIM_FINALIZER: Final = "snapshot.storage.kubernetes.io/pvc-as-source-protection"
BEING_DELETED: Final = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted"
DEFAULT_CLASS: Final = "snapshot.storage.kubernetes.io/is-default-class"
_ONE_SOURCE: Final = "Exactly one of PersistentVolumeClaimName and VolumeSnapshotContentName should be specified"


class SnapshotError(Exception):
    """What is wrong with a snapshot: event reason, and message for event and status."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class NotYet(ApiError):
    """It may be well later: the frame backs off."""


class SnapshotController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder("snapshot-controller")

    def watches(self) -> Sequence[Watch]:
        return Watch(SNAPSHOTS, _own), Watch(CONTENTS, _of_content)

    def start(self, queue: Queue) -> None:
        """Nothing is kept."""

    def reconcile(self, key: Key) -> int | None:
        snapshot = self._api.find(SNAPSHOTS, *key)
        if snapshot is None:
            return None
        self._free_claim(snapshot)
        if being_deleted(snapshot.obj):
            return self._delete(snapshot)
        try:
            self._sync(snapshot)
        except SnapshotError as error:
            self._say_error(snapshot, error)
            raise NotYet(str(error)) from error
        return None

    # -- making ----------------------------------------------------------------------------------------------------

    def _sync(self, snapshot: Envelope) -> None:
        source = snapshot.obj["spec"].get("source") or {}
        claim, given = source.get("persistentVolumeClaimName"), source.get("volumeSnapshotContentName")
        if bool(claim) == bool(given):
            raise SnapshotError("SnapshotValidationError", _ONE_SOURCE)
        if claim and not snapshot.obj["spec"].get("volumeSnapshotClassName"):
            snapshot = self._give_class(snapshot, claim)
        content = self._given_content(snapshot, given) if given else self._api.find(CONTENTS, "", _name_for(snapshot))
        snapshot = self._protect(snapshot, content)
        if content is None:
            content = self._create_content(snapshot, str(claim))
        elif given and not content.obj["spec"]["volumeSnapshotRef"].get("uid"):
            ref = {**content.obj["spec"]["volumeSnapshotRef"], "uid": snapshot.uid}
            content = self._update(content, {**content.obj, "spec": {**content.obj["spec"], "volumeSnapshotRef": ref}})
        if CONTENT_FINALIZER not in _finalizers(content) and not being_deleted(content.obj):
            content = self._finalizers_of(content, [*_finalizers(content), CONTENT_FINALIZER])
        self._follow(snapshot, content)

    def _give_class(self, snapshot: Envelope, claim: str) -> Envelope:
        volume = self._volume(snapshot, claim, "SetDefaultSnapshotClassFailed", "Failed to set default snapshot class")
        driver = volume.obj["spec"]["csi"]["driver"]
        marked = [
            env.name for env in self._api.store.list(CLASSES)
            if marks_of(env.obj).get(DEFAULT_CLASS) == "true" and env.obj.get("driver") == driver
        ]  # fmt: skip
        if len(marked) != 1:
            found = f"{len(marked)} default snapshot classes were found"
            why = found if marked else "cannot find default snapshot class"
            text = f"Failed to set default snapshot class with error {why}"
            raise SnapshotError("SetDefaultSnapshotClassFailed", text)
        spec = {**snapshot.obj["spec"], "volumeSnapshotClassName": marked[0]}
        return self._update(snapshot, {**snapshot.obj, "spec": spec})

    def _volume(self, snapshot: Envelope, name: str, reason: str, doing: str) -> Envelope:
        """The volume of the claim that is to be taken. Raises SnapshotError."""
        claim = find_claim(self._api, snapshot.namespace, name)
        if claim is None:
            why = f'failed to retrieve PVC {name} from the lister: "persistentvolumeclaim \\"{name}\\" not found"'
        elif (claim.obj.get("status") or {}).get("phase") != "Bound":
            why = f"the PVC {name} is not yet bound to a PV, will not attempt to take a snapshot"
        else:
            volume = self._api.find(PERSISTENTVOLUMES, "", claim.obj["spec"].get("volumeName") or "")
            if volume is not None and volume.obj["spec"].get("csi"):
                return volume
            why = f"the volume of PVC {name} is not of a CSI driver"
        raise SnapshotError(reason, f"{doing} with error {why}")

    def _given_content(self, snapshot: Envelope, name: str) -> Envelope:
        content = self._api.find(CONTENTS, "", name)
        if content is None:
            raise SnapshotError("SnapshotContentMissing", "VolumeSnapshotContent is missing")
        spec = content.obj["spec"]
        if not (spec.get("source") or {}).get("snapshotHandle"):
            text = "VolumeSnapshotContent is dynamically provisioned while expecting a pre-provisioned one"
            raise SnapshotError("SnapshotContentMismatch", text)
        if not _refers(content, snapshot):
            text = f"VolumeSnapshotContent [{name}] is bound to a different snapshot"
            raise SnapshotError("SnapshotContentMisbound", text)
        return content

    def _create_content(self, snapshot: Envelope, claim: str) -> Envelope:
        failed, doing = "SnapshotContentCreationFailed", "Failed to create snapshot content"
        if (snapshot.obj.get("status") or {}).get("readyToUse"):
            raise SnapshotError("SnapshotContentMissing", "VolumeSnapshotContent is missing")
        name = snapshot.obj["spec"]["volumeSnapshotClassName"]
        found = self._api.find(CLASSES, "", name)
        if found is None:
            missing = f'volumesnapshotclass.{GROUP} \\"{name}\\" not found'
            raise SnapshotError(failed, f'{doing} with error failed to get input parameters to create snapshot '
                                f'{snapshot.name}: "{missing}"')  # fmt: skip
        volume = self._volume(snapshot, claim, failed, doing)
        self._hold_claim(snapshot, claim)
        spec = {
            "deletionPolicy": found.obj["deletionPolicy"], "driver": found.obj["driver"],
            "source": {"volumeHandle": volume.obj["spec"]["csi"]["volumeHandle"]},
            "sourceVolumeMode": volume.obj["spec"].get("volumeMode") or "Filesystem",
            "volumeSnapshotClassName": found.name,
            "volumeSnapshotRef": {
                "apiVersion": VERSION, "kind": "VolumeSnapshot", "name": snapshot.name,
                "namespace": snapshot.namespace, "uid": snapshot.uid, "resourceVersion": str(snapshot.revision),
            },
        }  # fmt: skip
        meta = {"name": _name_for(snapshot), "finalizers": [CONTENT_FINALIZER]}
        made = self._api.create(self._caller, CONTENTS, "", {"metadata": meta, "spec": spec})
        text = f"Waiting for a snapshot {_place(snapshot)} to be created by the CSI driver."
        self._recorder.event(snapshot, "Normal", "CreatingSnapshot", text)
        return made

    def _follow(self, snapshot: Envelope, content: Envelope) -> None:
        """Status as the content's."""
        snapshot = self._api.get(SNAPSHOTS, snapshot.namespace, snapshot.name)
        status, told = snapshot.obj.get("status") or {}, content.obj.get("status") or {}
        new: dict[str, Any] = {
            "boundVolumeSnapshotContentName": content.name, "readyToUse": bool(told.get("readyToUse")),
        }  # fmt: skip
        if told.get("creationTime"):
            new["creationTime"] = rfc3339(told["creationTime"] // 1000)
        if told.get("restoreSize") is not None:
            new["restoreSize"] = _binary(told["restoreSize"])
        if told.get("error"):
            new["error"] = told["error"]
        if new == status:
            return
        snapshot = self._api.update_status(self._caller, snapshot, new)
        if new.get("creationTime") and not status.get("creationTime"):
            text = f"Snapshot {_place(snapshot)} was successfully created by the CSI driver."
            self._recorder.event(snapshot, "Normal", "SnapshotCreated", text)
        if new["readyToUse"] and not status.get("readyToUse"):
            self._recorder.event(snapshot, "Normal", "SnapshotReady", f"Snapshot {_place(snapshot)} is ready to use.")

    def _say_error(self, snapshot: Envelope, error: SnapshotError) -> None:
        """In the status, and by an event when that is new."""
        snapshot = self._api.get(SNAPSHOTS, snapshot.namespace, snapshot.name)
        status = snapshot.obj.get("status") or {}
        if (status.get("error") or {}).get("message") == str(error):
            return
        said = {"message": str(error), "time": rfc3339(self._clock.now())}
        snapshot = self._api.update_status(self._caller, snapshot, {**status, "readyToUse": False, "error": said})
        self._recorder.event(snapshot, "Warning", error.reason, str(error))

    # -- finalizers ------------------------------------------------------------------------------------------------

    def _protect(self, snapshot: Envelope, content: Envelope | None) -> Envelope:
        wanted = [SOURCE_FINALIZER]
        if content is not None and content.obj["spec"].get("deletionPolicy") == "Delete":
            wanted.append(BOUND_FINALIZER)
        missing = [name for name in wanted if name not in _finalizers(snapshot)]
        return self._finalizers_of(snapshot, [*_finalizers(snapshot), *missing]) if missing else snapshot

    def _hold_claim(self, snapshot: Envelope, name: str) -> None:
        claim = find_claim(self._api, snapshot.namespace, name)
        if claim is None or CLAIM_FINALIZER in _finalizers(claim):
            return  # held already: taking it was begun before the claim was deleted, and is finished
        if being_deleted(claim.obj):
            why = (
                f"snapshot controller failed to update {name} on API server: cannot add finalizer on claim because it "
            )
            text = f"Failed to create snapshot content with error {why}is being deleted"
            raise SnapshotError("SnapshotContentCreationFailed", text)
        self._finalizers_of(claim, [*_finalizers(claim), CLAIM_FINALIZER])

    def _free_claim(self, snapshot: Envelope) -> None:
        """The claim may go when no snapshot of it is being taken any more."""
        name = (snapshot.obj["spec"].get("source") or {}).get("persistentVolumeClaimName")
        claim = find_claim(self._api, snapshot.namespace, name) if name else None
        if claim is None or CLAIM_FINALIZER not in _finalizers(claim):
            return
        for other in self._api.store.list(SNAPSHOTS, snapshot.namespace):
            if (
                (other.obj["spec"].get("source") or {}).get("persistentVolumeClaimName") == name
                and not (other.obj.get("status") or {}).get("readyToUse")
                and not being_deleted(other.obj)
            ):
                return
        self._finalizers_of(claim, [each for each in _finalizers(claim) if each != CLAIM_FINALIZER])

    def _finalizers_of(self, env: Envelope, finalizers: list[str]) -> Envelope:
        return self._update(env, with_metadata(env.obj, finalizers=finalizers or None))

    def _update(self, env: Envelope, obj: JsonObject) -> Envelope:
        resource = Resource(env.key.group, env.key.plural)
        return self._api.update(self._caller, resource, env.namespace, env.name, obj)

    # -- deleting --------------------------------------------------------------------------------------------------

    def _delete(self, snapshot: Envelope) -> int | None:
        if self._is_restored_from(snapshot):
            text = "Snapshot is being used to restore a PVC"
            self._recorder.event(snapshot, "Warning", "SnapshotDeletePending", text)
            return 5 * SECOND
        bound = (snapshot.obj.get("status") or {}).get("boundVolumeSnapshotContentName") or _name_for(snapshot)
        content = self._api.find(CONTENTS, "", bound)
        if content is not None and not _refers(content, snapshot):
            content = None
        deletes = content is not None and content.obj["spec"].get("deletionPolicy") == "Delete"
        if content is not None:
            if marks_of(content.obj).get(BEING_DELETED) != "yes":
                notes = {**marks_of(content.obj), BEING_DELETED: "yes"}
                content = self._update(content, with_metadata(content.obj, annotations=notes))
            if deletes and not being_deleted(content.obj):
                self._api.delete(self._caller, CONTENTS, "", content.name)
        gone = {SOURCE_FINALIZER} if deletes else {SOURCE_FINALIZER, BOUND_FINALIZER}
        left = [name for name in _finalizers(snapshot) if name not in gone]
        if left != _finalizers(snapshot):
            self._finalizers_of(snapshot, left)
        return None

    def _is_restored_from(self, snapshot: Envelope) -> bool:
        return any(
            (source := claim.obj["spec"].get("dataSource") or {}).get("name") == snapshot.name
            and source.get("kind") == "VolumeSnapshot"
            and source.get("apiGroup") == GROUP
            and (claim.obj.get("status") or {}).get("phase") == "Pending"
            for claim in self._api.store.list(PERSISTENTVOLUMECLAIMS, snapshot.namespace)
        )


def _name_for(snapshot: Envelope) -> str:
    return f"snapcontent-{snapshot.uid}"


def _place(snapshot: Envelope) -> str:
    return f"{snapshot.namespace}/{snapshot.name}"


def _refers(content: Envelope, snapshot: Envelope) -> bool:
    ref = content.obj["spec"].get("volumeSnapshotRef") or {}
    named = ref.get("name") == snapshot.name and ref.get("namespace") == snapshot.namespace
    return bool(named and ref.get("uid") in (None, "", snapshot.uid))


def _finalizers(env: Envelope) -> list[str]:
    return list(env.obj["metadata"].get("finalizers") or ())


def _binary(size: int) -> str:
    """Bytes with the largest binary unit that leaves a whole number, as resource.NewQuantity prints them."""
    for unit, shift in (("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)):
        if size and size % (1 << shift) == 0:
            return f"{size >> shift}{unit}"
    return str(size)


def _own(event: WatchEvent) -> Iterable[Key]:
    return () if event.type == DELETED else ((event.now.namespace, event.now.name),)


def _of_content(event: WatchEvent) -> Iterable[Key]:
    """The snapshot that a content belongs to."""
    ref = event.now.obj["spec"].get("volumeSnapshotRef") or {}
    return ((ref.get("namespace") or "", ref.get("name") or ""),)
