"""The end of a custom resource definition: its objects go first, and another one may get its names.

Deleting marks the definition (finalizer customresourcecleanup.apiextensions.k8s.io), deletes all its objects, and lets
it go when the last of them is gone. A definition of the same group that was refused its names is looked at again then.
Source: apiextensions-apiserver pkg/controller/finalizer and pkg/controller/status.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.api.crd import SERVER, CustomKinds
from engine.api.delete import Deleter
from engine.api.kinds import CRDS, Kind
from engine.api.requests import Caller, Context, DeleteOptions
from engine.api.write import Writer
from store.types import Envelope, Resource

CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"
DeleteObject = Callable[[Kind, Envelope], object]
"""Deletes one object of a custom kind as the API server itself."""


class Definitions:
    """Deletes definitions."""

    def __init__(self, context: Context, customs: CustomKinds, writer: Writer, deleter: Deleter) -> None:
        self._context, self._store = context, context.store
        self._customs, self._writer, self._deleter = customs, writer, deleter

    def delete(
        self, caller: Caller, kind: Kind, env: Envelope, options: DeleteOptions, delete_object: DeleteObject
    ) -> Envelope | None:
        """Mark the definition, delete all its objects, and let it go when there are none. What is left of it."""
        meta = env.obj["metadata"]
        if CLEANUP not in (meta.get("finalizers") or ()) and "deletionTimestamp" not in meta and not options.dry_run:
            status = self._customs.terminating_status(
                env, "InstanceDeletionPending",
                "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            )  # fmt: skip
            new_meta = {**meta, "finalizers": [*(meta.get("finalizers") or ()), CLEANUP]}
            new = {**env.obj, "metadata": new_meta, "status": status}
            env = self._writer.put_changed(SERVER, kind, env, new)
        left = self._deleter.delete(caller, kind, env, options)
        if left is None or options.dry_run:
            return left
        custom = self._served(env)
        for each in [] if custom is None else list(self._store.list(custom.resource)):
            assert custom is not None
            delete_object(custom, each)
        self.release(kind, env.name)
        held = self._store.get(env.key)
        if held is None or held.obj["metadata"].get("finalizers") != [CLEANUP] or held is not left:
            return held
        text = "CustomResource deletion is in progress"
        status = self._customs.terminating_status(held, "InstanceDeletionInProgress", text)
        return self._writer.update_status(SERVER, held, status)

    def release(self, kind: Kind, name: str) -> None:
        """Take the cleanup finalizer off a definition that is going away and has no objects left.

        `kind`: that of definitions.
        """
        env = next((each for each in self._store.list(CRDS) if each.name == name), None)
        if env is None or "deletionTimestamp" not in env.obj["metadata"]:
            return
        custom = self._served(env)
        if custom is not None and self._store.count(custom.resource):
            return
        meta = dict(env.obj["metadata"])
        meta["finalizers"] = [f for f in meta.get("finalizers") or () if f != CLEANUP]
        if not meta["finalizers"]:
            del meta["finalizers"]
        status = self._customs.terminating_status(env, "InstanceDeletionCompleted", "removed all instances")
        self._writer.put_changed(SERVER, kind, env, {**env.obj, "metadata": meta, "status": status})
        if self._store.get(env.key) is None:
            self._accept_others(env.obj["spec"]["group"])

    def _served(self, env: Envelope) -> Kind | None:
        """The kind that a definition defines; None when another one has its name."""
        spec = env.obj["spec"]
        found = self._context.kinds.get(Resource(spec["group"], spec["names"]["plural"]))
        return found if found is not None and found.custom and found.kind == spec["names"]["kind"] else None

    def _accept_others(self, group: str) -> None:
        for each in list(self._store.list(CRDS)):
            status = self._customs.accepted_status(each)
            if each.obj["spec"]["group"] == group and status != each.obj.get("status"):
                self._writer.update_status(SERVER, each, status)
