"""What a sync of a Deployment does (syncDeployment): claim, then pause, scale, recreate or roll, and tell the status.

Deployments are synced when they change, when one of their ReplicaSets does, when the last pod of a Recreate rollout's
old revision is gone, and when the progress deadline is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.api.kinds import DEPLOYMENTS, PODS, REPLICASETS
from engine.controllers.controller import Key, Queue, Watch, being_deleted, controlled_by, own_key
from engine.controllers.deployment.arithmetic import is_rolling, progress_deadline, replicas, status_of
from engine.controllers.deployment.replica_sets import clean_up, split, with_revision
from engine.controllers.deployment.rollout import empty_old, grow_new, old_pods_running, shrink_old
from engine.controllers.deployment.scaling import Sync, is_scaling, scale
from engine.controllers.deployment.status import (
    TIMED_OUT,
    complete,
    condition_of,
    counted,
    new_condition,
    set_condition,
    stuck_check,
    with_progress,
)
from engine.controllers.ownership import adopt, index_orphans, label_selector, orphans, release
from store.types import DELETED, Envelope, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext


class DeploymentController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder()
        index_orphans(context.api, REPLICASETS)

    def watches(self) -> Sequence[Watch]:
        return (
            Watch(DEPLOYMENTS, own_key),
            Watch(REPLICASETS, self._of_replica_set),
            Watch(PODS, self._of_deleted_pod),
        )

    def start(self, queue: Queue) -> None:
        """Nothing is kept between syncs."""

    def reconcile(self, key: Key) -> int | None:
        env = self._api.find(DEPLOYMENTS, *key)
        if env is None:
            return None
        sync = Sync(self._api, self._caller, self._recorder, env)
        if env.obj["spec"].get("selector") == {}:
            message = "This deployment is selecting all pods. A non-empty selector is required."
            self._recorder.event(env, "Warning", "SelectingAll", message)
            sync.write_status({**status_of(env), "observedGeneration": env.obj["metadata"].get("generation", 0)})
            return None
        sets = self._claim(env)
        if being_deleted(env.obj):
            new, old = split(sync, sets)
            self._tell_counts(sync, new, old)
            return None
        self._note_pause(sync)
        if env.obj["spec"].get("paused"):
            return self._resize(sync, sets)
        new, old = with_revision(sync, sets, create=False)
        sets = [*old, *([new] if new else [])]
        if is_scaling(sync.deployment, sets):
            return self._resize(sync, sets)
        return self._roll(sync, sets) if is_rolling(env) else self._recreate(sync, sets)

    # -- the ways of a sync ----------------------------------------------------------------------------------------

    def _resize(self, sync: Sync, sets: Sequence[Envelope]) -> int | None:
        """Paused, or spec.replicas changed: sizes follow, the rollout waits."""
        new, old = with_revision(sync, sets, create=False)
        new, old = scale(sync, new, old)
        if sync.deployment.obj["spec"].get("paused"):
            clean_up(sync, old)
        self._tell_counts(sync, new, old)
        return None

    def _roll(self, sync: Sync, sets: Sequence[Envelope]) -> int | None:
        new, old = with_revision(sync, sets, create=True)
        assert new is not None
        grown = grow_new(sync, new, old)
        if grown.revision != new.revision:
            return self._tell_progress(sync, grown, old)
        shrunk = shrink_old(sync, new, old)
        if any(now.revision != was.revision for now, was in zip(shrunk, old, strict=True)):
            return self._tell_progress(sync, new, shrunk)
        if complete(sync.deployment, status_of(sync.deployment)):
            clean_up(sync, old)
        return self._tell_progress(sync, new, old)

    def _recreate(self, sync: Sync, sets: Sequence[Envelope]) -> int | None:
        new, old = with_revision(sync, sets, create=False)
        emptied = empty_old(sync, old)
        scaled_down = any(now.revision != was.revision for now, was in zip(emptied, old, strict=True))
        if scaled_down or old_pods_running(self._api, emptied):
            return self._tell_progress(sync, new, emptied)
        if new is None:
            new, old = with_revision(sync, sets, create=True)
            assert new is not None
        if replicas(new) != replicas(sync.deployment):
            new = sync.resize(new, replicas(sync.deployment))
        if complete(sync.deployment, status_of(sync.deployment)):
            clean_up(sync, old)
        return self._tell_progress(sync, new, old)

    # -- status ----------------------------------------------------------------------------------------------------

    def _tell_counts(self, sync: Sync, new: Envelope | None, old: Sequence[Envelope]) -> None:
        sync.write_status(counted(sync.deployment, [*old, *([new] if new else [])], new, sync.now))

    def _tell_progress(self, sync: Sync, new: Envelope | None, old: Sequence[Envelope]) -> int | None:
        sets = [*old, *([new] if new else [])]
        status = with_progress(
            sync.deployment, counted(sync.deployment, sets, new, sync.now), sets, new, sync.now
        )  # fmt: skip
        if status == status_of(sync.deployment):
            return stuck_check(sync.deployment, status, sync.now)
        sync.write_status(status)
        return None

    def _note_pause(self, sync: Sync) -> None:
        """checkPausedConditions: while it is paused, the deadline does not run."""
        if progress_deadline(sync.deployment) is None:
            return
        before = status_of(sync.deployment)
        condition = condition_of(before, "Progressing")
        reason = condition.get("reason") if condition else None
        paused = bool(sync.deployment.obj["spec"].get("paused"))
        if reason == TIMED_OUT or paused == (reason == "DeploymentPaused"):
            return
        new = (
            new_condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", sync.now)
            if paused
            else new_condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", sync.now)
        )
        sync.write_status({**before, "conditions": set_condition(before.get("conditions") or [], new)})

    # -- whose ReplicaSets -----------------------------------------------------------------------------------------

    def _claim(self, env: Envelope) -> list[Envelope]:
        """The Deployment's ReplicaSets, after adopting orphans that match and releasing those that do not."""
        matches = label_selector(env.obj["spec"].get("selector"))
        for orphan in list(orphans(self._api, REPLICASETS, env.namespace)):
            if matches(orphan.labels):
                adopt(self._api, self._caller, env, REPLICASETS, orphan)
        claimed = []
        for owned in self._api.store.owned_by(env.uid):
            if owned.key.resource != REPLICASETS or owned.owner != env.uid:
                continue
            if matches(owned.labels):
                claimed.append(owned)
            elif not being_deleted(env.obj) and not being_deleted(owned.obj):
                release(self._api, self._caller, env, REPLICASETS, owned)
        return claimed

    def _of_replica_set(self, event: WatchEvent) -> Iterable[Key]:
        now, before = event.now, event.before
        keys = [key for env in (now, before) if env is not None and (key := controlled_by(env, "Deployment"))]
        if not keys and event.type != DELETED and now.labels:
            return [
                (env.namespace, env.name) for env in self._api.store.list(DEPLOYMENTS, now.namespace)
                if label_selector(env.obj["spec"].get("selector"))(now.labels)
            ]  # fmt: skip
        return dict.fromkeys(keys)

    def _of_deleted_pod(self, event: WatchEvent) -> Iterable[Key]:
        """Recreate goes on when the last old pod is gone."""
        if event.type != DELETED or event.now.owner is None:
            return ()
        set_key = controlled_by(event.now, "ReplicaSet")
        owner = self._api.find(REPLICASETS, *set_key) if set_key else None
        key = controlled_by(owner, "Deployment") if owner else None
        env = self._api.find(DEPLOYMENTS, *key) if key else None
        return (key,) if key and env is not None and not is_rolling(env) else ()
