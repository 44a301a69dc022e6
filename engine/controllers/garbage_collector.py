"""What is owned goes with its last owner (kube-controller-manager's garbage-collector-controller).

The graph of owners is the store itself: dependents are found by the owner's uid, owners by the name in the reference
and its uid. Keys are objects to look at:

- one whose owners are all gone is deleted; one that has another owner left only loses the references to those gone;
- one that is being deleted in the foreground waits for the dependents that block it (`blockOwnerDeletion`), which are
  deleted meanwhile, and then loses the finalizer `foregroundDeletion`;
- one with the finalizer `orphan` sets its dependents free first.

An owner is looked for in the dependent's own namespace (or among cluster-scoped objects); if an object with that uid
lives elsewhere, the reference is invalid: an event OwnerRefInvalidNamespace says so, and the dependent is deleted all
the same. References to kinds that are not served are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from engine.api.errors import NotFound
from engine.api.kinds import Kind
from engine.api.server import DeleteOptions
from engine.controllers.controller import Key, Queue, Watch, being_deleted, with_metadata
from store.types import DELETED, Envelope, JsonObject, ObjectKey, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

ORPHAN: Final = "orphan"
FOREGROUND: Final = "foregroundDeletion"
"""The two finalizers that the API sets for the propagation policies."""
_STEP: Final = 25
"""Dependents set free in one step."""
_OWNER_PACE: Final = 50_000
"""An owner that waits for its dependents is looked at no more often than this (microseconds)."""
_GONE: Final = 4096
"""Uids of deleted objects that are remembered: their absence needs no search."""

_Verdict = Literal["solid", "dangling", "waiting", "unknown"]


class GarbageCollector:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._caller = context.api, context.caller
        self._recorder = context.recorder()
        self._queue: Queue | None = None
        self._gone: dict[Uid, None] = {}

    def watches(self) -> Sequence[Watch]:
        return (Watch(None, self._affected),)

    def start(self, queue: Queue) -> None:
        self._queue = queue
        self._gone.clear()

    def reconcile(self, key: Key) -> int | None:
        env = self._api.store.get(ObjectKey(*key))
        if env is None:
            return None
        if being_deleted(env.obj):
            finalizers = env.obj["metadata"].get("finalizers") or ()
            if ORPHAN in finalizers:
                return self._set_free(env)
            if FOREGROUND in finalizers:
                self._await_dependents(env)
            return None
        self._collect(env)
        return None

    # -- events ----------------------------------------------------------------------------------------------------

    def _affected(self, event: WatchEvent) -> Iterable[Key]:
        now, before = event.now, event.before
        if event.type == DELETED:
            return self._after_delete(now)
        # Told by the envelopes alone: most writes are of Events, whose bodies are decoded at each access.
        if not now.owners and not now.deleting and (before is None or not before.owners):
            return ()
        meta = now.obj["metadata"]
        refs = meta.get("ownerReferences") or ()
        if before is None:
            finalizing = "deletionTimestamp" in meta and meta.get("finalizers")
            return (now.key,) if finalizing or not all(self._judge(now, ref) == "solid" for ref in refs) else ()
        was = before.obj["metadata"]
        keys: list[Key] = []
        if was.get("ownerReferences") != meta.get("ownerReferences"):
            keys.append(now.key)
            self._look_again(now, was.get("ownerReferences") or ())
        if "deletionTimestamp" in meta:
            finalizers = meta.get("finalizers") or ()
            if "deletionTimestamp" not in was or (was.get("finalizers") or ()) != finalizers:
                if FOREGROUND in finalizers:
                    keys += [dependent.key for dependent in self._api.store.owned_by(now.uid)]
                if FOREGROUND in finalizers or ORPHAN in finalizers:
                    keys.append(now.key)
        return keys

    def _after_delete(self, env: Envelope) -> Iterable[Key]:
        if env.owners:
            self._look_again(env, env.obj["metadata"]["ownerReferences"])
        dependents = self._api.store.owned_by(env.uid)
        if dependents:
            if len(self._gone) >= _GONE:
                del self._gone[next(iter(self._gone))]
            self._gone[env.uid] = None
        return [dependent.key for dependent in dependents]

    def _look_again(self, env: Envelope, refs: Iterable[JsonObject]) -> None:
        """Owners that wait for their dependents may have waited for this one."""
        for ref in refs:
            owner = self._owner(env, ref)
            if owner is not None and _waits(owner) and self._queue is not None:
                self._queue.add_after(owner.key, _OWNER_PACE)

    # -- outcomes --------------------------------------------------------------------------------------------------

    def _collect(self, env: Envelope) -> None:
        """attemptToDeleteItem."""
        refs: list[JsonObject] = env.obj["metadata"].get("ownerReferences") or []
        verdicts = [self._judge(env, ref) for ref in refs]
        if not refs or "unknown" in verdicts or all(verdict == "solid" for verdict in verdicts):
            return
        finalizers = env.obj["metadata"].get("finalizers") or ()
        if "solid" in verdicts:
            kept = [ref for ref, verdict in zip(refs, verdicts, strict=True) if verdict == "solid"]
            self._write_meta(env, ownerReferences=kept)
        elif "waiting" in verdicts and self._api.store.owned_by(env.uid):
            if any(_waits(dependent) for dependent in self._api.store.owned_by(env.uid)):
                # A circle of foreground deletions would wait for itself for ever: this one blocks its owner no more.
                refs = [{**ref, "blockOwnerDeletion": False} if ref.get("blockOwnerDeletion") else ref for ref in refs]
                env = self._write_meta(env, ownerReferences=refs)
            self._delete(env, "Foreground")
        elif ORPHAN in finalizers:
            self._delete(env, "Orphan")
        else:
            for ref, verdict in zip(refs, verdicts, strict=True):
                if verdict == "dangling":
                    self._tell_invalid(env, ref)
            self._delete(env, "Foreground" if FOREGROUND in finalizers else "Background")

    def _await_dependents(self, env: Envelope) -> None:
        """processDeletingDependentsItem."""
        blocking = [
            dependent for dependent in self._api.store.owned_by(env.uid)
            if any(
                ref["uid"] == env.uid and ref.get("blockOwnerDeletion")
                for ref in dependent.obj["metadata"].get("ownerReferences") or ()
            )
        ]  # fmt: skip
        if not blocking:
            self._without_finalizer(env, FOREGROUND)
        elif self._queue is not None:
            for dependent in blocking:
                if not being_deleted(dependent.obj):
                    self._queue.add(dependent.key)

    def _set_free(self, env: Envelope) -> int | None:
        """attemptToOrphan: one step."""
        dependents = self._api.store.owned_by(env.uid)
        for dependent in dependents[:_STEP]:
            refs = [ref for ref in dependent.obj["metadata"]["ownerReferences"] if ref["uid"] != env.uid]
            self._write_meta(dependent, ownerReferences=refs or None)
        if len(dependents) > _STEP:
            return 0
        self._without_finalizer(env, ORPHAN)
        return None

    def _without_finalizer(self, env: Envelope, finalizer: str) -> None:
        finalizers = [name for name in env.obj["metadata"].get("finalizers") or () if name != finalizer]
        self._write_meta(env, finalizers=finalizers or None)

    def _write_meta(self, env: Envelope, **changes: object) -> Envelope:
        try:
            return self._api.update(
                self._caller, env.key.resource, env.namespace, env.name, with_metadata(env.obj, **changes)
            )  # fmt: skip
        except NotFound:
            return env

    def _delete(self, env: Envelope, propagation: Literal["Background", "Foreground", "Orphan"]) -> None:
        options = DeleteOptions(propagation=propagation, uid=env.uid, resource_version=str(env.revision))
        try:
            self._api.delete(self._caller, env.key.resource, env.namespace, env.name, options)
        except NotFound:
            return

    # -- owners ----------------------------------------------------------------------------------------------------

    def _judge(self, env: Envelope, ref: JsonObject) -> _Verdict:
        """classifyReferences for one reference."""
        kind = self._kind(ref)
        if kind is None or (kind.namespaced and not env.namespace):
            return "unknown"
        owner = self._owner(env, ref)
        if owner is None:
            return "dangling"
        return "waiting" if _waits(owner) else "solid"

    def _owner(self, env: Envelope, ref: JsonObject) -> Envelope | None:
        kind = self._kind(ref)
        if kind is None:
            return None
        group, plural = kind.stored_as
        owner = self._api.store.get(ObjectKey(group, plural, env.namespace if kind.namespaced else "", ref["name"]))
        return owner if owner is not None and owner.uid == ref["uid"] else None

    def _kind(self, ref: JsonObject) -> Kind | None:
        return self._api.kinds.by_kind(ref["apiVersion"], ref["kind"])

    def _tell_invalid(self, env: Envelope, ref: JsonObject) -> None:
        kind = self._kind(ref)
        if kind is None or ref["uid"] in self._gone:
            return
        if any(other.uid == ref["uid"] for other in self._api.store.list(kind.stored_as)):
            identity = (
                f"[{ref['apiVersion']}/{ref['kind']}, namespace: {env.namespace}, name: {ref['name']}, "
                f"uid: {ref['uid']}]"
            )
            message = f'ownerRef {identity} does not exist in namespace "{env.namespace}"'
            self._recorder.event(env, "Warning", "OwnerRefInvalidNamespace", message)


def _waits(env: Envelope) -> bool:
    """It is being deleted in the foreground."""
    meta = env.obj["metadata"]
    return "deletionTimestamp" in meta and FOREGROUND in (meta.get("finalizers") or ())
