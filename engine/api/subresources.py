"""Subresources: binding, eviction, scale, and a namespace's finalize.

Each is a narrow door into an object: the scheduler may set a pod's node, an eviction asks the disruption budgets
first, a scale sees nothing but replicas. Sources: registry/core/pod/storage (storage.go, eviction.go),
registry/apps/*/storage (ScaleREST), registry/core/namespace/storage (FinalizeREST).
"""

from __future__ import annotations

from typing import Any, Final

from engine.api import errors, selectors
from engine.api.decode import decode, decode_error
from engine.api.delete import Deleter
from engine.api.errors import Cause
from engine.api.kinds import NODES, PDBS, PODS, Kind
from engine.api.requests import Caller, Context, DeleteOptions
from engine.api.write import Writer
from engine.clock import rfc3339
from store.types import Envelope, JsonObject, ObjectKey, Resource

_TOPOLOGY: Final = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
_BUDGET_TEXT: Final = "Cannot evict pod as it would violate the pod's disruption budget."
_MAX_DISRUPTED: Final = 2000
"""Entries of a budget's disruptedPods (MaxDisruptedPodSize)."""
_BINDINGS: Final = Resource("", "pods/binding")


def with_condition(status: JsonObject, condition: JsonObject, now: str) -> JsonObject:
    """Status with a pod condition set; lastTransitionTime moves only when its status does. The same dict if equal."""
    conditions = status.get("conditions") or ()
    for index, present in enumerate(conditions):
        if present["type"] == condition["type"]:
            same = present["status"] == condition["status"]
            moved = present.get("lastTransitionTime", now) if same else now
            new = {"lastProbeTime": None, "lastTransitionTime": moved, **condition}
            if new == present:
                return status
            return {**status, "conditions": [*conditions[:index], new, *conditions[index + 1 :]]}
    new = {"lastProbeTime": None, "lastTransitionTime": now, **condition}
    return {**status, "conditions": [*conditions, new]}


class Subresources:
    """The doors that are neither the object nor its status."""

    def __init__(self, context: Context, writer: Writer, deleter: Deleter) -> None:
        self._store, self._clock, self._kinds = context.store, context.clock, context.kinds
        self._writer, self._deleter, self._schema = writer, deleter, context.schema

    # -- binding ---------------------------------------------------------------------------------------------------

    def bind(
        self, caller: Caller, env: Envelope, node: str, *, uid: str = "", annotations: JsonObject | None = None
    ) -> Envelope:
        """Assign a pod to a node: spec.nodeName, PodScheduled, and the node's topology labels."""
        obj = env.obj
        meta, spec = obj["metadata"], obj["spec"]
        if uid and uid != meta["uid"]:
            raise errors.conflict(
                _BINDINGS, env.name, f"Precondition failed: UID in precondition: {uid}, UID in object meta: {env.uid}"
            )  # fmt: skip
        if "deletionTimestamp" in meta:
            raise errors.conflict(_BINDINGS, env.name, f"pod {env.name} is being deleted, cannot be assigned to a host")
        if spec.get("nodeName"):
            why = f'pod {env.name} is already assigned to node "{spec["nodeName"]}"'
            raise errors.conflict(_BINDINGS, env.name, why)
        if spec.get("schedulingGates"):
            raise errors.conflict(_BINDINGS, env.name, f"pod {env.name} has non-empty .spec.schedulingGates")
        new_meta = dict(meta)
        host = self._store.get(ObjectKey("", "nodes", "", node))
        if host is not None:
            topology = {key: host.labels[key] for key in _TOPOLOGY if key in host.labels}
            if topology:
                new_meta["labels"] = {**(meta.get("labels") or {}), **topology}
        if annotations:
            new_meta["annotations"] = {**(meta.get("annotations") or {}), **annotations}
        status = with_condition(obj.get("status") or {}, _SCHEDULED, rfc3339(self._clock.now()))
        if "nominatedNodeName" in status:
            status = {key: value for key, value in status.items() if key != "nominatedNodeName"}
        new = {**obj, "metadata": new_meta, "spec": {**spec, "nodeName": node}, "status": status}
        return self._store.put(env.key, new, caller.author, self._clock.now())

    def create_binding(self, caller: Caller, env: Envelope, binding: JsonObject) -> Envelope:
        """POST of a Binding object."""
        target = binding.get("target") or {}
        causes = []
        if target.get("kind") not in ("", None, "Node"):
            text = f'Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"'
            causes.append(Cause("FieldValueNotSupported", "target.kind", text))
        if not target.get("name"):
            causes.append(Cause("FieldValueRequired", "target.name", "Required value"))
        if causes:
            raise errors.invalid("", "Binding", env.name, causes)
        meta = binding.get("metadata") or {}
        return self.bind(
            caller, env, target["name"], uid=meta.get("uid") or "", annotations=meta.get("annotations")
        )  # fmt: skip

    # -- eviction --------------------------------------------------------------------------------------------------

    def evict(self, caller: Caller, kind: Kind, env: Envelope, options: DeleteOptions) -> Envelope | None:
        """Delete a pod if its disruption budget allows. TooManyRequests (429) when it does not."""
        status = env.obj.get("status") or {}
        free = status.get("phase") in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in env.obj["metadata"]
        if not free:
            self._spend_budget(caller, env, options.dry_run)
        if not options.dry_run:
            condition = {
                "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting",
            }  # fmt: skip
            new = with_condition(status, condition, rfc3339(self._clock.now()))
            env = self._writer.update_status(caller, env, new)
        return self._deleter.delete(caller, kind, env, options)

    def _spend_budget(self, caller: Caller, env: Envelope, dry_run: bool) -> None:
        budgets = [
            pdb
            for pdb in self._store.list(PDBS, env.namespace)
            if (selector := pdb.obj.get("spec", {}).get("selector")) is not None
            and selectors.from_spec(selector).matches(env.labels)
        ]
        if not budgets:
            return
        if len(budgets) > 1:
            raise errors.InternalError(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            )
        pdb = budgets[0]
        obj, status = pdb.obj, pdb.obj.get("status") or {}
        policy = obj["spec"].get("unhealthyPodEvictionPolicy") or "IfHealthyBudget"
        if not _is_ready(env.obj):
            healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
            if policy == "AlwaysAllow" or (healthy >= desired and desired > 0):
                return
        allowed = status.get("disruptionsAllowed", 0)
        if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 0):
            raise _over_budget(f"The disruption budget {pdb.name} is still being processed by the server.", 10)
        if allowed < 0:
            raise errors.forbidden(PDBS, pdb.name, "pdb disruptions allowed is negative")
        if len(status.get("disruptedPods") or ()) > _MAX_DISRUPTED:
            why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
            raise errors.forbidden(PDBS, pdb.name, why)
        if allowed == 0:
            raise _over_budget(
                f"The disruption budget {pdb.name} needs {status.get('desiredHealthy', 0)} healthy pods and has "
                f"{status.get('currentHealthy', 0)} currently", 0,
            )  # fmt: skip
        if dry_run:
            return
        now = rfc3339(self._clock.now())
        new: dict[str, Any] = {**status, "disruptionsAllowed": allowed - 1}
        if allowed == 1:
            new["conditions"] = [
                {**c, "status": "False", "reason": "InsufficientPods", "lastTransitionTime": now}
                if c["type"] == "DisruptionAllowed" else c
                for c in status.get("conditions") or ()
            ]  # fmt: skip
        new["disruptedPods"] = {**(status.get("disruptedPods") or {}), env.name: now}
        self._writer.update_status(caller, pdb, new)

    # -- scale -----------------------------------------------------------------------------------------------------

    def scale_of(self, env: Envelope) -> JsonObject:
        """autoscaling/v1 Scale of a workload."""
        meta, spec, status = env.obj["metadata"], env.obj.get("spec") or {}, env.obj.get("status") or {}
        scale: JsonObject = {
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": {
                key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
                if key in meta
            },
            "spec": {"replicas": spec.get("replicas", 0)},
            "status": {"replicas": status.get("replicas", 0)},
        }  # fmt: skip
        selector = spec.get("selector")
        if selector and "matchLabels" not in selector and "matchExpressions" not in selector:
            selector = {"matchLabels": selector}
        if selector:
            scale["status"]["selector"] = str(selectors.from_spec(selector))
        return scale

    def scaled(self, kind: Kind, env: Envelope, scale: JsonObject) -> JsonObject:
        """The workload with a Scale's replicas. Invalid when they are below 0."""
        info = self._schema.of("autoscaling/v1", "Scale")
        assert info is not None, "the schema knows all of Kubernetes"
        scale, problems = decode(info, scale)
        text = decode_error("Scale", "v1", problems, False) if problems else None
        if text is not None:
            raise errors.BadRequest(text)
        replicas: int = (scale.get("spec") or {}).get("replicas", 0)
        if replicas < 0:
            text = f"Invalid value: {replicas}: must be greater than or equal to 0"
            raise errors.invalid("autoscaling", "Scale", env.name, [Cause("FieldValueInvalid", "spec.replicas", text)])
        meta = dict(env.obj["metadata"])
        wanted = (scale.get("metadata") or {}).get("resourceVersion")
        if wanted:
            meta["resourceVersion"] = wanted
        return {**env.obj, "metadata": meta, "spec": {**env.obj.get("spec", {}), "replicas": replicas}}

    # -- finalize --------------------------------------------------------------------------------------------------

    def finalize(self, caller: Caller, kind: Kind, env: Envelope, obj: JsonObject, dry_run: bool) -> Envelope:
        """Replace a namespace's spec.finalizers; without any, one that is being deleted goes."""
        obj = self._writer.decoded(kind, obj, "Ignore", None)
        wanted = (obj.get("metadata") or {}).get("resourceVersion")
        if wanted and wanted != str(env.revision):
            raise errors.conflict(kind.resource, env.name)
        spec = {**(env.obj.get("spec") or {}), "finalizers": (obj.get("spec") or {}).get("finalizers") or []}
        if not spec["finalizers"]:
            del spec["finalizers"]
        new = {**env.obj, "metadata": dict(env.obj["metadata"]), "spec": spec}
        return self._writer.put_changed(caller, kind, env, new, dry_run)


_SCHEDULED: Final = {"type": "PodScheduled", "status": "True"}


def _is_ready(pod: JsonObject) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _over_budget(message: str, retry_after: int) -> errors.TooManyRequests:
    return errors.TooManyRequests(
        _BUDGET_TEXT, causes=[Cause("DisruptionBudget", "", message)], retry_after=retry_after
    )  # fmt: skip


__all__ = ["NODES", "PODS", "Subresources", "with_condition"]
