"""Jobs: world → one step → expected writes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from engine.api.errors import Invalid
from engine.api.kinds import JOBS, PODS
from engine.api.server import DeleteOptions
from engine.controllers.job import controller
from engine.controllers.job.pods import TRACKING
from engine.controllers.job.standing import Standing
from store.types import Envelope, JsonObject
from tests.engine.controllers.jobs import conditions, end, end_all, job, status, waiting
from tests.engine.controllers.world import USER, World


@pytest.fixture
def jobs() -> World:
    """Jobs are served."""
    return World(["job-controller"])


def test_makes_as_many_pods_as_may_run(jobs: World) -> None:
    """Four completions, two at a time: two pods, each with the Job's labels, its reference and the finalizer."""
    jobs.create(JOBS, job(completions=4, parallelism=2))
    jobs.settle()
    pods = jobs.pods()
    uid = jobs.api.get(JOBS, "default", "j").uid
    assert [pod.obj["metadata"]["ownerReferences"][0]["kind"] for pod in pods] == ["Job", "Job"]
    assert all(pod.obj["metadata"]["finalizers"] == [TRACKING] for pod in pods)
    assert all(pod.labels["batch.kubernetes.io/controller-uid"] == uid for pod in pods)
    assert all(pod.obj["metadata"]["generateName"] == "j-" for pod in pods)
    assert sorted(jobs.messages("SuccessfulCreate")) == sorted(f"Created pod: {pod.name}" for pod in pods)
    assert status(jobs) == {
        "active": 2, "ready": 0, "terminating": 0, "uncountedTerminatedPods": {}, "startTime": "2026-11-23T09:00:00Z",
    }  # fmt: skip


def test_does_nothing_while_its_pods_run(jobs: World) -> None:
    """Pods that run and a status that says so: nothing more is written, for an hour."""
    jobs.create(JOBS, job(completions=4, parallelism=2))
    jobs.settle()
    for pod in jobs.pods():
        jobs.report(pod)
    jobs.run(5)
    assert status(jobs)["ready"] == 2
    jobs.writes()
    jobs.run(3600)
    assert jobs.writes() == []


def test_does_nothing_to_a_finished_job(jobs: World) -> None:
    """A Job that is over is left alone, even when its pods are deleted."""
    jobs.create(JOBS, job())
    jobs.settle()
    end_all(jobs)
    jobs.run(5)
    jobs.gone(jobs.pods()[0].name)
    jobs.writes()
    jobs.run(3600)
    assert jobs.writes() == []


def test_counts_a_pod_in_three_writes(jobs: World) -> None:
    """Listed as uncounted, let go, counted: in this order, with the interim condition first and Complete last."""
    jobs.create(JOBS, job())
    jobs.settle()
    end_all(jobs)
    (pod,) = jobs.pods()
    seen: list[Any] = []
    jobs.store.listen(lambda event: seen.append(event.now.obj) if event.now.key.resource in (JOBS, PODS) else None)
    jobs.run(1)
    listed, let_go, counted = seen
    assert listed["status"]["uncountedTerminatedPods"] == {"succeeded": [pod.uid]}
    assert [c["type"] for c in listed["status"]["conditions"]] == ["SuccessCriteriaMet"]
    assert "finalizers" not in let_go["metadata"]
    assert counted["status"]["succeeded"] == 1
    assert counted["status"]["uncountedTerminatedPods"] == {}
    assert conditions(jobs) == [
        ("SuccessCriteriaMet", "True", "CompletionsReached"), ("Complete", "True", "CompletionsReached"),
    ]  # fmt: skip
    assert status(jobs)["completionTime"] == "2026-11-23T09:00:01Z"
    assert jobs.messages("Completed") == ["Job completed"]


@pytest.mark.parametrize("stop_after", [0, 1, 2])
def test_counts_each_pod_once_whatever_stops_it(jobs: World, stop_after: int) -> None:
    """A controller that starts anew between any two of those writes counts the pod once."""
    jobs.create(JOBS, job(completions=2, parallelism=1))
    jobs.settle()
    end_all(jobs)
    written = []

    def stop(event: Any) -> None:
        if event.now.key.resource in (JOBS, PODS):
            written.append(event)
            if len(written) == stop_after + 1:
                jobs.runners["job-controller"].queue.clear()

    jobs.store.listen(stop)
    jobs.run(1)
    jobs.runners["job-controller"].queue.clear()
    jobs.runners["job-controller"].start()
    jobs.run(2)
    assert status(jobs)["succeeded"] == 1
    end_all(jobs)
    jobs.run(2)
    assert status(jobs)["succeeded"] == 2
    assert conditions(jobs)[-1][0] == "Complete"


def test_a_work_queue_is_done_with_its_last_pod(jobs: World) -> None:
    """Without completions one success is enough: no more pods are made, those that run may end."""
    jobs.create(JOBS, job(parallelism=3))
    jobs.settle()
    pods = jobs.pods()
    end(jobs, pods[0])
    jobs.run(2)
    assert len(jobs.pods()) == 3
    assert conditions(jobs) == []
    end_all(jobs)
    jobs.run(2)
    assert status(jobs)["succeeded"] == 3
    assert conditions(jobs)[-1][0] == "Complete"


def test_no_completions_are_done_at_once(jobs: World) -> None:
    """A Job of 0 completions makes no pod and is complete."""
    jobs.create(JOBS, job(completions=0))
    jobs.settle()
    assert jobs.pods() == []
    assert conditions(jobs)[-1][0] == "Complete"


def test_less_parallelism_removes_pods_uncounted(jobs: World) -> None:
    """Pods given up because fewer may run do not count as failed."""
    jobs.create(JOBS, job(completions=4, parallelism=4))
    jobs.settle()
    jobs.spec(JOBS, "j", parallelism=1)
    jobs.settle()
    assert len(jobs.live_pods()) == 1
    jobs.run(5)
    assert "failed" not in status(jobs)
    assert len(jobs.messages("SuccessfulDelete")) == 3


def test_suspended_and_resumed(jobs: World) -> None:
    """Suspended, a Job gives up its pods uncounted; resumed, its clock starts anew."""
    jobs.create(JOBS, job(completions=2, parallelism=2, activeDeadlineSeconds=60))
    jobs.settle()
    jobs.spec(JOBS, "j", suspend=True)
    jobs.settle()
    assert jobs.live_pods() == []
    assert conditions(jobs) == [("Suspended", "True", "JobSuspended")]
    assert "startTime" not in status(jobs)
    jobs.run(3600)
    jobs.spec(JOBS, "j", suspend=False)
    jobs.settle()
    assert len(jobs.live_pods()) == 2
    assert conditions(jobs) == [("Suspended", "False", "JobResumed")]
    assert status(jobs)["startTime"] == "2026-11-23T10:00:00Z"
    assert "failed" not in status(jobs)
    assert jobs.messages("Suspended") + jobs.messages("Resumed") == ["Job suspended", "Job resumed"]
    jobs.run(59)
    assert len(conditions(jobs)) == 1
    jobs.run(2)
    assert conditions(jobs)[1] == ("FailureTarget", "True", "DeadlineExceeded")


def test_a_suspended_job_may_ask_for_other_nodes_and_resources(jobs: World) -> None:
    """What it is made of may not change; and while it runs nothing may."""

    def changed(**container: Any) -> JsonObject:
        template = jobs.api.get(JOBS, "default", "j").obj["spec"]["template"]
        (own,) = template["spec"]["containers"]
        spec = {**template["spec"], "containers": [{**own, **container}], "nodeSelector": {"disk": "ssd"}}
        return {**template, "spec": spec}

    more = {"resources": {"requests": {"cpu": "2"}}}
    jobs.create(JOBS, job(completions=2, parallelism=2))
    jobs.run(2)
    with pytest.raises(Invalid, match="field is immutable"):
        jobs.spec(JOBS, "j", template=changed(**more))
    jobs.spec(JOBS, "j", suspend=True)
    jobs.run(2)
    with pytest.raises(Invalid, match="field is immutable"):
        jobs.spec(JOBS, "j", template=changed(image="other"))
    jobs.spec(JOBS, "j", template=changed(**more), suspend=False)
    jobs.run(2)
    (spec,) = {str(pod.obj["spec"].get("nodeSelector")): pod.obj["spec"] for pod in jobs.live_pods()}.values()
    assert (spec["nodeSelector"], spec["containers"][0]["resources"]) == ({"disk": "ssd"}, more["resources"])


def test_made_suspended_it_has_no_start(jobs: World) -> None:
    """A Job that is made suspended starts when it is resumed."""
    jobs.create(JOBS, job(suspend=True))
    jobs.settle()
    assert jobs.pods() == []
    assert "startTime" not in status(jobs)


def test_the_deadline_ends_it(jobs: World) -> None:
    """After activeDeadlineSeconds its pods are deleted and count as failed; Failed follows when they have stopped."""
    jobs.create(JOBS, job(completions=20, parallelism=10, activeDeadlineSeconds=30, backoffLimit=2))
    jobs.settle()
    for pod in jobs.pods():
        jobs.api.bind(USER, "default", pod.name, "n")
        jobs.report(pod)
    jobs.run(29.9)
    assert conditions(jobs) == []
    jobs.run(0.1)
    assert conditions(jobs) == [("FailureTarget", "True", "DeadlineExceeded")]
    assert (status(jobs)["failed"], status(jobs)["terminating"]) == (10, 10)
    for pod in jobs.pods():
        jobs.gone(pod.name)
    jobs.run(1)
    assert conditions(jobs)[-1] == ("Failed", "True", "DeadlineExceeded")
    assert jobs.events("DeadlineExceeded") == [
        ("Warning", "DeadlineExceeded", "Job was active longer than specified deadline", 1)
    ]


def test_restarts_count_with_on_failure(jobs: World) -> None:
    """With restartPolicy OnFailure it is the restarts of containers that reach the back-off limit."""
    jobs.create(JOBS, job(pod={"restartPolicy": "OnFailure"}, backoffLimit=2))
    jobs.settle()
    jobs.report(jobs.pods()[0], restarts=1)
    jobs.run(2)
    assert conditions(jobs) == []
    jobs.report(jobs.pods()[0], restarts=2)
    jobs.run(2)
    assert conditions(jobs)[0] == ("FailureTarget", "True", "BackoffLimitExceeded")


def test_a_deleted_pod_is_replaced_at_once_or_when_it_has_ended(jobs: World) -> None:
    """podReplacementPolicy: by default a pod being deleted counts as failed; with Failed it is waited for."""
    jobs.create(JOBS, job("eager"))
    jobs.create(JOBS, job("patient", podReplacementPolicy="Failed"))
    jobs.settle()
    for pod in jobs.pods():
        jobs.api.bind(USER, "default", pod.name, "n")
        jobs.api.delete(USER, PODS, "default", pod.name)
    jobs.run(15)
    assert len(jobs.live_pods()) == 1
    assert (status(jobs, "eager")["failed"], status(jobs, "patient").get("failed", 0)) == (1, 0)
    assert status(jobs, "patient")["terminating"] == 1


def test_a_refusal_is_told_and_tried_again_ever_later(jobs: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While pods are refused there is one try per attempt, after 1, 2, 4 … seconds, and it heals by itself."""
    tries = jobs.refuse_pods(monkeypatch)
    jobs.create(JOBS, job(completions=5, parallelism=5, activeDeadlineSeconds=1000))
    jobs.run(20)
    assert [round(b - a) for a, b in pairwise(tries)] == [1, 2, 4, 8]
    assert "active" not in status(jobs)
    assert jobs.messages("FailedCreate") == ['Error creating: pods "j-" is forbidden: exceeded quota: q']
    monkeypatch.undo()
    jobs.run(20)
    assert status(jobs)["active"] == 5


def test_adopts_and_releases_by_labels(jobs: World) -> None:
    """With manualSelector a matching pod is taken up, finalizer and all, and given up when its labels change."""
    selector: dict[str, Any] = {"manualSelector": True, "selector": {"matchLabels": {"app": "x"}}}
    manifest = job(completions=2, parallelism=2, **selector)
    manifest["spec"]["template"]["metadata"]["labels"] = {"app": "x"}
    stray = {"metadata": {"name": "stray", "labels": {"app": "x"}}, "spec": manifest["spec"]["template"]["spec"]}
    jobs.create(PODS, stray)
    jobs.create(JOBS, manifest)
    jobs.settle()
    assert len(jobs.pods()) == 2
    meta = jobs.api.get(PODS, "default", "stray").obj["metadata"]
    assert (meta["finalizers"], meta["ownerReferences"][0]["kind"]) == ([TRACKING], "Job")
    jobs.edit(PODS, "stray", lambda o: {**o, "metadata": {**o["metadata"], "labels": {"app": "y"}}})
    jobs.run(2)
    meta = jobs.api.get(PODS, "default", "stray").obj["metadata"]
    assert "finalizers" not in meta
    assert "ownerReferences" not in meta
    assert len(jobs.pods()) == 3


@pytest.mark.parametrize("propagation", ["Background", "Orphan", "Foreground"])
def test_pods_outlive_no_job_because_of_the_finalizer(propagation: Any) -> None:
    """Whichever way a Job is deleted, its pods lose the tracking finalizer; they go, unless they were orphaned."""
    world = World(["job-controller", "garbage-collector-controller"])
    world.create(JOBS, job(completions=40, parallelism=40))
    world.settle()
    world.api.delete(USER, JOBS, "default", "j", DeleteOptions(propagation=propagation))
    world.run(5)
    assert world.api.find(JOBS, "default", "j") is None
    assert len(world.pods()) == (40 if propagation == "Orphan" else 0)
    assert all("finalizers" not in pod.obj["metadata"] for pod in world.pods())


def test_pods_of_a_job_that_went_while_nobody_looked(jobs: World) -> None:
    """A controller that starts takes the finalizer off pods whose Job is gone."""
    refs = [{"apiVersion": "batch/v1", "kind": "Job", "name": "gone", "uid": "u", "controller": True}]
    meta = {"name": "left", "finalizers": [TRACKING], "ownerReferences": refs}
    jobs.create(PODS, {"metadata": meta, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    jobs.settle()
    assert "finalizers" in jobs.pods()[0].obj["metadata"]
    jobs.runners["job-controller"].start()
    jobs.settle()
    assert "finalizers" not in jobs.pods()[0].obj["metadata"]


def test_leaves_to_others_what_others_manage(jobs: World) -> None:
    """A Job with another managedBy is not touched."""
    jobs.create(JOBS, job(managedBy="example.com/queue"))
    jobs.writes()
    jobs.run(60)
    assert jobs.writes() == []


def test_five_hundred_jobs(jobs: World) -> None:
    """Each of many Jobs costs the same few writes as one."""
    for number in range(500):
        jobs.create(JOBS, job(f"j{number:03}"))
    jobs.settle()
    end_all(jobs)
    jobs.writes()
    jobs.run(2)
    assert len(jobs.writes(JOBS)) == 2 * 500
    assert waiting(jobs) == []


def test_a_thousand_completions_look_at_few_pods(jobs: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync looks only at pods that run or have just ended: ten at a time, a thousand completions stay linear."""
    looked: list[int] = []

    class Counting(Standing):
        def __init__(self, job: Envelope, pods: Any, stopping: bool = False) -> None:
            super().__init__(job, pods, stopping)
            looked.append(len(self.pods))

    monkeypatch.setattr(controller, "Standing", Counting)
    jobs.create(JOBS, job(completions=1000, parallelism=50))
    jobs.settle()
    running = jobs.pods()
    while running:
        for pod in running:
            end(jobs, pod)
        known = {pod.name: None for pod in jobs.pods()}
        jobs.run(1)
        running = [pod for pod in jobs.pods() if pod.name not in known]
    assert status(jobs)["succeeded"] == 1000
    assert conditions(jobs)[-1][0] == "Complete"
    assert max(looked) <= 100
    assert sum(looked) < 10_000
