"""The simulated cloud: what is declared becomes machines, nodes, addresses and routes; through the whole cluster."""

from __future__ import annotations

import pytest

from engine.api.kinds import CLOUDS, DEPLOYMENTS, EVENTS, LOADBALANCERS, MACHINES, NODES, PODS, ROUTES, SERVICES
from engine.api.server import Caller
from engine.clock import SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from store.store import Store
from store.types import JsonObject, Resource
from tests.engine.controllers.world import World, workload

USER = Caller("tester", groups=("system:masters",))
CLOUD = {
    "metadata": {"name": "north"},
    "spec": {
        "zones": ["north-a", "north-b"],
        "instanceTypes": [{"name": "small", "capacity": {"cpu": 2, "memory": "8Gi"}}],
        "loadBalancers": {"addresses": ["203.0.113.0/30", "2001:db8::/126"]},
    },
}


class Sky:
    """A whole cluster with a cloud."""

    def __init__(self, store: Store | None = None, at: str = "2026-11-23T09:00:00Z") -> None:
        self.cluster = Cluster(store or Store(), Clock(parse_time(at)), ClusterOptions(seed=3))
        self.cluster.start(stepped=True)
        self.api = self.cluster.api

    def run(self, seconds: float) -> None:
        self.cluster.run_for(int(seconds * SECOND))
        assert not self.cluster.crashes

    def machine(self, name: str, **spec: object) -> None:
        self.api.create(
            USER, MACHINES, "", {"metadata": {"name": name}, "spec": {"instanceType": "small", **spec}},
            field_validation="Strict",
        )  # fmt: skip

    def set(self, name: str, **spec: object) -> None:
        obj = self.api.get(MACHINES, "", name).obj
        self.api.update(USER, MACHINES, "", name, {**obj, "spec": {**obj["spec"], **spec}})

    def balanced(self, name: str = "web", **spec: object) -> None:
        body = {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": 80}], **spec}
        self.api.create(USER, SERVICES, "default", {"metadata": {"name": name}, "spec": body})

    def service(self, name: str = "web") -> JsonObject:
        return self.api.get(SERVICES, "default", name).obj

    def node(self, name: str) -> JsonObject:
        return self.api.get(NODES, "", name).obj

    def taints(self, name: str) -> list[str]:
        return [taint["key"] for taint in self.node(name)["spec"].get("taints") or ()]

    def messages(self, reason: str) -> list[str]:
        return [env.obj["message"] for env in self.api.store.list(EVENTS) if env.obj["reason"] == reason]


@pytest.fixture
def sky() -> Sky:
    found = Sky()
    found.api.create(USER, CLOUDS, "", CLOUD, field_validation="Strict")
    return found


def test_a_machine_becomes_a_node(sky: Sky) -> None:
    """It boots for five seconds; the cloud says where it is and what it has, and its network is routed."""
    sky.machine("m1", zone="north-b", externalIP="198.51.100.7", node={"labels": {"shop/disk": "fast"}})
    sky.run(4)
    assert sky.api.get(MACHINES, "", "m1").obj["status"]["phase"] == "Provisioning"
    assert sky.api.find(NODES, "", "m1") is None
    sky.run(6)
    obj = sky.node("m1")
    assert obj["spec"]["providerID"] == "simulated:///north-b/m1"
    assert sky.taints("m1") == []
    labels = obj["metadata"]["labels"]
    assert (labels["topology.kubernetes.io/zone"], labels["topology.kubernetes.io/region"]) == ("north-b", "north")
    assert (labels["node.kubernetes.io/instance-type"], labels["shop/disk"]) == ("small", "fast")
    assert obj["status"]["capacity"]["memory"] == "8Gi"
    assert [a["address"] for a in obj["status"]["addresses"]] == ["192.168.128.1", "198.51.100.7", "m1"]
    (route,) = sky.api.store.list(ROUTES)
    assert route.obj["spec"] == {
        "node": "m1", "destinationCIDR": obj["spec"]["podCIDR"], "nextHop": "192.168.128.1",
    }  # fmt: skip
    conditions = {c["type"]: c["status"] for c in obj["status"]["conditions"]}
    assert (conditions["Ready"], conditions["NetworkUnavailable"]) == ("True", "False")


def test_a_node_declared_behind_the_taint(sky: Sky) -> None:
    """A Node manifest with the taint takes the machine of its name; one without it stays bare."""
    taint = {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}
    sky.api.create(USER, NODES, "", {"metadata": {"name": "m1"}, "spec": {"taints": [taint]}})
    sky.api.create(USER, NODES, "", {"metadata": {"name": "bare"}})
    sky.run(10)
    assert taint["key"] in sky.taints("m1")
    sky.machine("m1")
    sky.run(30)
    assert sky.taints("m1") == []
    assert sky.node("m1")["spec"]["providerID"] == "simulated:///north-a/m1"
    assert "providerID" not in sky.node("bare")["spec"]


def test_a_machine_is_deleted(sky: Sky) -> None:
    """Its kubelet falls silent, the node turns NotReady and goes; its pod comes up on the other machine."""
    sky.machine("m1")
    sky.run(10)
    sky.api.create(USER, *_deployment())
    sky.run(10)
    sky.machine("m2")
    sky.run(10)
    sky.api.delete(USER, MACHINES, "", "m1")
    sky.run(38)
    assert sky.api.find(NODES, "", "m1") is not None
    sky.run(22)
    assert sky.api.find(NODES, "", "m1") is None
    assert sky.messages("DeletingNode") == ["Deleting node m1 because it does not exist in the cloud provider"]
    sky.run(90)
    (pod,) = sky.api.store.list(PODS)
    assert (pod.obj["spec"]["nodeName"], pod.obj["status"]["phase"]) == ("m2", "Running")
    assert [env.obj["spec"]["node"] for env in sky.api.store.list(ROUTES)] == ["m2"]


def test_a_machine_is_switched_off_and_on(sky: Sky) -> None:
    """The node is tainted, not deleted; what ran on it has ended and starts again in a new sandbox."""
    sky.machine("m1")
    sky.run(10)
    sky.api.create(USER, *_deployment())
    sky.run(10)
    (before,) = sky.api.store.list(PODS)
    sky.set("m1", running=False)
    sky.run(61)
    assert "node.cloudprovider.kubernetes.io/shutdown" in sky.taints("m1")
    sky.set("m1", running=True)
    sky.run(30)
    assert sky.taints("m1") == []
    (pod,) = sky.api.store.list(PODS)
    (status,) = pod.obj["status"]["containerStatuses"]
    assert pod.uid == before.uid
    assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"]) == (1, 255)
    assert pod.obj["status"]["podIP"] != before.obj["status"]["podIP"]


def test_a_machine_that_is_off_when_the_cluster_is_reopened() -> None:
    """What ran on it has ended all the same."""
    store = Store()
    sky = Sky(store)
    sky.api.create(USER, CLOUDS, "", CLOUD)
    sky.machine("m1")
    sky.run(10)
    sky.api.create(USER, *_deployment())
    sky.run(10)
    sky.set("m1", running=False)
    sky.run(5)
    again = Sky(store, "2026-11-23T09:00:25Z")
    again.run(5)
    again.set("m1", running=True)
    again.run(30)
    (pod,) = again.api.store.list(PODS)
    (status,) = pod.obj["status"]["containerStatuses"]
    assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"]) == (1, 255)


def test_a_bare_node_is_never_deleted(sky: Sky) -> None:
    """A kubelet that stops on a machine which is not the cloud's leaves its node NotReady, as without a cloud."""
    sky.api.create(USER, NODES, "", {"metadata": {"name": "bare", "annotations": {}}})
    sky.run(10)
    stopped = {"metadata": {"annotations": {"kubarium.dev/kubelet": "stopped"}}}
    sky.api.patch(USER, NODES, "", "bare", "merge", stopped)
    sky.run(300)
    assert "node.kubernetes.io/unreachable" in sky.taints("bare")


def test_a_load_balancer_takes_two_seconds(sky: Sky) -> None:
    """The Service is pending meanwhile; then it has the first free address."""
    sky.machine("m1")
    sky.run(10)
    sky.balanced()
    sky.run(1.5)
    assert sky.service()["status"] == {"loadBalancer": {}}
    sky.run(1.5)
    assert sky.service()["status"]["loadBalancer"]["ingress"] == [{"ip": "203.0.113.1", "ipMode": "VIP"}]
    (made,) = sky.api.store.list(LOADBALANCERS)
    assert made.obj["spec"]["nodes"] == ["m1"]
    assert made.obj["spec"]["ports"][0]["nodePort"] == sky.service()["spec"]["ports"][0]["nodePort"]


def test_local_traffic_has_a_health_check(sky: Sky) -> None:
    """externalTrafficPolicy Local: the load balancer asks each node on the Service's port for it."""
    sky.balanced(externalTrafficPolicy="Local", loadBalancerSourceRanges=["192.0.2.0/24"])
    sky.run(3)
    (made,) = sky.api.store.list(LOADBALANCERS)
    assert made.obj["spec"]["healthCheckPort"] == sky.service()["spec"]["healthCheckNodePort"]
    assert made.obj["spec"]["sourceRanges"] == ["192.0.2.0/24"]


def test_a_load_balancer_that_somebody_deletes(sky: Sky) -> None:
    """The controller makes it anew."""
    sky.balanced()
    sky.run(3)
    (made,) = sky.api.store.list(LOADBALANCERS)
    sky.api.delete(USER, LOADBALANCERS, "", made.name)
    sky.run(4)
    (again,) = sky.api.store.list(LOADBALANCERS)
    assert again.uid != made.uid
    assert again.obj["status"]["phase"] == "Active"


def test_addresses_run_out(sky: Sky) -> None:
    """The third Service of a range of two waits and says why, until another goes."""
    for name in ("a", "b", "c"):
        sky.balanced(name)
        sky.run(3)
    waiting = [name for name in "abc" if not sky.service(name)["status"]["loadBalancer"]]
    assert waiting == ["c"]
    assert sky.messages("SyncLoadBalancerFailed") == [
        "Error syncing load balancer: failed to ensure load balancer: no free address is left for a load balancer"
    ]
    sky.api.delete(USER, SERVICES, "default", "a")
    sky.run(30)
    assert sky.service("c")["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.1"


def test_without_a_declared_cloud() -> None:
    """Does nothing: a LoadBalancer Service stays pending, and nobody says a word about it."""
    sky = Sky()
    sky.balanced()
    sky.api.create(USER, NODES, "", {"metadata": {"name": "bare"}})
    sky.machine("m1")
    sky.run(120)
    assert sky.service()["status"] == {"loadBalancer": {}}
    assert "finalizers" not in sky.service()["metadata"]
    assert [env.name for env in sky.api.store.list(NODES)] == ["bare"]


def test_idle_writes_nothing(declared: World) -> None:
    """A settled cloud costs no revision in an hour."""
    declared.create(CLOUDS, CLOUD, "")
    declared.create(MACHINES, {"metadata": {"name": "m1"}}, "")
    declared.create(SERVICES, {"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}})
    declared.run(30)
    declared.log.clear()
    declared.run(3600)
    assert declared.writes() == []


def test_a_cloud_is_still_there_after_a_restart() -> None:
    """Machines go on running, load balancers keep their addresses."""
    store = Store()
    sky = Sky(store)
    sky.api.create(USER, CLOUDS, "", CLOUD)
    sky.machine("m1")
    sky.balanced()
    sky.run(20)
    uid, address = sky.node("m1")["metadata"]["uid"], sky.service()["status"]
    again = Sky(store, "2026-11-23T09:00:20Z")
    again.run(30)
    assert again.node("m1")["metadata"]["uid"] == uid
    assert again.service()["status"] == address
    assert len(store.list(LOADBALANCERS)) == 1


def _deployment() -> tuple[Resource, str, JsonObject]:
    template = workload(1)
    template["spec"]["template"]["spec"]["tolerations"] = [
        {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
    ]
    return DEPLOYMENTS, "default", template
