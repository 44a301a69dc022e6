"""From a bound pod to running containers: steps, events, images, init containers, admission."""

from __future__ import annotations

import pytest

from engine.api.kinds import CONFIGMAPS, NODES, PODS
from tests.engine.kubelet.machines import USER, Machines


def test_a_pod_comes_to_run_step_by_step(machines: Machines) -> None:
    """ContainerCreating at once, then pulled, created, started within two seconds, in two or three status writes."""
    machines.pod()
    machines.run(0)
    assert machines.status()["phase"] == "Pending"
    assert machines.container()["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert machines.conditions() == {
        "PodReadyToStartContainers": "False", "Initialized": "True", "Ready": "False", "ContainersReady": "False",
        "PodScheduled": "True",
    }  # fmt: skip
    assert {c["type"]: c.get("message") for c in machines.status()["conditions"]}["Ready"] == (
        "containers with unready status: [c]"
    )
    machines.when(phase="Running")
    assert set(machines.conditions().values()) == {"True"}
    assert [c["type"] for c in machines.status()["conditions"]] == [
        "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled",
    ]  # fmt: skip
    status = machines.status()
    assert (status["hostIP"], status["podIP"], status["qosClass"]) == ("192.168.0.1", "10.244.0.2", "BestEffort")
    assert status["observedGeneration"] == 1
    assert len(machines.container()["containerID"]) == len("containerd://") + 64
    assert machines.reasons() == ["Pulling", "Pulled", "Created", "Started"]


def test_a_simple_pod_costs_two_status_writes(machines: Machines) -> None:
    """With its image on the node, a pod is created, bound, and written twice by the kubelet."""
    machines.pod("warm")
    machines.run(5)
    seen = []
    machines.store.listen(lambda event: seen.append(event) if event.now.key.resource == PODS else None)
    machines.pod()
    machines.run(30)
    assert len(seen) == 4
    assert [message for _, _, message in machines.events()] == [
        'Container image "nginx:1.27" already present on machine and can be accessed by the pod',
        "Container created",
        "Container started",
    ]


def test_nothing_is_written_about_a_settled_pod(machines: Machines) -> None:
    """A running pod with passing probes costs no revision and no timer."""
    probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}
    machines.pod(containers=[{"readinessProbe": probe, "livenessProbe": probe}])
    machines.run(12)
    head = machines.api.get(PODS, "default", "p").revision
    timers = len([1 for *_, timer in machines.clock._timers if timer.active])
    machines.run(200)
    assert machines.api.get(PODS, "default", "p").revision == head
    assert len([1 for *_, timer in machines.clock._timers if timer.active]) == timers


def test_pulls_of_a_node_come_one_after_another(machines: Machines) -> None:
    """The second pull waits for the first, and its event says how long."""
    machines.image("big", image="big", size="800Mi")
    machines.image("small", image="small", size="8Mi")
    machines.pod("a", containers=[{"image": "big:1"}])
    machines.run(1)
    machines.pod("b", containers=[{"image": "small:1"}])
    machines.run(30)
    pulled = next(message for _, reason, message in machines.events("b") if reason == "Pulled")
    assert "Image size: 8388608 bytes." in pulled
    took, waited = pulled.split(" in ")[1].split(" (")
    assert took.endswith("ms")
    assert float(waited.split("s including waiting")[0]) > 8


def test_the_pull_policy_decides(machines: Machines) -> None:
    """Always asks the registry again, IfNotPresent does not, Never fails when the image is not there."""
    machines.pod("a", containers=[{"image": "x:1"}])
    machines.run(5)
    machines.pod("always", containers=[{"image": "x:1", "imagePullPolicy": "Always"}])
    machines.pod("latest", containers=[{"image": "y"}])
    machines.pod("never", containers=[{"image": "z:1", "imagePullPolicy": "Never"}])
    machines.run(5)
    assert machines.reasons("always")[0] == machines.reasons("latest")[0] == "Pulling"
    assert machines.container("never")["state"]["waiting"] == {
        "reason": "ErrImageNeverPull", "message": 'Container image "z:1" is not present with pull policy of Never',
    }  # fmt: skip
    assert machines.events("never")[:2] == [
        ("Warning", "ErrImageNeverPull", 'Container image "z:1" is not present with pull policy of Never'),
        ("Warning", "Failed", "Error: ErrImageNeverPull"),
    ]


def test_a_missing_image_backs_off(machines: Machines) -> None:
    """ErrImagePull, then ImagePullBackOff; pulls are tried again after 10, 20, 40 … s."""
    machines.image("gone", image="shop/gone", exists=False)
    machines.pod(containers=[{"image": "shop/gone:2"}])
    machines.when(reason="ErrImagePull")
    why = (
        'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/shop/gone:2": failed to resolve '
        'reference "docker.io/shop/gone:2": docker.io/shop/gone:2: not found'
    )
    assert machines.container()["state"]["waiting"]["message"] == why
    machines.when(reason="ImagePullBackOff")
    assert machines.container()["state"]["waiting"]["message"] == (
        f'Back-off pulling image "shop/gone:2": ErrImagePull: {why}'
    )
    assert machines.events()[:5] == [
        ("Normal", "Pulling", 'Pulling image "shop/gone:2"'),
        ("Warning", "Failed", f'Failed to pull image "shop/gone:2": {why}'),
        ("Warning", "Failed", "Error: ErrImagePull"),
        ("Normal", "BackOff", 'Back-off pulling image "shop/gone:2"'),
        ("Warning", "Failed", "Error: ImagePullBackOff"),
    ]
    waits = []
    for _ in range(5):
        failed = machines.when(reason="ErrImagePull")
        machines.when(reason="ImagePullBackOff")
        waits.append(round(machines.when(reason="ErrImagePull") - failed))
        machines.when(reason="ImagePullBackOff")
    assert waits[:2] == sorted(waits[:2])
    assert max(waits) <= 301


def test_an_image_that_appears_is_pulled(machines: Machines) -> None:
    """When the registry has the image at last, the next try succeeds."""
    machines.image("gone", image="gone", exists=False)
    machines.pod(containers=[{"image": "gone:1"}])
    machines.when(reason="ImagePullBackOff")
    from engine.api.kinds import IMAGES

    env = machines.api.get(IMAGES, "", "gone")
    machines.api.update(USER, IMAGES, "", "gone", {**env.obj, "spec": {"image": "gone", "exists": True}})
    machines.when(phase="Running", limit=15)


def test_platforms_are_heeded(machines: Machines) -> None:
    """A wrong platform fails in containerd's words."""
    machines.image("arm", image="arm", platforms=["linux/arm64"])
    machines.pod("a", containers=[{"image": "arm:1"}])
    machines.run(8)
    assert machines.container("a")["state"]["waiting"]["message"].endswith(
        "no match for platform in manifest: not found"
    )


def test_tags_that_no_image_lists_do_not_exist(machines: Machines) -> None:
    """Where a repository's tags are declared, another tag is not found."""
    machines.image("nginx", image="nginx", tags=["1.27", "1.28*"])
    machines.pod("a", containers=[{"image": "nginx:1.28.1"}])
    machines.pod("b", containers=[{"image": "nginx:1.72"}])
    machines.run(8)
    assert machines.status("a")["phase"] == "Running"
    assert "not found" in machines.container("b")["state"]["waiting"]["message"]


def test_an_invalid_image_name_is_told(machines: Machines) -> None:
    """InvalidImageName with the parser's words, and no pull."""
    machines.pod(containers=[{"image": "Nginx:1"}])
    machines.when(reason="InvalidImageName")
    assert [event[:2] for event in machines.events()] == [("Warning", "InspectFailed"), ("Warning", "Failed")]
    assert machines.events()[1][2] == "Error: InvalidImageName"


def test_init_containers_run_in_order_before_the_others(machines: Machines) -> None:
    """Each init container completes before the next; the app containers wait in PodInitializing."""
    machines.pod(initContainers=[
        {"name": "one", "image": "i:1", "command": ["sleep", "3"]}, {"name": "two", "image": "i:1"},
    ])  # fmt: skip
    machines.run(2.5)
    assert machines.container()["state"]["waiting"]["reason"] == "PodInitializing"
    assert "running" in machines.container(kind="initContainerStatuses")["state"]
    assert "waiting" in machines.container(index=1, kind="initContainerStatuses")["state"]
    initialized = machines.status()["conditions"][1]
    assert (initialized["reason"], initialized["message"]) == (
        "ContainersNotInitialized", "containers with incomplete status: [one two]",
    )  # fmt: skip
    machines.when(phase="Running")
    assert [s["state"]["terminated"]["reason"] for s in machines.status()["initContainerStatuses"]] == ["Completed"] * 2
    assert [s["ready"] for s in machines.status()["initContainerStatuses"]] == [True, True]


def test_a_failing_init_container_is_restarted_or_fails_the_pod(machines: Machines) -> None:
    """restartPolicy Always: Init:CrashLoopBackOff; Never: the pod fails."""
    bad = [{"name": "i", "image": "i:1", "command": ["false"]}]
    machines.pod("a", initContainers=bad)
    machines.pod("n", initContainers=bad, restartPolicy="Never")
    machines.run(25)
    assert machines.status("a")["phase"] == "Pending"
    waiting = machines.container("a", kind="initContainerStatuses")
    assert waiting["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert waiting["restartCount"] >= 1
    assert machines.status("n")["phase"] == "Failed"


def test_a_sidecar_starts_first_and_stays(machines: Machines) -> None:
    """An init container with restartPolicy Always only has to start; it counts for readiness and is stopped last."""
    machines.pod(
        initContainers=[{"name": "side", "image": "s:1", "restartPolicy": "Always"}],
        containers=[{"command": ["sleep", "5"]}], restartPolicy="Never",
    )  # fmt: skip
    machines.when(phase="Running")
    assert "running" in machines.container(kind="initContainerStatuses")["state"]
    assert machines.conditions()["Ready"] == "True"
    machines.when(phase="Succeeded")
    assert "terminated" in machines.container(kind="initContainerStatuses")["state"]
    assert machines.events()[-1][2] == "Stopping container side"


def test_a_host_network_pod_has_the_nodes_address(machines: Machines) -> None:
    """hostNetwork: podIP is hostIP, and no pod address is used."""
    machines.pod("h", hostNetwork=True)
    machines.pod("p")
    machines.run(5)
    assert machines.status("h")["podIP"] == machines.status("h")["hostIP"]
    assert machines.status("p")["podIP"] == "10.244.0.2"


@pytest.mark.parametrize(
    ("requests", "reason", "message"),
    [
        ({"cpu": "3"}, "OutOfcpu", "cpu, requested: 3000, used: 2000, capacity: 4000"),
        ({"memory": "17Gi"}, "OutOfmemory", "memory, requested: 18253611008, used: 0, capacity: 17179869184"),
        ({"x.io/gpu": "1"}, "OutOfx.io/gpu", "x.io/gpu, requested: 1, used: 0, capacity: 0"),
    ],
)
def test_a_pod_that_does_not_fit_is_rejected(
    machines: Machines, requests: dict[str, str], reason: str, message: str
) -> None:
    """Failed for good, with the kubelet's reason and figures."""
    machines.pod("first", containers=[{"resources": {"requests": {"cpu": "2"}}}])
    machines.run(5)
    machines.pod(containers=[{"resources": {"requests": requests, "limits": requests}}])
    machines.run(5)
    status = machines.status()
    assert (status["phase"], status["reason"]) == ("Failed", reason)
    assert status["message"] == f"Pod was rejected: Node didn't have enough resource: {message}"
    assert machines.events() == [("Warning", reason, f"Node didn't have enough resource: {message}")]
    machines.delete("first")
    machines.run(3)
    machines.pod("next", containers=[{"resources": {"requests": {"cpu": "4"}}}])
    machines.run(5)
    assert machines.status("next")["phase"] == "Running"


def test_too_many_pods_and_foreign_pods_are_rejected(machines: Machines) -> None:
    """OutOfpods and NodeAffinity."""
    machines.node("small", annotations={"kubarium.dev/capacity": "pods=1"})
    machines.pod("a", node="small")
    machines.pod("b", node="small")
    machines.pod("c", nodeSelector={"disk": "ssd"})
    machines.run(3)
    assert machines.status("b")["message"] == (
        "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 1, capacity: 1"
    )
    assert (machines.status("c")["reason"], machines.status("c")["message"]) == (
        "NodeAffinity",
        "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    )


def test_a_missing_volume_source_keeps_the_pod_creating(machines: Machines) -> None:
    """FailedMount events at growing waits until the ConfigMap is there."""
    machines.pod(volumes=[{"name": "v", "configMap": {"name": "settings"}}])
    machines.run(20)
    assert machines.container()["state"]["waiting"]["reason"] == "ContainerCreating"
    assert machines.events() == [
        ("Warning", "FailedMount", 'MountVolume.SetUp failed for volume "v" : configmap "settings" not found')
    ]
    machines.api.create(USER, CONFIGMAPS, "default", {"metadata": {"name": "settings"}, "data": {"a": "b"}})
    machines.when(phase="Running", limit=40)


def test_a_missing_key_is_a_config_error(machines: Machines) -> None:
    """CreateContainerConfigError names what is missing, and ends when it is there."""
    ref = {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "x"}}}
    machines.pod(containers=[{"env": [ref]}])
    machines.when(reason="CreateContainerConfigError")
    assert machines.container()["state"]["waiting"]["message"] == 'configmap "settings" not found'
    assert machines.events()[-1] == ("Warning", "Failed", 'Error: configmap "settings" not found')
    machines.api.create(USER, CONFIGMAPS, "default", {"metadata": {"name": "settings"}, "data": {"y": ""}})
    machines.run(16)
    assert machines.container()["state"]["waiting"]["message"] == "couldn't find key x in ConfigMap default/settings"


def test_pods_wait_for_their_node(machines: Machines) -> None:
    """A pod bound to a node that does not exist yet is taken up when the node comes."""
    machines.pod(node="later")
    machines.run(5)
    assert machines.status()["phase"] == "Pending"
    machines.node("later")
    machines.when(phase="Running", limit=5)
    assert machines.api.find(NODES, "", "later") is not None


def test_an_image_that_makes_no_sense_is_told(machines: Machines) -> None:
    """A malformed Image is an event about it; the image then is as one that nobody declared."""
    machines.image("odd", image="odd", exists=False, exit={"after": "soon"})
    machines.pod(containers=[{"image": "odd:1"}])
    machines.when(phase="Running", limit=5)
    kind, reason, message = machines.events("odd")[0]
    assert (kind, reason) == ("Warning", "InvalidImage")
    assert "soon" in message


def test_a_program_that_the_image_lacks_cannot_be_started(machines: Machines) -> None:
    """RunContainerError in the runtime's words, an end with 128 that began at the epoch, then the back-off."""
    machines.image("web", image="web", executables=["/bin/web"])
    machines.pod("good", containers=[{"image": "web:1", "command": ["web"]}])
    machines.pod("bad", containers=[{"image": "web:1", "command": ["/bin/wbe"]}])
    machines.when("bad", reason="RunContainerError")
    why = (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        'unable to start container process: error during container init: exec: "/bin/wbe": stat /bin/wbe: no such file '
        "or directory"
    )
    assert machines.container("bad")["state"]["waiting"]["message"] == why
    ended = machines.container("bad")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["startedAt"]) == (128, "StartError", "1970-01-01T00:00:00Z")
    assert ("Warning", "Failed", f"Error: {why}") in machines.events("bad")
    machines.when("bad", reason="CrashLoopBackOff")
    assert machines.status("good")["phase"] == "Running"


def test_a_variable_that_an_image_needs(machines: Machines) -> None:
    """Without it the container says so and exits with 1; from wherever it comes, it runs."""
    machines.image("web", image="web", requires=["URL"])
    machines.api.create(USER, CONFIGMAPS, "default", {"metadata": {"name": "s"}, "data": {"URL": "x"}})
    machines.pod("without", containers=[{"image": "web:1"}])
    machines.pod("with", containers=[{"image": "web:1", "envFrom": [{"configMapRef": {"name": "s"}}]}])
    machines.when("without", reason="CrashLoopBackOff")
    assert machines.container("without")["lastState"]["terminated"]["exitCode"] == 1
    assert machines.container("with")["restartCount"] == 0
    assert machines.status("with")["phase"] == "Running"
