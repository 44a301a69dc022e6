"""Exits, restart policies, back-off, memory limits, deadlines."""

from __future__ import annotations

import pytest

from engine.api.kinds import PODS
from engine.clock import parse_time
from engine.kubelet.config import KubeletConfig
from tests.engine.kubelet.machines import USER, Machines


def test_the_crash_loop_follows_the_back_off_curve(machines: Machines) -> None:
    """The first restart is at once, the next ones after 10, 20, 40, 80, 160, 300 and 300 s."""
    machines.pod(annotations={"kubarium.dev/fail": "exit=3 after=2s"})
    waits = []
    for restarts in range(8):
        machines.when(reason="Error", restartCount=restarts)
        ended = machines.now
        machines.when(state="running", restartCount=restarts + 1, limit=400)
        waits.append(machines.now - ended)
    assert [round(wait, -1) for wait in waits] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert all(0 <= wait - round(wait, -1) < 1 for wait in waits)


def test_a_crash_loop_is_shown_and_told(machines: Machines) -> None:
    """The waiting message and the event carry the container, the pod and its uid."""
    uid = machines.pod(annotations={"kubarium.dev/fail": "2s"}).uid
    machines.when(reason="CrashLoopBackOff")
    container = machines.container()
    assert container["state"]["waiting"]["message"] == (
        f"back-off 10s restarting failed container=c pod=p_default({uid})"
    )
    ended = container["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"], container["restartCount"]) == (1, "Error", 1)
    assert ended["containerID"] == container["containerID"]
    assert (
        "Warning",
        "BackOff",
        f"Back-off restarting failed container c in pod p_default({uid})",
    ) in machines.events()
    assert machines.status()["phase"] == "Running"
    assert machines.conditions()["Ready"] == "False"


def test_ten_minutes_of_running_clear_the_back_off(machines: Machines) -> None:
    """A container that ran longer than ten minutes is restarted at once again."""
    machines.pod(annotations={"kubarium.dev/fail": "11m"})
    for restarts in range(3):
        ended = machines.when(reason="Error", restartCount=restarts)
        assert machines.when(state="running", restartCount=restarts + 1) - ended < 1


@pytest.mark.parametrize(
    ("policy", "note", "phase", "reason"),
    [
        ("Never", {"complete": "true"}, "Succeeded", "Completed"), ("Never", {"fail": "true"}, "Failed", "Error"),
        ("OnFailure", {"complete": "5s"}, "Succeeded", "Completed"),
    ],
)  # fmt: skip
def test_a_pod_ends_by_its_policy(
    machines: Machines, policy: str, note: dict[str, str], phase: str, reason: str
) -> None:
    """Succeeded when all exited 0, Failed otherwise; nothing more is written then."""
    machines.pod(annotations={f"kubarium.dev/{k}": v for k, v in note.items()}, restartPolicy=policy)
    machines.when(phase=phase)
    assert machines.container()["state"]["terminated"]["reason"] == reason
    assert machines.conditions()["PodReadyToStartContainers"] == "False"
    reasons = {c["type"]: c.get("reason") for c in machines.status()["conditions"]}
    wanted = "PodCompleted" if phase == "Succeeded" else "PodFailed"
    assert reasons["Ready"] == reasons["ContainersReady"] == wanted
    machines.run(12)
    head = machines.api.get_revision() if hasattr(machines.api, "get_revision") else machines.status()
    machines.run(60)
    assert machines.status() == head


def test_on_failure_restarts_only_failures(machines: Machines) -> None:
    """OnFailure: exit 1 is restarted."""
    machines.pod(annotations={"kubarium.dev/fail": "2s"}, restartPolicy="OnFailure")
    machines.when(restartCount=1, state="running")


def test_always_restarts_what_completed(machines: Machines) -> None:
    """Always: exit 0 is restarted too, and backs off."""
    machines.pod(containers=[{"command": ["sh", "-c", "echo done"]}])
    machines.when(reason="CrashLoopBackOff")
    assert machines.container()["lastState"]["terminated"]["reason"] == "Completed"


def test_memory_over_the_limit_is_killed(machines: Machines) -> None:
    """A leak reaches the limit when arithmetic says so: OOMKilled, exit 137."""
    machines.image("leak", image="leak", memory={"start": "10Mi", "growthPerSecond": "1Mi"})
    limits = {"resources": {"limits": {"memory": "40Mi"}}}
    machines.pod(containers=[{"image": "leak:1", **limits}])
    started = machines.when(state="running")
    ended = machines.when(reason="OOMKilled")
    assert ended - started == pytest.approx(30, abs=0.1)
    assert machines.container()["state"]["terminated"]["exitCode"] == 137


def test_without_a_limit_memory_grows(machines: Machines) -> None:
    """No limit, no OOM; what is in use is told by the runtime."""
    machines.image("leak", image="leak", memory={"start": "10Mi", "growthPerSecond": "1Mi", "max": "50Mi"}, cpu="70m")
    env = machines.pod(containers=[{"image": "leak:1"}])
    machines.run(100)
    stats = machines.kubelets.stats(env)["c"]
    assert (stats.memory, stats.cpu) == (50 * 2**20, 70)


def test_past_its_deadline_a_pod_fails(machines: Machines) -> None:
    """activeDeadlineSeconds counts from startTime; the pod is Failed when its containers are down."""
    machines.pod(activeDeadlineSeconds=10)
    machines.when(phase="Failed")
    started = parse_time(machines.status()["startTime"])
    assert (machines.clock.now() - started) / 1e6 == pytest.approx(10, abs=1)
    status = machines.status()
    assert (status["reason"], status["message"]) == (
        "DeadlineExceeded", "Pod was active on the node longer than the specified deadline",
    )  # fmt: skip
    assert machines.exists()


def test_one_of_two_containers_fails(machines: Machines) -> None:
    """A pod runs while one container crashes; Ready names the other."""
    machines.pod(containers=[{"name": "a"}, {"name": "b", "command": ["false"]}])
    machines.run(15)
    assert machines.status()["phase"] == "Running"
    ready = next(c for c in machines.status()["conditions"] if c["type"] == "Ready")
    assert (ready["reason"], ready["message"]) == ("ContainersNotReady", "containers with unready status: [b]")


def test_behaviour_annotations_act_on_a_running_pod(machines: Machines) -> None:
    """Annotating a running pod changes what its containers do from then on; a bad word is told and ignored."""

    machines.pod()
    machines.run(10)

    def annotate(**notes: str) -> None:
        env = machines.api.get(PODS, "default", "p")
        meta = {**env.obj["metadata"], "annotations": {f"kubarium.dev/{k}": v for k, v in notes.items()}}
        machines.api.update(USER, PODS, "default", "p", {**env.obj, "metadata": meta})
        machines.run(0)

    annotate(fail="sometimes")
    assert machines.events()[-1][:2] == ("Warning", "InvalidBehaviour")
    annotate(notready="true")
    assert machines.conditions()["Ready"] == "False"
    annotate()
    assert machines.conditions()["Ready"] == "True"
    annotate(fail="exit=9")
    assert machines.container()["state"]["terminated"]["exitCode"] == 9


def test_a_changed_image_restarts_its_container(machines: Machines) -> None:
    """An image changed in place: the container is stopped and runs the new image, without a back-off."""
    machines.pod(containers=[{"name": "a"}, {"name": "b"}])
    machines.run(5)
    env = machines.api.get(PODS, "default", "p")
    spec = env.obj["spec"]
    containers = [{**spec["containers"][0], "image": "nginx:2"}, spec["containers"][1]]
    machines.api.update(USER, PODS, "default", "p", {**env.obj, "spec": {**spec, "containers": containers}})
    machines.when(restartCount=1, state="running", limit=5)
    assert machines.container()["image"] == "docker.io/library/nginx:2"
    assert machines.container(index=1)["restartCount"] == 0
    assert ("Normal", "Killing", "Container a definition changed, will be restarted") in machines.events()


def test_a_corrected_image_is_pulled_at_once(machines: Machines) -> None:
    """A pod that backs off from a wrong image does not wait any longer when it is corrected."""
    machines.image("gone", image="gone", exists=False)
    machines.pod(containers=[{"image": "gone:1"}])
    machines.when(reason="ImagePullBackOff")
    env = machines.api.get(PODS, "default", "p")
    spec = env.obj["spec"]
    fixed = {**spec, "containers": [{**spec["containers"][0], "image": "nginx:1"}]}
    machines.api.update(USER, PODS, "default", "p", {**env.obj, "spec": fixed})
    machines.when(phase="Running", limit=3)


def test_the_log_is_why_it_failed(machines: Machines) -> None:
    """terminationMessagePolicy FallbackToLogsOnError: the log's end is the message of a failed run only."""
    words = ["sh", "-c", "echo starting; echo disk is full; exit 4"]
    for name, command in (("bad", words), ("good", ["sh", "-c", "echo done"])):
        machines.pod(
            name, restartPolicy="Never",
            containers=[{"command": command, "terminationMessagePolicy": "FallbackToLogsOnError"}],
        )  # fmt: skip
    machines.run(6)
    assert machines.container("bad")["state"]["terminated"]["message"] == "starting\ndisk is full"
    assert "message" not in machines.container("good")["state"]["terminated"]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (KubeletConfig(), ["a", "b"]), (KubeletConfig(dead_per_container=0), []),
        (KubeletConfig(dead_containers=1), ["b"]),
    ],
)  # fmt: skip
def test_ended_containers_are_swept(config: KubeletConfig, told: list[str]) -> None:
    """--maximum-dead-containers…: the last states that are too many go, the oldest first; restarts still count."""
    machines = Machines(config=config)
    machines.node()
    machines.pod("a", annotations={"kubarium.dev/fail": "300s"})
    machines.run(3)
    machines.pod("b", annotations={"kubarium.dev/fail": "300s"})
    machines.when("b", restartCount=1, state="running")
    machines.run(61)
    assert [machines.container(name)["restartCount"] for name in "ab"] == [1, 1]
    assert [name for name in "ab" if machines.container(name)["lastState"]] == told
