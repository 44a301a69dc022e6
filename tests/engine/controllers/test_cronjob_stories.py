"""CronJobs on a whole cluster with kubelets: a day, and the days on which clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.api.kinds import CRONJOBS, JOBS, PODS
from store.types import ADDED, JsonObject, WatchEvent
from tests.engine.controllers.jobs import SmallCluster, job_spec


def cronjob(name: str, schedule: str, complete: str = "5s", **spec: Any) -> JsonObject:
    template = {"spec": job_spec({"kubarium.dev/complete": complete})}
    return {"metadata": {"name": name}, "spec": {"schedule": schedule, "jobTemplate": template, **spec}}


@contextmanager
def made(cluster: SmallCluster) -> Iterator[list[str]]:
    """The times for which Jobs are made meanwhile."""
    times: list[str] = []

    def note(event: WatchEvent) -> None:
        if event.type == ADDED and event.now.key.resource == JOBS:
            times.append(event.now.obj["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"])

    cluster.store.listen(note)
    yield times


def test_a_day_of_a_cronjob() -> None:
    """Every half hour for a day: 48 Jobs, all done, three kept with their pods, the rest gone."""
    cluster = SmallCluster("2026-11-23T00:00:10Z")
    cluster.create(CRONJOBS, cronjob("report", "*/30 * * * *"))
    with made(cluster) as times:
        cluster.until("2026-11-24T00:01:00Z")
    assert len(times) == 48
    assert times[0] == "2026-11-23T00:30:00Z"
    assert [job.name[-8:] for job in cluster.store.list(JOBS)] == ["29924580", "29924610", "29924640"]
    assert [pod.obj["status"]["phase"] for pod in cluster.store.list(PODS)] == ["Succeeded"] * 3
    status = cluster.get(CRONJOBS, "report")["status"]
    assert status["lastScheduleTime"] == "2026-11-24T00:00:00Z"
    assert "active" not in status


def test_the_night_that_clocks_go_forward() -> None:
    """New York, 8 March 2026: 02:30 does not exist, and no Job is made for it; after 1 o'clock comes 3."""
    cluster = SmallCluster("2026-03-08T04:30:00Z")
    cluster.create(CRONJOBS, cronjob("nightly", "30 2 * * *", timeZone="America/New_York"))
    cluster.create(CRONJOBS, cronjob("hourly", "0 * * * *", timeZone="America/New_York"))
    with made(cluster) as times:
        cluster.until("2026-03-08T08:10:00Z")
    assert times == [
        "2026-03-08T00:00:00-05:00", "2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00",
        "2026-03-08T04:00:00-04:00",
    ]  # fmt: skip


def test_the_night_that_clocks_go_back() -> None:
    """New York, 1 November 2026: 01:30 comes twice, and makes two Jobs."""
    cluster = SmallCluster("2026-11-01T04:30:00Z")
    cluster.create(CRONJOBS, cronjob("nightly", "30 1 * * *", timeZone="America/New_York"))
    with made(cluster) as times:
        cluster.until("2026-11-01T08:00:00Z")
    assert times == ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"]


def test_slow_jobs_that_may_not_overlap() -> None:
    """Jobs of 100 s every minute, one at a time: each begins when the one before has ended."""
    cluster = SmallCluster("2026-11-23T09:00:30Z")
    cluster.create(CRONJOBS, cronjob("slow", "* * * * *", "100s", concurrencyPolicy="Forbid"))
    with made(cluster) as times:
        cluster.until("2026-11-23T09:10:30Z")
    assert 5 <= len(times) <= 6
    assert len(set(times)) == len(times)
    assert cluster.said("slow", "JobAlreadyActive") != []


def test_jobs_that_outlive_neither_their_time_to_live() -> None:
    """ttlSecondsAfterFinished clears the Jobs of a CronJob before its history limit does."""
    cluster = SmallCluster("2026-11-23T09:00:30Z")
    manifest = cronjob("tidy", "*/5 * * * *")
    manifest["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] = 30
    cluster.create(CRONJOBS, manifest)
    cluster.until("2026-11-23T09:15:20Z")
    assert len(cluster.store.list(JOBS)) == 1
    cluster.until("2026-11-23T09:16:00Z")
    assert cluster.store.list(JOBS) == []
    assert cluster.store.list(PODS) == []
    assert cluster.get(CRONJOBS, "tidy")["status"]["lastSuccessfulTime"].startswith("2026-11-23T09:15:")
