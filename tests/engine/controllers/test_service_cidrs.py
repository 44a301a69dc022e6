"""ServiceCIDRs and IPAddresses: given with a Service, taken back with it, guarded and repaired."""

from __future__ import annotations

import pytest

from engine.api.errors import Invalid
from engine.api.kinds import EVENTS, SERVICES
from engine.network.ip_addresses import manifest
from engine.network.service_allocation import IP_ADDRESSES, SERVICE_CIDRS
from store.types import JsonObject
from tests.engine.controllers.service_world import ServiceWorld
from tests.engine.controllers.world import USER

READY = ("True", "", "Kubernetes Service CIDR is ready")


@pytest.fixture
def world() -> ServiceWorld:
    return ServiceWorld("service-cidrs-controller", "ipallocator-repair-controller")


def cidr(world: ServiceWorld, name: str, *cidrs: str) -> None:
    world.create(SERVICE_CIDRS, {"metadata": {"name": name}, "spec": {"cidrs": list(cidrs)}}, "")
    world.settle()


def ready(world: ServiceWorld, name: str) -> tuple[str, str, str]:
    (condition,) = world.api.get(SERVICE_CIDRS, "", name).obj["status"]["conditions"]
    assert condition["type"] == "Ready"
    return condition["status"], condition["reason"], condition["message"]


def addresses(world: ServiceWorld) -> dict[str, JsonObject]:
    return {env.name: env.obj["spec"]["parentRef"] for env in world.store.list(IP_ADDRESSES)}


def test_an_address_comes_and_goes_with_its_service(world: ServiceWorld) -> None:
    """Each cluster IP has an IPAddress with the allocator's labels; it goes with the Service or its cluster IP."""
    spec = world.service().obj["spec"]
    env = world.api.get(IP_ADDRESSES, "", spec["clusterIP"])
    assert env.labels == {
        "ipaddress.kubernetes.io/ip-family": "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }  # fmt: skip
    assert addresses(world) == {spec["clusterIP"]: {"resource": "services", "namespace": "default", "name": "web"}}
    world.service("headless", clusterIP="None")
    assert len(addresses(world)) == 1
    external = {"type": "ExternalName", "externalName": "a.b", "selector": None, "ports": None, "clusterIP": ""}
    world.spec(SERVICES, "web", **external, clusterIPs=None)
    assert addresses(world) == {}
    world.service("db")
    world.api.delete(USER, SERVICES, "default", "db")
    assert addresses(world) == {}
    assert world.events() == []


def test_nobody_else_is_given_an_address_that_is_taken(world: ServiceWorld) -> None:
    """An IPAddress of somebody else keeps Services off it; the controller leaves it alone."""
    other = manifest("10.96.7.7", "default", "gw")
    other["spec"]["parentRef"] = {"group": "x.io", "resource": "gateways", "name": "gw"}
    del other["metadata"]["labels"]
    world.create(IP_ADDRESSES, other, "")
    with pytest.raises(Invalid, match="provided IP is already allocated"):
        world.service(clusterIP="10.96.7.7")
    world.run(120)
    assert list(addresses(world)) == ["10.96.7.7"]


def test_what_was_taken_away_is_repaired(world: ServiceWorld) -> None:
    """A cluster IP without its IPAddress gets it again, with an event; a quiet hour changes nothing."""
    address = world.service().obj["spec"]["clusterIP"]
    world.api.delete(USER, IP_ADDRESSES, "", address)
    world.settle()
    assert list(addresses(world)) == [address]
    text = f"Cluster IP [IPv4]: {address} is not allocated; repairing"
    assert [env.obj["message"] for env in world.store.list(EVENTS)] == [text]
    env = next(env for env in world.store.list(SERVICES))
    world.writes()
    world.run(3600)
    assert world.writes(IP_ADDRESSES, SERVICES) == []
    assert env.revision == world.api.get(SERVICES, "default", "web").revision


def test_an_address_of_no_service_goes(world: ServiceWorld) -> None:
    """One that its Service does not have goes at once, one without a Service after a minute; events say why."""
    world.service()
    world.create(IP_ADDRESSES, manifest("10.96.7.7", "default", "web"), "")
    world.create(IP_ADDRESSES, manifest("10.96.7.8", "default", "nobody"), "")
    world.run(1)
    assert "10.96.7.7" not in addresses(world)
    assert "10.96.7.8" in addresses(world)
    world.run(70)
    assert len(addresses(world)) == 1
    assert sorted(env.obj["reason"] for env in world.store.list(EVENTS)) == [
        "IPAddressNotAllocated", "IPAddressWrongReference",
    ]  # fmt: skip


def test_a_service_cidr_is_ready_and_guarded(world: ServiceWorld) -> None:
    """It gets a finalizer and the condition Ready; deleted, it stays as long as its addresses are in no other."""
    cidr(world, "kubernetes", "10.0.0.0/28")
    cidr(world, "more", "10.0.1.0/24")
    assert ready(world, "more") == READY
    assert world.api.get(SERVICE_CIDRS, "", "more").obj["metadata"]["finalizers"] == [
        "networking.k8s.io/service-cidr-finalizer"
    ]
    world.service(clusterIP="10.0.1.9")
    world.api.delete(USER, SERVICE_CIDRS, "", "more")
    world.run(60)
    status, reason, message = ready(world, "more")
    assert (status, reason) == ("False", "Terminating")
    assert message.startswith("There are still IPAddresses referencing the ServiceCIDR")
    given = [world.service(f"s{n}").obj["spec"]["clusterIP"] for n in range(3)]
    assert all(ip.startswith("10.0.0.") for ip in given)
    world.api.delete(USER, SERVICES, "default", "web")
    world.run(1)
    assert world.api.find(SERVICE_CIDRS, "", "more") is None


def test_a_service_cidr_without_addresses_goes_after_ten_seconds(world: ServiceWorld) -> None:
    """Nobody is to be given an address of it at the last moment. A wider one may hold its addresses."""
    cidr(world, "kubernetes", "10.0.0.0/28")
    cidr(world, "more", "10.0.1.0/24")
    world.service(clusterIP="10.0.1.9")
    cidr(world, "wider", "10.0.0.0/16")
    world.api.delete(USER, SERVICE_CIDRS, "", "more")
    world.run(9)
    assert world.api.find(SERVICE_CIDRS, "", "more") is not None
    world.run(2)
    assert world.api.find(SERVICE_CIDRS, "", "more") is None


@pytest.mark.parametrize(
    ("cidrs", "message"),
    [
        ([], "at least one CIDR required"),
        (["10.0.0.0/8", "fd00::/64", "11.0.0.0/8"], "may only hold up to 2 values"),
        (["10.0.0.0/8", "11.0.0.0/8"], "may specify no more than one IP for each IP family"),
        (["10.0.0.0"], "must be a valid CIDR value"),
    ],
)
def test_service_cidrs_are_judged(world: ServiceWorld, cidrs: list[str], message: str) -> None:
    """One range, or one of each family; it may not change, but for a second family to come."""
    with pytest.raises(Invalid, match=message):
        cidr(world, "x", *cidrs)
    cidr(world, "kubernetes", "10.0.0.0/28")
    world.edit(
        SERVICE_CIDRS, "kubernetes", lambda o: {**o, "spec": {"cidrs": ["10.0.0.0/28", "fd00::/112"]}}, namespace=""
    )
    with pytest.raises(Invalid, match="field is immutable"):
        world.edit(SERVICE_CIDRS, "kubernetes", lambda o: {**o, "spec": {"cidrs": ["10.0.0.0/28"]}}, namespace="")


def test_ip_addresses_are_judged(world: ServiceWorld) -> None:
    """Named by an address in its canonical form, with a parent that stays."""
    bad = manifest("10.96.0.9", "default", "web")
    for name, message in (("web", "must be a valid IP"), ("FD00::1", "must be in canonical form")):
        with pytest.raises(Invalid, match=message):
            world.create(IP_ADDRESSES, {**bad, "metadata": {"name": name}}, "")
    with pytest.raises(Invalid, match=r"spec\.parentRef: Required value"):
        world.create(IP_ADDRESSES, {**bad, "spec": {}}, "")
    address = world.service().obj["spec"]["clusterIP"]
    with pytest.raises(Invalid, match="field is immutable"):
        world.edit(IP_ADDRESSES, address, lambda o: {**o, "spec": {"parentRef": {"resource": "x", "name": "y"}}}, "")


def test_other_ranges() -> None:
    """--service-node-port-range says which node ports there are, in Kubernetes' words; BadFlag is in test_flags."""
    world = ServiceWorld("service-cidrs-controller", flags={"service-node-port-range": "20000-20099"})
    number = world.service(type="NodePort").obj["spec"]["ports"][0]["nodePort"]
    assert 20000 <= number <= 20099
    with pytest.raises(Invalid, match="The range of valid ports is 20000-20099"):
        world.service("x", type="NodePort", ports=[{"port": 80, "nodePort": 30000}])


def test_another_range_than_the_cluster_began_with() -> None:
    """The ServiceCIDR `kubernetes` stays as it is; an event tells that the flag says something else."""
    world = ServiceWorld("service-cidrs-controller")
    cidr(world, "kubernetes", "10.0.0.0/28")
    world.runners["service-cidrs-controller"].start()
    world.settle()
    text = "The default ServiceCIDR [10.0.0.0/28] does not match the flag configurations [10.96.0.0/12]"
    assert world.messages("KubernetesDefaultServiceCIDRInconsistent") == [text]
