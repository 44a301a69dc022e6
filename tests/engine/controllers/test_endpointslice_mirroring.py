"""Endpoints that somebody wrote, as slices."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.kinds import ENDPOINTS, ENDPOINTSLICES, SERVICES
from store.types import JsonObject
from tests.engine.controllers.service_world import ServiceWorld
from tests.engine.controllers.world import USER

SUBSET = {
    "addresses": [{"ip": "203.0.113.1", "hostname": "one"}], "notReadyAddresses": [{"ip": "203.0.113.2"}],
    "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}],
}  # fmt: skip


@pytest.fixture
def world() -> ServiceWorld:
    made = ServiceWorld("endpoints-controller", "endpointslice-mirroring-controller", "garbage-collector-controller")
    made.service("db", selector=None, ports=[{"name": "sql", "port": 5432}])
    return made


def write(world: ServiceWorld, *subsets: JsonObject, **metadata: Any) -> None:
    obj = {"metadata": {"name": "db", **metadata}, "subsets": list(subsets)}
    world.api.create(USER, ENDPOINTS, "default", obj)
    world.settle()


def change(world: ServiceWorld, *subsets: JsonObject, **metadata: Any) -> None:
    world.edit(
        ENDPOINTS, "db", lambda o: {**o, "metadata": {**o["metadata"], **metadata}, "subsets": list(subsets)}
    )  # fmt: skip
    world.settle()


def test_a_slice_like_its_endpoints(world: ServiceWorld) -> None:
    """Addresses with readiness, ports, labels and annotations, owned by the Endpoints; then it does nothing."""
    write(world, SUBSET, labels={"tier": "data"}, annotations={"note": "by hand"})
    (made,) = world.slices("db")
    assert made["addressType"] == "IPv4"
    assert made["endpoints"] == [
        {"addresses": ["203.0.113.1"], "conditions": {"ready": True}, "hostname": "one"},
        {"addresses": ["203.0.113.2"], "conditions": {"ready": False}},
    ]
    assert made["ports"] == [{"name": "sql", "port": 5432, "protocol": "TCP"}]
    assert made["metadata"]["labels"] == {
        "tier": "data", "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        "kubernetes.io/service-name": "db",
    }  # fmt: skip
    assert made["metadata"]["annotations"] == {"note": "by hand"}
    assert [ref["kind"] for ref in made["metadata"]["ownerReferences"]] == ["Endpoints"]
    world.writes()
    world.run(60)
    assert world.writes() == []


def test_it_follows(world: ServiceWorld) -> None:
    """A changed address is one update, a second family a second slice, a deleted slice comes back."""
    write(world, SUBSET)
    world.writes()
    change(world, {**SUBSET, "notReadyAddresses": []})
    assert [line.split()[0] for line in world.writes(ENDPOINTSLICES)] == ["MODIFIED"]
    change(world, {**SUBSET, "notReadyAddresses": [{"ip": "2001:db8::1"}]})
    assert sorted(made["addressType"] for made in world.slices("db")) == ["IPv4", "IPv6"]
    world.api.delete(USER, ENDPOINTSLICES, "default", world.slices("db")[0]["metadata"]["name"])
    world.settle()
    assert len(world.slices("db")) == 2
    world.api.delete(USER, ENDPOINTS, "default", "db")
    world.run(1)
    assert world.slices("db") == []


def test_who_is_left_alone(world: ServiceWorld) -> None:
    """Endpoints that say so, and a Service that is given a selector."""
    write(world, SUBSET, labels={"endpointslice.kubernetes.io/skip-mirror": "true"})
    assert world.slices("db") == []
    change(world, SUBSET, labels={})
    assert len(world.slices("db")) == 1
    world.spec(SERVICES, "db", selector={"app": "db"})
    world.settle()
    assert world.slices("db") == []


def test_too_many_addresses(world: ServiceWorld) -> None:
    """A thousand of a subset are mirrored, and a warning tells of the others."""
    many = [{"ip": f"10.1.{number // 250}.{number % 250}"} for number in range(1003)]
    write(world, {**SUBSET, "addresses": many, "notReadyAddresses": []})
    assert [len(made["endpoints"]) for made in world.slices("db")] == [1000]
    assert world.messages("TooManyAddressesToMirror") == [
        "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 3 addresses were skipped"
    ]
