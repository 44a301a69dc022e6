"""Startup, readiness and liveness probes: thresholds, instants, events."""

from __future__ import annotations

import pytest

from tests.engine.kubelet.machines import USER, Machines

HTTP = {"httpGet": {"path": "/healthz", "port": 8080}}


def unhealthy(machines: Machines) -> list[str]:
    return [message for _, reason, message in machines.events() if reason == "Unhealthy"]


def test_readiness_waits_for_its_delay_and_threshold(machines: Machines) -> None:
    """Ready comes with the successThreshold-th passing probe."""
    machines.pod(containers=[{"readinessProbe": {
        **HTTP, "initialDelaySeconds": 5, "periodSeconds": 3, "successThreshold": 3,
    }}])  # fmt: skip
    started = machines.when(state="running")
    assert machines.conditions()["Ready"] == "False"
    assert machines.when(ready=True) - started == pytest.approx(11, abs=0.02)
    assert unhealthy(machines) == []


def test_readiness_without_delay_costs_no_write_of_its_own(machines: Machines) -> None:
    """A probe that passes at once makes the container ready in the write that says Running."""
    machines.pod(containers=[{"readinessProbe": HTTP}])
    machines.when(state="running")
    assert machines.container()["ready"]


def test_a_slow_start_is_not_ready_until_it_listens(machines: Machines) -> None:
    """Until the startup delay is over the connection is refused, each failure is an event."""
    machines.image("slow", image="slow", startupDelay="12s")
    machines.pod(containers=[{"image": "slow:1", "readinessProbe": {**HTTP, "periodSeconds": 5}}])
    started = machines.when(state="running")
    assert machines.when(ready=True) - started == pytest.approx(15, abs=0.02)
    address = machines.status()["podIP"]
    where = f"{address}:8080"
    assert unhealthy(machines) == [
        f'Readiness probe failed: Get "http://{where}/healthz": dial tcp {where}: connect: connection refused'
    ]


def test_readiness_is_lost_after_its_failures(machines: Machines) -> None:
    """An endpoint that fails from an instant on: not ready at the failureThreshold-th failing tick, no restart."""
    machines.image("web", image="web", probes=[{"path": "/healthz", "failsAfter": "31s"}])
    machines.pod(containers=[{"image": "web:1", "readinessProbe": {**HTTP, "periodSeconds": 10}}])
    started = machines.when(ready=True)
    assert machines.when(ready=False) - started == pytest.approx(60, abs=0.02)
    assert unhealthy(machines) == ["Readiness probe failed: HTTP probe failed with statuscode: 500"]
    assert machines.container()["restartCount"] == 0
    assert machines.status()["phase"] == "Running"


def test_a_failing_liveness_probe_restarts_the_container(machines: Machines) -> None:
    """Three failures, the Killing event, the end, the restart."""
    machines.image("web", image="web", probes=[{"failsAfter": "15s"}])
    machines.pod(containers=[{"image": "web:1", "livenessProbe": {**HTTP, "periodSeconds": 10}}])
    started = machines.when(state="running")
    machines.when(restartCount=1, state="running")
    assert machines.now - started == pytest.approx(40.5, abs=0.5)
    assert ("Normal", "Killing", "Container c failed liveness probe, will be restarted") in machines.events()
    assert unhealthy(machines) == ["Liveness probe failed: HTTP probe failed with statuscode: 500"]


def test_a_deaf_container_is_killed_after_its_grace(machines: Machines) -> None:
    """What heeds no SIGTERM exits 137 when the probe's own grace period is over."""
    machines.image("web", image="web", probes=[{"failsAfter": "5s"}], stop={"ignoresSigterm": True})
    probe = {**HTTP, "periodSeconds": 5, "failureThreshold": 1, "terminationGracePeriodSeconds": 7}
    machines.pod(containers=[{"image": "web:1", "livenessProbe": probe}])
    started = machines.when(state="running")
    assert machines.when(reason="Error") - started == pytest.approx(12, abs=0.02)
    assert machines.container()["state"]["terminated"]["exitCode"] == 137


def test_the_startup_probe_holds_the_others_back(machines: Machines) -> None:
    """Not started and not ready until it passes; liveness starts only then."""
    machines.image("slow", image="slow", startupDelay="25s")
    probe = {**HTTP, "periodSeconds": 10}
    machines.pod(containers=[{
        "image": "slow:1", "startupProbe": {**probe, "failureThreshold": 30},
        "livenessProbe": {**probe, "failureThreshold": 1},
        "readinessProbe": probe,
    }])  # fmt: skip
    started = machines.when(state="running")
    assert machines.container()["started"] is False
    assert machines.when(started=True) - started == pytest.approx(30, abs=0.02)
    assert machines.container()["ready"]
    assert machines.container()["restartCount"] == 0


def test_a_startup_probe_that_never_passes_restarts(machines: Machines) -> None:
    """After failureThreshold failures the container is restarted."""
    machines.image("slow", image="slow", startupDelay="5m")
    machines.pod(containers=[{"image": "slow:1", "startupProbe": {**HTTP, "periodSeconds": 2, "failureThreshold": 2}}])
    started = machines.when(state="running")
    machines.when(restartCount=1)
    assert machines.now - started < 5
    assert ("Normal", "Killing", "Container c failed startup probe, will be restarted") in machines.events()


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ({"exec": {"command": ["sh", "-c", "echo broken; exit 1"]}}, "broken"),
        ({"exec": {"command": ["sleep", "5"]}}, 'command timed out: "sleep 5" timed out after 1s'),
    ],
)
def test_commands_of_exec_probes_count(machines: Machines, probe: dict[str, object], message: str) -> None:
    """What the probe's own command certainly does decides."""
    machines.pod(containers=[{"readinessProbe": probe}])
    machines.run(15)
    assert not machines.container()["ready"]
    assert unhealthy(machines)[0] == f"Readiness probe failed: {message}"


def test_not_ready_pods_stay_so(machines: Machines) -> None:
    """kubarium.dev/notready: never ready, with a probe or without one."""
    note = {"kubarium.dev/notready": "true"}
    machines.pod("a", annotations=note, containers=[{"readinessProbe": HTTP}])
    machines.pod("b", annotations=note)
    machines.run(60)
    assert [machines.conditions(name)["Ready"] for name in ("a", "b")] == ["False", "False"]
    assert machines.events("a")[-1][2] == "Readiness probe failed: HTTP probe failed with statuscode: 503"
    assert [machines.status(name)["phase"] for name in ("a", "b")] == ["Running", "Running"]


def test_readiness_gates_hold_a_pod_back(machines: Machines) -> None:
    """Ready follows the gate's condition, which others write."""
    from engine.api.kinds import PODS

    machines.pod(readinessGates=[{"conditionType": "x.io/ok"}])
    machines.run(5)
    ready = next(c for c in machines.status()["conditions"] if c["type"] == "Ready")
    assert ready["reason"] == "ReadinessGatesNotReady"
    assert ready["message"] == 'corresponding condition of pod readiness gate "x.io/ok" does not exist.'
    env = machines.api.get(PODS, "default", "p")
    status = env.obj["status"]
    gate = {"type": "x.io/ok", "status": "True", "lastTransitionTime": None}
    machines.api.update_status(USER, env, {**status, "conditions": [*status["conditions"], gate]})
    machines.run(0)
    assert machines.conditions()["Ready"] == "True"
    assert machines.conditions()["x.io/ok"] == "True"
