"""CronJobs: world → one step → expected writes."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import CRONJOBS, JOBS
from engine.api.server import DeleteOptions
from engine.clock import rfc3339
from store.types import JsonObject
from tests.engine.controllers.jobs import job_spec
from tests.engine.controllers.world import KUBELET, USER, World


@pytest.fixture
def crons() -> World:
    """CronJobs are served; nobody runs their Jobs."""
    return World(["cronjob-controller"])


def cronjob(name: str = "cj", schedule: str = "* * * * *", **spec: Any) -> JsonObject:
    template = spec.pop("jobTemplate", {"spec": job_spec()})
    return {"metadata": {"name": name}, "spec": {"schedule": schedule, "jobTemplate": template, **spec}}


def status(world: World) -> JsonObject:
    return dict(world.api.get(CRONJOBS, "default", "cj").obj.get("status") or {})


def jobs(world: World) -> list[str]:
    return [job.name for job in world.store.list(JOBS)]


def finish(world: World, name: str, type_: str = "Complete") -> None:
    """A Job's end, as its controller would write it."""
    job = world.api.get(JOBS, "default", name)
    stamp = rfc3339(world.clock.now())
    new = {
        "startTime": job.obj["metadata"]["creationTimestamp"], "completionTime": stamp,
        "conditions": [{"type": type_, "status": "True", "lastTransitionTime": stamp}],
    }  # fmt: skip
    if type_ == "Failed":
        del new["completionTime"]
    world.api.update_status(KUBELET, job, new)


def test_makes_a_job_when_its_time_comes(crons: World) -> None:
    """100 ms after the full minute: a Job named by that minute, annotated with its time, owned, and told of."""
    template = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": job_spec()}
    crons.create(CRONJOBS, cronjob(jobTemplate=template))
    crons.run(60)
    assert jobs(crons) == []
    crons.run(0.1)
    assert jobs(crons) == ["cj-29923741"]
    job = crons.api.get(JOBS, "default", "cj-29923741")
    meta = job.obj["metadata"]
    assert meta["annotations"] == {"c": "d", "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-11-23T09:01:00Z"}
    assert meta["labels"]["a"] == "b"
    assert meta["ownerReferences"][0]["kind"] == "CronJob"
    assert meta["ownerReferences"][0]["controller"] is True
    assert crons.messages("SuccessfulCreate") == ["Created job cj-29923741"]
    assert status(crons)["lastScheduleTime"] == "2026-11-23T09:01:00Z"
    assert [ref["uid"] for ref in status(crons)["active"]] == [job.uid]


def test_does_nothing_until_then(crons: World) -> None:
    """Once a year is once a year."""
    crons.create(CRONJOBS, cronjob(schedule="0 0 1 1 *"))
    crons.writes()
    crons.run(24 * 3600)
    assert crons.writes() == []


def test_sees_its_jobs_end(crons: World) -> None:
    """An ended Job leaves the list of the active; the last success is remembered."""
    crons.create(CRONJOBS, cronjob())
    crons.run(61)
    finish(crons, "cj-29923741")
    crons.settle()
    assert status(crons) == {"lastScheduleTime": "2026-11-23T09:01:00Z", "lastSuccessfulTime": "2026-11-23T09:01:01Z"}
    assert crons.messages("SawCompletedJob") == ["Saw completed job: cj-29923741, condition: Complete"]


def test_keeps_as_many_ended_jobs_as_it_may(crons: World) -> None:
    """By default three that succeeded and one that failed; the oldest go, each with an event."""
    crons.create(CRONJOBS, cronjob())
    for number in range(8):
        crons.run(60.5 if not number else 60)
        finish(crons, jobs(crons)[-1], "Failed" if number % 2 else "Complete")
    crons.settle()
    assert jobs(crons) == ["cj-29923743", "cj-29923745", "cj-29923747", "cj-29923748"]
    assert len(crons.messages("SuccessfulDelete")) == 4


def test_in_a_time_zone(crons: World) -> None:
    """09:05 UTC is 14:50 in Kathmandu."""
    crons.create(CRONJOBS, cronjob(schedule="50 14 * * *", timeZone="Asia/Kathmandu"))
    crons.run(300)
    assert jobs(crons) == []
    crons.run(1)
    (job,) = crons.store.list(JOBS)
    annotation = job.obj["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert annotation == "2026-11-23T14:50:00+05:45"


def test_allow_runs_side_by_side(crons: World) -> None:
    """Jobs that take longer than the span between two times run beside each other."""
    crons.create(CRONJOBS, cronjob())
    crons.run(181)
    assert len(status(crons)["active"]) == 3


def test_forbid_waits_for_the_one_before(crons: World) -> None:
    """While a Job runs no other is made; when it ends, the last time that was missed is made up for."""
    crons.create(CRONJOBS, cronjob(concurrencyPolicy="Forbid"))
    crons.run(150)
    assert jobs(crons) == ["cj-29923741"]
    text = "Not starting job because prior execution is running and concurrency policy is Forbid"
    assert crons.messages("JobAlreadyActive") == [text]
    finish(crons, "cj-29923741")
    crons.settle()
    assert jobs(crons) == ["cj-29923741", "cj-29923742"]


def test_replace_stops_the_one_before(crons: World) -> None:
    """The Job that still runs is deleted, and the next one made."""
    crons.create(CRONJOBS, cronjob(concurrencyPolicy="Replace"))
    crons.run(121)
    assert jobs(crons) == ["cj-29923742"]
    assert [ref["name"] for ref in status(crons)["active"]] == ["cj-29923742"]
    assert crons.messages("SuccessfulDelete") == ["Deleted job cj-29923741"]


def test_suspended_it_makes_none_and_resumed_the_last_missed(crons: World) -> None:
    """Of all the times that a suspended CronJob missed, one is made up for when it goes on."""
    crons.create(CRONJOBS, cronjob(suspend=True))
    crons.run(330)
    assert jobs(crons) == []
    crons.spec(CRONJOBS, "cj", suspend=False)
    crons.settle()
    assert jobs(crons) == ["cj-29923745"]


def test_starting_deadline(crons: World) -> None:
    """What was missed longer ago than startingDeadlineSeconds is not made up for."""
    crons.create(CRONJOBS, cronjob(schedule="0 * * * *", suspend=True, startingDeadlineSeconds=200))
    crons.run(3600 + 201)
    crons.spec(CRONJOBS, "cj", suspend=False)
    crons.settle()
    assert jobs(crons) == []
    crons.run(3600)
    assert len(jobs(crons)) == 1


def test_too_many_missed(crons: World) -> None:
    """More than a hundred missed times are warned of; the last one is made up for all the same."""
    crons.create(CRONJOBS, cronjob(suspend=True))
    crons.run(3 * 3600 + 30)
    crons.spec(CRONJOBS, "cj", suspend=False)
    crons.settle()
    assert crons.messages("TooManyMissedTimes") == [
        "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
    ]
    assert jobs(crons) == ["cj-29923920"]


def test_a_changed_schedule_waits_for_its_own_time(crons: World) -> None:
    """Times of the new schedule that have passed are not made up for at once."""
    crons.create(CRONJOBS, cronjob(schedule="0 0 1 1 *"))
    crons.run(150)
    crons.spec(CRONJOBS, "cj", schedule="*/2 * * * *")
    crons.run(60)
    assert jobs(crons) == []
    crons.run(31)
    assert jobs(crons) == ["cj-29923744"]


def test_a_schedule_that_never_comes_due(crons: World) -> None:
    """It is told of, and costs nothing more."""
    crons.create(CRONJOBS, cronjob(schedule="59 23 31 2 *"))
    crons.settle()
    assert crons.messages("InvalidSchedule") == [
        "invalid schedule: 59 23 31 2 * : time difference between two schedules is less than 1 second"
    ]
    crons.writes()
    crons.run(3600)
    assert crons.writes() == []


def test_a_job_made_by_hand(crons: World) -> None:
    """`kubectl create job --from`: the CronJob's own, though not of its making; it counts when it ends."""
    owner = crons.create(CRONJOBS, cronjob(schedule="0 0 1 1 *"))
    refs = [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "cj", "uid": owner.uid, "controller": True}]
    meta = {"name": "manual", "ownerReferences": refs, "annotations": {"cronjob.kubernetes.io/instantiate": "manual"}}
    crons.create(JOBS, {"metadata": meta, "spec": job_spec()})
    crons.settle()
    assert crons.messages("UnexpectedJob") == ["Saw a job that the controller did not create or forgot: manual"]
    finish(crons, "manual")
    crons.settle()
    assert status(crons) == {"lastSuccessfulTime": "2026-11-23T09:00:00Z"}


def test_a_job_that_went_missing(crons: World) -> None:
    """An active Job that somebody deleted leaves the list."""
    crons.create(CRONJOBS, cronjob(schedule="1 * * * *"))
    crons.run(61)
    crons.api.delete(USER, JOBS, "default", "cj-29923741", DeleteOptions(propagation="Background"))
    crons.settle()
    assert crons.messages("MissingJob") == ["Active job went missing: cj-29923741"]
    assert "active" not in status(crons)


def test_no_time_makes_two_jobs(crons: World) -> None:
    """The status that did not say so was lost: the Job is found by its name."""
    crons.create(CRONJOBS, cronjob(schedule="1 * * * *"))
    crons.run(61)
    crons.api.update_status(KUBELET, crons.api.get(CRONJOBS, "default", "cj"), {})
    crons.runners["cronjob-controller"].start()
    crons.run(1)
    assert jobs(crons) == ["cj-29923741"]
    assert [ref["name"] for ref in status(crons)["active"]] == ["cj-29923741"]


def test_a_restart_changes_nothing(crons: World) -> None:
    """Started anew it writes nothing that is written already."""
    crons.create(CRONJOBS, cronjob())
    crons.run(90)
    crons.writes()
    crons.runners["cronjob-controller"].start()
    crons.settle()
    assert crons.writes() == []
