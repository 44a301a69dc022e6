"""Jobs on a whole cluster with kubelets, on virtual time: what happened in a real v1.36, and when."""

from __future__ import annotations

from itertools import pairwise

import pytest

from engine.api.kinds import JOBS, PODS
from engine.clock import parse_time
from tests.engine.controllers.jobs import USER, SmallCluster, indexed, job


@pytest.fixture
def cluster() -> SmallCluster:
    small = SmallCluster()
    small.run(20)
    return small


def ends(cluster: SmallCluster, name: str) -> list[tuple[str, str]]:
    """(type, reason) of a Job's conditions that are True."""
    return [
        (c["type"], c["reason"])
        for c in cluster.get(JOBS, name)["status"].get("conditions") or ()
        if c["status"] == "True"
    ]


def test_four_completions_two_at_a_time(cluster: SmallCluster) -> None:
    """Complete within seconds, each pod counted once, all four kept with their logs."""
    cluster.create(JOBS, job("ok", {"kubarium.dev/complete": "true"}, completions=4, parallelism=2))
    cluster.run(10)
    status = cluster.get(JOBS, "ok")["status"]
    assert status["succeeded"] == 4
    assert (status["ready"], status["terminating"], status["uncountedTerminatedPods"]) == (0, 0, {})
    assert ends(cluster, "ok") == [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]
    assert len(cluster.said("ok", "SuccessfulCreate")) == 4
    assert all(pod.obj["status"]["phase"] == "Succeeded" for pod in cluster.store.list(PODS))


def test_a_failing_job_backs_off_until_its_limit(cluster: SmallCluster) -> None:
    """Pods come 10, 20, 40, 80, 160 and 320 seconds after the one before failed; the seventh failure is the last."""
    cluster.create(JOBS, job("bad", {"kubarium.dev/fail": "true"}))
    cluster.run(1200)
    made = [
        parse_time(pod.obj["metadata"]["creationTimestamp"]) // 1_000_000
        for pod in cluster.store.owned_by(cluster.api.get(JOBS, "default", "bad").uid)
    ]
    waits = [b - a for a, b in pairwise(made)]
    assert all(span <= wait <= span + 1 for span, wait in zip((10, 20, 40, 80, 160, 320), waits, strict=True))
    assert cluster.get(JOBS, "bad")["status"]["failed"] == 7
    assert ends(cluster, "bad")[-1] == ("Failed", "BackoffLimitExceeded")
    assert cluster.said("bad", "BackoffLimitExceeded")[0][1] == "Job has reached the specified backoff limit"


def test_on_failure_restarts_in_place(cluster: SmallCluster) -> None:
    """With restartPolicy OnFailure the one pod's restarts reach the limit, and it is deleted."""
    manifest = job("again", {"kubarium.dev/fail": "true"}, {"restartPolicy": "OnFailure"}, backoffLimit=3)
    cluster.create(JOBS, manifest)
    cluster.run(300)
    assert len(cluster.said("again", "SuccessfulCreate")) == 1
    assert ends(cluster, "again")[-1] == ("Failed", "BackoffLimitExceeded")
    assert cluster.store.list(PODS) == []


def test_failed_comes_when_the_last_pod_has_stopped(cluster: SmallCluster) -> None:
    """A pod that heeds no SIGTERM keeps a Job that is past its deadline for its grace period."""
    cluster.create(JOBS, job("slow", {"kubarium.dev/hang": "true"}, activeDeadlineSeconds=30))
    cluster.run(31)
    assert ends(cluster, "slow") == [("FailureTarget", "DeadlineExceeded")]
    assert cluster.get(JOBS, "slow")["status"]["terminating"] == 1
    cluster.run(28)
    assert len(ends(cluster, "slow")) == 1
    cluster.run(5)
    assert ends(cluster, "slow")[-1] == ("Failed", "DeadlineExceeded")
    assert cluster.get(JOBS, "slow")["status"]["failed"] == 1


def test_a_pod_that_is_only_replaced_when_it_has_ended(cluster: SmallCluster) -> None:
    """podReplacementPolicy Failed: no second pod while the first still stops."""
    cluster.create(JOBS, job("one", {"kubarium.dev/hang": "true"}, podReplacementPolicy="Failed"))
    cluster.run(10)
    (pod,) = cluster.store.list(PODS)
    cluster.api.delete(USER, PODS, "default", pod.name)
    cluster.run(25)
    assert [found.name for found in cluster.store.list(PODS)] == [pod.name]
    cluster.run(25)
    (successor,) = cluster.store.list(PODS)
    assert successor.name != pod.name
    assert cluster.get(JOBS, "one")["status"]["failed"] == 1


def test_a_success_policy_stops_the_workers(cluster: SmallCluster) -> None:
    """When the leader (index 0) is done the workers are stopped, and the Job is complete."""
    annotations = {"kubarium.dev/complete": "20s"}
    manifest = indexed(3, annotations=annotations, successPolicy={"rules": [{"succeededIndexes": "0"}]})
    cluster.create(JOBS, manifest)
    cluster.run(60)
    assert ends(cluster, "j")[-1][0] == "Complete"


def test_hundreds_of_indexes(cluster: SmallCluster) -> None:
    """Two hundred indexes, forty at a time, every one exactly once."""
    cluster.create(JOBS, indexed(200, 40, annotations={"kubarium.dev/complete": "true"}))
    cluster.run(120)
    status = cluster.get(JOBS, "j")["status"]
    assert (status["completedIndexes"], status["succeeded"]) == ("0-199", 200)
    assert len(cluster.store.list(PODS)) == 200
