"""The cloud's controllers against a provider from outside: world → one step → what is written."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import CLUSTERROLES, EVENTS, NODES, SERVICEACCOUNTS, SERVICES
from engine.clock import rfc3339
from engine.cloud.provider import UNINITIALIZED, InstanceMetadata, Route
from engine.cloud.registry import chosen_provider
from engine.flags import BadFlag, Flags
from store.types import Envelope, JsonObject
from tests.engine.cloud.tiny_cloud import TinyCloud
from tests.engine.controllers.world import KUBELET, USER, World

SHUTDOWN = "node.cloudprovider.kubernetes.io/shutdown"


def node(world: World, name: str = "n1", **spec: Any) -> Envelope:
    """A node, and a machine for it if it has a provider id or is none of this test's business."""
    assert isinstance(world.cloud, TinyCloud)
    if "taints" not in spec:
        world.cloud.machines[name] = InstanceMetadata("tiny://7")
    return world.create(NODES, {"metadata": {"name": name}, "spec": spec}, "")


def report(world: World, name: str, status: str) -> None:
    """A kubelet's, or the node lifecycle controller's, word about a node."""
    condition = {"type": "Ready", "status": status, "lastTransitionTime": rfc3339(world.clock.now())}
    env = world.api.get(NODES, "", name)
    world.api.update_status(KUBELET, env, {**(env.obj.get("status") or {}), "conditions": [condition]})
    world.settle()


def service(world: World, name: str = "web", **spec: Any) -> Envelope:
    body = {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": 80}], **spec}
    env = world.create(SERVICES, {"metadata": {"name": name}, "spec": body})
    world.settle()
    return env


def present(world: World, name: str = "web") -> JsonObject:
    return world.api.get(SERVICES, "default", name).obj


def ingress(world: World, name: str = "web") -> list[str]:
    return [each["ip"] for each in present(world, name)["status"]["loadBalancer"].get("ingress", ())]


# -- nodes ---------------------------------------------------------------------------------------------------------


def test_a_node_is_initialised(outside: World, tiny: TinyCloud) -> None:
    """Provider id, labels, addresses; then the taint goes. Labels of Kubernetes' domains are not the cloud's to set."""
    tiny.machines["n1"] = InstanceMetadata(
        "tiny://7", "small", [{"type": "InternalIP", "address": "10.0.0.7"}], "z1", "r1",
        {"tiny.example.com/rack": "9", "kubernetes.io/hostname": "no"},
    )  # fmt: skip
    other = {"key": "mine", "effect": "NoSchedule"}
    node(outside, taints=[UNINITIALIZED, other])
    outside.settle()
    obj = outside.api.get(NODES, "", "n1").obj
    assert obj["spec"]["providerID"] == "tiny://7"
    assert [taint["key"] for taint in obj["spec"]["taints"]] == ["mine", "node.kubernetes.io/not-ready"]
    assert obj["metadata"]["labels"] == {
        "beta.kubernetes.io/instance-type": "small", "node.kubernetes.io/instance-type": "small",
        "failure-domain.beta.kubernetes.io/zone": "z1", "topology.kubernetes.io/zone": "z1",
        "failure-domain.beta.kubernetes.io/region": "r1", "topology.kubernetes.io/region": "r1",
        "tiny.example.com/rack": "9",
    }  # fmt: skip
    assert obj["status"]["addresses"] == [{"type": "InternalIP", "address": "10.0.0.7"}]
    assert outside.events("Synced") == [("Normal", "Synced", "Node synced successfully", 1)]


def test_a_node_waits_for_its_machine(outside: World, tiny: TinyCloud) -> None:
    """A node that the cloud does not know keeps its taint, and is asked about with back-off."""
    node(outside, taints=[UNINITIALIZED])
    outside.run(1)
    assert outside.api.get(NODES, "", "n1").obj["spec"]["taints"][0] == UNINITIALIZED
    tiny.machines["n1"] = InstanceMetadata("tiny://7")
    outside.run(2)
    assert outside.api.get(NODES, "", "n1").obj["spec"]["providerID"] == "tiny://7"


def test_addresses_follow_the_cloud(outside: World, tiny: TinyCloud) -> None:
    """An initialised node's addresses are looked up every five minutes; the host name is the kubelet's."""
    node(outside, providerID="tiny://7")
    env = outside.api.get(NODES, "", "n1")
    hostname = {"type": "Hostname", "address": "n1"}
    outside.api.update_status(KUBELET, env, {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, hostname]})
    tiny.machines["n1"] = InstanceMetadata("tiny://7", addresses=[{"type": "InternalIP", "address": "10.0.0.9"}])
    outside.run(301)
    found = outside.api.get(NODES, "", "n1").obj["status"]["addresses"]
    assert found == [{"type": "InternalIP", "address": "10.0.0.9"}, hostname]


def test_bare_nodes_are_left_alone(outside: World, tiny: TinyCloud) -> None:
    """Does nothing: a ready node without the taint, of which the cloud knows nothing."""
    node(outside)
    tiny.machines.clear()
    report(outside, "n1", "True")
    outside.log.clear()
    outside.run(60)
    assert outside.writes() == []


def test_the_identity_of_the_controllers(outside: World) -> None:
    """With a cloud there is its service account, and a role with the rules that the controllers need."""
    assert outside.api.find(SERVICEACCOUNTS, "kube-system", "cloud-controller-manager") is not None
    rules = outside.api.get(CLUSTERROLES, "", "system:cloud-controller-manager").obj["rules"]
    verbs = {resource: rule["verbs"] for rule in rules for resource in rule["resources"]}
    assert verbs["nodes"] == ["create", "delete", "get", "list", "patch", "update", "watch"]
    assert verbs["services"] == ["get", "list", "patch", "update", "watch"]
    assert verbs["events"] == ["create", "patch", "update"]
    assert verbs["serviceaccounts"] == ["create"]


# -- the lives of nodes --------------------------------------------------------------------------------------------


def test_a_node_whose_machine_is_gone_is_deleted(outside: World, tiny: TinyCloud) -> None:
    """Not while it is ready; then at the next look."""
    tiny.machines["n1"] = InstanceMetadata("tiny://7")
    node(outside, providerID="tiny://7")
    report(outside, "n1", "True")
    del tiny.machines["n1"]
    outside.run(60)
    assert outside.api.find(NODES, "", "n1") is not None
    report(outside, "n1", "Unknown")
    assert outside.api.find(NODES, "", "n1") is None
    assert outside.messages("DeletingNode") == ["Deleting node n1 because it does not exist in the cloud provider"]


def test_a_machine_that_is_off(outside: World, tiny: TinyCloud) -> None:
    """Its node is tainted, not deleted; ready again, it is as before."""
    tiny.machines["n1"], tiny.off["n1"] = InstanceMetadata("tiny://7"), None
    node(outside, providerID="tiny://7")
    report(outside, "n1", "Unknown")
    assert SHUTDOWN in [taint["key"] for taint in outside.api.get(NODES, "", "n1").obj["spec"]["taints"]]
    tiny.off.clear()
    report(outside, "n1", "True")
    assert SHUTDOWN not in [taint["key"] for taint in outside.api.get(NODES, "", "n1").obj["spec"]["taints"]]


def test_a_cloud_in_trouble_deletes_nothing(outside: World, tiny: TinyCloud) -> None:
    """An error is no answer: the node stays, and is asked about every five seconds."""
    node(outside, providerID="tiny://7")
    tiny.machines.clear()
    tiny.trouble = "rate limit exceeded"
    report(outside, "n1", "Unknown")
    outside.run(60)
    assert outside.api.find(NODES, "", "n1") is not None
    tiny.trouble = ""
    outside.run(5)
    assert outside.api.find(NODES, "", "n1") is None


def test_a_new_node_is_given_a_minute(outside: World) -> None:
    """A node behind the taint of which the cloud knows nothing is deleted after a minute, not at once."""
    node(outside, taints=[UNINITIALIZED])
    outside.run(59)
    assert outside.api.find(NODES, "", "n1") is not None
    outside.run(6)
    assert outside.api.find(NODES, "", "n1") is None


# -- load balancers ------------------------------------------------------------------------------------------------


def test_a_service_gets_a_load_balancer(outside: World, tiny: TinyCloud) -> None:
    """A finalizer first, then the address in its status; all nodes are targets but for those excluded."""
    node(outside)
    tiny.machines["n2"] = InstanceMetadata("tiny://8")
    outside.create(NODES, {"metadata": {"name": "n2", "labels": {
        "node.kubernetes.io/exclude-from-external-load-balancers": ""}}}, "")  # fmt: skip
    service(outside)
    obj = present(outside)
    assert obj["metadata"]["finalizers"] == ["service.kubernetes.io/load-balancer-cleanup"]
    assert obj["status"]["loadBalancer"] == {"ingress": [{"ip": "198.51.100.1"}]}
    assert tiny.balancers == {"web": ("198.51.100.1", ["n1"])}
    told = [(reason, message) for _, reason, message, _ in outside.events()]
    assert told == [
        ("EnsuringLoadBalancer", "Ensuring load balancer"), ("EnsuredLoadBalancer", "Ensured load balancer"),
    ]  # fmt: skip


@pytest.mark.parametrize("spec", [{"type": "ClusterIP"}, {"type": "NodePort"}, {"loadBalancerClass": "x.io/y"}])
def test_other_services_are_left_alone(outside: World, tiny: TinyCloud, spec: dict[str, Any]) -> None:
    """Does nothing: no Service of type LoadBalancer, or one of somebody else's class."""
    outside.log.clear()
    service(outside, **spec)
    outside.run(60)
    assert len(outside.writes(SERVICES)) == 1
    assert not tiny.balancers


def test_an_update_that_changes_nothing(outside: World) -> None:
    """Does nothing: a label on the Service is not the load balancer's business."""
    node(outside)
    service(outside)
    outside.log.clear()
    outside.edit(SERVICES, "web", lambda obj: {**obj, "metadata": {**obj["metadata"], "labels": {"a": "b"}}})
    outside.settle()
    assert outside.writes(EVENTS) == []
    assert len(outside.writes()) == 0


def test_changes_are_told_and_sent(outside: World) -> None:
    """Source ranges and traffic policy have events of their own."""
    node(outside)
    service(outside)
    outside.spec(SERVICES, "web", loadBalancerSourceRanges=["192.0.2.0/24"], externalTrafficPolicy="Local")
    outside.settle()
    assert outside.messages("LoadBalancerSourceRanges") == [" -> [192.0.2.0/24]"]
    assert outside.messages("ExternalTrafficPolicy") == ["Cluster -> Local"]
    assert outside.events("EnsuredLoadBalancer")[0][3] == 2


def test_nodes_come_and_go(outside: World, tiny: TinyCloud) -> None:
    """Each change of the set is sent; whether a node is ready does not matter."""
    service(outside)
    assert outside.messages("UnAvailableLoadBalancer") == ["There are no available nodes for LoadBalancer"]
    node(outside)
    outside.settle()
    assert tiny.balancers["web"][1] == ["n1"]
    assert outside.messages("UpdatedLoadBalancer") == ["Updated load balancer with new hosts"]
    outside.log.clear()
    report(outside, "n1", "True")
    assert outside.messages("UpdatedLoadBalancer") == ["Updated load balancer with new hosts"]


def test_failures_are_told_and_tried_again(outside: World, tiny: TinyCloud) -> None:
    """After 5 s, then 10 s, then 20 s."""
    node(outside)
    tiny.trouble = "quota exceeded"
    service(outside)
    text = "Error syncing load balancer: failed to ensure load balancer: quota exceeded"
    assert outside.events("SyncLoadBalancerFailed") == [("Warning", "SyncLoadBalancerFailed", text, 1)]
    outside.run(16)
    assert outside.events("SyncLoadBalancerFailed")[0][3] == 3
    tiny.trouble = ""
    outside.run(18)
    assert ingress(outside) == []
    outside.run(2)
    assert ingress(outside) == ["198.51.100.1"]


def test_a_service_goes_after_its_load_balancer(outside: World, tiny: TinyCloud) -> None:
    """Deleted, it stays until the cloud has let go."""
    node(outside)
    service(outside)
    tiny.trouble = "try later"
    outside.api.delete(USER, SERVICES, "default", "web")
    outside.run(1)
    assert "deletionTimestamp" in present(outside)["metadata"]
    tiny.trouble = ""
    outside.run(5)
    assert outside.api.find(SERVICES, "default", "web") is None
    assert not tiny.balancers
    assert outside.messages("DeletedLoadBalancer") == ["Deleted load balancer"]


def test_a_service_that_is_one_no_longer(outside: World, tiny: TinyCloud) -> None:
    """Of another type, it loses load balancer, address and finalizer, and stays."""
    node(outside)
    service(outside)
    outside.spec(SERVICES, "web", type="ClusterIP")
    outside.settle()
    obj = present(outside)
    assert "finalizers" not in obj["metadata"]
    assert obj["status"]["loadBalancer"] == {}
    assert not tiny.balancers
    assert outside.messages("Type") == ["LoadBalancer -> ClusterIP"]


# -- routes --------------------------------------------------------------------------------------------------------


def unavailable(world: World, name: str = "n1") -> list[tuple[str, str]]:
    conditions = (world.api.get(NODES, "", name).obj.get("status") or {}).get("conditions") or ()
    return [(c["status"], c["reason"]) for c in conditions if c["type"] == "NetworkUnavailable"]


def test_a_route_per_range(outside: World, tiny: TinyCloud) -> None:
    """One for each IP family; then the node's network is available."""
    node(outside, podCIDR="10.244.1.0/24", podCIDRs=["10.244.1.0/24", "fd00:1::/64"])
    outside.run(1)
    assert [(r.node, r.cidr) for r in tiny.wires.values()] == [("n1", "10.244.1.0/24"), ("n1", "fd00:1::/64")]
    assert unavailable(outside) == [("False", "RouteCreated")]
    outside.log.clear()
    outside.run(60)
    assert outside.writes() == []


def test_a_route_that_cannot_be_made(outside: World, tiny: TinyCloud) -> None:
    """The node says so, and it is tried again every ten seconds."""
    tiny.trouble = "no more routes"
    env = node(outside, podCIDR="10.244.1.0/24", podCIDRs=["10.244.1.0/24"])
    outside.run(1)
    assert unavailable(outside) == [("True", "NoRouteCreated")]
    (message,) = outside.messages("FailedToCreateRoute")
    assert message == f"Could not create route {env.uid} 10.244.1.0/24 for node n1 after 0s: no more routes"
    tiny.trouble = ""
    outside.run(10)
    assert unavailable(outside) == [("False", "RouteCreated")]


def test_routes_to_nowhere_are_deleted(outside: World, tiny: TinyCloud) -> None:
    """Of the cluster's own range; others are somebody else's."""
    tiny.wires = {"a": Route("a", "gone", "10.244.9.0/24", ""), "b": Route("b", "gone", "172.20.0.0/24", "")}
    outside.run(11)
    assert list(tiny.wires) == ["b"]


# -- the seam ------------------------------------------------------------------------------------------------------


def test_a_provider_that_nobody_knows() -> None:
    """It is refused with the names of those that are known; none at all is no cloud."""
    world = World((), {"cloud-provider": ""})
    assert world.cloud is None
    with pytest.raises(BadFlag, match=r'"rain" for "--cloud-provider": unknown cloud provider \(known: simulated\)'):
        chosen_provider(Flags({"cloud-provider": "rain"}), world.api)


def test_without_a_cloud_nothing_is_done() -> None:
    """No provider: the controllers watch nothing, Services wait for ever."""
    world = World(("cloud-node-controller", "service-lb-controller", "machine-controller"), {"cloud-provider": ""})
    world.create(NODES, {"metadata": {"name": "n1"}}, "")
    service(world)
    world.run(60)
    assert ingress(world) == []
    assert world.api.find(SERVICEACCOUNTS, "kube-system", "cloud-controller-manager") is None
