"""persistentvolume-attach-detach-controller: volumes are attached to the nodes whose pods want them, and to no others.

For each volume it compares where pods that use it are bound with the VolumeAttachments that there are. An attachment
that nobody wants goes when the node's kubelet no longer uses the volume (status.volumesInUse); if the node is not well,
after six minutes; if it is tainted `out-of-service`, at once. A volume for one node only waits until the other node
has let it go, and the pod is told by whom it is held (Multi-Attach error). What is attached is reported in
status.volumesAttached, for which the kubelet waits. (pkg/controller/volume/attachdetach)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.errors import NotFound
from engine.api.kinds import NODES, PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, VOLUMEATTACHMENTS
from engine.clock import MINUTE
from engine.controllers.controller import Key, Queue, Watch, being_deleted
from engine.controllers.pods_by_node import index_pods_by_node, pods_on
from engine.storage.attaching import (
    Attachable,
    attachable,
    attachments_of,
    attachments_on,
    index_attachments,
    is_attached,
    one_node_only,
    reported_attached,
    reported_in_use,
    volume_of_attachment,
)
from engine.storage.reading import claims_of, find_claim, index_storage, pods_using, refers_to
from store.types import ADDED, DELETED, Envelope, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

OUT_OF_SERVICE: Final = "node.kubernetes.io/out-of-service"
_PATIENCE: Final = 6 * MINUTE
"""maxWaitForUnmountDuration."""
_ATTACH_TIMEOUT: Final = 2 * MINUTE
"""How long the CSI plugin waits for a driver to attach before it says so and tries again."""
_ENDED: Final = ("Succeeded", "Failed")
_Wanted = dict[str, list[Envelope]]
"""Node → pods that use the volume there."""


class AttachDetachController:
    """One per cluster. Keys are names of volumes."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder("attachdetach-controller")
        self._unwanted_since: dict[tuple[str, str], int] = {}
        """(volume, node) → when a volume that is in use there was first to be detached."""
        self._asked_at: dict[tuple[str, str], int] = {}
        """(volume, node) → when its driver was last asked to attach it."""
        self._told: dict[tuple[str, str], None] = {}
        """(volume, node) for which a Multi-Attach error was reported: once is enough."""
        self._last_use: dict[str, Sequence[str]] = {}
        """volumesInUse of nodes that are gone: nobody can say that they were let go."""
        index_storage(context.api)
        index_pods_by_node(context.api)
        index_attachments(context.api)

    def watches(self) -> Sequence[Watch]:
        return (
            Watch(PODS, self._of_pod),
            Watch(VOLUMEATTACHMENTS, _of_attachment),
            Watch(NODES, self._of_node),
            Watch(PERSISTENTVOLUMECLAIMS, _of_claim),
        )

    def start(self, queue: Queue) -> None:
        for known in (self._unwanted_since, self._asked_at, self._told, self._last_use):
            known.clear()

    def reconcile(self, key: Key) -> int | None:
        (name,) = key
        volume = self._api.find(PERSISTENTVOLUMES, "", name)
        disk = attachable(self._api, volume) if volume is not None else None
        wanted = self._wanted(volume) if volume is not None and disk is not None else {}
        present = {env.obj["spec"]["nodeName"]: env for env in attachments_of(self._api, name)}
        waits = [self._let_go(name, disk, node, env) for node, env in present.items() if node not in wanted]
        if volume is not None and disk is not None:
            waits += [self._bring(volume, disk, node, pods, present, wanted) for node, pods in wanted.items()]
        return min((wait for wait in waits if wait is not None), default=None)

    def _wanted(self, volume: Envelope) -> _Wanted:
        ref = volume.obj["spec"].get("claimRef") or {}
        claim = find_claim(self._api, ref.get("namespace") or "", ref.get("name") or "")
        wanted: _Wanted = {}
        if claim is None or not refers_to(volume.obj, claim) or claim.obj["spec"].get("volumeName") != volume.name:
            return wanted
        for pod in pods_using(self._api, claim.namespace, claim.name):
            node = pod.obj["spec"].get("nodeName")
            if node and not _ended(pod) and self._api.find(NODES, "", node) is not None:
                wanted.setdefault(node, []).append(pod)
        return wanted

    # -- detaching -------------------------------------------------------------------------------------------------

    def _let_go(self, volume: str, disk: Attachable | None, name: str, attachment: Envelope) -> int | None:
        """Detach, when it may be. The span after which to look again."""
        node, place = self._api.find(NODES, "", name), (volume, name)
        self._told.pop(place, None)
        self._asked_at.pop(place, None)
        used = reported_in_use(node) if node is not None else self._last_use.get(name, ())
        if disk is not None and disk.unique_name in used and not (node is not None and _out_of_service(node)):
            now = self._clock.now()
            due = self._unwanted_since.setdefault(place, now) + _PATIENCE
            if now < due:
                return due - now
            if node is not None and _is_ready(node):
                return None  # a kubelet that is well lets go by itself, and its node will say so
        self._unwanted_since.pop(place, None)
        if node is not None and disk is not None:
            self._report(node, disk, attached=False)
        if not being_deleted(attachment.obj):
            try:
                self._api.delete(self._caller, VOLUMEATTACHMENTS, "", attachment.name)
            except NotFound:
                return None
        if node is None and all(env.name == attachment.name for env in attachments_on(self._api, name)):
            self._last_use.pop(name, None)
        return None

    # -- attaching -------------------------------------------------------------------------------------------------

    def _bring(
        self, volume: Envelope, disk: Attachable, node: str, pods: Sequence[Envelope],
        present: dict[str, Envelope], wanted: _Wanted,
    ) -> int | None:  # fmt: skip
        """Attach, when it may be. The span after which to look again."""
        place = (volume.name, node)
        self._unwanted_since.pop(place, None)
        attachment = present.get(node)
        if attachment is None:
            if one_node_only(volume) and any(other != node for other in present):
                self._tell_held(volume, node, pods, wanted)
                return None
            self._told.pop(place, None)
            present[node] = self._ask(volume, disk, node)
            return _ATTACH_TIMEOUT
        if being_deleted(attachment.obj):
            return None
        if is_attached(attachment):
            self._asked_at.pop(place, None)
            found = self._api.find(NODES, "", node)
            if found is not None and self._report(found, disk, attached=True):
                for pod in pods:
                    text = f'AttachVolume.Attach succeeded for volume "{volume.name}" '
                    self._recorder.event(pod, "Normal", "SuccessfulAttachVolume", text)
            return None
        return self._wait_for_driver(volume, disk, node, pods, attachment)

    def _ask(self, volume: Envelope, disk: Attachable, node: str) -> Envelope:
        self._asked_at[volume.name, node] = self._clock.now()
        spec = {"attacher": disk.driver, "nodeName": node, "source": {"persistentVolumeName": volume.name}}
        manifest = {"metadata": {"name": disk.attachment_name(node)}, "spec": spec}
        return self._api.create(self._caller, VOLUMEATTACHMENTS, "", manifest)

    def _wait_for_driver(
        self, volume: Envelope, disk: Attachable, node: str, pods: Sequence[Envelope], attachment: Envelope
    ) -> int:
        now = self._clock.now()
        asked = self._asked_at.setdefault((volume.name, node), now)
        error = ((attachment.obj.get("status") or {}).get("attachError") or {}).get("message")
        if not error and now < asked + _ATTACH_TIMEOUT:
            return asked + _ATTACH_TIMEOUT - now
        why = error or (
            f"timed out waiting for external-attacher of {disk.driver} CSI driver to attach volume {disk.handle}"
        )
        for pod in pods:
            text = f'AttachVolume.Attach failed for volume "{volume.name}" : {why}'
            self._recorder.event(pod, "Warning", "FailedAttachVolume", text)
        self._asked_at[volume.name, node] = now
        return _ATTACH_TIMEOUT

    def _tell_held(self, volume: Envelope, node: str, pods: Sequence[Envelope], wanted: _Wanted) -> None:
        """reportMultiAttachError: by pods that use it elsewhere, or by a node that has not let it go."""
        if (volume.name, node) in self._told:
            return
        self._told[volume.name, node] = None
        others = [pod for place, found in wanted.items() if place != node for pod in found]
        for pod in pods:
            near = [other.name for other in others if other.namespace == pod.namespace]
            far = len(others) - len(near)
            if not others:
                why = "Volume is already exclusively attached to one node and can't be attached to another"
            elif not near:
                why = f"Volume is already used by {far} pod(s) in different namespaces"
            else:
                why = f"Volume is already used by pod(s) {', '.join(near)}"
                why += f" and {far} pod(s) in different namespaces" if far else ""
            text = f'Multi-Attach error for volume "{volume.name}" {why}'
            self._recorder.event(pod, "Warning", "FailedAttachVolume", text)

    def _report(self, node: Envelope, disk: Attachable, *, attached: bool) -> bool:
        """Bring status.volumesAttached up to date. True when it was not."""
        before = reported_attached(node)
        found = [each for each in before if each["name"] != disk.unique_name]
        if attached:
            found = before if len(found) < len(before) else [*before, {"name": disk.unique_name, "devicePath": ""}]
        if found == before:
            return False
        status = {key: value for key, value in (node.obj.get("status") or {}).items() if key != "volumesAttached"}
        self._api.update_status(self._caller, node, {**status, "volumesAttached": found} if found else status)
        return True

    # -- what to look at -------------------------------------------------------------------------------------------

    def _of_pod(self, event: WatchEvent) -> Iterable[Key]:
        """Volumes of a pod that was bound, has ended, or is gone."""
        now, before = event.now, event.before
        if not now.obj["spec"].get("volumes") or not now.obj["spec"].get("nodeName"):
            return ()
        if event.type not in (ADDED, DELETED) and before is not None:
            bound = before.obj["spec"].get("nodeName") == now.obj["spec"]["nodeName"]
            if bound and _ended(before) == _ended(now):
                return ()
        return self._volumes_of(now)

    def _volumes_of(self, pod: Envelope) -> list[Key]:
        found: list[Key] = []
        for mount in claims_of(pod):
            claim = find_claim(self._api, pod.namespace, mount.name)
            if claim is not None and claim.obj["spec"].get("volumeName"):
                found.append((claim.obj["spec"]["volumeName"],))
        return found

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        """Volumes attached to a node that lets some go, is put out of service, or is gone; those wanted on one that
        comes, where pods of an earlier node of its name may be."""
        now, before = event.now, event.before
        if event.type == ADDED:
            return [key for pod in pods_on(self._api, now.name) for key in self._volumes_of(pod)]
        if event.type == DELETED:
            if reported_in_use(now):
                self._last_use[now.name] = reported_in_use(now)
        elif before is not None and (
            reported_in_use(before) == reported_in_use(now) and _out_of_service(before) == _out_of_service(now)
        ):
            return ()
        return [(volume_of_attachment(env),) for env in attachments_on(self._api, now.name)]


def _of_attachment(event: WatchEvent) -> Iterable[Key]:
    name = volume_of_attachment(event.now)
    return ((name,),) if name else ()


def _of_claim(event: WatchEvent) -> Iterable[Key]:
    """The volume of a claim that has just got one."""
    now, before = event.now, event.before
    name = now.obj["spec"].get("volumeName")
    if not name or (before is not None and before.obj["spec"].get("volumeName") == name and event.type != DELETED):
        return ()
    return ((name,),)


def _ended(pod: Envelope) -> bool:
    return (pod.obj.get("status") or {}).get("phase") in _ENDED


def _is_ready(node: Envelope) -> bool:
    conditions = (node.obj.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _out_of_service(node: Envelope) -> bool:
    return any(taint["key"] == OUT_OF_SERVICE for taint in (node.obj.get("spec") or {}).get("taints") or ())
