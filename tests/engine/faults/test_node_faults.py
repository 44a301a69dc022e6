"""Faults of machines: what they do, and that nothing is left of them."""

from __future__ import annotations

import pytest

from engine.api.kinds import EVENTS, NODES, PODS
from engine.network.reach import reach
from tests.engine.broken_clusters.ward import USER, Ward
from tests.engine.faults.breakage import WELL, break_, declared_state, health, phase


def ready(ward: Ward, node: str) -> str:
    return str(ward.condition("Node", node, "Ready").get("status"))


def restarts(ward: Ward) -> dict[str, int]:
    return {
        pod.name: sum(s["restartCount"] for s in pod.obj["status"].get("containerStatuses") or ())
        for pod in ward.pods("web")
    }


@pytest.mark.parametrize("action", ["StopKubelet", "CutNetwork"])
def test_a_silent_node_is_not_ready_and_comes_back_without_restarts(ward: Ward, action: str) -> None:
    """No heartbeats for two minutes: Ready is Unknown; then it is True again, and no container was restarted."""
    before, ran = declared_state(ward), restarts(ward)
    break_(ward, "f", action, {"node": "node-a"}, "2m")
    ward.until(lambda: ready(ward, "node-a") == "Unknown", 60)
    ward.until(lambda: phase(ward, "f") == "Ended", 120)
    ward.run(60)
    assert (declared_state(ward), health(ward), restarts(ward)) == (before, WELL, ran)


def test_a_kubelet_that_was_stopped_says_that_it_starts_one_that_was_cut_off_does_not(ward: Ward) -> None:
    """Only a kubelet that really was down starts."""
    break_(ward, "stop", "StopKubelet", {"node": "node-a"}, "1m")
    break_(ward, "cut", "CutNetwork", {"node": "node-b"}, "1m")
    ward.run(100)
    said = {
        env.obj["involvedObject"]["name"]: env.obj["count"]
        for env in ward.store.list(EVENTS) if env.obj["reason"] == "Starting"
    }  # fmt: skip
    assert said == {"node-a": 2, "node-b": 1, "node-c": 1}


def test_a_node_without_network_reaches_nothing_and_is_not_reached(ward: Ward) -> None:
    """From and to its pods connections time out, by the fault; pods of the same node reach each other."""
    (on_a,) = [pod for pod in ward.pods("web") if pod.obj["spec"]["nodeName"] == "node-a"]
    (on_b,) = [pod for pod in ward.pods("web") if pod.obj["spec"]["nodeName"] == "node-b"]
    ip = {pod.name: pod.obj["status"]["podIP"] for pod in (on_a, on_b)}
    break_(ward, "cut", "CutNetwork", {"node": "node-a"})
    ward.run(1)
    for source, target in ((on_a, on_b), (on_b, on_a)):
        found = reach(ward.api, ("shop", source.name), ip[target.name], 8080)
        assert (found.ok, found.symptom, found.refused_by) == (False, "connection timed out", "Fault cut")
    assert reach(ward.api, ("shop", on_a.name), ip[on_a.name], 8080).ok
    ward.delete("Fault", "cut")
    ward.run(1)
    assert reach(ward.api, ("shop", on_a.name), ip[on_b.name], 8080).ok


@pytest.mark.parametrize(
    ("action", "condition"),
    [("MemoryPressure", "MemoryPressure"), ("DiskPressure", "DiskPressure"), ("PIDPressure", "PIDPressure")],
)
def test_pressure_comes_and_goes(ward: Ward, action: str, condition: str) -> None:
    """The kubelet finds too little left; after the fault, and the transition period, it does no longer."""
    before = declared_state(ward)
    parameters = {"amount": 4_194_304} if action == "PIDPressure" else {}
    break_(ward, "f", action, {"node": "node-b"}, "2m", **parameters)
    # No threshold for PIDs is among the kubelet's defaults.
    expected = "False" if action == "PIDPressure" else "True"
    ward.run(30)
    assert ward.condition("Node", "node-b", condition)["status"] == expected
    ward.until(lambda: phase(ward, "f") == "Ended", 120)
    ward.until(lambda: health(ward) == WELL, 420, 5)
    ward.run(30)
    assert (declared_state(ward), health(ward)) == (before, WELL)


def test_pids_run_out_where_a_threshold_is_set() -> None:
    """--eviction-hard=pid.available: a fault of all processes brings PIDPressure."""
    ward = Ward("a", {"eviction-hard": "pid.available<10%"})
    break_(ward, "f", "PIDPressure", {"zone": "zone-a"}, "1m")
    ward.run(30)
    assert ward.condition("Node", "node-a", "PIDPressure")["status"] == "True"


def test_a_reboot_has_another_boot_id_and_restarts_what_ran(ward: Ward) -> None:
    """The machine is down for the fault's time, comes up with another boot id, and its containers run again."""
    before, boot = declared_state(ward), ward.status("Node", "node-c")["nodeInfo"]["bootID"]
    break_(ward, "f", "Reboot", {"node": "node-c"})
    ward.run(120)
    assert phase(ward, "f") == "Ended"
    assert ward.status("Node", "node-c")["nodeInfo"]["bootID"] != boot
    assert len(ward.messages("Rebooted", "node-c")) == 1
    assert sorted(restarts(ward).values()) == [0, 0, 1]
    assert (declared_state(ward), health(ward)) == (before, WELL)


def test_an_outage_takes_every_machine_of_a_zone(ward: Ward) -> None:
    """Only the zone's nodes fall silent; after it they boot, and everything is well."""
    before = declared_state(ward)
    break_(ward, "f", "ZoneOutage", {"zone": "zone-b"}, "10m")
    ward.run(70)
    assert [ready(ward, f"node-{letter}") for letter in "abc"] == ["True", "Unknown", "True"]
    ward.run(420)
    assert ward.available("web") == 3, "its pods were evicted and run elsewhere"
    ward.until(lambda: phase(ward, "f") == "Ended", 200)
    ward.run(120)
    assert (declared_state(ward), health(ward)) == (before, WELL)


CLOUD = """
apiVersion: kubarium.dev/v1alpha1
kind: Cloud
metadata: {name: sky}
spec: {zones: [east], instanceTypes: [{name: small, capacity: {cpu: 2, memory: 4Gi}}]}
---
apiVersion: kubarium.dev/v1alpha1
kind: Machine
metadata: {name: m1, labels: {team: shop}}
spec: {instanceType: small, zone: east, node: {labels: {tier: web}}}
"""


def test_a_machine_that_is_removed_comes_back_as_it_was() -> None:
    """Its node goes with it; at the end the cloud has the machine again, and it registers its node."""
    ward = Ward("a")
    ward.apply(CLOUD)
    ward.until(lambda: ward.find("Node", "m1") is not None and ready(ward, "m1") == "True", 120)
    before = ward.get("Machine", "m1")
    break_(ward, "first", "RemoveMachine", {"node": "m1"}, "5m")
    ward.until(lambda: ward.find("Node", "m1") is None, 200)
    assert ward.find("Machine", "m1") is None
    break_(ward, "second", "RemoveMachine", {"node": "m1"}, "5m")
    ward.until(lambda: phase(ward, "first") == "Ended", 400)
    ward.run(20)
    assert ward.find("Machine", "m1") is None, "the second fault still has it"
    ward.until(lambda: phase(ward, "second") == "Ended", 400)
    ward.until(lambda: ward.find("Node", "m1") is not None and ready(ward, "m1") == "True", 120)
    after = ward.get("Machine", "m1")
    assert (after["spec"], after["metadata"]["labels"]) == (before["spec"], before["metadata"]["labels"])
    assert ward.get("Node", "m1")["metadata"]["labels"]["tier"] == "web"


def test_a_bare_node_cannot_be_removed_from_a_cloud(ward: Ward) -> None:
    """There is no Machine behind it: the fault fails, and says why."""
    break_(ward, "f", "RemoveMachine", {"node": "node-a"})
    ward.run(1)
    assert phase(ward, "f") == "Failed"
    assert ward.messages("FaultFailed", "f") == ['no Machine of the cloud is behind node "node-a"']


def test_overlapping_faults_do_not_undo_each_other(ward: Ward) -> None:
    """A stopped kubelet stays stopped when a cut of the same node's network ends."""
    break_(ward, "stop", "StopKubelet", {"node": "node-a"}, "5m")
    break_(ward, "cut", "CutNetwork", {"zone": "zone-a"}, "2m")
    ward.run(200)
    assert (phase(ward, "cut"), phase(ward, "stop"), ready(ward, "node-a")) == ("Ended", "Active", "Unknown")
    ward.run(150)
    assert (phase(ward, "stop"), ready(ward, "node-a")) == ("Ended", "True")


def test_a_node_that_was_stopped_by_hand_stays_so(ward: Ward) -> None:
    """The annotation was there before the fault, and is there after it."""
    ward.annotate_node("node-a", kubelet="stopped")
    break_(ward, "f", "StopKubelet", {"node": "node-a"}, "1m")
    ward.run(150)
    assert (phase(ward, "f"), ready(ward, "node-a")) == ("Ended", "Unknown")


def test_a_fault_of_a_node_that_comes_later_waits_for_it(ward: Ward) -> None:
    """It is active, and says that no node is meant yet; the node is silent from its first minute on."""
    break_(ward, "f", "StopKubelet", {"node": "node-d"})
    ward.run(1)
    assert ward.status("Fault", "f")["message"] == "no node is meant yet"
    ward.api.create(USER, NODES, "", {"metadata": {"name": "node-d"}})
    ward.run(90)
    assert ready(ward, "node-d") == "Unknown"
    assert ward.status("Fault", "f")["affected"] == ["Node/node-d"]
    assert not [pod for pod in ward.store.list(PODS) if pod.obj["spec"].get("nodeName") == "node-d"]
