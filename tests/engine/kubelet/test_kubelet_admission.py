"""What a kubelet takes, what it refuses, and whom it ends for a critical pod."""

from __future__ import annotations

from typing import Any

from engine.api.kinds import PRIORITYCLASSES
from tests.engine.kubelet.machines import USER, Machines


def asking(machines: Machines, name: str, cpu: str = "", limits: bool = False, **spec: Any) -> None:
    resources: dict[str, Any] = {"requests": {"cpu": cpu, "memory": "64Mi"}} if cpu else {}
    if limits:
        resources["limits"] = resources["requests"]
    machines.pod(name, containers=[{"resources": resources}], **spec)


def critical(machines: Machines, name: str, cpu: str) -> None:
    meta = {"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000}
    machines.api.create(USER, PRIORITYCLASSES, "", meta)
    asking(machines, name, cpu, priorityClassName="system-node-critical")


def test_a_port_of_the_machine_is_given_once(machines: Machines) -> None:
    """NodePorts, for the same protocol and overlapping addresses; free again when the pod has ended."""
    port = {"containerPort": 80, "hostPort": 8080}
    machines.pod("a", containers=[{"ports": [port]}])
    machines.pod("b", containers=[{"ports": [{**port, "hostIP": "127.0.0.1"}]}])
    machines.pod("udp", containers=[{"ports": [{**port, "protocol": "UDP"}]}])
    machines.run(5)
    assert machines.status("b")["message"] == (
        "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
    )
    assert machines.status("udp")["phase"] == "Running"
    machines.delete("a")
    machines.run(2)
    machines.pod("c", containers=[{"ports": [port]}])
    machines.run(5)
    assert machines.status("c")["phase"] == "Running"


def test_a_pod_for_another_system_is_refused(machines: Machines) -> None:
    """PodOSNotSupported."""
    machines.pod(os={"name": "windows"})
    machines.run(1)
    assert (machines.status()["reason"], machines.status()["message"]) == (
        "PodOSNotSupported", "Pod was rejected: Failed to admit pod as the OS field doesn't match node OS",
    )  # fmt: skip


def test_a_critical_pod_is_given_room(machines: Machines) -> None:
    """As few as can be are ended, the cheapest kind first; then it runs."""
    asking(machines, "besteffort")
    asking(machines, "small", "500m")
    asking(machines, "fitting", "1500m")
    asking(machines, "guaranteed", "2", limits=True)
    machines.run(5)
    critical(machines, "vital", "1")
    machines.run(6)
    assert machines.status("vital")["phase"] == "Running"
    phases = {name: machines.status(name)["phase"] for name in ("besteffort", "small", "fitting", "guaranteed")}
    assert phases == {"besteffort": "Running", "small": "Running", "fitting": "Failed", "guaranteed": "Running"}
    status = machines.status("fitting")
    assert (status["reason"], status["message"]) == ("Preempting", "Preempted in order to admit critical pod")
    disruption = next(c for c in status["conditions"] if c["type"] == "DisruptionTarget")
    assert disruption["message"] == "Pod was preempted by Kubelet to accommodate a critical pod."
    assert ("Warning", "Preempting", "Preempted in order to admit critical pod") in machines.events("fitting")


def test_nobody_is_ended_in_vain(machines: Machines) -> None:
    """A critical pod that fits no machine of this size is refused, and an ordinary one ends nobody."""
    asking(machines, "a", "3")
    machines.run(5)
    critical(machines, "huge", "5")
    asking(machines, "ordinary", "2")
    machines.run(5)
    assert machines.status("huge")["reason"] == machines.status("ordinary")["reason"] == "OutOfcpu"
    assert machines.status("a")["phase"] == "Running"
