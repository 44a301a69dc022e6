"""ReplicaSet: as many pods as asked for (kube-controller-manager's replicaset-controller).

A sync claims pods by the selector, creates or deletes what is missing or too much, and writes the status from the
tally of the pods. It works in small steps: creations start with one and double while they succeed (slow start), so
that a quota or a broken template costs one refusal and not a thousand; deletions follow one ranking per instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import ApiError, NotFound
from engine.api.kinds import PODS, REPLICASETS
from engine.api.server import DeleteOptions
from engine.clock import rfc3339
from engine.controllers.controller import (
    Key,
    Queue,
    Watch,
    being_deleted,
    controller_reference,
    spec_changed,
)
from engine.controllers.ownership import adopt, index_orphans, orphans, release
from engine.controllers.pod_owners import PodOwners
from engine.controllers.pod_ranking import victims
from engine.controllers.pod_tally import FOREIGN, PodTally
from store.types import Envelope, JsonObject, ObjectKey, Resource

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_STEP: Final = 16
"""Pods created or deleted in one step."""


class ReplicaSetController:
    """One per cluster."""

    resource: Resource = REPLICASETS
    component = ""
    """Who events are from, where it is not the controller's name."""
    counts_terminating = True
    """The status tells how many pods are being deleted."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder(self.component)
        self._owners = PodOwners(context.api.store, context.clock, PodTally, self._forget)
        self._batch: dict[Key, int] = {}
        """Slow start: how many creations the next step makes; absent when none is under way."""
        self._doomed: dict[Key, tuple[int, list[ObjectKey]]] = {}
        """Pods still to be deleted by the ranking that was made at an instant."""
        index_orphans(context.api, PODS)

    def watches(self) -> Sequence[Watch]:
        return (Watch(self.resource, spec_changed),)

    def start(self, queue: Queue) -> None:
        self._owners.start(queue)
        self._batch.clear()
        self._doomed.clear()

    def reconcile(self, key: Key) -> int | None:
        namespace, name = key
        env = self._api.find(self.resource, namespace, name)
        if env is None:
            self._owners.forget(key)
            return None
        tally = self._owners.tally(key, env)
        self._claim(env, tally)
        failure: ApiError | None = None
        too_many = tally.active - env.obj["spec"].get("replicas", 1)
        if too_many and not being_deleted(env.obj):
            try:
                if self._create(key, env, -too_many) if too_many < 0 else self._delete(key, env, tally, too_many):
                    return 0
            except ApiError as error:
                failure = error
        if failure is None:
            self._batch.pop(key, None)
            self._doomed.pop(key, None)
        now = self._clock.now()
        self._owners.synced(key)
        self._write_status(env, tally, now, failure)
        if failure is not None:
            self._batch.pop(key, None)
            raise failure
        due = tally.next_available()
        return None if due is None else max(due - now, 1)

    def _forget(self, key: Key) -> None:
        self._batch.pop(key, None)
        self._doomed.pop(key, None)

    # -- pods ------------------------------------------------------------------------------------------------------

    def _claim(self, env: Envelope, tally: PodTally) -> None:
        if tally.claim_due:
            tally.claim_due = False
            for pod in list(orphans(self._api, PODS, env.namespace)):
                if tally.matches(pod.labels) and (pod.obj.get("status") or {}).get("phase") not in _FINISHED:
                    adopt(self._api, self._caller, env, PODS, pod)
        if tally.foreign:
            for key in [key for key, state in tally.states.items() if state & FOREIGN]:
                pod_env = self._api.store.get(key)
                if pod_env is not None and not being_deleted(pod_env.obj):
                    release(self._api, self._caller, env, PODS, pod_env)

    def _create(self, key: Key, env: Envelope, missing: int) -> bool:
        """One step of creations. True when more are to follow."""
        batch = self._batch.get(key, 1)
        template = env.obj["spec"]["template"]
        meta = template.get("metadata") or {}
        pod_meta: dict[str, Any] = {
            "generateName": f"{env.name}-", "namespace": env.namespace,
            **{part: meta[part] for part in ("labels", "annotations", "finalizers") if meta.get(part)},
            "ownerReferences": [controller_reference(env)],
        }  # fmt: skip
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": pod_meta, "spec": template["spec"]}
        for _ in range(min(batch, missing)):
            try:
                created = self._api.create(self._caller, PODS, env.namespace, pod)
            except ApiError as error:
                if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                    return False
                self._recorder.event(env, "Warning", "FailedCreate", f"Error creating: {error}")
                raise
            self._recorder.event(env, "Normal", "SuccessfulCreate", f"Created pod: {created.name}")
        self._batch[key] = min(batch * 2, _STEP)
        return batch < missing

    def _delete(self, key: Key, env: Envelope, tally: PodTally, too_many: int) -> bool:
        """One step of deletions. True when more are to follow."""
        now = self._clock.now()
        planned_at, doomed = self._doomed.get(key, (-1, []))
        if planned_at != now or not doomed:
            pods = self._active_pods(env)
            doomed = [pod.key for pod in victims(pods, self._related(env, pods), too_many, now)]
            doomed.reverse()
            self._doomed[key] = (now, doomed)
        for _ in range(min(_STEP, too_many, len(doomed))):
            pod_key = doomed.pop()
            try:
                self._api.delete(self._caller, PODS, pod_key.namespace, pod_key.name, DeleteOptions())
            except NotFound:
                continue
            except ApiError as error:
                self._recorder.event(env, "Warning", "FailedDelete", f"Error deleting: {error}")
                raise
            self._recorder.event(env, "Normal", "SuccessfulDelete", f"Deleted pod: {pod_key.name}")
        return bool(doomed) and tally.active > env.obj["spec"].get("replicas", 1)

    def _active_pods(self, owner: Envelope) -> list[Envelope]:
        return [
            env for env in self._api.store.owned_by(owner.uid)
            if env.owner == owner.uid and env.key.resource == PODS and not being_deleted(env.obj)
            and (env.obj.get("status") or {}).get("phase") not in _FINISHED
        ]  # fmt: skip

    def _related(self, env: Envelope, own: Sequence[Envelope]) -> Iterable[Envelope]:
        """Active pods of all ReplicaSets of the same Deployment."""
        yield from own
        if env.owner is not None:
            for other in self._api.store.owned_by(env.owner):
                if other.key.resource == self.resource and other.uid != env.uid:
                    yield from self._active_pods(other)

    # -- status ----------------------------------------------------------------------------------------------------

    def _write_status(self, env: Envelope, tally: PodTally, now: int, failure: ApiError | None) -> None:
        before: JsonObject = env.obj.get("status") or {}
        active = tally.active
        counts = {
            "fullyLabeledReplicas": tally.labeled, "readyReplicas": tally.ready,
            "availableReplicas": tally.available(now),
        }  # fmt: skip
        status: JsonObject = {"replicas": active} | {name: count for name, count in counts.items() if count}
        if self.counts_terminating:
            status["terminatingReplicas"] = tally.terminating
        generation = env.obj["metadata"].get("generation")
        if generation:
            status["observedGeneration"] = generation
        conditions = _conditions(before, active - env.obj["spec"].get("replicas", 1), now, failure)
        if conditions:
            status["conditions"] = conditions
        if status != before:
            self._api.update_status(self._caller, env, status)


_FINISHED: Final = ("Succeeded", "Failed")


def _conditions(before: JsonObject, too_many: int, now: int, failure: ApiError | None) -> list[JsonObject]:
    """ReplicaFailure while creating or deleting pods is refused. Its message stays as it was at first."""
    conditions: list[JsonObject] = before.get("conditions") or []
    failing = any(condition["type"] == "ReplicaFailure" for condition in conditions)
    if failure is not None and not failing:
        reason = "FailedCreate" if too_many < 0 else "FailedDelete"
        return [
            *conditions,
            {
                "type": "ReplicaFailure", "status": "True", "lastTransitionTime": rfc3339(now), "reason": reason,
                "message": str(failure),
            },
        ]  # fmt: skip
    if failure is None and failing:
        return [condition for condition in conditions if condition["type"] != "ReplicaFailure"]
    return conditions
