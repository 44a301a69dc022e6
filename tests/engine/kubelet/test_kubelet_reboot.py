"""Machines that are rebooted: at once, or in good order."""

from __future__ import annotations

from engine.api.kinds import NODES, PRIORITYCLASSES
from engine.clock import SECOND
from engine.kubelet.config import KubeletConfig
from store.types import JsonObject
from tests.engine.kubelet.machines import USER, Machines


def ready(machines: Machines) -> JsonObject:
    conditions = machines.api.get(NODES, "", "n1").obj["status"]["conditions"]
    found: JsonObject = next(c for c in conditions if c["type"] == "Ready")
    return found


def boot_id(machines: Machines) -> str:
    return str(machines.api.get(NODES, "", "n1").obj["status"]["nodeInfo"]["bootID"])


def test_a_reboot_restarts_what_ran(machines: Machines) -> None:
    """Containers ended with 255 and run again in a new sandbox; the node tells its new boot id."""
    machines.pod()
    machines.pod("never", restartPolicy="Never")
    machines.run(5)
    before, address = boot_id(machines), machines.status()["podIP"]
    machines.annotate_node("n1", reboot="1")
    head = machines.store.revision
    machines.run(29)
    assert machines.store.revision == head
    machines.run(12)
    assert boot_id(machines) != before
    assert ("Warning", "Rebooted", f"Node n1 has been rebooted, boot id: {boot_id(machines)}") in machines.events("n1")
    status = machines.container()
    assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"]) == (1, 255)
    assert "running" in status["state"]
    assert machines.status()["podIP"] != address
    assert ("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.") in machines.events()
    assert machines.status("never")["phase"] == "Failed"
    assert ready(machines)["status"] == "True"


def test_the_same_word_reboots_once(machines: Machines) -> None:
    """Only a change of the annotation does."""
    machines.annotate_node("n1", reboot="1")
    machines.run(60)
    first = boot_id(machines)
    machines.annotate_node("n1", usage="memory=1Gi")
    machines.run(120)
    assert boot_id(machines) == first
    machines.annotate_node("n1", reboot="2")
    machines.run(60)
    assert boot_id(machines) != first


def test_a_graceful_shutdown_ends_pods_critical_ones_last() -> None:
    """They fail as Terminated, the node is not ready and takes none; then the machine goes down and comes up."""
    machines = Machines(config=KubeletConfig(shutdown_grace=40 * SECOND, shutdown_grace_critical=10 * SECOND))
    machines.node()
    critical = {"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000}
    machines.api.create(USER, PRIORITYCLASSES, "", critical)
    machines.pod("app", annotations={"kubarium.dev/hang": "true"}, terminationGracePeriodSeconds=20)
    machines.pod("vital", priorityClassName="system-node-critical")
    machines.run(5)
    machines.annotate_node("n1", reboot="1")
    machines.run(1)
    assert (ready(machines)["status"], ready(machines)["message"]) == ("False", "node is shutting down")
    machines.pod("late")
    machines.run(1)
    assert machines.status("late")["reason"] == "NodeShutdown"
    machines.run(15)
    assert [machines.status(name)["phase"] for name in ("app", "vital")] == ["Running", "Running"]
    machines.run(6)
    status = machines.status("app")
    assert (status["phase"], status["reason"], status["message"]) == (
        "Failed", "Terminated", "Pod was terminated in response to imminent node shutdown.",
    )  # fmt: skip
    assert next(c for c in status["conditions"] if c["type"] == "DisruptionTarget")["reason"] == "TerminationByKubelet"
    machines.run(3)
    assert machines.status("vital")["reason"] == "Terminated"
    machines.run(50)
    assert ready(machines)["status"] == "True"
    assert "Rebooted" in machines.reasons("n1")


def test_a_shutdown_without_pods_takes_no_time() -> None:
    """Nothing is waited for."""
    machines = Machines(config=KubeletConfig(shutdown_grace=600 * SECOND))
    machines.node()
    machines.annotate_node("n1", reboot="1")
    machines.run(45)
    assert ready(machines)["status"] == "True"
    assert "Rebooted" in machines.reasons("n1")
