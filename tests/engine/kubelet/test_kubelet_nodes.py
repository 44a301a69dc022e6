"""Registration, leases and node status."""

from __future__ import annotations

import itertools

from engine.api.kinds import EVENTS, LEASES, NODES
from engine.clock import SECOND, parse_time
from tests.engine.kubelet.machines import START, USER, Machines


def lease_times(machines: Machines, name: str, seconds: int) -> list[float]:
    """Seconds at which a lease was renewed."""
    seen: list[float] = []
    for _ in range(seconds * 10):
        machines.run(0.1)
        env = machines.api.get(LEASES, "kube-node-lease", name)
        at = (parse_time(env.obj["spec"]["renewTime"]) - START) / SECOND
        if not seen or seen[-1] != at:
            seen.append(at)
    return seen


def test_a_bare_node_is_registered_whole(machines: Machines) -> None:
    """What a manifest leaves out is filled in: labels, annotations, addresses, capacity, info, range, conditions."""
    obj = machines.api.get(NODES, "", "n1").obj
    assert obj["metadata"]["labels"]["kubernetes.io/hostname"] == "n1"
    assert obj["metadata"]["annotations"]["node.alpha.kubernetes.io/ttl"] == "0"
    assert obj["spec"]["podCIDR"] == "10.244.0.0/24"
    status = obj["status"]
    assert {"type": "InternalIP", "address": "192.168.0.1"} in status["addresses"]
    assert status["allocatable"]["memory"] == "16Gi"
    assert status["nodeInfo"]["kubeletVersion"] == "v1.36.2"
    assert "simulated" in status["nodeInfo"]["containerRuntimeVersion"]
    assert [(c["type"], c["status"], c["reason"], c["message"]) for c in status["conditions"]] == [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]


def test_a_manifest_is_respected(machines: Machines) -> None:
    """Given labels, capacity, addresses and podCIDR stay; the capacity annotation counts as capacity."""
    machines.api.create(USER, NODES, "", {
        "metadata": {"name": "n2", "labels": {"kubernetes.io/arch": "arm64", "zone": "z"},
                     "annotations": {"kubarium.dev/capacity": "cpu=8, memory=32Gi"}},
        "spec": {"podCIDR": "10.9.0.0/24"},
        "status": {"capacity": {"pods": "20", "nvidia.com/gpu": "2"},
                   "addresses": [{"type": "InternalIP", "address": "192.168.7.7"}]},
    })  # fmt: skip
    machines.run(2)
    obj = machines.api.get(NODES, "", "n2").obj
    assert obj["spec"]["podCIDR"] == "10.9.0.0/24"
    allocatable = obj["status"]["allocatable"]
    assert {name: allocatable[name] for name in ("cpu", "memory", "pods", "nvidia.com/gpu")} == {
        "cpu": "8", "memory": "32Gi", "pods": "20", "nvidia.com/gpu": "2",
    }  # fmt: skip
    assert obj["status"]["addresses"][0]["address"] == "192.168.7.7"
    assert obj["status"]["nodeInfo"]["architecture"] == "arm64"
    assert obj["metadata"]["labels"]["beta.kubernetes.io/arch"] == "arm64"


def test_a_bad_capacity_annotation_is_told(machines: Machines) -> None:
    """A capacity that is no list of quantities is an event, and the defaults hold."""
    machines.node("n2", annotations={"kubarium.dev/capacity": "cpu=lots"})
    assert machines.api.get(NODES, "", "n2").obj["status"]["capacity"]["cpu"] == "4"
    assert ("Warning", "InvalidCapacity") in [event[:2] for event in machines.events("n2")]


def test_a_new_node_is_first_not_ready() -> None:
    """Registration posts Ready False at once; the network plugin makes it True within a second, with the events."""
    machines = Machines()
    machines.node(ready=False)
    machines.run(0)
    ready = machines.api.get(NODES, "", "n1").obj["status"]["conditions"][3]
    assert (ready["status"], ready["reason"]) == ("False", "KubeletNotReady")
    machines.run(1)
    assert machines.api.get(NODES, "", "n1").obj["status"]["conditions"][3]["status"] == "True"
    assert machines.reasons("n1") == [
        "Starting", "NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID",
        "NodeAllocatableEnforced", "NodeReady",
    ]  # fmt: skip


def test_leases_are_renewed_every_ten_seconds(machines: Machines) -> None:
    """The lease belongs to its node, names its holder, and is renewed at the node's own phase every 10 s."""
    lease = machines.api.get(LEASES, "kube-node-lease", "n1").obj
    assert lease["spec"]["holderIdentity"] == "n1"
    assert lease["spec"]["leaseDurationSeconds"] == 40
    assert lease["metadata"]["ownerReferences"][0]["kind"] == "Node"
    times = lease_times(machines, "n1", 45)[1:]
    assert [round(b - a, 6) for a, b in itertools.pairwise(times)] == [10.0] * (len(times) - 1)
    machines.node("n2")
    assert lease_times(machines, "n2", 15)[-1] % 10 != times[0] % 10


def test_an_unchanged_status_is_posted_every_five_minutes(machines: Machines) -> None:
    """Between two heartbeats of the node object lie five minutes, and nothing else is written to it."""
    revisions: dict[int, float] = {}
    for _ in range(700):
        machines.run(1)
        revisions.setdefault(int(machines.api.get(NODES, "", "n1").revision), machines.now)
    times = list(revisions.values())[1:]
    assert len(times) == 3 or len(times) == 2
    assert times[1] - times[0] == 300


def test_a_pulled_image_is_in_the_node_status(machines: Machines) -> None:
    """A change of the images is posted at the kubelet's next look, at most 10 s later."""
    machines.pod()
    machines.run(12)
    images = machines.api.get(NODES, "", "n1").obj["status"]["images"]
    assert "docker.io/library/nginx:1.27" in images[0]["names"]


def test_a_removed_node_writes_nothing_more(machines: Machines) -> None:
    """A node object that goes takes its kubelet along."""
    machines.pod()
    machines.run(5)
    machines.api.delete(USER, NODES, "", "n1")
    machines.run(1)
    head = machines.store.revision
    machines.run(400)
    assert machines.store.revision == head


def test_what_others_write_over_the_status_is_put_right(machines: Machines) -> None:
    """A Ready condition that somebody else turned is posted anew within the update frequency."""
    env = machines.api.get(NODES, "", "n1")
    conditions = [{**c, "status": "Unknown"} for c in env.obj["status"]["conditions"]]
    machines.api.update_status(USER, env, {**env.obj["status"], "conditions": conditions})
    machines.run(10)
    assert machines.api.get(NODES, "", "n1").obj["status"]["conditions"][3]["status"] == "True"


def test_a_machine_can_grow(machines: Machines) -> None:
    """A new capacity annotation is the node's capacity within the update frequency."""
    machines.annotate_node("n1", capacity="cpu=64")
    machines.run(10)
    status = machines.api.get(NODES, "", "n1").obj["status"]
    assert (status["capacity"]["cpu"], status["allocatable"]["cpu"]) == ("64", "64")
    assert status["capacity"]["memory"] == "16Gi"


def test_events_name_the_node_by_its_name(machines: Machines) -> None:
    """As in Kubernetes, the uid in a kubelet's event about its node is the node's name."""
    found = [e.obj for e in machines.store.list(EVENTS) if e.obj["reason"] == "NodeReady"]
    assert found[0]["involvedObject"]["uid"] == "n1"
    assert found[0]["source"] == {"component": "kubelet", "host": "n1"}


def test_annotations_that_say_nothing_usable_are_told_when_they_are_set(machines: Machines) -> None:
    """An event names the value; the machine stays as it was, and other changes do not repeat it."""
    before = machines.api.get(NODES, "", "n1").obj["status"]["capacity"]
    machines.annotate_node("n1", capacity="lots", kubelet="off")
    machines.run(5)
    machines.annotate_node("n1", usage="memory=1Gi")
    machines.run(5)
    told = sorted(event[1:] for event in machines.events("n1") if event[1].startswith("Invalid"))
    assert [reason for reason, _ in told] == ["InvalidCapacity", "InvalidKubelet"]
    assert "'off' is neither" in told[1][1]
    assert machines.api.get(NODES, "", "n1").obj["status"]["capacity"] == before
