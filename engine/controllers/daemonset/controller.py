"""DaemonSets, from a key to a written status (pkg/controller/daemon/daemon_controller.go).

A sync judges the nodes that something changed on, makes and deletes pods there, moves a rollout on, and writes the
status from the totals. Nodes are watched for what the pods' placement depends on: labels and taints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import ApiError, NotFound
from engine.api.kinds import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS
from engine.clock import MINUTE, SECOND
from engine.controllers import history
from engine.controllers.controller import (
    Key,
    Queue,
    Watch,
    being_deleted,
    controlled_by,
    controller_reference,
    spec_changed,
)
from engine.controllers.daemonset.judgement import Judgement, Template, judge
from engine.controllers.daemonset.placement import Placement, taints_of
from engine.controllers.daemonset.revisions import HASH_LABEL, Revisions, clean_up, revisions_of
from engine.controllers.daemonset.rollout import allows_surge, is_rolling, next_moves
from engine.controllers.daemonset.roster import DaemonPod, Roster
from engine.controllers.ownership import adopt, index_orphans, orphans, release
from engine.controllers.pod_owners import PodOwners
from store.types import ADDED, DELETED, Envelope, JsonObject, ObjectKey, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_STEP: Final = 16
"""Pods created or deleted in one step."""
_PACE: Final = 50_000
"""Microseconds that a change of a node may wait, so that many of them make one sync."""
_GENERATION: Final = "deprecated.daemonset.template.generation"
_FIRST_BACK_OFF: Final = 1 * SECOND
_LONGEST_BACK_OFF: Final = 15 * MINUTE


class DaemonSetController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder()
        self._queue: Queue | None = None
        self._owners = PodOwners(context.api.store, context.clock, Roster, self._forget)
        self._rosters: dict[Key, Roster] = {}
        self._batch: dict[Key, int] = {}
        """Slow start: how many pods the next step makes; absent when none are being made."""
        self._back_off: dict[Key, dict[tuple[Uid, int, str], tuple[int, int]]] = {}
        """Failed pods: (uid of the set, observed generation, node) → (how long to wait, since when)."""
        index_orphans(context.api, PODS)
        history.index_revisions(context.api)

    def watches(self) -> Sequence[Watch]:
        return (
            Watch(DAEMONSETS, spec_changed),
            Watch(NODES, self._of_node),
            Watch(CONTROLLERREVISIONS, _of_lost_revision),
        )

    def start(self, queue: Queue) -> None:
        self._queue = queue
        self._owners.start(queue)
        for state in (self._rosters, self._batch, self._back_off):
            state.clear()

    def reconcile(self, key: Key) -> int | None:
        env = self._api.find(DAEMONSETS, *key)
        if env is None:
            self._owners.forget(key)
            return None
        if being_deleted(env.obj):
            return None
        if env.obj["spec"].get("selector") == {}:
            text = "This daemon set is selecting all pods. A non-empty selector is required."
            self._recorder.event(env, "Warning", "SelectingAll", text)
            return None
        roster = self._owners.tally(key, env)
        self._rosters[key] = roster
        self._claim(env, roster)
        revisions = revisions_of(self._api, self._caller, env, roster.matches, roster.pods)
        template = Template(
            revisions.hash, (env.obj["metadata"].get("annotations") or {}).get(_GENERATION, ""), allows_surge(env)
        )
        self._prepare(env, roster, template)
        now = self._clock.now()
        roster.wake(now)
        failure: ApiError | None = None
        try:
            if self._work(key, env, roster, template, now):
                return 0
        except ApiError as error:
            failure = error
        self._batch.pop(key, None)
        self._owners.synced(key)
        self._write_status(env, roster)
        if failure is not None:
            raise failure
        self._clean_up(env, roster, revisions)
        due = roster.next_wake()
        return None if due is None else max(due - now, 1)

    # -- events ----------------------------------------------------------------------------------------------------

    def _of_node(self, event: WatchEvent) -> Iterable[Key]:
        """Sets whose view of the node changed; they are synced soon."""
        now, before = event.now, event.before
        if (
            event.type not in (ADDED, DELETED) and before is not None
            and (before.labels is now.labels or before.labels == now.labels)
            and taints_of(before) == taints_of(now)
        ):  # fmt: skip
            return ()
        for key, roster in self._rosters.items():
            placement = roster.placement
            if placement is None:
                continue
            verdict = None if event.type == DELETED else placement.verdict(now)
            if roster.set_verdict(now.name, verdict) and self._queue is not None:
                self._queue.add_after(key, _PACE)
        return ()

    def _forget(self, key: Key) -> None:
        for state in (self._rosters, self._batch, self._back_off):
            state.pop(key, None)

    # -- what the set looks at ---------------------------------------------------------------------------------------

    def _claim(self, env: Envelope, roster: Roster) -> None:
        """Adopt pods that match, release those that do not."""
        if roster.claim_due:
            roster.claim_due = False
            for pod in list(orphans(self._api, PODS, env.namespace)):
                if roster.matches(pod.labels):
                    adopt(self._api, self._caller, env, PODS, pod)
        for key in list(roster.foreign):
            pod_env = self._api.store.get(key)
            if pod_env is not None and not being_deleted(pod_env.obj):
                release(self._api, self._caller, env, PODS, pod_env)

    def _prepare(self, env: Envelope, roster: Roster, template: Template) -> None:
        """Every node is judged anew when the template changed."""
        spec = env.obj["spec"]["template"]["spec"]
        if roster.placement is None or roster.basis != (template, spec):
            roster.basis = (template, spec)
            placement = roster.placement = Placement(spec)
            for node in self._api.store.list(NODES):
                roster.set_verdict(node.name, placement.verdict(node))
            roster.mark_all()

    # -- pods ------------------------------------------------------------------------------------------------------

    def _work(self, key: Key, env: Envelope, roster: Roster, template: Template, now: int) -> bool:
        """One step. True when more is to follow at once."""
        step = self._batch.get(key, 1)
        left = self._manage(key, env, roster, template, now, step)
        if left and is_rolling(env):
            moves = next_moves(env, roster)
            doomed, nodes = list(moves.delete)[:left], list(moves.create)[:left]
            for pod_key in doomed:
                self._delete(env, pod_key)
            for node in nodes:
                self._create(env, roster, node, template)
            more = len(doomed) < len(moves.delete) or len(nodes) < len(moves.create)
            # What was just written changed nodes: they are judged before anything is said about them.
            if more or roster.dirty:
                left = 0
        if left:
            return False
        self._batch[key] = min(step * 2, _STEP)
        return True

    def _manage(self, key: Key, env: Envelope, roster: Roster, template: Template, now: int, step: int) -> int:
        """Judge the dirty nodes and put them right. What is left of the step; 0 when it was not enough."""
        dirty = roster.dirty
        while dirty:
            node = next(iter(dirty))
            found = judge(roster, node, template, now)
            if step <= 0 and (found.create or found.finished or found.surplus):
                return 0
            doomed = [*self._due(key, env, roster, node, found, now), *found.surplus]
            del dirty[node]
            roster.file(node, found.view)
            try:
                for pod in doomed:
                    self._tell_finished(env, node, pod)
                    self._delete(env, pod.key)
                if found.create:
                    self._create(env, roster, node, template)
            except ApiError as error:
                if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                    continue
                dirty[node] = None
                raise
            step -= len(doomed) + found.create
        return max(step, 1)

    def _due(
        self, key: Key, env: Envelope, roster: Roster, node: str, found: Judgement, now: int
    ) -> Iterable[DaemonPod]:  # fmt: skip
        """Finished pods that may go now: a node whose pods fail again and again waits longer and longer."""
        if not found.finished:
            return
        waits = self._back_off.setdefault(key, {})
        generation = (env.obj.get("status") or {}).get("observedGeneration", 0)
        entry = (env.uid, generation, node)
        for pod in found.finished:
            if pod.phase == "Failed":
                wait, since = waits.get(entry, (0, now))
                expired = now - since > 2 * _LONGEST_BACK_OFF
                if not expired and now - since < wait:
                    roster.wake_at(since + wait, node)
                    continue
                longer = min(wait * 2, _LONGEST_BACK_OFF) if wait and not expired else _FIRST_BACK_OFF
                waits[entry] = (longer, now)
            yield pod

    def _tell_finished(self, env: Envelope, node: str, pod: DaemonPod) -> None:
        where = f"daemon pod {pod.key.namespace}/{pod.key.name} on node {node}"
        if pod.phase == "Failed":
            text = f"Found failed {where}, will try to kill it"
            self._recorder.event(env, "Warning", "FailedDaemonPod", text)
        elif pod.phase == "Succeeded":
            text = f"Found succeeded {where}, will try to delete it"
            self._recorder.event(env, "Normal", "SucceededDaemonPod", text)

    def _create(self, env: Envelope, roster: Roster, node: str, template: Template) -> None:
        assert roster.placement is not None
        source = env.obj["spec"]["template"]
        meta: dict[str, Any] = source.get("metadata") or {}
        labels = {**(meta.get("labels") or {}), HASH_LABEL: template.revision}
        if template.generation:
            labels["pod-template-generation"] = template.generation
        pod: JsonObject = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "generateName": f"{env.name}-", "namespace": env.namespace, "labels": labels,
                **{part: meta[part] for part in ("annotations", "finalizers") if meta.get(part)},
                "ownerReferences": [controller_reference(env)],
            },
            "spec": roster.placement.pinned(node),
        }  # fmt: skip
        try:
            created = self._api.create(self._caller, PODS, env.namespace, pod, variant_of=roster.placement.spec)
        except ApiError as error:
            if not any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                self._recorder.event(env, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._recorder.event(env, "Normal", "SuccessfulCreate", f"Created pod: {created.name}")

    def _delete(self, env: Envelope, key: ObjectKey) -> None:
        try:
            self._api.delete(self._caller, PODS, key.namespace, key.name)
        except NotFound:
            return
        except ApiError as error:
            self._recorder.event(env, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        self._recorder.event(env, "Normal", "SuccessfulDelete", f"Deleted pod: {key.name}")

    # -- status ----------------------------------------------------------------------------------------------------

    def _write_status(self, env: Envelope, roster: Roster) -> None:
        """Figures that may be left out are, when they are 0, as Kubernetes does."""
        totals = roster.totals
        desired, available = totals["desired"], totals["available"]
        figures = {
            "updatedNumberScheduled": totals["updated"], "numberAvailable": available,
            "numberUnavailable": desired - available,
            "observedGeneration": env.obj["metadata"].get("generation", 0),
        }  # fmt: skip
        before: JsonObject = env.obj.get("status") or {}
        status: JsonObject = {
            "currentNumberScheduled": totals["current"], "desiredNumberScheduled": desired,
            "numberMisscheduled": totals["misscheduled"], "numberReady": totals["ready"],
            **{name: figure for name, figure in figures.items() if figure},
            **{name: before[name] for name in ("collisionCount", "conditions") if before.get(name) is not None},
        }  # fmt: skip
        if status != before:
            self._api.update_status(self._caller, env, status)

    def _clean_up(self, env: Envelope, roster: Roster, revisions: Revisions) -> None:
        if len(revisions.old) > env.obj["spec"].get("revisionHistoryLimit", 10):
            hashes = dict.fromkeys(pod.revision for pod in roster.pods.values())
            clean_up(self._api, self._caller, env, revisions, hashes)


def _of_lost_revision(event: WatchEvent) -> Iterable[Key]:
    """A set whose revision somebody deleted writes it down again."""
    key = controlled_by(event.now, "DaemonSet") if event.type == DELETED else None
    return (key,) if key is not None else ()
