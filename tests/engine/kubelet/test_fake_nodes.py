"""Nodes with a bare fake runtime: pods that are said to run, as KWOK has them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.errors import InternalError
from engine.api.kinds import EVENTS, LEASES, NODES, PODS
from engine.api.server import Caller
from engine.clock import SECOND
from engine.kubelet.runtime import ExecRequest
from store.types import MODIFIED, JsonObject, WatchEvent
from tests.engine.kubelet.machines import USER, Machines

FAKE: JsonObject = {"nodeInfo": {"containerRuntimeVersion": "fake://1.0"}}
KWOK = {"kwok.x-k8s.io/node": "fake"}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "1234", "controller": True}


@pytest.fixture
def fakes(machines: Machines) -> Machines:
    """A ready fake node `f1` beside the real node `n1`."""
    fake_node(machines, "f1", status=FAKE)
    return machines


def fake_node(machines: Machines, name: str, **parts: Any) -> JsonObject:
    machines.api.create(USER, NODES, "", {"metadata": {"name": name, **parts.pop("metadata", {})}, **parts})
    machines.run(0.1)
    return machines.api.get(NODES, "", name).obj


def writes_of(machines: Machines, name: str) -> list[JsonObject]:
    """The statuses that a kubelet writes to a pod from now on."""
    seen: list[JsonObject] = []

    def look(event: WatchEvent) -> None:
        before, status = event.before, event.now.obj["status"]
        changed = before is not None and before.obj["status"] != status
        if event.type == MODIFIED and event.now.name == name and changed and "startTime" in status:
            seen.append(status)

    machines.informers.on_event(PODS, look)
    return seen


def test_a_bound_pod_runs_by_one_write_and_no_word(fakes: Machines) -> None:
    """Milliseconds after it was bound: one status, all containers ready, nothing pulled, no event."""
    writes = writes_of(fakes, "p")
    before = fakes.now
    fakes.pod(node="f1", containers=[{"image": "nowhere.example/none:9"}, {"name": "d"}])
    assert fakes.when(phase="Running") - before < 0.05
    fakes.run(600)
    (status,) = writes
    uid = fakes.api.get(PODS, "default", "p").uid
    assert status["containerStatuses"][0] == {
        "name": "c", "state": {"running": {"startedAt": status["startTime"]}}, "lastState": {}, "ready": True,
        "restartCount": 0, "started": True, "image": "nowhere.example/none:9",
        "imageID": "fake://nowhere.example/none:9", "containerID": f"fake://{uid}-0",
    }  # fmt: skip
    assert status["containerStatuses"][1]["containerID"] == f"fake://{uid}-1"
    assert [(c["type"], c["status"]) for c in status["conditions"]] == [
        ("PodReadyToStartContainers", "True"), ("Initialized", "True"), ("Ready", "True"), ("ContainersReady", "True"),
        ("PodScheduled", "True"),
    ]  # fmt: skip
    assert not any("observedGeneration" in c for c in status["conditions"])
    assert status["hostIP"] == "192.168.0.2"
    assert status["podIPs"] == [{"ip": status["podIP"]}]
    assert fakes.events("p") == []


def test_init_containers_have_completed_and_sidecars_run(fakes: Machines) -> None:
    """What comes before the containers is over at once."""
    inits = [{"name": "i", "image": "a:1"}, {"name": "s", "image": "b:1", "restartPolicy": "Always"}]
    fakes.pod(node="f1", initContainers=inits)
    fakes.run(0.1)
    first, sidecar = fakes.status()["initContainerStatuses"]
    assert (first["state"]["terminated"]["reason"], first["ready"], first["started"]) == ("Completed", True, False)
    assert ("running" in sidecar["state"], sidecar["ready"]) == (True, True)
    assert fakes.status()["phase"] == "Running"


def test_what_an_image_or_a_command_would_do_is_not_done(fakes: Machines) -> None:
    """A command that fails, a probe that nobody answers: here they run and are ready for ever."""
    fakes.pod(node="f1", containers=[{
        "image": "busybox:1.36", "command": ["sh", "-c", "exit 1"],
        "readinessProbe": {"exec": {"command": ["false"]}}, "livenessProbe": {"exec": {"command": ["false"]}},
    }])  # fmt: skip
    fakes.run(300)
    assert fakes.container()["restartCount"] == 0
    assert fakes.conditions()["Ready"] == "True"


def test_a_pod_of_a_job_succeeds_at_once(fakes: Machines) -> None:
    """It runs, and ends with exit code 0 before the second is over."""
    writes = writes_of(fakes, "p")
    fakes.api.create(USER, PODS, "default", {
        "metadata": {"name": "p", "ownerReferences": [JOB]}, "status": {"phase": "Pending"},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]},
    })  # fmt: skip
    fakes.api.bind(Caller("system:kube-scheduler"), "default", "p", "f1")
    fakes.run(0.1)
    assert [status["phase"] for status in writes] == ["Running", "Succeeded"]
    ended = fakes.container()
    assert (ended["ready"], ended["started"]) == (False, False)
    assert (ended["state"]["terminated"]["exitCode"], ended["state"]["terminated"]["reason"]) == (0, "Completed")
    conditions = {c["type"]: (c["status"], c.get("reason")) for c in fakes.status()["conditions"]}
    assert conditions["Initialized"] == ("True", None)
    assert conditions["Ready"] == conditions["ContainersReady"] == ("False", "PodCompleted")


@pytest.mark.parametrize(
    ("notes", "phase", "after"),
    [
        ({"complete": "true"}, "Succeeded", 0.1), ({"complete": "30s"}, "Succeeded", 31),
        ({"fail": "exit=3"}, "Failed", 0.1), ({"complete": "soon"}, "Running", 60),
        ({"notready": "true"}, "Running", 60),
    ],
)  # fmt: skip
def test_what_a_pod_says_of_its_end_holds(fakes: Machines, notes: dict[str, str], phase: str, after: float) -> None:
    """Annotations of the pod, and nothing else, tell of another end."""
    fakes.pod(node="f1", annotations={f"kubarium.dev/{key}": value for key, value in notes.items()})
    fakes.run(after)
    assert fakes.status()["phase"] == phase
    if "fail" in notes:
        assert fakes.container()["state"]["terminated"]["exitCode"] == 3
    assert (fakes.conditions()["Ready"] == "True") is (phase == "Running" and "notready" not in notes)


def test_a_jobs_pod_that_hangs_goes_on(fakes: Machines) -> None:
    """`kubarium.dev/hang` keeps a Job's pod running."""
    fakes.api.create(USER, PODS, "default", {
        "metadata": {"name": "p", "ownerReferences": [JOB], "annotations": {"kubarium.dev/hang": "true"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}], "nodeName": "f1"},
    })  # fmt: skip
    fakes.run(120)
    assert fakes.status()["phase"] == "Running"


def test_a_deleted_pod_is_gone_at_once(fakes: Machines) -> None:
    """Neither its grace period nor its hook takes any time; its address is free for others."""
    hook = {"preStop": {"exec": {"command": ["sleep", "60"]}}}
    fakes.pod(node="f1", containers=[{"lifecycle": hook}], terminationGracePeriodSeconds=600)
    fakes.run(1)
    fakes.delete()
    assert fakes.exists()
    fakes.run(0.05)
    assert not fakes.exists()
    assert fakes.events("p") == []


def test_a_finalizer_of_somebody_holds_the_pod(fakes: Machines) -> None:
    """The kubelet lets go of the pod once, and does not ask again and again."""
    fakes.api.create(USER, PODS, "default", {
        "metadata": {"name": "p", "finalizers": ["example.com/hold"]},
        "spec": {"containers": [{"name": "c", "image": "i:1"}], "nodeName": "f1"},
    })  # fmt: skip
    fakes.run(1)
    fakes.delete()
    fakes.run(1)
    held = fakes.api.get(PODS, "default", "p")
    assert held.obj["metadata"]["deletionGracePeriodSeconds"] == 0
    fakes.run(120)
    assert fakes.api.get(PODS, "default", "p").revision == held.revision
    fakes.api.patch(USER, PODS, "default", "p", "merge", {"metadata": {"finalizers": None}})
    fakes.run(1)
    assert not fakes.exists()


def test_the_annotation_alone_is_enough(machines: Machines) -> None:
    """KWOK's annotation makes a node fake; what it does not declare is what KWOK fills in."""
    obj = fake_node(machines, "f1", metadata={"annotations": KWOK})
    status = obj["status"]
    assert status["capacity"] == status["allocatable"] == {"cpu": "1k", "memory": "1Ti", "pods": "1M"}
    assert status["nodeInfo"]["containerRuntimeVersion"].startswith("fake://")
    assert [c["status"] for c in status["conditions"]] == ["False", "False", "False", "True"]
    assert obj.get("spec") in (None, {}) or "podCIDR" not in obj["spec"]
    machines.pod(node="f1")
    machines.run(0.1)
    assert machines.status()["phase"] == "Running"


def test_a_node_is_what_it_declares(machines: Machines) -> None:
    """Sizes, addresses and system are the manifest's; no range, port, image, volume annotation or event comes to it."""
    status = {
        "capacity": {"cpu": "4", "pods": "20"}, "addresses": [{"type": "InternalIP", "address": "192.168.7.7"}],
        "nodeInfo": {**FAKE["nodeInfo"], "kubeletVersion": "v1.30.0", "osImage": "Fake OS"},
    }  # fmt: skip
    obj = fake_node(machines, "f1", status=status)
    machines.pod(node="f1")
    machines.run(400)
    obj = machines.api.get(NODES, "", "f1").obj
    assert obj["metadata"]["annotations"] == {"node.alpha.kubernetes.io/ttl": "0"}
    assert "podCIDR" not in (obj.get("spec") or {})
    assert obj["status"]["capacity"] == obj["status"]["allocatable"] == {"cpu": "4", "pods": "20"}
    assert obj["status"]["addresses"] == status["addresses"]
    assert obj["status"]["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 0}}
    assert {key: obj["status"]["nodeInfo"][key] for key in ("kubeletVersion", "osImage", "machineID")} == {
        "kubeletVersion": "v1.30.0", "osImage": "Fake OS", "machineID": "",
    }  # fmt: skip
    assert not {"images", "volumesInUse"} & obj["status"].keys()
    assert not [env for env in machines.store.list(EVENTS) if env.obj["involvedObject"]["name"] == "f1"]


def test_the_lease_is_renewed_while_the_kubelet_runs(fakes: Machines) -> None:
    """Every ten seconds; not while it is stopped; and its first word comes 5 s after it started again."""

    def renewed() -> str:
        return str(fakes.api.get(LEASES, "kube-node-lease", "f1").obj["spec"]["renewTime"])

    first = renewed()
    fakes.run(10)
    assert renewed() > first
    fakes.annotate_node("f1", kubelet="stopped")
    fakes.run(1)
    last = renewed()
    fakes.pod(node="f1")
    fakes.run(60)
    assert (renewed(), fakes.status()["phase"]) == (last, "Pending")
    fakes.annotate_node("f1", kubelet="running")
    fakes.run(1)
    assert (renewed() > last, fakes.status()["phase"]) == (True, "Running")


def test_what_others_wrote_into_a_pod_is_put_right(fakes: Machines) -> None:
    """A Ready condition that says otherwise is set again; the containers go on as they were."""
    fakes.pod(node="f1")
    fakes.run(5)
    env = fakes.api.get(PODS, "default", "p")
    before = env.obj["status"]
    conditions = [{**c, "status": "False"} if c["type"] == "Ready" else c for c in before["conditions"]]
    fakes.api.update_status(USER, env, {**before, "conditions": conditions})
    fakes.run(1)
    assert fakes.conditions()["Ready"] == "True"
    assert fakes.status()["containerStatuses"] == before["containerStatuses"]
    revision = fakes.api.get(PODS, "default", "p").revision
    fakes.run(120)
    assert fakes.api.get(PODS, "default", "p").revision == revision


def test_readiness_gates_are_open_unless_somebody_says_no(fakes: Machines) -> None:
    """KWOK opens them; what somebody has said of one stays."""
    fakes.pod(node="f1", readinessGates=[{"conditionType": "example.com/gate"}])
    fakes.run(1)
    assert fakes.conditions()["example.com/gate"] == "True"
    env = fakes.api.get(PODS, "default", "p")
    shut = [{**c, "status": "False"} if "gate" in c["type"] else c for c in env.obj["status"]["conditions"]]
    fakes.api.update_status(USER, env, {**env.obj["status"], "conditions": shut})
    fakes.run(60)
    assert fakes.conditions()["example.com/gate"] == "False"


def test_logs_and_commands_are_refused_plainly(fakes: Machines) -> None:
    """There is nobody to ask, and the answer says why."""
    fakes.pod(node="f1")
    fakes.run(1)
    with pytest.raises(InternalError, match="node f1 has a fake runtime: its containers have no output"):
        list(fakes.streams.logs("default", "p"))
    with pytest.raises(InternalError, match="node f1 has a fake runtime"):
        fakes.streams.exec("default", "p", "c", ExecRequest(["ls"]), None)  # type: ignore[arg-type]
    with pytest.raises(InternalError, match="node f1 has a fake runtime"):
        fakes.streams.pod_for_ports("default", "p")


def test_addresses_differ_between_nodes_and_survive_a_restart(fakes: Machines) -> None:
    """Fake nodes share one range; what pods have is not given again after a restart of the process."""
    fake_node(fakes, "f2", status=FAKE)
    for name, node in (("a", "f1"), ("b", "f2"), ("c", "f1")):
        fakes.pod(name, node)
    fakes.run(1)
    again = fakes.restart()
    again.pod("d", "f2")
    again.run(1)
    addresses = [again.status(name)["podIP"] for name in "abcd"]
    assert len(set(addresses)) == 4
    assert all(address.startswith("10.248.") for address in addresses)
    assert again.status("a") == fakes.status("a")
    assert not again.crashes


def test_a_range_that_the_node_has_is_used(machines: Machines) -> None:
    """With a podCIDR the pods' addresses are from there; a pod on its node's network has the node's."""
    fake_node(machines, "f1", status=FAKE, spec={"podCIDR": "10.9.0.0/24"})
    machines.pod("a", "f1")
    machines.pod("b", "f1", hostNetwork=True)
    machines.run(1)
    assert machines.status("a")["podIP"] == "10.9.0.2"
    assert machines.status("b")["podIP"] == machines.status("b")["hostIP"] == "192.168.0.2"


def test_a_range_that_comes_later_is_for_later_pods(fakes: Machines) -> None:
    """A pod keeps its address; what comes after it has addresses of both families."""
    fakes.pod("a", "f1")
    fakes.run(1)
    before = fakes.status("a")
    patch = {"spec": {"podCIDR": "10.9.0.0/24", "podCIDRs": ["10.9.0.0/24", "fd00:9::/120"]}}
    fakes.api.patch(USER, NODES, "", "f1", "merge", patch)
    fakes.pod("b", "f1")
    env = fakes.api.get(PODS, "default", "a")
    fakes.api.update_status(USER, env, {**before, "phase": "Pending"})
    fakes.run(1)
    assert fakes.status("a") == before
    assert [each["ip"] for each in fakes.status("b")["podIPs"]] == ["10.9.0.2", "fd00:9::2"]


def test_an_end_to_come_survives_a_restart(fakes: Machines) -> None:
    """A pod that completes after a minute does so though the process ended meanwhile."""
    fakes.pod(node="f1", annotations={"kubarium.dev/complete": "1m"})
    fakes.run(30)
    again = fakes.restart()
    again.run(20)
    assert again.status()["phase"] == "Running"
    again.run(20)
    assert again.status()["phase"] == "Succeeded"


def test_a_node_may_become_fake_and_real_again(machines: Machines) -> None:
    """Its kubelet changes with what the node declares; its pods go on."""
    machines.pod("a")
    machines.run(5)
    real = machines.status("a")["containerStatuses"][0]["containerID"]
    machines.api.patch(USER, NODES, "", "n1", "merge", {"metadata": {"annotations": KWOK}})
    machines.pod("b")
    machines.run(0.1)
    assert machines.status("b")["containerStatuses"][0]["containerID"].startswith("fake://")
    assert machines.status("a")["containerStatuses"][0]["containerID"] == real
    machines.api.patch(USER, NODES, "", "n1", "merge", {"metadata": {"annotations": {"kwok.x-k8s.io/node": None}}})
    machines.pod("c")
    machines.run(10)
    assert machines.status("c")["containerStatuses"][0]["containerID"].startswith("containerd://")
    assert [machines.status(name)["phase"] for name in "abc"] == ["Running"] * 3


def test_a_pod_that_hurries_is_deleted_before_it_runs(fakes: Machines) -> None:
    """Deleted while it waits for its first status, it never gets one."""
    writes = writes_of(fakes, "p")
    fakes.pod(node="f1")
    fakes.delete()
    fakes.run(0.1)
    assert not fakes.exists()
    assert writes == []


def test_runs_are_alike(machines: Machines) -> None:
    """How long a fake node takes follows from the pod's uid alone."""
    other = Machines()
    other.node()
    moments = []
    for each in (machines, other):
        fake_node(each, "f1", status=FAKE)
        each.pod(node="f1")
        moments.append((each.when(phase="Running"), each.clock.now() % SECOND))
    assert moments[0] == moments[1]
