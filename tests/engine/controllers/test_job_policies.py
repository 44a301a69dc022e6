"""What a pod's failure means, when an index is enough, and how long a Job waits."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import JOBS
from engine.clock import SECOND
from engine.controllers.job.backoff import Backoff, remaining
from engine.controllers.job.indexes import parse_indexes
from engine.controllers.job.policies import failure_verdict, success_message
from store.types import Envelope, ObjectKey, Revision
from tests.engine.controllers.jobs import conditions, end_all, job, status
from tests.engine.controllers.world import World


def failed_pod(code: int = 1, condition: str = "", container: str = "c") -> Envelope:
    conditions_ = [{"type": condition, "status": "True"}] if condition else []
    obj: dict[str, Any] = {
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": {},
        "status": {
            "phase": "Failed", "conditions": conditions_,
            "containerStatuses": [
                {"name": "side", "state": {"terminated": {"exitCode": 0}}},
                {"name": container, "state": {"terminated": {"exitCode": code}}},
            ],
        },
    }  # fmt: skip
    return Envelope(ObjectKey("", "pods", "ns", "p"), Revision(1), b"", obj)


def rule(
    action: str, operator: str = "", values: tuple[int, ...] = (), condition: str = "", container: str = ""
) -> Any:
    if condition:
        return {"action": action, "onPodConditions": [{"type": condition, "status": "True"}]}
    codes: dict[str, Any] = {"operator": operator, "values": list(values)}
    return {"action": action, "onExitCodes": codes | ({"containerName": container} if container else {})}


@pytest.mark.parametrize(
    ("rules", "pod", "action", "message"),
    [
        ([], failed_pod(), "", ""),
        (
            [rule("FailJob", "In", (1, 42))],
            failed_pod(42),
            "FailJob",
            "Container c for pod ns/p failed with exit code 42 matching FailJob rule at index 0",
        ),
        ([rule("FailJob", "In", (42,))], failed_pod(1), "", ""),
        ([rule("Count", "NotIn", (42,)), rule("FailJob", "In", (1,))], failed_pod(1), "Count", None),
        ([rule("FailJob", "In", (1,), container="other")], failed_pod(1), "", ""),
        ([rule("Ignore", "NotIn", (5,), container="side")], failed_pod(1), "", ""),
        (
            [rule("Ignore", condition="DisruptionTarget"), rule("FailJob", "NotIn", (0,))],
            failed_pod(137, "DisruptionTarget"),
            "Ignore",
            "Pod ns/p has condition DisruptionTarget matching Ignore rule at index 0",
        ),
    ],
)
def test_the_first_rule_that_matches_decides(rules: list[Any], pod: Envelope, action: str, message: str | None) -> None:
    """By exit code (0 is never a failure) or by condition, in Kubernetes' words."""
    verdict = failure_verdict({"rules": rules}, pod)
    assert verdict.action == action
    assert verdict.counts == (action != "Ignore")
    if message is not None:
        assert verdict.message == message


@pytest.mark.parametrize(
    ("rules", "succeeded", "met"),
    [
        ([{"succeededIndexes": "0,2-4"}], "0-4", "Matched rules at index 0"),
        ([{"succeededIndexes": "0,2-4"}], "0-3", ""),
        ([{"succeededIndexes": "0,2-4", "succeededCount": 2}], "3,4", "Matched rules at index 0"),
        ([{"succeededIndexes": "0"}, {"succeededCount": 3}], "5-7", "Matched rules at index 1"),
        ([{"succeededCount": 3}], "5,6", ""),
        ([{"succeededIndexes": "nonsense"}], "0-9", ""),
    ],
)
def test_success_rules(rules: list[Any], succeeded: str, met: str) -> None:
    """All of the named indexes, or so many of them, or so many of any."""
    assert success_message({"rules": rules}, 10, parse_indexes(succeeded, 10)) == met


@pytest.mark.parametrize(
    ("failures", "span"), [(0, 0), (1, 10), (2, 20), (3, 40), (6, 320), (7, 600), (8, 600), (10_000, 600)]
)
def test_back_off_doubles_up_to_ten_minutes(failures: int, span: int) -> None:
    """10 s · 2ⁿ from the last failure on."""
    assert remaining(failures, 1000 * SECOND, 1000 * SECOND) == span * SECOND
    assert remaining(failures, 1000 * SECOND, (1000 + span + 1) * SECOND) == 0


def timed(end: int, code: int) -> Envelope:
    pod = failed_pod(code)
    stamp = f"2026-01-01T00:00:{end:02}Z"
    for container in pod.obj["status"]["containerStatuses"]:
        container["state"]["terminated"]["finishedAt"] = stamp
    return pod


def test_a_success_begins_the_count_anew() -> None:
    """Only failures after the last success count."""
    record = Backoff().after([], [timed(1, 1), timed(2, 1)])
    assert record.failures == 2
    assert record.after([], [timed(5, 1)]).failures == 3
    assert record.after([timed(4, 0)], []) == Backoff()
    mixed = record.after([timed(4, 0)], [timed(3, 1), timed(6, 1)])
    assert (mixed.failures, mixed.last_failure % (60 * SECOND)) == (1, 6 * SECOND)


def test_fail_job_rule_ends_the_job() -> None:
    """FailJob: over at the first failure, with a message that names pod, container, code and rule."""
    world = World(["job-controller"])
    world.create(JOBS, job(podFailurePolicy={"rules": [rule("FailJob", "In", (42,))]}, backoffLimit=6))
    world.settle()
    name = world.pods()[0].name
    end_all(world, 42)
    world.run(2)
    message = f"Container c for pod default/{name} failed with exit code 42 matching FailJob rule at index 0"
    assert conditions(world) == [("FailureTarget", "True", "PodFailurePolicy"), ("Failed", "True", "PodFailurePolicy")]
    assert status(world)["conditions"][1]["message"] == message
    assert world.events("PodFailurePolicy") == [("Warning", "PodFailurePolicy", message, 1)]


def test_ignored_failures_do_not_count() -> None:
    """Ignore: the pod is replaced, after its back-off, and the limit is not touched."""
    world = World(["job-controller"])
    world.create(JOBS, job(podFailurePolicy={"rules": [rule("Ignore", "In", (7,))]}, backoffLimit=0))
    world.settle()
    for _ in range(3):
        end_all(world, 7)
        world.run(60)
    assert "failed" not in status(world)
    assert status(world)["active"] == 1
    end_all(world, 1)
    world.run(2)
    assert conditions(world)[-1] == ("Failed", "True", "BackoffLimitExceeded")
