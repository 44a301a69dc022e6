"""CronJobs, one sync at a time (cronjob_controllerv2.go).

A sync first deletes finished Jobs that the history limits leave no room for, then brings `status.active` up to date,
and then, unless suspended, makes the Job of the last time that has come due. Its name is made of that time's minute
(`<cronjob>-<minutes since 1970>`): so no time makes two Jobs, whatever is restarted in between.

Looks happen 100 ms after each scheduled time, when one of the Jobs ends or goes, and when the spec changes. A changed
schedule waits for its own next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from engine.api.errors import AlreadyExists, ApiError, NotFound
from engine.api.kinds import CRONJOBS, JOBS
from engine.api.server import DeleteOptions
from engine.api.validation.cron import Unreadable
from engine.clock import MINUTE, SECOND, parse_time, rfc3339
from engine.controllers.controller import (
    Key,
    Queue,
    Watch,
    being_deleted,
    controlled_by,
    controller_reference,
    own_key,
)
from engine.controllers.cronjob.cron import Schedule, UnknownZone, schedule_of, zone_of
from engine.controllers.cronjob.missed import TOO_MANY, InvalidSchedule, next_look, owed
from engine.controllers.job.conditions import finished_condition, is_finished
from store.types import ADDED, DELETED, Envelope, JsonObject, Uid, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

SCHEDULED: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
"""Annotation of a Job: the time that it was made for, in the CronJob's zone."""


class CronJobController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._recorder = context.recorder()
        self._queue: Queue | None = None

    def watches(self) -> Sequence[Watch]:
        return Watch(CRONJOBS, self._cronjob_keys), Watch(JOBS, _job_keys)

    def start(self, queue: Queue) -> None:
        self._queue = queue

    def reconcile(self, key: Key) -> int | None:
        cronjob = self._api.find(CRONJOBS, *key)
        if cronjob is None:
            return None
        jobs = [
            job for job in self._api.store.owned_by(cronjob.uid)
            if job.owner == cronjob.uid and job.key.resource == JOBS
        ]  # fmt: skip
        before: JsonObject = cronjob.obj.get("status") or {}
        status = _Status(before)
        try:
            self._tidy(cronjob, status, jobs)
            self._follow(cronjob, status, jobs)
            return self._schedule(cronjob, status)
        finally:
            new = status.as_dict()
            if new != before:
                self._api.update_status(self._caller, cronjob, new)

    # -- events ----------------------------------------------------------------------------------------------------

    def _cronjob_keys(self, event: WatchEvent) -> Iterable[Key]:
        now, before = event.now, event.before
        if event.type in (ADDED, DELETED) or before is None or before.uid != now.uid:
            return own_key(event)
        spec, was = now.obj["spec"], before.obj["spec"]
        if any(spec.get(field) != was.get(field) for field in ("schedule", "timeZone")):
            try:
                schedule = schedule_of(spec["schedule"], spec.get("timeZone") or "")
            except (Unreadable, UnknownZone):
                return own_key(event)
            wait = next_look(now.obj, schedule, self._clock.now())
            if wait is not None and self._queue is not None:
                self._queue.add_after((now.namespace, now.name), wait)
            return ()
        changed = spec != was or being_deleted(now.obj) != being_deleted(before.obj)
        return own_key(event) if changed else ()

    # -- Jobs that were made -----------------------------------------------------------------------------------------

    def _tidy(self, cronjob: Envelope, status: _Status, jobs: Iterable[Envelope]) -> None:
        """Keep as many finished Jobs as the history limits say, the newest."""
        ended: dict[str, list[Envelope]] = {"Complete": [], "Failed": []}
        for job in jobs:
            condition = finished_condition(job.obj)
            if condition is not None:
                ended[condition["type"]].append(job)
        for type_, field in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            limit = cronjob.obj["spec"].get(field)
            if limit is not None and len(ended[type_]) > limit:
                oldest = sorted(ended[type_], key=_by_start)
                for job in oldest[: len(oldest) - limit]:
                    self._delete(cronjob, status, job)

    def _delete(self, cronjob: Envelope, status: _Status, job: Envelope) -> bool:
        """Delete a Job with its pods. False when that is refused."""
        try:
            self._api.delete(self._caller, JOBS, job.namespace, job.name, DeleteOptions(propagation="Background"))
        except ApiError as error:
            self._recorder.event(cronjob, "Warning", "FailedDelete", f"Deleted job: {error}")
            return False
        status.drop(job.uid)
        self._recorder.event(cronjob, "Normal", "SuccessfulDelete", f"Deleted job {job.name}")
        return True

    def _follow(self, cronjob: Envelope, status: _Status, jobs: Sequence[Envelope]) -> None:
        """Bring the list of active Jobs, and the time of the last success, up to date."""
        for job in jobs:
            condition = finished_condition(job.obj)
            if condition is None:
                if not status.has(job.uid):
                    text = f"Saw a job that the controller did not create or forgot: {job.name}"
                    self._recorder.event(cronjob, "Warning", "UnexpectedJob", text)
                continue
            if status.has(job.uid):
                status.drop(job.uid)
                text = f"Saw completed job: {job.name}, condition: {condition['type']}"
                self._recorder.event(cronjob, "Normal", "SawCompletedJob", text)
            if condition["type"] == "Complete":
                status.succeeded_at((job.obj.get("status") or {}).get("completionTime"))
        known = {job.uid: None for job in jobs}
        for ref in status.active:
            if ref["uid"] not in known and self._api.find(JOBS, ref["namespace"], ref["name"]) is None:
                self._recorder.event(cronjob, "Normal", "MissingJob", f"Active job went missing: {ref['name']}")
                status.drop(ref["uid"])

    # -- the next Job --------------------------------------------------------------------------------------------------

    def _schedule(self, cronjob: Envelope, status: _Status) -> int | None:
        spec = cronjob.obj["spec"]
        if being_deleted(cronjob.obj):
            return None
        zone = spec.get("timeZone") or ""
        try:
            zone_of(zone)
        except UnknownZone as error:
            self._recorder.event(cronjob, "Warning", "UnknownTimeZone", f'invalid timeZone: "{zone}": {error}')
            return None
        if spec.get("suspend"):
            return None
        text, now = spec["schedule"], self._clock.now()
        try:
            schedule = schedule_of(text, zone)
        except Unreadable as error:
            self._recorder.event(cronjob, "Warning", "UnparseableSchedule", f'unparseable schedule: "{text}" : {error}')
            return None
        try:
            due = owed(cronjob.obj, schedule, now)
        except InvalidSchedule as error:
            self._recorder.event(cronjob, "Warning", "InvalidSchedule", f"invalid schedule: {text} : {error}")
            return None
        if due.time is not None:
            if due.missed > TOO_MANY:
                self._recorder.event(
                    cronjob, "Warning", "TooManyMissedTimes",
                    "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
                )  # fmt: skip
            if self._may_start(cronjob, status, due.time, now):
                self._start(cronjob, status, due.time)
        return self._next_look(cronjob, status, schedule, now)

    def _may_start(self, cronjob: Envelope, status: _Status, time: int, now: int) -> bool:
        spec = cronjob.obj["spec"]
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and time + deadline * SECOND < now:
            text = f"Missed scheduled time to start a job: {_rfc1123(time)}"
            self._recorder.event(cronjob, "Warning", "MissSchedule", text)
            return False
        name = job_name(cronjob, time)
        if any(ref["name"] == name for ref in status.active) or status.last_schedule == rfc3339(time):
            return False
        policy = spec.get("concurrencyPolicy")
        if policy == "Forbid" and status.active:
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._recorder.event(cronjob, "Normal", "JobAlreadyActive", text)
            return False
        if policy == "Replace":
            for ref in list(status.active):
                try:
                    job = self._api.get(JOBS, ref["namespace"], ref["name"])
                except NotFound as error:
                    self._recorder.event(cronjob, "Warning", "FailedGet", f"Get job: {error}")
                    raise
                if not self._delete(cronjob, status, job):
                    raise ApiError(f"could not replace job {job.namespace}/{job.name}")
        return True

    def _start(self, cronjob: Envelope, status: _Status, time: int) -> None:
        """Make the Job of a time, or find the one that was made before."""
        manifest = job_for(cronjob, time)
        name: str = manifest["metadata"]["name"]
        try:
            job = self._api.create(self._caller, JOBS, cronjob.namespace, manifest)
        except AlreadyExists:
            job = self._api.get(JOBS, cronjob.namespace, name)
            if job.owner != cronjob.uid or status.has(job.uid):
                return
        except ApiError as error:
            if not any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                self._recorder.event(cronjob, "Warning", "FailedCreate", f"Error creating job: {error}")
            raise
        else:
            self._recorder.event(cronjob, "Normal", "SuccessfulCreate", f"Created job {name}")
        status.started(job, time)

    def _next_look(self, cronjob: Envelope, status: _Status, schedule: Schedule, now: int) -> int | None:
        return next_look({**cronjob.obj, "status": status.as_dict()}, schedule, now)


class _Status:
    """A CronJob's status while it is being brought up to date."""

    def __init__(self, status: JsonObject) -> None:
        self.active: list[dict[str, Any]] = list(status.get("active") or ())
        self.last_schedule: str | None = status.get("lastScheduleTime")
        self.last_success: str | None = status.get("lastSuccessfulTime")

    def has(self, uid: Uid) -> bool:
        return any(ref["uid"] == uid for ref in self.active)

    def drop(self, uid: Uid) -> None:
        self.active = [ref for ref in self.active if ref["uid"] != uid]

    def started(self, job: Envelope, time: int) -> None:
        self.active.append(
            {
                "apiVersion": job.obj["apiVersion"], "kind": job.obj["kind"], "name": job.name,
                "namespace": job.namespace, "resourceVersion": job.obj["metadata"]["resourceVersion"], "uid": job.uid,
            }
        )  # fmt: skip
        self.last_schedule = rfc3339(time)

    def succeeded_at(self, completion: str | None) -> None:
        if completion and (self.last_success is None or parse_time(completion) > parse_time(self.last_success)):
            self.last_success = completion

    def as_dict(self) -> JsonObject:
        parts = {
            "active": self.active, "lastScheduleTime": self.last_schedule, "lastSuccessfulTime": self.last_success,
        }  # fmt: skip
        return {name: value for name, value in parts.items() if value}


def job_name(cronjob: Envelope, time: int) -> str:
    return f"{cronjob.name}-{time // MINUTE}"


def job_for(cronjob: Envelope, time: int) -> JsonObject:
    """The Job of a time (getJobFromTemplate2)."""
    spec = cronjob.obj["spec"]
    template = spec["jobTemplate"]
    meta: JsonObject = template.get("metadata") or {}
    local = datetime.fromtimestamp(time // SECOND, zone_of(spec.get("timeZone") or ""))
    job_meta: JsonObject = {
        "name": job_name(cronjob, time), "namespace": cronjob.namespace,
        "annotations": {**(meta.get("annotations") or {}), SCHEDULED: local.isoformat().replace("+00:00", "Z")},
        "ownerReferences": [controller_reference(cronjob)],
    }  # fmt: skip
    if meta.get("labels"):
        job_meta["labels"] = dict(meta["labels"])
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": job_meta, "spec": template["spec"]}


def _job_keys(event: WatchEvent) -> Iterable[Key]:
    """A Job came, ended or went."""
    now, before = event.now, event.before
    owner = controlled_by(now, "CronJob")
    keys = []
    if before is not None and before.owner != now.owner:
        former = controlled_by(before, "CronJob")
        keys += [former] if former is not None else []
    ended = before is None or is_finished(before.obj) != is_finished(now.obj) or before.owner != now.owner
    if owner is not None and (ended or event.type == DELETED):
        keys.append(owner)
    return keys


def _by_start(job: Envelope) -> tuple[bool, str, str]:
    """Oldest first; Jobs that never started last."""
    started = (job.obj.get("status") or {}).get("startTime") or ""
    return not started, started, job.name


def _rfc1123(instant: int) -> str:
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%a, %d %b %Y %H:%M:%S %z")
