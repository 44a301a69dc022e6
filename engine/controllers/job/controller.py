"""Jobs, one sync at a time (job_controller.go, syncJob).

A sync reads where the Job stands, decides whether it is over, else how many pods it should have, and writes its status.
What concerns pods is carried out in steps (`Work`) before the next sync goes on:

    stands → over?  → remove what runs ─┐
           → wants? → make or remove ───┴→ status → let counted pods go → stands …

until nothing is left to do at this instant. Changes of its pods are looked at a second after the first of them, as
Kubernetes does; a change of its spec at once. What the API refuses is tried again after 1 s, 2 s … 1 min.

Besides Jobs the queue holds pods whose Job is gone: their tracking finalizer is taken off, so that they can go too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from engine.api.errors import ApiError
from engine.api.kinds import JOBS, PODS
from engine.clock import MINUTE, SECOND, rfc3339
from engine.controllers.controller import Key, Queue, Watch, being_deleted
from engine.controllers.job.account import Account, account
from engine.controllers.job.backoff import Backoff
from engine.controllers.job.conditions import Condition, condition, ensured, is_finished
from engine.controllers.job.pacing import BATCH, pacing
from engine.controllers.job.pods import CONTROLLER_UID, TRACKING, JobPods, is_tracked
from engine.controllers.job.standing import Standing
from engine.controllers.job.template import PodTemplate
from engine.controllers.job.verdict import completed, deadline, ending, interim
from engine.controllers.job.work import PodWriter, Work, namespace_is_terminating
from engine.controllers.ownership import adopt, index_orphans, orphans, release
from engine.controllers.pod_tally import PodTallies
from store.types import ADDED, DELETED, Envelope, JsonObject, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_RETRY: Final = SECOND
_RETRY_MOST: Final = MINUTE
"""Back-off after the API refused to make or remove a pod (DefaultJobApiBackOff, MaxJobApiBackOff)."""
_STEP: Final = 16
"""Pods of a Job that is gone whose finalizer is taken off in one step."""
_MANAGER: Final = "kubernetes.io/job-controller"
_POD: Final = "pod"
_PODS_OF: Final = "pods of"
"""First words of the queue's other keys: (_POD, namespace, name) and (_PODS_OF, namespace, uid of a Job)."""


class _State:
    """What is known of a Job besides the store: lost with a restart, and harmless to lose."""

    def __init__(self, job: Envelope) -> None:
        self.uid = job.uid
        self.template = PodTemplate(job)
        self.record = Backoff()
        self.work: Work | None = None
        self.target: Condition | None = None
        """Decided, but its pods are still being removed: not in the status yet."""
        self.refusals = 0
        """In a row."""


class JobController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder()
        self._writer = PodWriter(context.api, context.caller, self._recorder)
        self._queue: Queue | None = None
        self._states: dict[Key, _State] = {}
        self._tallies: PodTallies[JobPods] = PodTallies(
            context.api.store, JobPods, self._pods_changed, self._orphan_seen
        )
        index_orphans(context.api, PODS)

    def watches(self) -> Sequence[Watch]:
        return (Watch(JOBS, self._job_keys),)

    def start(self, queue: Queue) -> None:
        self._queue = queue
        self._tallies.clear()
        self._states.clear()
        for pod in self._api.store.list(PODS):
            if is_tracked(pod):
                queue.add((_POD, pod.namespace, pod.name))

    def reconcile(self, key: Key) -> int | None:
        if len(key) == 3:
            what, namespace, name = key
            if what == _PODS_OF:
                return self._let_go_all(Uid(name))
            self._let_go_if_orphan(namespace, name)
            return None
        namespace, name = key
        job = self._api.find(JOBS, namespace, name)
        state = self._states.get(key)
        if state is not None and (job is None or job.uid != state.uid or is_finished(job.obj)):
            self._tallies.drop(state.uid)
            del self._states[key]
            state = None
        if job is None or is_finished(job.obj) or job.obj["spec"].get("managedBy", _MANAGER) != _MANAGER:
            return None
        if job.obj["spec"].get("completionMode", "NonIndexed") not in ("NonIndexed", "Indexed"):
            text = "Skipped Job sync because completion mode is unknown"
            self._recorder.event(job, "Warning", "UnknownCompletionMode", text)
            return None
        if state is None:
            state = self._states[key] = _State(job)
        return self._advance(job, state)

    # -- events ----------------------------------------------------------------------------------------------------

    def _job_keys(self, event: WatchEvent) -> Iterable[Key]:
        now, before = event.now, event.before
        key = (now.namespace, now.name)
        if event.type == DELETED:
            return key, (_PODS_OF, now.namespace, now.uid)
        if event.type == ADDED or before is None or before.uid != now.uid:
            return (key,)
        was, meta = before.obj["metadata"], now.obj["metadata"]
        if was.get("generation") != meta.get("generation") or being_deleted(before.obj) != being_deleted(now.obj):
            return (key,)
        if not is_finished(now.obj) and self._queue is not None:
            self._queue.add_after(key, BATCH)
        return ()

    def _pods_changed(self, uid: Uid, pods: JobPods) -> None:
        if self._queue is not None:
            self._queue.add_after(pods.key, BATCH)

    def _orphan_seen(self, pod: Envelope) -> None:
        if self._queue is None:
            return
        if is_tracked(pod):
            self._queue.add((_POD, pod.namespace, pod.name))
        own = self._tallies.all().get(Uid(pod.labels.get(CONTROLLER_UID, "")))
        for pods in [own] if own is not None else self._tallies.all().values():
            if pods.key[0] == pod.namespace and pods.matches(pod.labels):
                pods.claim_due = True
                self._queue.add_after(pods.key, BATCH)

    # -- pods without a Job ----------------------------------------------------------------------------------------

    def _let_go_if_orphan(self, namespace: str, name: str) -> None:
        pod = self._api.find(PODS, namespace, name)
        if pod is None or not is_tracked(pod):
            return
        for ref in pod.obj["metadata"].get("ownerReferences") or ():
            if ref.get("controller"):
                if ref["kind"] != "Job" or not ref["apiVersion"].startswith("batch/"):
                    return
                job = self._api.find(JOBS, namespace, ref["name"])
                if job is not None and job.uid == ref["uid"] and not is_finished(job.obj):
                    return
        self._writer.let_go(pod.key)

    def _let_go_all(self, uid: Uid) -> int | None:
        left = [pod for pod in self._api.store.owned_by(uid) if pod.key.resource == PODS and is_tracked(pod)]
        for pod in left[:_STEP]:
            self._writer.let_go(pod.key)
        return 0 if len(left) > _STEP else None

    # -- one Job ---------------------------------------------------------------------------------------------------

    def _advance(self, job: Envelope, state: _State) -> int | None:
        """Go on with the work at hand; when it is done, sync."""
        if state.work is not None and not state.work.stands(job):
            state.work = None
        if not state.template.serves(job):
            state.template = PodTemplate(job)
        try:
            if state.work is not None:
                if state.work.step(job, state.template, self._writer):
                    return 0
                state.work, state.refusals = None, 0
        except ApiError as error:
            state.work = None
            again = self._sync(job, state, refused=True)
            if namespace_is_terminating(error):
                return again
            state.refusals += 1
            return min(_RETRY << min(state.refusals - 1, 10), _RETRY_MOST)
        return self._sync(job, state)

    def _sync(self, job: Envelope, state: _State, refused: bool = False) -> int | None:
        """`refused`: making or removing pods has just failed; only count what there is."""
        pods = self._tallies.of(job)
        self._claim(job, pods)
        now = self._clock.now()
        decided = interim(job.obj.get("status") or {})
        target = decided or state.target
        standing = Standing(job, pods.present.values(), stopping=target is not None)
        record = state.record.after(standing.new_succeeded, standing.new_failed)
        status: JsonObject = {"uncountedTerminatedPods": {}, **standing.status}
        if "startTime" not in status and not standing.suspended:
            status["startTime"] = rfc3339(now)
        target = target or ending(standing, now)
        wait: int | None = None
        if refused:
            target = decided
        elif target is not None:
            if standing.active:
                state.target, state.work = target, Work(job, remove=standing.active)
                return 0
        else:
            if not standing.deleted:
                todo = pacing(standing, record, now)
                if todo.create or todo.remove:
                    state.work = Work(job, todo.create, todo.remove, uncount=True)
                    return 0
                wait = todo.wait
            target = completed(standing, now)
            if target is None and not standing.deleted:
                self._note_suspension(job, standing, status, now)
        outcome = account(standing, status, target, now)
        self._write(job, outcome)
        state.record = record
        if not refused:
            state.target = None
        if outcome.finished is not None:
            self._tell_finished(job, outcome)
            return None
        if outcome.settle:
            state.work = Work(job, settle=outcome.settle)
            return 0
        if target is not None:
            return 0 if decided is None else None
        left = deadline(standing, outcome.status.get("startTime"), now)
        return min((span for span in (wait, left) if span is not None), default=None)

    def _claim(self, job: Envelope, pods: JobPods) -> None:
        if pods.claim_due:
            pods.claim_due = False
            for pod in list(orphans(self._api, PODS, job.namespace)):
                if pods.matches(pod.labels):
                    adopt(self._api, self._caller, job, PODS, pod, finalizer=TRACKING)
        for key in list(pods.foreign):
            env = self._api.store.get(key)
            if env is not None and not being_deleted(env.obj):
                release(self._api, self._caller, job, PODS, env, finalizer=TRACKING)

    def _note_suspension(self, job: Envelope, standing: Standing, status: JsonObject, now: int) -> None:
        stamp = rfc3339(now)
        if standing.suspended:
            status.pop("startTime", None)  # its template may be changed until it starts anew
            new = condition("Suspended", "JobSuspended", "Job suspended", stamp)
        else:
            new = condition("Suspended", "JobResumed", "Job resumed", stamp, "False")
        conditions, changed = ensured(status.get("conditions") or [], new)
        if not changed:
            return
        status["conditions"] = conditions
        if standing.suspended:
            self._recorder.event(job, "Normal", "Suspended", "Job suspended")
        else:
            status["startTime"] = stamp
            self._recorder.event(job, "Normal", "Resumed", "Job resumed")

    def _write(self, job: Envelope, outcome: Account) -> None:
        if outcome.status != (job.obj.get("status") or {}):
            self._api.update_status(self._caller, job, outcome.status)

    def _tell_finished(self, job: Envelope, outcome: Account) -> None:
        finished = outcome.finished or {}
        if finished["type"] == "Failed":
            self._recorder.event(job, "Warning", finished["reason"], finished["message"])
            return
        completions = job.obj["spec"].get("completions")
        if completions is not None and outcome.status.get("succeeded", 0) > completions:
            text = "Too many succeeded pods running after completion count reached"
            self._recorder.event(job, "Warning", "TooManySucceededPods", text)
        self._recorder.event(job, "Normal", "Completed", "Job completed")
