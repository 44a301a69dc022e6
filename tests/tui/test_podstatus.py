"""The STATUS column is computed as kubectl computes it."""

from __future__ import annotations

from typing import Any

import pytest

from tui.kinds.podstatus import pod_faulty, pod_status, pod_tone


def pod(status: dict[str, Any], *, init: int = 0, sidecar: bool = False, deleted: bool = False) -> dict[str, Any]:
    inits = [{"name": f"i{n}", **({"restartPolicy": "Always"} if sidecar else {})} for n in range(init)]
    meta = {"name": "p"} | ({"deletionTimestamp": "2026-11-23T09:00:00Z"} if deleted else {})
    return {"metadata": meta, "spec": {"containers": [{"name": "c"}], "initContainers": inits}, "status": status}


def container(name: str = "c", **fields: Any) -> dict[str, Any]:
    return {"name": name, "ready": False, "restartCount": 0, "state": {}, **fields}


def waits(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


RUNNING = {"running": {"startedAt": "2026-11-23T09:00:00Z"}}


@pytest.mark.parametrize(
    ("word", "made"),
    [
        ("Pending", pod({"phase": "Pending"})),
        ("Running", pod({"phase": "Running", "containerStatuses": [container(ready=True, state=RUNNING)]})),
        (
            "CrashLoopBackOff",
            pod({"phase": "Running", "containerStatuses": [container(state=waits("CrashLoopBackOff"))]}),
        ),
        ("Completed", pod({"phase": "Succeeded", "containerStatuses": [
            container(state={"terminated": {"reason": "Completed", "exitCode": 0}})]})),
        ("Error", pod({"phase": "Failed", "containerStatuses": [
            container(state={"terminated": {"reason": "Error", "exitCode": 1}})]})),
        ("ExitCode:3", pod({"phase": "Failed", "containerStatuses": [
            container(state={"terminated": {"exitCode": 3}})]})),
        ("Signal:9", pod({"phase": "Failed", "containerStatuses": [
            container(state={"terminated": {"exitCode": 137, "signal": 9}})]})),
        ("Evicted", pod({"phase": "Failed", "reason": "Evicted"})),
        ("SchedulingGated", pod({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]})),
        ("Init:0/2", pod({"phase": "Pending", "initContainerStatuses": [
            container("i0", state=RUNNING), container("i1")]}, init=2)),
        ("Init:1/2", pod({"phase": "Pending", "initContainerStatuses": [
            container("i0", state={"terminated": {"exitCode": 0}}), container("i1", state=RUNNING)]}, init=2)),
        ("Init:Error", pod({"phase": "Pending", "initContainerStatuses": [
            container("i0", state={"terminated": {"exitCode": 1, "reason": "Error"}})]}, init=1)),
        ("Init:CrashLoopBackOff", pod({"phase": "Pending", "initContainerStatuses": [
            container("i0", state=waits("CrashLoopBackOff"))]}, init=1)),
        ("PodInitializing", pod({"phase": "Pending", "initContainerStatuses": [
            container("i0", state={"terminated": {"exitCode": 0}})],
            "containerStatuses": [container(state=waits("PodInitializing"))]}, init=1)),
        ("Terminating", pod({"phase": "Running", "containerStatuses": [
            container(ready=True, state=RUNNING)]}, deleted=True)),
        ("Unknown", pod({"phase": "Running", "reason": "NodeLost"}, deleted=True)),
    ],
)  # fmt: skip
def test_the_word(word: str, made: dict[str, Any]) -> None:
    """Phase, container states, conditions and deletion make one word."""
    assert pod_status(made).word == word


def test_sidecars_count_as_containers() -> None:
    """A restartable init container that is ready counts in READY; its restarts add up with the others'."""
    made = pod(
        {
            "phase": "Running",
            "conditions": [{"type": "Initialized", "status": "True"}],
            "initContainerStatuses": [container("i0", ready=True, started=True, state=RUNNING, restartCount=2)],
            "containerStatuses": [container(ready=True, state=RUNNING, restartCount=1)],
        },
        init=1,
        sidecar=True,
    )
    state = pod_status(made)
    assert (state.ready, state.total, state.restarts) == (2, 2, 3)


def test_one_completed_container_beside_a_running_one() -> None:
    """Completed beside a running container reads Running when ready, NotReady else."""
    statuses = [
        container(state={"terminated": {"reason": "Completed", "exitCode": 0}}),
        container("d", ready=True, state=RUNNING),
    ]
    assert pod_status(pod({"phase": "Running", "containerStatuses": statuses})).word == "NotReady"
    ready = [{"type": "Ready", "status": "True"}]
    assert pod_status(pod({"phase": "Running", "containerStatuses": statuses, "conditions": ready})).word == "Running"


def test_a_refused_pod_needs_a_look_and_a_starting_one_does_not() -> None:
    """Pending because no node fits is a fault; Pending on the way is none."""
    refused = pod({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]})
    starting = pod({"phase": "Pending"})
    assert pod_faulty(refused)
    assert not pod_faulty(starting)
    assert pod_tone(starting, pod_status(starting)) == "busy"
