"""Faults of containers, images, registries and controllers: what they do, and that nothing is left of them."""

from __future__ import annotations

import pytest

from engine.api.kinds import PODS
from tests.engine.broken_clusters.ward import Ward
from tests.engine.faults.breakage import WELL, break_, declared_state, health, phase

WEB = {"namespace": "shop", "selector": {"matchLabels": {"app": "web"}}}


def last_exit(ward: Ward, app: str = "web") -> set[tuple[int, str]]:
    """(exit code, reason) of the last runs of an app's containers."""
    found = set()
    for pod in ward.pods(app):
        for status in pod.obj["status"].get("containerStatuses") or ():
            ended = (status.get("lastState") or {}).get("terminated") or (status.get("state") or {}).get("terminated")
            if ended:
                found.add((ended["exitCode"], ended["reason"]))
    return found


def well_again(ward: Ward, name: str, before: object) -> None:
    """The fault ends, back-offs run out, and everything is as it was."""
    ward.until(lambda: phase(ward, name) == "Ended", 600, 5)
    ward.until(lambda: health(ward) == WELL, 400, 5)
    assert declared_state(ward) == before


def test_pods_crash_with_a_code_also_those_that_come_later(ward: Ward) -> None:
    """Containers that ran end at once; new ones end after their start; all with the fault's exit code."""
    before = declared_state(ward)
    break_(ward, "f", "PodCrash", WEB, "3m", exitCode=42)
    ward.run(20)
    assert last_exit(ward) == {(42, "Error")}
    assert ward.available("web") == 0
    ward.delete("Pod", ward.pods("web")[0].name, grace=0)
    ward.run(30)
    assert last_exit(ward) == {(42, "Error")}
    assert len(ward.status("Fault", "f")["affected"]) == 3
    well_again(ward, "f", before)


def test_a_container_is_oom_killed_at_its_limit(ward: Ward) -> None:
    """Memory grows beyond the limit: exit code 137, OOMKilled."""
    before, name = declared_state(ward), ward.pods("web")[0].name
    break_(ward, "f", "PodOutOfMemory", {"namespace": "shop", "pod": name}, "1m")
    ward.run(15)
    assert last_exit(ward) == {(137, "OOMKilled")}
    assert ward.status("Fault", "f")["affected"] == [f"Pod/shop/{name}"]
    well_again(ward, "f", before)


def test_memory_below_the_limit_is_only_used(ward: Ward) -> None:
    """The size is the fault's: what stays within the limit kills nothing."""
    break_(ward, "f", "PodOutOfMemory", WEB, "1m", memory="200Mi")
    ward.run(30)
    stats = [stat.memory for pod in ward.pods("web") for stat in ward.cluster.kubelets.stats(pod).values()]
    assert stats == [200 << 20] * 3
    assert last_exit(ward) == set()


def test_without_a_limit_the_fault_says_that_nothing_happens(ward: Ward) -> None:
    """A pod without a memory limit has no size at which it is killed."""
    ward.deploy("free")
    ward.run(20)
    pod = ward.pod("free").name
    break_(ward, "f", "PodOutOfMemory", {"namespace": "shop", "pod": pod})
    ward.run(20)
    message = ward.status("Fault", "f")["message"]
    assert message == f"no memory limit, so nothing happens without parameters.memory: {pod}"


def test_readiness_fails_and_recovers(ward: Ward) -> None:
    """The endpoints are empty while the probe fails; nothing is restarted."""
    before = declared_state(ward)
    assert len(ward.ready_addresses("web")) == 3
    break_(ward, "f", "ProbeFailure", WEB, "1m")
    ward.run(20)
    assert ward.ready_addresses("web") == []
    assert set(ward.messages("Unhealthy", "web")) == {"Readiness probe failed: HTTP probe failed with statuscode: 503"}
    well_again(ward, "f", before)
    assert last_exit(ward) == set()


def test_liveness_fails_and_containers_are_restarted(ward: Ward) -> None:
    """After the threshold the kubelet kills the container; after the fault it stays up."""
    before = declared_state(ward)
    break_(ward, "f", "ProbeFailure", WEB, "30s", probe="Liveness")
    ward.run(29)
    restarted = [pod.obj["status"]["containerStatuses"][0]["restartCount"] for pod in ward.pods("web")]
    assert all(restarted)
    well_again(ward, "f", before)


def test_a_slow_registry_delays_and_gives_up_when_mended(ward: Ward) -> None:
    """A pull lasts at least the delay; one that is under way when the fault ends begins anew, at full speed."""
    break_(ward, "f", "SlowPull", {"image": "late"}, "2m", delay="10m")
    ward.deploy("late")
    ward.run(100)
    assert ward.waiting("late") == "ContainerCreating"
    ward.until(lambda: ward.available("late") == 1, 60)
    assert phase(ward, "f") == "Ended"


@pytest.mark.parametrize(
    ("action", "target", "says"),
    [
        ("FailedPull", {"image": "quay.io/shop/*"}, "500 Internal Server Error"),
        ("RegistryDown", {"registry": "quay.io"}, "dial tcp: lookup quay.io: i/o timeout"),
    ],
)
def test_pulls_fail_while_the_registry_does(ward: Ward, action: str, target: dict[str, str], says: str) -> None:
    """ImagePullBackOff in containerd's words, for images of that registry alone; then it is pulled."""
    break_(ward, "f", action, target, "2m")
    ward.deploy("far", container={"image": "quay.io/shop/far:1"})
    ward.deploy("near")
    ward.run(40)
    assert ward.available("near") == 1
    assert ward.waiting("far") == "ImagePullBackOff"
    assert any(says in message for message in ward.messages("Failed", "far"))
    well_again(ward, "f", declared_state(ward))
    assert ward.available("far") == 1


def test_a_controller_that_is_down_does_nothing(ward: Ward) -> None:
    """Without the replicaset controller nobody makes the pods that are asked for; back again, it makes them."""
    before = declared_state(ward)
    break_(ward, "f", "ControllerCrash", {"controller": "replicaset-controller"}, "2m")
    ward.run(1)
    ward.delete("Pod", ward.pods("web")[0].name, grace=0)
    ward.run(60)
    assert len(ward.pods("web")) == 2
    ward.until(lambda: phase(ward, "f") == "Ended", 100)
    ward.until(lambda: ward.available("web") == 3, 60)
    assert ward.messages("ControllerStopped") == ["replicaset-controller is down: fault f"]
    assert ward.messages("ControllerRestarted") == ["replicaset-controller was down (fault f); started anew"]
    assert declared_state(ward) == before


def test_a_controller_crash_without_a_duration_is_short(ward: Ward) -> None:
    """It starts anew by itself, after 10 s."""
    break_(ward, "f", "ControllerCrash", {"controller": "deployment-controller"})
    ward.run(9)
    assert phase(ward, "f") == "Active"
    ward.run(2)
    assert phase(ward, "f") == "Ended"


def test_an_unknown_controller_is_told(ward: Ward) -> None:
    """The fault fails, with the names that there are."""
    break_(ward, "f", "ControllerCrash", {"controller": "cookie-controller"})
    ward.run(1)
    assert phase(ward, "f") == "Failed"
    assert ward.status("Fault", "f")["message"].startswith('there is no controller "cookie-controller"; there are ')


def test_a_fault_of_pods_leaves_others_alone(ward: Ward) -> None:
    """Only the pods that are meant, only the containers that are meant."""
    ward.deploy("other")
    ward.run(30)
    break_(ward, "image", "PodCrash", {"image": "web:1"})
    break_(ward, "container", "PodCrash", {"namespace": "shop", "selector": {}, "container": "sidecar"})
    ward.run(20)
    assert (ward.available("web"), ward.available("other")) == (0, 1)
    assert all(pod.obj["status"]["phase"] == "Running" for pod in ward.store.list(PODS, "kube-system"))
