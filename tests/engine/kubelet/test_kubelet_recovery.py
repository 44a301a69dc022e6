"""A kubelet that stops and starts; a process that ends and starts; two equal runs."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import EVENTS, LEASES, NODES, PODS
from engine.clock import SECOND, parse_time
from tests.engine.kubelet.machines import START, USER, Machines


def ready(machines: Machines, name: str = "n1") -> dict[str, str]:
    conditions = machines.api.get(NODES, "", name).obj["status"]["conditions"]
    found: dict[str, str] = next(c for c in conditions if c["type"] == "Ready")
    return found


def renewed(machines: Machines) -> float:
    spec = machines.api.get(LEASES, "kube-node-lease", "n1").obj["spec"]
    return (parse_time(spec["renewTime"]) - START) / SECOND


def mark_unknown(machines: Machines) -> None:
    """As the node lifecycle controller does after the grace period."""
    env = machines.api.get(NODES, "", "n1")
    conditions = [{**c, "status": "Unknown", "reason": "NodeStatusUnknown"} for c in env.obj["status"]["conditions"]]
    machines.api.update_status(USER, env, {**env.obj["status"], "conditions": conditions})


def test_a_stopped_kubelet_is_silent(machines: Machines) -> None:
    """No lease, no status, no pod work: a deleted pod stays Terminating, a crashing one is not restarted."""
    machines.pod("a")
    machines.pod("b", annotations={"kubarium.dev/fail": "20s"})
    machines.run(10)
    machines.annotate_node("n1", kubelet="stopped")
    machines.run(0)
    machines.delete("a")
    machines.pod("new")
    head = machines.store.revision
    machines.run(600)
    assert machines.store.revision == head
    assert machines.exists("a")
    assert "running" in machines.container("b")["state"]
    assert "startTime" not in machines.status("new")


def test_a_started_kubelet_catches_up(machines: Machines) -> None:
    """Lease at once, deleted pods go, exits are found out, new pods start; status after five seconds, as recorded."""
    machines.pod("a")
    machines.pod("b", annotations={"kubarium.dev/fail": "20s"})
    machines.run(10)
    machines.annotate_node("n1", kubelet="stopped")
    machines.run(0)
    machines.delete("a")
    machines.pod("new")
    machines.run(100)
    mark_unknown(machines)
    started = machines.now
    machines.annotate_node("n1", kubelet="running")
    machines.run(0)
    assert renewed(machines) == pytest.approx(started)
    assert machines.container("b")["state"]["terminated"]["exitCode"] == 1
    finished = parse_time(machines.container("b")["state"]["terminated"]["finishedAt"])
    assert (finished - START) / SECOND == pytest.approx(23, abs=1)
    machines.run(0.5)
    assert not machines.exists("a")
    machines.run(4.4)
    assert ready(machines)["status"] == "Unknown"
    assert machines.status("new")["phase"] == "Running"
    machines.run(0.2)
    assert ready(machines)["status"] == "True"
    counts = {
        env.obj["reason"]: env.obj["count"]
        for env in machines.store.list(EVENTS)
        if env.obj["involvedObject"]["name"] == "n1"
    }
    assert counts == {
        "Starting": 2, "NodeAllocatableEnforced": 2, "NodeHasSufficientMemory": 2, "NodeHasNoDiskPressure": 2,
        "NodeHasSufficientPID": 2, "NodeReady": 2,
    }  # fmt: skip


def test_a_pod_removed_meanwhile_is_forgotten(machines: Machines) -> None:
    """What was force-deleted while the kubelet was down uses nothing afterwards."""
    machines.pod("a", containers=[{"resources": {"requests": {"cpu": "4"}}}])
    machines.run(5)
    machines.annotate_node("n1", kubelet="stopped")
    machines.run(1)
    machines.delete("a", grace=0)
    machines.annotate_node("n1", kubelet="running")
    machines.run(0)
    machines.pod("b", containers=[{"resources": {"requests": {"cpu": "4"}}}])
    machines.run(5)
    assert machines.status("b")["phase"] == "Running"


def test_a_node_can_begin_with_a_stopped_kubelet() -> None:
    """A node that is declared stopped is not registered until its kubelet runs."""
    machines = Machines()
    machines.node(annotations={"kubarium.dev/kubelet": "stopped"})
    machines.run(30)
    assert "status" not in machines.api.get(NODES, "", "n1").obj
    machines.annotate_node("n1", kubelet="running")
    machines.run(2)
    assert ready(machines)["status"] == "True"


def test_running_containers_survive_a_restart_of_the_process(machines: Machines) -> None:
    """Nothing is written about settled pods; exits come when they would have come; addresses are not given twice."""
    machines.pod("a", containers=[{"readinessProbe": {"httpGet": {"path": "/", "port": 80}}}])
    machines.pod("b", annotations={"kubarium.dev/fail": "30s"})
    machines.run(15)
    before = machines.status("a")
    again = machines.restart()
    again.run(0)
    assert again.status("a") == before
    ended = again.when("b", reason="Error")
    assert ended == pytest.approx(33, abs=1)
    again.pod("c")
    again.when("c", phase="Running")
    assert again.events("c")[0][1] == "Pulled"
    assert len({again.status(name)["podIP"] for name in "abc"}) == 3
    assert ready(again)["status"] == "True"
    assert again.reasons("n1").count("Starting") == 1


@pytest.mark.parametrize("at", [0, 0.2, 0.6, 1.2, 3.0])
def test_a_process_may_end_at_any_moment_of_a_start(machines: Machines, at: float) -> None:
    """A pod whose start was interrupted runs after the restart, in the same pod object."""
    uid = machines.pod(initContainers=[{"name": "i", "image": "i:1"}]).uid
    machines.run(at)
    again = machines.restart()
    again.when(phase="Running", limit=10)
    assert again.api.get(PODS, "default", "p").uid == uid
    assert again.container()["restartCount"] == 0


def test_a_back_off_goes_on_after_a_restart(machines: Machines) -> None:
    """The wait that was shown is kept, and so is the curve."""
    machines.pod(annotations={"kubarium.dev/fail": "2s"})
    machines.when(reason="CrashLoopBackOff", restartCount=2)
    ended = parse_time(machines.container()["lastState"]["terminated"]["finishedAt"])
    again = machines.restart()
    again.when(restartCount=3, state="running")
    assert (again.clock.now() - ended) / SECOND == pytest.approx(20, abs=1.1)
    again.when(reason="CrashLoopBackOff", restartCount=3)
    assert "back-off 40s" in again.container()["state"]["waiting"]["message"]


def test_a_terminating_pod_ends_after_a_restart(machines: Machines) -> None:
    """A deletion that was under way is carried out."""
    machines.pod(annotations={"kubarium.dev/hang": "true"}, terminationGracePeriodSeconds=10)
    machines.run(5)
    machines.delete()
    machines.run(5)
    again = machines.restart()
    again.run(10.5)
    assert not again.exists()


def test_finished_pods_stay_finished(machines: Machines) -> None:
    """Succeeded, failed and rejected pods are not touched by a restart."""
    machines.pod("a", annotations={"kubarium.dev/complete": "true"}, restartPolicy="Never")
    machines.pod("b", containers=[{"resources": {"requests": {"cpu": "9"}}}])
    machines.run(5)
    again = machines.restart()
    before = (again.status("a"), again.status("b"))
    again.run(30)
    assert (again.status("a"), again.status("b")) == before
    again.delete("a")
    again.delete("b")
    again.run(0)
    assert not again.exists("a")
    assert not again.exists("b")


def test_two_equal_runs_write_equal_logs() -> None:
    """Same inputs, same revisions: object by object, byte by byte."""

    def play() -> list[bytes]:
        written: list[bytes] = []
        machines = Machines()
        machines.store.listen(lambda event: written.append(event.now.raw))
        machines.image("gone", image="gone", exists=False)
        for node in ("n1", "n2", "n3"):
            machines.node(node)
        for n in range(12):
            notes = [
                {},
                {"kubarium.dev/fail": "3s"},
                {"kubarium.dev/complete": "9s"},
                {"kubarium.dev/notready": "true"},
            ]
            image = "gone:1" if n % 5 == 4 else "nginx:1"
            machines.pod(f"p{n}", f"n{n % 3 + 1}", annotations=notes[n % 4], containers=[{"image": image}])
        machines.run(60)
        machines.annotate_node("n2", kubelet="stopped")
        machines.delete("p3")
        machines.run(60)
        machines.annotate_node("n2", kubelet="running")
        machines.run(300)
        return written

    assert play() == play()


def test_a_pod_deleted_before_its_kubelet_ran_never_starts(machines: Machines) -> None:
    """Bound and deleted while the kubelet was down: the object goes, nothing is pulled, created or killed."""
    machines.annotate_node("n1", kubelet="stopped")
    machines.run(0)
    machines.pod()
    machines.run(5)
    machines.delete()
    assert machines.exists()
    machines.annotate_node("n1", kubelet="running")
    machines.run(0)
    assert not machines.exists()
    assert machines.events() == []


def test_a_crash_looping_pod_that_was_deleted_is_not_started_again(machines: Machines) -> None:
    """What ends when the kubelet comes back says nothing about starting."""
    machines.pod(annotations={"kubarium.dev/fail": "2s"})
    machines.when(reason="CrashLoopBackOff")
    machines.annotate_node("n1", kubelet="stopped")
    machines.run(0)
    machines.delete()
    started = machines.reasons().count("Started")
    machines.annotate_node("n1", kubelet="running")
    machines.run(0)
    assert not machines.exists()
    assert machines.reasons().count("Started") == started


def test_a_pod_status_that_another_wrote_is_put_right(machines: Machines) -> None:
    """The kubelet is the source of a pod's readiness: what was written over it is written back at once."""
    machines.pod()
    machines.run(5)
    env = machines.api.get(PODS, "default", "p")
    status = env.obj["status"]
    unready = [{**c, "status": "False"} if c["type"] == "Ready" else c for c in status["conditions"]]
    machines.api.update_status(USER, env, {**status, "conditions": unready})
    machines.run(0)
    assert machines.conditions()["Ready"] == "True"


def test_pods_marked_unready_while_the_kubelet_was_down_are_ready_again(machines: Machines) -> None:
    """A kubelet that comes back posts its pods' readiness at once, before its node's."""
    machines.pod()
    machines.run(5)
    machines.annotate_node("n1", kubelet="stopped")
    machines.run(60)
    env = machines.api.get(PODS, "default", "p")
    status = env.obj["status"]
    unready = [{**c, "status": "False"} if c["type"] == "Ready" else c for c in status["conditions"]]
    machines.api.update_status(USER, env, {**status, "conditions": unready})
    machines.run(10)
    assert machines.conditions()["Ready"] == "False"
    machines.annotate_node("n1", kubelet="running")
    machines.run(0)
    assert machines.conditions()["Ready"] == "True"


def test_a_deletion_is_noticed_whatever_is_written_meanwhile(machines: Machines) -> None:
    """A mark that comes at the instant of the kubelet's own write is not overlooked."""
    machines.pod(annotations={"kubarium.dev/fail": "2s"})
    machines.store.listen(
        lambda event: (
            machines.delete()
            if event.now.name == "p" and event.now.key.plural == "pods" and _running_undeleted(event.now.obj)
            else None
        )
    )
    machines.run(3)
    assert not machines.exists()


def _running_undeleted(pod: dict[str, Any]) -> bool:
    return pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]


@pytest.mark.parametrize("at", [0.3, 1.0, 2.5, 5.0])
def test_a_process_may_end_while_hooks_and_sidecars_start(machines: Machines, at: float) -> None:
    """Wherever the start was interrupted, the pod comes up after the restart, sidecar first."""
    machines.pod(
        initContainers=[{"name": "side", "image": "s:1", "restartPolicy": "Always"}],
        containers=[{"lifecycle": {"postStart": {"sleep": {"seconds": 3}}}}],
    )  # fmt: skip
    machines.run(at)
    again = machines.restart()
    again.when(phase="Running", limit=15)
    assert again.conditions()["Ready"] == "True"
    assert "running" in again.container(kind="initContainerStatuses")["state"]


def test_two_equal_runs_under_stress_write_equal_logs() -> None:
    """Evictions, kills by the kernel, collections and reboots are decided by nothing but what is declared."""

    def play() -> list[bytes]:
        written: list[bytes] = []
        machines = Machines()
        machines.store.listen(lambda event: written.append(event.now.raw))
        for node in ("n1", "n2"):
            machines.node(node, annotations={"kubarium.dev/images": "old:1, old:2"})
        for n in range(10):
            memory = f"start={200 + 90 * n}Mi growth={n * n}Mi"
            machines.pod(f"p{n}", f"n{n % 2 + 1}", annotations={"kubarium.dev/memory": memory})
        machines.run(30)
        machines.annotate_node("n1", usage="memory=14Gi,disk=88Gi")
        machines.annotate_node("n2", usage="memory=11Gi")
        machines.run(200)
        machines.annotate_node("n2", reboot="1")
        machines.run(400)
        return written

    first = play()
    assert any(b"Evicted" in raw for raw in first)
    assert any(b"SystemOOM" in raw for raw in first)
    assert play() == first
