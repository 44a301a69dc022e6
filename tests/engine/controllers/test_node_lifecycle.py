"""Nodes that fall silent and come back, with the figures of a real cluster, on virtual time and with fake kubelets."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from engine.api.kinds import LEASES, NODES, PODS
from engine.clock import SECOND, rfc3339, rfc3339_micro
from engine.controllers.node_lifecycle.config import NodeLifecycleConfig
from engine.controllers.node_lifecycle.controller import NodeLifecycleController
from engine.controllers.node_lifecycle.zones import ZoneState, state_of
from engine.controllers.taint_eviction import shortest_toleration
from store.types import Envelope, JsonObject
from tests.engine.controllers.world import KUBELET, USER, World

UNREACHABLE = "node.kubernetes.io/unreachable"
NOT_READY = "node.kubernetes.io/not-ready"
HEALTHY = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}
TOLERATIONS = [
    {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in (NOT_READY, UNREACHABLE)
]  # fmt: skip


class Nodes(World):
    """Nodes whose fake kubelets renew their leases every 10 s until they are stopped."""

    def __init__(self, zones: dict[str, int], flags: dict[str, str] | None = None) -> None:
        """`zones`: number of nodes by zone; nodes are called `a-0`, `a-1` …"""
        super().__init__(["node-lifecycle-controller", "taint-eviction-controller"], flags)
        self.namespace("kube-node-lease")
        self.stopped: dict[str, bool] = {}
        for zone, count in zones.items():
            for number in range(count):
                self.join(f"{zone}-{number}", zone)
        self.settle()

    def join(self, name: str, zone: str) -> None:
        labels = {"topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": zone}
        self.create(NODES, {"metadata": {"name": name, "labels": labels}}, "")
        self.stopped[name] = False
        self.post(name)
        self.renew(name)

    def post(self, name: str, ready: str = "True", **others: str) -> None:
        """The kubelet posts its status."""
        stamp = rfc3339(self.clock.now())
        conditions = []
        for type_, (status, reason, message) in HEALTHY.items():
            status = ready if type_ == "Ready" else others.get(type_, status)
            conditions.append({
                "type": type_, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": stamp,
                "lastTransitionTime": stamp,
            })  # fmt: skip
        self.api.update_status(KUBELET, self.api.get(NODES, "", name), {"conditions": conditions})

    def renew(self, name: str) -> None:
        """The kubelet renews its lease, now and every 10 s."""
        if self.stopped[name]:
            return
        spec = {"holderIdentity": name, "renewTime": rfc3339_micro(self.clock.now()), "leaseDurationSeconds": 40}
        env = self.api.find(LEASES, "kube-node-lease", name)
        if env is None:
            self.api.create(KUBELET, LEASES, "kube-node-lease", {"metadata": {"name": name}, "spec": spec})
        else:
            self.api.update(KUBELET, LEASES, "kube-node-lease", name, {**env.obj, "spec": spec})
        self.clock.call_later(10 * SECOND, lambda: self.renew(name))

    def stop(self, names: Iterable[str]) -> None:
        for name in names:
            self.stopped[name] = True

    def restart(self, names: Iterable[str]) -> None:
        """The kubelets come back and post at once."""
        for name in names:
            self.stopped[name] = False
            self.post(name)
            self.renew(name)

    def pod(self, name: str, node: str, tolerations: list[JsonObject] | None = None) -> None:
        """A pod that runs on a node and is ready."""
        spec: dict[str, Any] = {
            "containers": [{"name": "c", "image": "i"}], "terminationGracePeriodSeconds": 30, "nodeName": node,
            "tolerations": TOLERATIONS if tolerations is None else tolerations,
        }  # fmt: skip
        self.create(PODS, {"metadata": {"name": name}, "spec": spec})
        self.report(self.api.get(PODS, "default", name))

    def node(self, name: str) -> Envelope:
        return self.api.get(NODES, "", name)

    def condition(self, name: str, type_: str = "Ready") -> tuple[str, str, str]:
        found = next(c for c in self.node(name).obj["status"]["conditions"] if c["type"] == type_)
        return found["status"], found["reason"], found["message"]

    def taints(self, name: str) -> list[tuple[str, str]]:
        taints = self.node(name).obj.get("spec", {}).get("taints") or ()
        return [(taint["key"].removeprefix("node.kubernetes.io/"), taint["effect"]) for taint in taints]

    def evicted_from(self, names: Iterable[str]) -> list[str]:
        """Nodes with a NoExecute taint."""
        return [name for name in names if any(effect == "NoExecute" for _, effect in self.taints(name))]

    def deleting(self) -> list[str]:
        return [pod.name for pod in self.pods() if "deletionTimestamp" in pod.obj["metadata"]]

    def states(self) -> dict[str, str]:
        controller = self.runners["node-lifecycle-controller"].controller
        assert isinstance(controller, NodeLifecycleController)
        return {key.zone: state.value for key, state in controller.zone_states.items()}


def zone(letter: str, count: int) -> list[str]:
    return [f"{letter}-{number}" for number in range(count)]


def test_healthy_nodes_are_only_registered() -> None:
    """One event per node, and then nothing but heartbeats."""
    world = Nodes({"a": 2})
    world.run(5)
    assert sorted(world.messages()) == [f"Node a-{n} event: Registered Node a-{n} in Controller" for n in (0, 1)]
    world.writes()
    world.run(300)
    assert set(world.writes()) == {f"MODIFIED leases.coordination.k8s.io kube-node-lease/a-{n}" for n in (0, 1)}
    assert world.states() == {"a": "Normal"}


def test_one_node_fails_as_on_a_real_cluster() -> None:
    """+50 s after the look that saw the last renewal: Unknown; taints at once; +20 s and +300 s: evictions."""
    world = Nodes({"a": 1, "b": 3})
    world.pod("bare", "a-0")
    world.pod("tol20", "a-0", [{**t, "tolerationSeconds": 20} for t in TOLERATIONS])
    world.pod("ds", "a-0", [{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute"}])
    world.pod("elsewhere", "b-0")
    world.run(62)  # the last renewal is at 60 s, the look that sees it at 60 s too
    world.stop(["a-0"])
    world.run(47.9)
    assert world.condition("a-0")[0] == "True"
    world.run(0.2)
    assert world.elapsed == pytest.approx(110.1)
    unknown = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    assert [world.condition("a-0", type_) for type_ in HEALTHY] == [unknown] * 4
    assert world.taints("a-0") == [("unreachable", "NoSchedule"), ("unreachable", "NoExecute")]
    assert world.messages("NodeNotReady") == ["Node a-0 status is now: NodeNotReady"] + ["Node is not ready"] * 3
    assert {type_ for type_, _, message, _ in world.events("NodeNotReady") if message == "Node is not ready"} == {
        "Warning"
    }
    ready = {pod.name: pod.obj["status"]["conditions"][0]["status"] for pod in world.pods()}
    assert ready == {"bare": "False", "tol20": "False", "ds": "False", "elsewhere": "True"}
    world.run(19.7)
    assert world.deleting() == []
    world.run(0.4)
    assert world.deleting() == ["tol20"]
    tol20 = world.api.get(PODS, "default", "tol20").obj
    disrupted = tol20["status"]["conditions"][-1]
    assert (disrupted["type"], disrupted["status"], disrupted["reason"], disrupted["message"]) == (
        "DisruptionTarget", "True", "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint",
    )  # fmt: skip
    assert tol20["metadata"]["deletionGracePeriodSeconds"] == 30
    world.run(279.5)
    assert world.deleting() == ["tol20"]
    world.run(0.5)
    assert world.deleting() == ["bare", "tol20"]
    assert world.messages("TaintManagerEviction") == [
        "Marking for deletion Pod default/tol20", "Marking for deletion Pod default/bare",
    ]  # fmt: skip
    world.run(1200)
    assert world.deleting() == ["bare", "tol20"]


def test_a_node_that_comes_back() -> None:
    """NoSchedule goes with the posted status, NoExecute at the next look, and evictions to come are cancelled."""
    world = Nodes({"a": 1, "b": 3})
    world.pod("bare", "a-0")
    world.run(62)
    world.stop(["a-0"])
    world.run(61)
    assert len(world.taints("a-0")) == 2
    world.restart(["a-0"])
    world.settle()
    assert world.taints("a-0") == [("unreachable", "NoExecute")]
    world.run(1.9)
    assert world.taints("a-0") == [("unreachable", "NoExecute")]
    world.run(0.2)
    assert world.taints("a-0") == []
    assert world.messages("TaintManagerEviction") == ["Cancelling deletion of Pod default/bare"]
    world.run(1000)
    assert world.deleting() == []


def test_a_pod_without_toleration_goes_at_once() -> None:
    """No patience, no delay: it is deleted at the instant of the taint."""
    world = Nodes({"a": 1, "b": 3})
    world.pod("p", "a-0", [{**t, "tolerationSeconds": 0} for t in TOLERATIONS])
    world.stop(["a-0"])
    world.run(60)
    assert world.deleting() == ["p"]


def test_a_pod_that_comes_to_a_silent_node() -> None:
    """It is marked not ready as well, and its patience starts when it comes."""
    world = Nodes({"a": 1, "b": 3})
    world.stop(["a-0"])
    world.run(100)
    world.pod("late", "a-0")
    world.run(299)
    assert world.deleting() == []
    world.run(2)
    assert world.deleting() == ["late"]


def test_kubelet_says_not_ready() -> None:
    """Ready=False taints not-ready, and turning silent then swaps the taint at once."""
    world = Nodes({"a": 1, "b": 3})
    world.post("a-0", ready="False")
    world.run(6)
    assert world.taints("a-0") == [("not-ready", "NoSchedule"), ("not-ready", "NoExecute")]
    world.stop(["a-0"])
    world.run(70)
    assert sorted(world.taints("a-0")) == [("unreachable", "NoExecute"), ("unreachable", "NoSchedule")]


def test_pressure_and_cordon_are_taints() -> None:
    """Each condition and spec.unschedulable has its NoSchedule taint; other people's taints stay."""
    world = Nodes({"a": 4})
    mine = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    world.edit(
        NODES, "a-0", lambda o: {**o, "spec": {**o.get("spec", {}), "taints": [mine], "unschedulable": True}}, ""
    )
    world.post("a-0", MemoryPressure="True", DiskPressure="True", PIDPressure="True")
    world.settle()
    assert {key for key, _ in world.taints("a-0")} == {
        "dedicated", "unschedulable", "memory-pressure", "disk-pressure", "pid-pressure",
    }  # fmt: skip
    world.post("a-0")
    world.edit(NODES, "a-0", lambda o: {**o, "spec": {**o["spec"], "unschedulable": False}}, "")
    world.settle()
    assert world.taints("a-0") == [("dedicated", "NoSchedule")]


def test_a_node_that_never_posted() -> None:
    """A node without a kubelet is Unknown a minute after its creation, and says that it was never heard of."""
    world = Nodes({"a": 3})
    world.create(NODES, {"metadata": {"name": "ghost"}}, "")
    world.run(59)
    assert "conditions" not in world.node("ghost").obj.get("status", {})
    world.run(7)
    never = ("Unknown", "NodeStatusNeverUpdated", "Kubelet never posted node status.")
    assert [world.condition("ghost", type_) for type_ in HEALTHY] == [never] * 4


def test_a_removed_node_is_told() -> None:
    """Removing and registering are events; its zone's queue forgets it."""
    world = Nodes({"a": 3})
    world.run(6)
    world.api.delete(USER, NODES, "", "a-2")
    world.run(5)
    assert world.messages("RemovingNode") == ["Node a-2 event: Removing Node a-2 from Controller"]


def test_nodes_of_one_zone_are_tainted_one_in_ten_seconds() -> None:
    """Two of ten nodes fail: a healthy zone, so the second is tainted 10 s after the first."""
    world = Nodes({"a": 10})
    world.run(62)
    world.stop(["a-0", "a-1"])
    world.run(49)
    assert len(world.evicted_from(zone("a", 10))) == 1
    world.run(9)
    assert len(world.evicted_from(zone("a", 10))) == 1
    world.run(1)
    assert len(world.evicted_from(zone("a", 10))) == 2


def test_a_small_zone_in_trouble_stops() -> None:
    """Six of ten nodes are down, at least 55 %: partial disruption, and a small zone evicts no more."""
    world = Nodes({"a": 10, "b": 3})
    world.run(62)
    world.stop(zone("a", 6))
    world.run(49)
    assert world.states() == {"a": "PartialDisruption", "b": "Normal"}
    first = len(world.evicted_from(zone("a", 10)))
    world.run(600)
    assert len(world.evicted_from(zone("a", 10))) == first == 0


def test_a_large_zone_in_trouble_slows_down() -> None:
    """40 of 60 nodes are down: in a large zone one in 100 s is still tainted."""
    world = Nodes({"a": 60, "b": 3})
    world.run(62)
    world.stop(zone("a", 40))
    world.run(49)
    assert world.states()["a"] == "PartialDisruption"
    counts = []
    for _ in range(5):
        counts.append(len(world.evicted_from(zone("a", 60))))
        world.run(100)
    assert [after - before for before, after in pairwise(counts)] == [1, 1, 1, 1]


def test_a_whole_zone_down_evicts_at_the_normal_rate() -> None:
    """Full disruption of one zone while others live: probably the nodes; one in 10 s."""
    world = Nodes({"a": 6, "b": 3})
    world.run(62)
    world.stop(zone("a", 6))
    world.run(49)
    assert world.states() == {"a": "FullDisruption", "b": "Normal"}
    before = len(world.evicted_from(zone("a", 6)))
    world.run(40)
    assert len(world.evicted_from(zone("a", 6))) == before + 4


def test_all_zones_down_evict_nothing() -> None:
    """No node is heard of: nobody is evicted, however long it takes; NoSchedule taints are put on all the same."""
    world = Nodes({"a": 4, "b": 4})
    everything = zone("a", 4) + zone("b", 4)
    for name in everything:
        world.pod(f"on-{name}", name)
    world.run(62)
    world.stop(everything)
    world.run(3600)
    assert world.states() == {"a": "FullDisruption", "b": "FullDisruption"}
    assert world.evicted_from(everything) == []
    assert all(("unreachable", "NoSchedule") in world.taints(name) for name in everything)
    assert world.deleting() == []


def test_after_a_full_outage_silent_nodes_get_their_time_again() -> None:
    """One zone comes back: the nodes of the other are evicted only from then on, and at the rate of their state."""
    world = Nodes({"a": 4, "b": 4})
    world.run(62)
    world.stop(zone("a", 4) + zone("b", 4))
    world.run(600)
    world.restart(zone("a", 4))
    world.run(5)
    assert world.states() == {"a": "Normal", "b": "FullDisruption"}
    assert world.evicted_from(zone("b", 4)) == []
    world.run(46)
    assert len(world.evicted_from(zone("b", 4))) == 5 - 1
    assert all(world.taints(name) == [] for name in zone("a", 4))


def test_zone_states() -> None:
    """ComputeZoneState at its edges."""
    config = NodeLifecycleConfig()
    assert state_of(0, 1, config) is ZoneState.FULL_DISRUPTION
    assert state_of(1, 2, config) is ZoneState.NORMAL
    assert state_of(2, 3, config) is ZoneState.PARTIAL_DISRUPTION
    assert state_of(3, 3, config) is ZoneState.NORMAL
    assert state_of(9, 11, config) is ZoneState.PARTIAL_DISRUPTION


def test_flags_set_the_spans() -> None:
    """`--node-monitor-grace-period=40s`: ten seconds earlier."""
    world = Nodes({"a": 1, "b": 3}, {"node-monitor-grace-period": "40s"})
    world.run(62)
    world.stop(["a-0"])
    world.run(38.1)
    assert world.condition("a-0")[0] == "Unknown"


def test_shortest_toleration() -> None:
    """Zero without a toleration, the smallest of the limited ones, None when all are unlimited."""
    taints: list[JsonObject] = [{"key": "a", "effect": "NoExecute"}, {"key": "b", "value": "x", "effect": "NoExecute"}]
    everything: JsonObject = {"operator": "Exists"}
    assert shortest_toleration(taints, []) == 0
    assert shortest_toleration(taints, [everything]) is None
    some: list[JsonObject] = [{"key": "a", "operator": "Exists", "tolerationSeconds": 5}]
    assert shortest_toleration(taints, some) == 0
    assert shortest_toleration(taints, [*some, {"key": "b", "value": "x", "tolerationSeconds": 9}]) == 5 * SECOND
    assert shortest_toleration(taints, [*some, {"key": "b", "value": "y"}]) == 0
    assert shortest_toleration(taints, [*some, {"key": "b", "operator": "Exists", "tolerationSeconds": -3}]) == 0
