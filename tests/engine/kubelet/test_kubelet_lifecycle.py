"""Lifecycle hooks, stop signals, sidecars' order, restart rules, ephemeral containers, readiness gates."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import PODS
from engine.clock import parse_time
from tests.engine.kubelet.machines import USER, Machines


def ends(machines: Machines) -> dict[str, float]:
    """Container → seconds since the start at which it ended, filled while the cluster runs."""
    found: dict[str, float] = {}

    def look(event: Any) -> None:
        status = event.now.obj.get("status") or {}
        for each in (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())):
            if "terminated" in each["state"]:
                found.setdefault(each["name"], machines.now)

    machines.store.listen(look, PODS)
    return found


def add_ephemeral(machines: Machines, **spec: Any) -> None:
    """As the ephemeralcontainers subresource stores it."""
    env = machines.api.get(PODS, "default", "p")
    debugger = {"name": "debugger", "image": "busybox:1", "imagePullPolicy": "IfNotPresent", **spec}
    obj = {**env.obj, "spec": {**env.obj["spec"], "ephemeralContainers": [debugger]}}
    machines.store.put(env.key, obj, USER.author, machines.clock.now())


def test_a_container_comes_up_when_its_post_start_hook_is_done(machines: Machines) -> None:
    """Until then it is shown as waiting, is not probed, and the next container is not started."""
    machines.pod(containers=[
        {"name": "a", "lifecycle": {"postStart": {"sleep": {"seconds": 6}}},
         "readinessProbe": {"httpGet": {"path": "/", "port": 80}}},
        {"name": "b"},
    ])  # fmt: skip
    machines.run(6)
    assert machines.status()["phase"] == "Pending"
    assert [s["state"] for s in machines.status()["containerStatuses"]] == [
        {"waiting": {"reason": "ContainerCreating"}}
    ] * 2
    machines.run(4)
    assert machines.conditions()["Ready"] == "True"
    first, second = (parse_time(s["state"]["running"]["startedAt"]) for s in machines.status()["containerStatuses"])
    assert second - first >= 5_000_000


def test_a_failed_post_start_hook_kills_its_container(machines: Machines) -> None:
    """FailedPostStartHook, Killing, and PostStartHookError with the command's words; then the back-off of crashes."""
    uid = machines.pod(containers=[{"lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "exit 3"]}}}}]).uid
    machines.when(reason="PostStartHookError")
    assert machines.container()["state"]["waiting"]["message"] == (
        f'Exec lifecycle hook ([sh -c exit 3]) for Container "c" in Pod "p_default({uid})" failed - error: command '
        "'sh -c exit 3' exited with 3: , message: \"\""
    )
    assert [event for event in machines.events() if event[1] not in ("Pulling", "Pulled", "Created")] == [
        ("Normal", "Started", "Container started"),
        ("Warning", "FailedPostStartHook", "PostStartHook failed"),
        ("Normal", "Killing", "FailedPostStartHook"),
    ]
    machines.when(reason="CrashLoopBackOff")
    assert machines.container()["lastState"]["terminated"]["containerID"]


@pytest.mark.parametrize(
    ("hook", "fails"),
    [
        ({"httpGet": {"port": 80}}, True), ({"tcpSocket": {"port": 80}}, True),
        ({"exec": {"command": ["/opt/register", "--fast"]}}, False),
    ],
)  # fmt: skip
def test_hooks_of_other_kinds(machines: Machines, hook: dict[str, Any], fails: bool) -> None:
    """httpGet fails while nobody listens, tcpSocket always, an unknown command is taken to succeed."""
    machines.image("slow", image="slow", startupDelay="5s")
    machines.pod(containers=[{"image": "slow:1", "lifecycle": {"postStart": hook}}])
    machines.run(4)
    assert ("FailedPostStartHook" in machines.reasons()) is fails


def test_a_failed_pre_stop_hook_is_told(machines: Machines) -> None:
    """An event, and the container is stopped all the same."""
    machines.pod(containers=[{"lifecycle": {"preStop": {"exec": {"command": ["false"]}}}}])
    machines.run(5)
    machines.delete()
    machines.run(1)
    assert not machines.exists()
    assert machines.reasons()[-2:] == ["Killing", "FailedPreStopHook"]


def test_a_pre_stop_hook_that_hangs_is_left_with_the_grace(machines: Machines) -> None:
    """Its container has two seconds more, as SIGTERM is always given."""
    machines.pod(
        annotations={"kubarium.dev/hang": "true"}, terminationGracePeriodSeconds=10,
        containers=[{"lifecycle": {"preStop": {"exec": {"command": ["sleep", "infinity"]}}}}],
    )  # fmt: skip
    machines.run(5)
    machines.delete()
    machines.run(11.9)
    assert machines.exists()
    machines.run(0.2)
    assert not machines.exists()


def test_a_stop_signal_of_its_own(machines: Machines) -> None:
    """SIGKILL ends at once what heeds nothing else; the status tells the signal."""
    machines.pod(
        annotations={"kubarium.dev/hang": "true"}, os={"name": "linux"},
        containers=[{"lifecycle": {"stopSignal": "SIGKILL"}}],
    )  # fmt: skip
    machines.run(5)
    assert machines.container()["stopSignal"] == "SIGKILL"
    machines.delete()
    machines.run(0.1)
    assert not machines.exists()


def test_sidecars_end_in_reverse_after_the_others(machines: Machines) -> None:
    """All are told at once, but a sidecar's signal waits for the app and for the sidecars after it."""
    slow = {"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}
    machines.pod(
        initContainers=[{"name": n, "image": "s:1", "restartPolicy": "Always"} for n in ("one", "two")],
        containers=[{"name": "app", **slow}],
    )  # fmt: skip
    machines.when(phase="Running")
    found = ends(machines)
    began = machines.now
    machines.delete()
    machines.run(0)
    assert [m for _, r, m in machines.events() if r == "Killing"] == [
        f"Stopping container {name}" for name in ("one", "two", "app")
    ]
    machines.run(8)
    assert list(found) == ["app", "two", "one"]
    assert 5 <= found["app"] - began < 6
    assert not machines.exists()


def test_a_sidecar_is_not_kept_beyond_the_grace(machines: Machines) -> None:
    """When the app takes all of it, the sidecar is stopped then and has two seconds."""
    machines.pod(
        annotations={"kubarium.dev/hang": "true"}, terminationGracePeriodSeconds=5,
        initContainers=[{"name": "one", "image": "s:1", "restartPolicy": "Always", "command": ["sleep", "infinity"]}],
    )  # fmt: skip
    machines.when(phase="Running")
    machines.delete()
    machines.run(6.9)
    assert machines.exists()
    machines.run(0.3)
    assert not machines.exists()


def test_a_sidecars_startup_probe_gates_what_comes_after(machines: Machines) -> None:
    """The next container starts when the sidecar has started by its probe."""
    machines.image("side", image="side", startupDelay="7s")
    machines.pod(initContainers=[{
        "name": "one", "image": "side:1", "restartPolicy": "Always",
        "startupProbe": {"httpGet": {"path": "/", "port": 1}, "periodSeconds": 1, "failureThreshold": 30},
    }])  # fmt: skip
    machines.run(6)
    assert machines.container()["state"]["waiting"]["reason"] == "PodInitializing"
    machines.when(phase="Running", limit=5)


@pytest.mark.parametrize(("code", "phase"), [(42, "Running"), (7, "Failed")])
def test_exit_codes_may_restart_a_container_that_is_never_restarted(machines: Machines, code: int, phase: str) -> None:
    """restartPolicyRules go before the container's policy, and that before the pod's."""
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
    machines.pod(
        annotations={"kubarium.dev/fail": f"exit={code} after=2s"}, restartPolicy="Never",
        containers=[{"restartPolicy": "Never", "restartPolicyRules": rules}],
    )  # fmt: skip
    machines.run(8)
    assert machines.status()["phase"] == phase
    assert machines.container()["restartCount"] == (1 if code == 42 else 0)


def test_an_ephemeral_container_runs_beside_the_others(machines: Machines) -> None:
    """It is started when it is added, told in its own statuses, never restarted, and counts for nothing."""
    machines.pod()
    machines.when(phase="Running")
    add_ephemeral(machines, command=["sleep", "3"], targetContainerName="c")
    machines.run(2)
    (status,) = machines.status()["ephemeralContainerStatuses"]
    assert "running" in status["state"]
    machines.run(30)
    (status,) = machines.status()["ephemeralContainerStatuses"]
    assert (status["state"]["terminated"]["exitCode"], status["restartCount"]) == (0, 0)
    assert machines.conditions()["Ready"] == "True"
    assert machines.status()["phase"] == "Running"
    head = machines.store.revision
    machines.run(3)
    assert machines.store.revision - head < 3


def test_an_ephemeral_container_holds_no_pod(machines: Machines) -> None:
    """A pod whose containers have ended is over, whatever debugs it."""
    machines.pod(annotations={"kubarium.dev/complete": "10s"}, restartPolicy="Never")
    machines.when(phase="Running")
    add_ephemeral(machines, command=["sleep", "3600"])
    machines.when(phase="Succeeded", limit=60)


def test_an_ephemeral_container_survives_a_restart_of_the_process(machines: Machines) -> None:
    """It goes on, and is not started anew."""
    machines.pod()
    machines.when(phase="Running")
    add_ephemeral(machines, command=["sleep", "20"])
    machines.run(5)
    before = machines.status()["ephemeralContainerStatuses"]
    again = machines.restart()
    again.run(1)
    assert again.status()["ephemeralContainerStatuses"] == before
    again.run(20)
    assert "terminated" in again.status()["ephemeralContainerStatuses"][0]["state"]


def test_a_readiness_gate_waits_for_its_condition(machines: Machines) -> None:
    """Ready says which gate is missing; the condition that another writes opens it."""
    machines.pod(readinessGates=[{"conditionType": "shop.io/warm"}])
    machines.when(phase="Running")
    ready = next(c for c in machines.status()["conditions"] if c["type"] == "Ready")
    assert (ready["reason"], ready["message"]) == (
        "ReadinessGatesNotReady", 'corresponding condition of pod readiness gate "shop.io/warm" does not exist.',
    )  # fmt: skip
    env = machines.api.get(PODS, "default", "p")
    status = env.obj["status"]
    warm = {"type": "shop.io/warm", "status": "True"}
    machines.api.update_status(USER, env, {**status, "conditions": [*status["conditions"], warm]})
    machines.run(1)
    assert machines.conditions()["Ready"] == "True"
