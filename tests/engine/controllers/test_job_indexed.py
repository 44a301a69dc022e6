"""Indexed Jobs: every index once, back-off limits per index, success policies."""

from __future__ import annotations

import pytest

from engine.api.kinds import JOBS
from engine.controllers.job.pods import INDEX, INDEX_FAILURES, INDEX_IGNORED, completion_index
from store.types import Envelope
from tests.engine.controllers.jobs import conditions, end, indexed, status, waiting
from tests.engine.controllers.world import USER, World


@pytest.fixture
def jobs() -> World:
    """Jobs are served."""
    return World(["job-controller"])


def of_index(world: World, index: int) -> Envelope:
    """The pod of an index that runs."""
    (pod,) = [pod for pod in waiting(world) if completion_index(pod) == index]
    return pod


def test_a_pod_knows_its_index(jobs: World) -> None:
    """By annotation, label, host name, pod name, and the variable JOB_COMPLETION_INDEX of every container."""
    manifest = indexed(2, pod={"initContainers": [{"name": "before", "image": "i"}]})
    jobs.create(JOBS, manifest)
    jobs.settle()
    pod = of_index(jobs, 1)
    assert pod.obj["metadata"]["annotations"][INDEX] == pod.labels[INDEX] == "1"
    assert pod.obj["spec"]["hostname"] == "j-1"
    assert pod.name.startswith("j-1-")
    for container in (pod.obj["spec"]["initContainers"][0], pod.obj["spec"]["containers"][0]):
        assert container["env"][0]["name"] == "JOB_COMPLETION_INDEX"
        assert container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{INDEX}']"


def test_every_index_once(jobs: World) -> None:
    """Indexes are taken in order; one that failed is tried again, those that succeeded are not."""
    jobs.create(JOBS, indexed(5, 2))
    jobs.settle()
    assert [completion_index(pod) for pod in jobs.pods()] == [0, 1]
    end(jobs, of_index(jobs, 0), 1)
    end(jobs, of_index(jobs, 1))
    jobs.run(1)
    assert status(jobs)["completedIndexes"] == "1"
    jobs.run(15)
    assert sorted(completion_index(pod) for pod in waiting(jobs)) == [0, 2]
    for _ in range(4):
        for pod in waiting(jobs):
            end(jobs, pod)
        jobs.run(2)
    assert (status(jobs)["completedIndexes"], status(jobs)["succeeded"], status(jobs)["failed"]) == ("0-4", 5, 1)
    assert conditions(jobs)[-1] == ("Complete", "True", "CompletionsReached")


def test_resized(jobs: World) -> None:
    """An elastic Job that is made smaller forgets the indexes above."""
    jobs.create(JOBS, indexed(4))
    jobs.settle()
    end(jobs, of_index(jobs, 3))
    jobs.run(2)
    assert status(jobs)["completedIndexes"] == "3"
    jobs.spec(JOBS, "j", completions=2, parallelism=2)
    jobs.run(2)
    assert "completedIndexes" not in status(jobs)
    assert sorted(completion_index(pod) for pod in waiting(jobs)) == [0, 1]


def test_a_double_goes(jobs: World) -> None:
    """Of two pods with one index, one is removed."""
    jobs.create(JOBS, indexed(2))
    jobs.settle()
    double = of_index(jobs, 0).obj
    meta = {
        key: value for key, value in double["metadata"].items()
        if key in ("labels", "annotations", "finalizers", "ownerReferences")
    }  # fmt: skip
    jobs.api.create(
        USER,
        of_index(jobs, 0).key.resource,
        "default",
        {"metadata": {"name": "double", **meta}, "spec": double["spec"]},
    )
    jobs.run(2)
    assert sorted(completion_index(pod) for pod in jobs.live_pods()) == [0, 1]


def test_backoff_limit_per_index(jobs: World) -> None:
    """Each index may fail so often by itself; the pods carry the count; in the end the Job has failed indexes."""
    jobs.create(JOBS, indexed(2, backoffLimitPerIndex=1))
    jobs.settle()
    assert status(jobs)["failedIndexes"] == ""
    end(jobs, of_index(jobs, 0), 1)
    end(jobs, of_index(jobs, 1))
    jobs.run(9)
    assert waiting(jobs) == []
    jobs.run(2)
    again = of_index(jobs, 0)
    assert again.obj["metadata"]["annotations"][INDEX_FAILURES] == "1"
    end(jobs, again, 1)
    jobs.run(2)
    assert (status(jobs)["failedIndexes"], status(jobs)["completedIndexes"], status(jobs)["failed"]) == ("0", "1", 2)
    assert conditions(jobs) == [("FailureTarget", "True", "FailedIndexes"), ("Failed", "True", "FailedIndexes")]
    assert jobs.messages("FailedIndexes") == ["Job has failed indexes"]


def test_max_failed_indexes(jobs: World) -> None:
    """More failed indexes than allowed end the Job at once."""
    jobs.create(JOBS, indexed(10, 3, backoffLimitPerIndex=0, maxFailedIndexes=1))
    jobs.settle()
    end(jobs, of_index(jobs, 0), 1)
    jobs.run(2)
    assert conditions(jobs) == []
    end(jobs, of_index(jobs, 1), 1)
    jobs.run(2)
    assert conditions(jobs)[0] == ("FailureTarget", "True", "MaxFailedIndexesExceeded")
    assert status(jobs)["failedIndexes"] == "0,1"


def test_ignored_failures_of_an_index(jobs: World) -> None:
    """A failure that the policy ignores is noted apart, and delays, but does not count."""
    rule = {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [7]}}
    jobs.create(JOBS, indexed(1, backoffLimitPerIndex=0, podFailurePolicy={"rules": [rule]}))
    jobs.settle()
    end(jobs, of_index(jobs, 0), 7)
    jobs.run(12)
    notes = of_index(jobs, 0).obj["metadata"]["annotations"]
    assert (notes[INDEX_FAILURES], notes[INDEX_IGNORED]) == ("0", "1")
    assert "failed" not in status(jobs)


def test_fail_index_rule(jobs: World) -> None:
    """FailIndex gives an index up before its limit."""
    rule = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}
    jobs.create(JOBS, indexed(2, backoffLimitPerIndex=5, podFailurePolicy={"rules": [rule]}))
    jobs.settle()
    end(jobs, of_index(jobs, 1), 42)
    jobs.run(30)
    assert status(jobs)["failedIndexes"] == "1"
    assert [completion_index(pod) for pod in waiting(jobs)] == [0]


def test_success_policy(jobs: World) -> None:
    """When the leader has succeeded the others are stopped, and do not count as failed."""
    jobs.create(JOBS, indexed(4, successPolicy={"rules": [{"succeededIndexes": "0"}]}))
    jobs.settle()
    end(jobs, of_index(jobs, 0))
    jobs.run(2)
    assert jobs.live_pods() == [pod for pod in jobs.pods() if completion_index(pod) == 0]
    assert conditions(jobs) == [("SuccessCriteriaMet", "True", "SuccessPolicy"), ("Complete", "True", "SuccessPolicy")]
    assert status(jobs)["conditions"][0]["message"] == "Matched rules at index 0"
    assert "failed" not in status(jobs)
    assert status(jobs)["succeeded"] == 1
