"""Every read and write of the cluster's objects. (First cut: no schema, no validation, no admission.)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.api import errors
from engine.api.kinds import PODS, Kind, KindRegistry
from engine.clock import Clock, rfc3339
from engine.seed import Seed
from store.store import Store
from store.types import Author, Envelope, JsonObject, ObjectKey, Resource, Revision, Uid


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and for which user action."""

    user: str
    """`system:admin`, `system:node:worker-1`, `system:serviceaccount:kube-system:deployment-controller` …"""
    intent: str = ""
    groups: tuple[str, ...] = ()

    @property
    def author(self) -> Author:
        return Author(self.user, self.intent)


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """metav1.DeleteOptions."""

    grace_period_seconds: int | None = None
    """None: the object's own (pods) or none."""
    propagation: Literal["Background", "Foreground", "Orphan"] | None = None
    """None: the kind's default, Background."""
    uid: Uid | None = None
    """Precondition."""
    resource_version: str | None = None
    """Precondition."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ListResult:
    items: Sequence[Envelope]
    revision: Revision
    continue_token: str = ""
    remaining: int | None = None


class Api:
    """The API server, in process. Verbs raise `ApiError`; envelopes they return are read-only."""

    def __init__(self, store: Store, clock: Clock, seed: Seed, kinds: KindRegistry) -> None:
        self.store, self.clock, self.seed, self.kinds = store, clock, seed, kinds

    def kind_of(self, resource: Resource) -> Kind:
        kind = self.kinds.get(resource)
        if kind is None:
            raise errors.NotFound("the server could not find the requested resource")
        return kind

    def key(self, resource: Resource, namespace: str, name: str) -> ObjectKey:
        return ObjectKey(resource.group, resource.plural, namespace, name)

    # -- reads -----------------------------------------------------------------------------------------------------

    def find(self, resource: Resource, namespace: str, name: str) -> Envelope | None:
        """The object, or None."""
        return self.store.get(self.key(resource, namespace, name))

    def get(self, resource: Resource, namespace: str, name: str) -> Envelope:
        found = self.find(resource, namespace, name)
        if found is None:
            raise errors.not_found(resource, name)
        return found

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
        resource_version_match: str = "",
    ) -> ListResult:
        return ListResult(self.store.list(resource, namespace), self.store.revision)

    # -- writes ----------------------------------------------------------------------------------------------------

    def create(
        self, caller: Caller, resource: Resource, namespace: str, obj: JsonObject, *, dry_run: bool = False
    ) -> Envelope:
        """Create from a manifest. `obj` is not modified."""
        kind = self.kind_of(resource)
        meta = dict(obj.get("metadata") or {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + self.seed.suffix()
        if kind.namespaced:
            meta["namespace"] = namespace
        key = self.key(resource, namespace if kind.namespaced else "", meta["name"])
        if self.store.get(key) is not None:
            raise errors.already_exists(resource, key.name)
        meta |= {"uid": self.seed.uid(), "creationTimestamp": rfc3339(self.clock.now()), "generation": 1}
        new = {"apiVersion": kind.api_version, "kind": kind.kind, **obj, "metadata": meta}
        return self.store.put(key, new, caller.author, self.clock.now())

    def update(
        self,
        caller: Caller,
        resource: Resource,
        namespace: str,
        name: str,
        obj: JsonObject,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Envelope:
        """Replace. With metadata.resourceVersion set, only if the object is still at that revision (else Conflict).

        `subresource="status"` replaces status only; without it status is kept. An update that changes nothing
        makes no revision and returns the present envelope.
        """
        before = self.get(resource, namespace, name)
        asked = obj["metadata"].get("resourceVersion")
        if asked and asked != str(before.revision):
            raise errors.conflict(resource, name)
        if subresource == "status":
            new = {**before.obj, "metadata": dict(before.obj["metadata"]), "status": obj.get("status", {})}
        else:
            new = {**obj, "metadata": dict(obj["metadata"])}
            if "status" in before.obj:
                new["status"] = before.obj["status"]
            if new.get("spec") != before.obj.get("spec"):
                new["metadata"]["generation"] = before.obj["metadata"].get("generation", 0) + 1
        new["metadata"]["resourceVersion"] = str(before.revision)
        if new == before.obj:
            return before
        if new["metadata"].get("deletionTimestamp") and not self._held(new):
            self.store.put(before.key, new, caller.author, self.clock.now())
            return self.store.delete(before.key, caller.author, self.clock.now())
        return self.store.put(before.key, new, caller.author, self.clock.now())

    def update_status(self, caller: Caller, env: Envelope, status: JsonObject) -> Envelope:
        """Replace the status of the object as it was read in `env`; Conflict if it changed since."""
        obj = {**env.obj, "status": status}
        return self.update(caller, env.key.resource, env.namespace, env.name, obj, subresource="status")

    def patch(
        self,
        caller: Caller,
        resource: Resource,
        namespace: str,
        name: str,
        patch_type: Literal["json", "merge", "strategic"],
        patch: Any,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Envelope:
        """Patch the present state."""
        raise NotImplementedError

    def delete(
        self, caller: Caller, resource: Resource, namespace: str, name: str, options: DeleteOptions = DeleteOptions()
    ) -> Envelope | None:
        """Delete, or mark for deletion (grace, finalizers). None if it is gone at once, else the marked object."""
        env = self.get(resource, namespace, name)
        if options.uid is not None and options.uid != env.uid:
            raise errors.conflict(resource, name)
        meta = env.obj["metadata"]
        grace: int | None = 0
        if resource == PODS:
            grace = options.grace_period_seconds
            if grace is None:
                grace = env.obj["spec"].get("terminationGracePeriodSeconds", 30)
            if not env.obj["spec"].get("nodeName"):
                grace: int | None = 0
        if meta.get("finalizers") or grace:
            if meta.get("deletionTimestamp") and grace:
                return env
            until = rfc3339(self.clock.now() + grace * 1_000_000)
            new = {
                **env.obj,
                "metadata": {**meta, "deletionTimestamp": until, "deletionGracePeriodSeconds": grace},
            }
            return self.store.put(env.key, new, caller.author, self.clock.now())
        self.store.delete(env.key, caller.author, self.clock.now())
        return None

    def bind(self, caller: Caller, namespace: str, pod: str, node: str) -> Envelope:
        """POST pods/binding: set spec.nodeName and PodScheduled=True."""
        env = self.get(PODS, namespace, pod)
        if env.obj["spec"].get("nodeName"):
            raise errors.conflict(PODS, pod, f'pod {pod} is already assigned to node "{env.obj["spec"]["nodeName"]}"')
        condition = {
            "type": "PodScheduled", "status": "True", "lastProbeTime": None,
            "lastTransitionTime": rfc3339(self.clock.now()),
        }  # fmt: skip
        status = env.obj.get("status") or {}
        others = [c for c in status.get("conditions", ()) if c["type"] != "PodScheduled"]
        new = {
            **env.obj,
            "metadata": dict(env.obj["metadata"]),
            "spec": {**env.obj["spec"], "nodeName": node},
            "status": {"phase": "Pending", **status, "conditions": [*others, condition]},
        }
        return self.store.put(env.key, new, caller.author, self.clock.now())

    def _held(self, obj: JsonObject) -> bool:
        return bool(obj["metadata"].get("finalizers") or obj["metadata"].get("deletionGracePeriodSeconds"))
