"""EndpointSlices follow the pods behind a Service."""

from __future__ import annotations

import pytest

from engine.api.kinds import ENDPOINTS, ENDPOINTSLICES, NODES, PODS, SERVICES
from engine.network.service_allocation import SERVICE_CIDRS
from tests.engine.controllers.service_world import ServiceWorld
from tests.engine.controllers.world import USER

READY, UNREADY, LEAVING = (True, True, False), (False, False, False), (False, True, True)


@pytest.fixture
def world() -> ServiceWorld:
    return ServiceWorld("endpointslice-controller")


def test_a_slice_as_kubernetes_writes_it(world: ServiceWorld) -> None:
    """Name, labels, owner, trigger time, ports and endpoint are those of a real v1.36."""
    pod = world.pod("web-1")
    service = world.service()
    (made,) = world.slices()
    meta = made["metadata"]
    assert meta["generateName"] == "web-"
    assert len(meta["name"]) == len("web-xxxxx")
    assert meta["annotations"] == {"endpoints.kubernetes.io/last-change-trigger-time": "2026-11-23T09:00:00Z"}
    assert meta["labels"] == {
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": "web",
    }
    assert meta["ownerReferences"] == [
        {
            "apiVersion": "v1", "blockOwnerDeletion": True, "controller": True, "kind": "Service", "name": "web",
            "uid": service.uid,
        }
    ]  # fmt: skip
    assert (made["addressType"], made["ports"]) == ("IPv4", [{"name": "", "port": 80, "protocol": "TCP"}])
    assert made["endpoints"] == [
        {
            "addresses": [pod.obj["status"]["podIP"]],
            "conditions": {"ready": True, "serving": True, "terminating": False}, "nodeName": "node-0",
            "targetRef": {"kind": "Pod", "name": "web-1", "namespace": "default", "uid": pod.uid}, "zone": "zone-a",
        }
    ]  # fmt: skip


def test_one_step_one_write(world: ServiceWorld) -> None:
    """A pod that becomes ready changes its slice once; a quiet hour changes nothing."""
    world.service()
    world.pod("web-1", ready=False)
    world.run(1)
    world.writes()
    world.kubelet_says("web-1", ready=True)
    world.run(1)
    name = world.slices()[0]["metadata"]["name"]
    assert world.writes() == ["MODIFIED pods default/web-1", f"MODIFIED endpointslices.discovery.k8s.io default/{name}"]
    world.run(3600)
    assert world.writes() == []


def test_no_endpoints_one_empty_slice(world: ServiceWorld) -> None:
    """A Service without pods has one slice without ports; it is used when pods come, and stays when they go."""
    world.service()
    (empty,) = world.slices()
    assert not empty["endpoints"]
    assert not empty["ports"]
    world.pod("web-1")
    world.run(1)
    (used,) = world.slices()
    assert used["metadata"]["name"] == empty["metadata"]["name"]
    assert used["ports"]
    world.gone("web-1")
    world.run(1)
    (left,) = world.slices()
    assert left["metadata"]["name"] == empty["metadata"]["name"]
    assert not left["endpoints"]
    assert not left["ports"]


def test_conditions_of_a_pods_life(world: ServiceWorld) -> None:
    """Not ready, ready, leaving (it still serves), gone; one that ended is not listed."""
    world.service()
    world.pod("web-1", ready=False)
    world.run(1)
    assert world.listed() == {"web-1": UNREADY}
    world.kubelet_says("web-1", ready=True)
    world.run(1)
    assert world.listed() == {"web-1": READY}
    world.api.delete(USER, PODS, "default", "web-1")
    world.run(1)
    assert world.listed() == {"web-1": LEAVING}
    world.gone("web-1")
    world.run(1)
    assert world.listed() == {}
    pod = world.pod("web-2")
    world.api.update_status(USER, pod, {**pod.obj["status"], "phase": "Failed"})
    world.run(1)
    assert world.listed() == {}


def test_publish_not_ready_addresses(world: ServiceWorld) -> None:
    """Such a Service calls every endpoint ready, and says truly whether it serves."""
    world.service(publishNotReadyAddresses=True)
    world.pod("web-1", ready=False)
    world.run(1)
    assert world.listed() == {"web-1": (True, False, False)}


def test_pods_come_and_go_by_their_labels(world: ServiceWorld) -> None:
    """A pod relabelled leaves one Service and joins another; other namespaces do not count."""
    world.namespace("other")
    world.service("web")
    world.service("api")
    world.pod("web-1")
    world.pod("web-2", namespace="other")
    world.run(1)
    assert (world.listed("web"), world.listed("api")) == ({"web-1": READY}, {})
    world.edit(PODS, "web-1", lambda o: {**o, "metadata": {**o["metadata"], "labels": {"app": "api"}}})
    world.run(1)
    assert (world.listed("web"), world.listed("api")) == ({}, {"web-1": READY})


def test_a_selector_that_changes(world: ServiceWorld) -> None:
    """The Service takes the pods of its new selector and lets the others go."""
    world.service()
    world.pod("web-1")
    world.pod("api-1", app="api")
    world.run(1)
    world.spec(SERVICES, "web", selector={"app": "api"})
    world.run(1)
    assert world.listed() == {"api-1": READY}


def test_named_ports_are_each_pods_own(world: ServiceWorld) -> None:
    """Pods that give the name another number are in slices of their own; one without the name has no port."""
    world.service(ports=[{"name": "http", "port": 80, "targetPort": "http"}])
    world.pod("old", ports=[{"name": "http", "containerPort": 8080}])
    world.pod("new", ports=[{"name": "http", "containerPort": 9090}])
    world.pod("none", ports=[{"name": "admin", "containerPort": 9090}])
    world.run(1)
    ports = {each["endpoints"][0]["targetRef"]["name"]: each["ports"] for each in world.slices()}
    assert {name: [(p["name"], p["port"]) for p in listed] for name, listed in ports.items()} == {
        "old": [("http", 8080)], "new": [("http", 9090)], "none": [],
    }  # fmt: skip


def test_a_target_port_that_changes(world: ServiceWorld) -> None:
    """With another port the same slice is written anew."""
    world.service()
    world.pod("web-1")
    world.run(1)
    name = world.slices()[0]["metadata"]["name"]
    world.spec(SERVICES, "web", ports=[{"port": 80, "targetPort": 8080, "protocol": "TCP"}])
    world.run(1)
    (after,) = world.slices()
    assert (after["metadata"]["name"], after["ports"][0]["port"]) == (name, 8080)


def test_headless_services_have_hostnames(world: ServiceWorld) -> None:
    """Slices carry the headless label; a pod whose subdomain is the Service has its hostname in it."""
    world.service("db", clusterIP="None")
    world.pod("db-0", app="db", hostname="db-0", subdomain="db")
    world.pod("db-x", app="db", hostname="db-x", subdomain="other")
    world.run(1)
    (made,) = world.slices("db")
    assert made["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    assert [endpoint.get("hostname") for endpoint in made["endpoints"]] == ["db-0", None]


def test_at_most_a_hundred(world: ServiceWorld) -> None:
    """Slices hold a hundred; the one that is written anyway is filled up, a full one is not touched."""
    for number in range(250):
        world.pod(f"web-{number:03}")
    world.service()
    assert sorted(len(each["endpoints"]) for each in world.slices()) == [50, 100, 100]
    world.writes()
    for number in range(30):
        world.pod(f"more-{number:03}")
    world.run(1)
    assert sorted(len(each["endpoints"]) for each in world.slices()) == [80, 100, 100]
    assert len(world.writes(ENDPOINTSLICES)) == 1


def test_traffic_distribution_gives_hints(world: ServiceWorld) -> None:
    """PreferClose hints at the zone, PreferSameNode at the node too, nothing at neither; only for ready endpoints."""
    world.service(trafficDistribution="PreferClose")
    world.pod("web-1", node="node-1")
    world.pod("web-2", ready=False)
    world.run(1)
    assert [e.get("hints") for e in world.slices()[0]["endpoints"]] == [{"forZones": [{"name": "zone-b"}]}, None]
    world.spec(SERVICES, "web", trafficDistribution="PreferSameNode")
    world.run(1)
    assert world.slices()[0]["endpoints"][0]["hints"] == {
        "forZones": [{"name": "zone-b"}], "forNodes": [{"name": "node-1"}],
    }  # fmt: skip
    world.spec(SERVICES, "web", trafficDistribution=None)
    world.run(1)
    assert "hints" not in world.slices()[0]["endpoints"][0]


def test_two_families(world: ServiceWorld) -> None:
    """A dual-stack Service has slices of both types; a pod with one address is in one of them."""
    ranges = {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/12", "fd00:96::/112"]}}
    world.create(SERVICE_CIDRS, ranges, "")
    made = world.service("db", ipFamilyPolicy="PreferDualStack").obj["spec"]
    assert [address[:3] for address in made["clusterIPs"]] == ["10.", "fd0"]
    world.pod("db-0", app="db")
    world.run(1)
    assert {each["addressType"]: len(each["endpoints"] or ()) for each in world.slices("db")} == {"IPv4": 1, "IPv6": 0}


def test_labels_follow_the_service(world: ServiceWorld) -> None:
    """A label of the Service comes to its slices."""
    world.service()
    world.pod("web-1")
    world.run(1)
    world.edit(SERVICES, "web", lambda o: {**o, "metadata": {**o["metadata"], "labels": {"team": "shop"}}})
    world.run(1)
    assert world.slices()[0]["metadata"]["labels"]["team"] == "shop"


def test_what_others_change_is_put_right(world: ServiceWorld) -> None:
    """A slice that somebody edits or deletes is as it should be a second later."""
    world.service()
    world.pod("web-1")
    world.run(1)
    name = world.slices()[0]["metadata"]["name"]
    world.edit(ENDPOINTSLICES, name, lambda o: {**o, "endpoints": []})
    world.run(0.9)
    assert world.listed() == {}
    world.run(0.2)
    assert world.listed() == {"web-1": READY}
    for each in world.slices():
        world.api.delete(USER, ENDPOINTSLICES, "default", each["metadata"]["name"])
    world.run(1.1)
    assert world.listed() == {"web-1": READY}


def test_services_that_are_left_alone(world: ServiceWorld) -> None:
    """Without a selector, or as ExternalName, a Service gets no slices."""
    world.service("manual", selector=None)
    world.service("away", type="ExternalName", externalName="example.com", selector={"app": "web"})
    world.pod("web-1")
    world.run(1)
    assert world.slices("manual") == world.slices("away") == []


def test_a_pod_on_a_node_that_is_not_there(world: ServiceWorld) -> None:
    """It is left out until the node is there."""
    world.service()
    world.pod("web-1", node="node-9")
    world.run(1)
    assert world.listed() == {}
    world.api.create(USER, NODES, "", {"metadata": {"name": "node-9"}})
    world.run(60)
    assert world.listed() == {"web-1": READY}


def test_bursts_make_few_writes(world: ServiceWorld) -> None:
    """A thousand pods that become ready over two seconds cost at most one sync in a tenth of a second."""
    world.service()
    for number in range(1000):
        world.pod(f"web-{number:04}", ready=False)
    world.run(1)
    world.writes()
    for number in range(1000):
        world.kubelet_says(f"web-{number:04}", ready=True)
        world.run(0.002)
    world.run(1)
    assert set(world.listed().values()) == {READY}
    assert len(world.writes(ENDPOINTSLICES)) <= 60


def test_a_restarted_controller_writes_nothing(world: ServiceWorld) -> None:
    """A controller that starts anew finds all as it should be."""
    world.service()
    for number in range(150):
        world.pod(f"web-{number:03}")
    world.run(5)
    world.writes()
    world.runners["endpointslice-controller"].start()
    world.run(5)
    assert world.writes() == []


def test_the_slices_of_an_older_service(world: ServiceWorld) -> None:
    """A Service made anew under its name gets slices of its own; the old ones go."""
    world.pod("web-1")
    world.service()
    world.api.delete(USER, SERVICES, "default", "web")
    service = world.service()
    world.run(2)
    assert [each["metadata"]["ownerReferences"][0]["uid"] for each in world.slices()] == [service.uid]
    assert world.listed() == {"web-1": READY}
    assert world.store.count(ENDPOINTS) == 0
