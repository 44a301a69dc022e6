"""Deletion: signals, grace, hooks, events, the end of the object."""

from __future__ import annotations

import pytest

from engine.api.kinds import PODS
from store.types import DELETED, MODIFIED
from tests.engine.kubelet.machines import USER, Machines


def test_a_deleted_pod_is_stopped_and_let_go(machines: Machines) -> None:
    """Killing event, exit 0, a last status Succeeded, and the object is gone well within a second."""
    machines.pod()
    machines.run(5)
    seen = []
    machines.store.listen(lambda event: seen.append(event) if event.now.key.resource == PODS else None)
    machines.delete()
    assert machines.status()["phase"] == "Running"
    machines.run(0.5)
    assert not machines.exists()
    assert machines.events()[-1] == ("Normal", "Killing", "Stopping container c")
    assert [event.type for event in seen if event.type == DELETED] == [DELETED]
    last = [event for event in seen if event.type == MODIFIED and "terminated" in str(event.now.obj["status"])][-1]
    status = last.now.obj["status"]
    assert (status["phase"], status["containerStatuses"][0]["state"]["terminated"]["exitCode"]) == ("Succeeded", 0)


def test_a_pod_that_hangs_takes_its_whole_grace(machines: Machines) -> None:
    """kubarium.dev/hang: SIGKILL after terminationGracePeriodSeconds, exit 137."""
    machines.pod(annotations={"kubarium.dev/hang": "true"}, terminationGracePeriodSeconds=20)
    machines.run(5)
    ends = []
    machines.store.listen(
        lambda event: ends.append(event.now.obj["status"]) if event.now.key.resource == PODS else None
    )
    machines.delete()
    machines.run(19.9)
    assert machines.exists()
    machines.run(0.1)
    assert not machines.exists()
    assert ends[-1]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    assert ends[-1]["phase"] == "Failed"


def test_sleep_as_process_one_heeds_no_sigterm(machines: Machines) -> None:
    """A pod that only sleeps takes 30 s to end, as everybody knows from busybox."""
    machines.pod(containers=[{"image": "busybox", "command": ["sleep", "3600"]}])
    machines.run(5)
    machines.delete()
    machines.run(29)
    assert machines.exists()
    machines.run(1)
    assert not machines.exists()


def test_a_shorter_grace_overrides(machines: Machines) -> None:
    """Deleting again with a shorter grace hurries the end; grace 0 removes the object at once."""
    machines.pod(annotations={"kubarium.dev/hang": "true"})
    machines.run(5)
    machines.delete(grace=300)
    machines.run(5)
    machines.delete(grace=3)
    machines.run(3.1)
    assert not machines.exists()
    machines.pod("q", annotations={"kubarium.dev/hang": "true"})
    machines.run(5)
    machines.delete("q", grace=0)
    machines.run(0)
    assert not machines.exists("q")
    assert machines.events("q")[-1][1] == "Killing"


def test_a_pre_stop_hook_comes_before_the_signal(machines: Machines) -> None:
    """The hook's sleep delays SIGTERM and counts against the grace."""
    hook = {"preStop": {"sleep": {"seconds": 5}}}
    machines.pod(containers=[{"lifecycle": hook}])
    machines.run(5)
    machines.delete()
    machines.run(4.9)
    assert machines.exists()
    machines.run(0.5)
    assert not machines.exists()


def test_the_catalogue_says_how_a_container_stops(machines: Machines) -> None:
    """Exit 143 three seconds after SIGTERM."""
    machines.image("jvm", image="jvm", stop={"after": "3s", "code": 143})
    machines.pod(containers=[{"image": "jvm:1"}])
    machines.run(5)
    ends = []
    machines.store.listen(
        lambda event: ends.append(event.now.obj["status"]) if event.now.key.resource == PODS else None
    )
    machines.delete()
    machines.run(2.9)
    assert machines.exists()
    machines.run(0.2)
    assert not machines.exists()
    assert ends[-1]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 143


@pytest.mark.parametrize("delay", [0, 0.05, 0.5, 1.0])
def test_a_pod_can_be_deleted_at_any_moment_of_its_start(machines: Machines, delay: float) -> None:
    """Pulling, creating, running: the object goes, and the next pod pulls and runs."""
    machines.pod()
    machines.run(delay)
    machines.delete()
    machines.run(1)
    assert not machines.exists()
    machines.pod("next")
    machines.when("next", phase="Running", limit=4)


def test_a_finished_pod_goes_at_once(machines: Machines) -> None:
    """Nothing runs, nothing is waited for, nothing is said."""
    machines.pod(annotations={"kubarium.dev/complete": "true"}, restartPolicy="Never")
    machines.when(phase="Succeeded")
    machines.delete()
    machines.run(0)
    assert not machines.exists()
    assert "Killing" not in machines.reasons()


def test_resources_and_addresses_are_given_back(machines: Machines) -> None:
    """A full node takes the next pod when one has ended."""
    wanted = [{"resources": {"requests": {"cpu": "4"}}}]
    for name in ("a", "b", "c"):
        machines.pod(name, containers=wanted)
        machines.run(5)
        assert machines.status(name)["phase"] == "Running"
        machines.delete(name)
        machines.run(1)


def test_a_finalizer_holds_the_object_and_nothing_spins(machines: Machines) -> None:
    """The pod ends, its object stays until the finalizer goes, and no revision is written meanwhile."""
    machines.pod()
    machines.run(5)
    env = machines.api.get(PODS, "default", "p")
    machines.api.update(
        USER, PODS, "default", "p", {**env.obj, "metadata": {**env.obj["metadata"], "finalizers": ["x.io/hold"]}}
    )
    machines.delete()
    machines.run(1)
    held = machines.api.get(PODS, "default", "p")
    assert held.obj["status"]["phase"] == "Succeeded"
    assert held.obj["metadata"]["deletionGracePeriodSeconds"] == 0
    machines.run(60)
    assert machines.api.get(PODS, "default", "p").revision == held.revision
    free = {**held.obj, "metadata": {**held.obj["metadata"], "finalizers": []}}
    machines.api.update(USER, PODS, "default", "p", free)
    machines.run(0)
    assert not machines.exists()
    assert not machines.kubelets.nodes["n1"].workers
