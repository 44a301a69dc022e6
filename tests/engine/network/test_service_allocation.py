"""Addresses and ports that Services are given."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from engine.api.errors import InternalError, Invalid
from engine.api.kinds import SERVICES
from engine.network.service_allocation import SERVICE_CIDRS
from tests.engine.controllers.service_world import ServiceWorld
from tests.engine.controllers.world import USER

RANGE = ip_network("10.96.0.0/12")


@pytest.fixture
def world() -> ServiceWorld:
    return ServiceWorld("namespace-controller")


def refused(world: ServiceWorld, name: str = "x", **spec: Any) -> str:
    with pytest.raises(Invalid) as caught:
        world.service(name, **spec)
    return "; ".join(map(str, caught.value.causes))


def test_the_upper_band_and_the_same_again() -> None:
    """Free addresses are above the first 256; the same seed gives the same ones, all different."""
    runs = []
    for _ in range(2):
        world = ServiceWorld("namespace-controller")
        runs.append([world.service(f"s{n}").obj["spec"]["clusterIP"] for n in range(50)])
    assert runs[0] == runs[1]
    assert len(dict.fromkeys(runs[0])) == 50
    assert all(ip_address(ip) in RANGE and ip_address(ip) not in ip_network("10.96.0.0/24") for ip in runs[0])


def test_a_range_that_is_full(world: ServiceWorld) -> None:
    """A small range gives every address it has, then says that it is full; a deletion frees one."""
    world.create(SERVICE_CIDRS, {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.0.0.0/29"]}}, "")
    given = [world.service(f"s{n}").obj["spec"]["clusterIP"] for n in range(6)]
    assert sorted(given) == [f"10.0.0.{n}" for n in range(1, 7)]
    with pytest.raises(InternalError, match="failed to allocate a serviceIP: range is full"):
        world.service("more")
    world.api.delete(USER, SERVICES, "default", "s3")
    assert world.service("more").obj["spec"]["clusterIP"] == given[3]


def test_families(world: ServiceWorld) -> None:
    """A single-stack cluster refuses what needs two, prefers what it can, lets headless ones without selector be."""
    single = world.service("a", ipFamilyPolicy="PreferDualStack").obj["spec"]
    assert (single["ipFamilies"], len(single["clusterIPs"])) == (["IPv4"], 1)
    assert "this cluster is not configured for dual-stack services" in refused(world, ipFamilyPolicy="RequireDualStack")
    assert "spec.ipFamilies[0]" in refused(world, ipFamilies=["IPv6"])
    free = world.service("b", clusterIP="None", selector=None).obj["spec"]
    assert (free["ipFamilyPolicy"], free["ipFamilies"]) == ("RequireDualStack", ["IPv4", "IPv6"])


def test_two_stacks_and_back(world: ServiceWorld) -> None:
    """On a dual-stack cluster a Service takes a second address, and gives it back as SingleStack."""
    ranges = {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/12", "fd00::/112"]}}
    world.create(SERVICE_CIDRS, ranges, "")
    one = world.service("a").obj["spec"]
    assert one["ipFamilies"] == ["IPv4"]
    two = world.spec(SERVICES, "a", ipFamilyPolicy="RequireDualStack").obj["spec"]
    assert two["clusterIPs"][0] == one["clusterIP"]
    assert ip_address(two["clusterIPs"][1]) in ip_network("fd00::/112")
    back = world.spec(SERVICES, "a", ipFamilyPolicy="SingleStack").obj["spec"]
    assert back["clusterIPs"] == one["clusterIPs"]


def test_health_check_ports(world: ServiceWorld) -> None:
    """A load balancer with local traffic has one more port; without node ports it has no others."""
    spec = world.service("a", type="LoadBalancer", externalTrafficPolicy="Local").obj["spec"]
    assert 30086 <= spec["healthCheckNodePort"] != spec["ports"][0]["nodePort"] >= 30086
    bare = world.service("b", type="LoadBalancer", allocateLoadBalancerNodePorts=False).obj["spec"]
    assert "nodePort" not in bare["ports"][0]
    plain = world.spec(SERVICES, "a", type="ClusterIP").obj["spec"]
    for gone in ("healthCheckNodePort", "allocateLoadBalancerNodePorts", "externalTrafficPolicy"):
        assert gone not in plain


def test_refusals(world: ServiceWorld) -> None:
    """Taken, foreign and impossible values are refused in Kubernetes' words."""
    world.service("a", type="NodePort", clusterIP="10.96.0.9", ports=[{"port": 80, "nodePort": 30080}])
    assert refused(world, clusterIP="10.96.0.9").endswith("provided IP is already allocated")
    assert refused(world, clusterIP="10.1.0.9").endswith("the provided network does not match the current range")
    assert "The range of valid IPs is 10.96.0.0/12" in refused(world, clusterIP="10.96.0.0")
    taken = refused(world, type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    assert taken == "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated"


def test_external_name_and_back(world: ServiceWorld) -> None:
    """As ExternalName a Service has no address; it is given one when it turns back."""
    world.service("a")
    away = world.spec(SERVICES, "a", type="ExternalName", externalName="example.com").obj["spec"]
    assert "clusterIP" not in away
    assert "ipFamilies" not in away
    assert ip_address(world.spec(SERVICES, "a", type="ClusterIP").obj["spec"]["clusterIP"]) in RANGE
