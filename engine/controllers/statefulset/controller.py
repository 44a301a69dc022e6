"""StatefulSets, from a key to a written status (pkg/controller/statefulset/stateful_set.go).

A sync claims pods by selector and name, finds the revisions, takes a step (see steps) and writes the status. A set
that is being deleted only has its status kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from engine.api.errors import ApiError
from engine.api.kinds import PODS, STATEFULSETS
from engine.clock import SECOND
from engine.controllers import history
from engine.controllers.controller import Key, Queue, Watch, being_deleted, spec_changed
from engine.controllers.ownership import adopt, index_orphans, orphans, release
from engine.controllers.pod_owners import PodOwners
from engine.controllers.statefulset.pods import PodControl
from engine.controllers.statefulset.revisions import Revisions, clean_up, revisions_of
from engine.controllers.statefulset.roster import Roster, ordinal_of
from engine.controllers.statefulset.steps import STEP, Outcome, Sync, advance
from store.types import Envelope, JsonObject

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_STALE_WAIT: Final = 1 * SECOND
"""How soon a set looks again for a claim that is about to go."""


class StatefulSetController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder()
        self._owners = PodOwners(context.api.store, context.clock, Roster, self._forget)
        self._batch: dict[Key, int] = {}
        """Slow start: how many pods the next step makes; absent when none are being made."""
        index_orphans(context.api, PODS)
        history.index_revisions(context.api)

    def watches(self) -> Sequence[Watch]:
        return (Watch(STATEFULSETS, spec_changed),)

    def start(self, queue: Queue) -> None:
        self._owners.start(queue)
        self._batch.clear()

    def reconcile(self, key: Key) -> int | None:
        namespace, name = key
        env = self._api.find(STATEFULSETS, namespace, name)
        if env is None:
            self._owners.forget(key)
            return None
        roster = self._owners.tally(key, env)
        self._claim(env, roster)
        now = self._clock.now()
        revisions = revisions_of(self._api, self._caller, env, roster.matches)
        pods = PodControl(self._api, self._caller, self._recorder, env)
        sync = Sync(env, roster, revisions, pods, now, self._batch.get(key, 1))
        outcome, failure = Outcome.DONE, None
        if not being_deleted(env.obj):
            try:
                outcome = advance(sync)
            except ApiError as error:
                failure = error
        if outcome is Outcome.MORE:
            self._batch[key] = min(sync.step * 2, STEP)
            return 0
        self._batch.pop(key, None)
        self._owners.synced(key)
        current = self._write_status(env, roster, revisions, now)
        if failure is not None:
            if any(cause.reason == "NamespaceTerminating" for cause in failure.causes):
                return None
            raise failure
        clean_up(self._api, self._caller, env, revisions, {**roster.revisions, current: 1})
        if outcome is Outcome.STALE:
            return _STALE_WAIT
        due = roster.next_available()
        return None if due is None else max(due - now, 1)

    def _forget(self, key: Key) -> None:
        self._batch.pop(key, None)

    def _claim(self, env: Envelope, roster: Roster) -> None:
        """Adopt pods that match by selector and name, release those that do not."""
        if roster.claim_due and not being_deleted(env.obj):
            roster.claim_due = False
            for pod in list(orphans(self._api, PODS, env.namespace)):
                if roster.matches(pod.labels) and ordinal_of(env.name, pod.name) is not None:
                    adopt(self._api, self._caller, env, PODS, pod)
        for key in list(roster.foreign):
            pod_env = self._api.store.get(key)
            if pod_env is not None and not being_deleted(pod_env.obj) and not being_deleted(env.obj):
                release(self._api, self._caller, env, PODS, pod_env)

    def _write_status(self, env: Envelope, roster: Roster, revisions: Revisions, now: int) -> str:
        """updateStatus and completeRollingUpdate; the current revision's name then.

        Figures that are 0 are left out, as Kubernetes does.
        """
        spec = env.obj["spec"]
        replicas, wanted = len(roster.members), spec.get("replicas", 1)
        current, update = revisions.current.name, revisions.update.name
        updated = roster.revisions.get(update, 0)
        at_current = roster.revisions.get(current, 0)
        rolling = (spec.get("updateStrategy") or {}).get("type") != "OnDelete"
        if rolling and updated == roster.ready == replicas == wanted:
            current, at_current = update, updated
        figures = {
            "observedGeneration": env.obj["metadata"].get("generation", 0), "readyReplicas": roster.ready,
            "currentReplicas": at_current, "updatedReplicas": updated,
        }  # fmt: skip
        before: JsonObject = env.obj.get("status") or {}
        status: JsonObject = {
            "replicas": replicas, "availableReplicas": roster.available(now), "currentRevision": current,
            "updateRevision": update, "collisionCount": revisions.collisions,
            **{name: figure for name, figure in figures.items() if figure},
        }  # fmt: skip
        if before.get("conditions"):
            status["conditions"] = before["conditions"]
        if status != before:
            self._api.update_status(self._caller, env, status)
        return current
