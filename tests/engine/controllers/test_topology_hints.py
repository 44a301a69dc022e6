"""Topology aware hints: zones use their own endpoints as far as the shares of their nodes allow it."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.api.kinds import ENDPOINTSLICES, NODES, SERVICES
from engine.controllers.endpointslice.hints import TopologyHints
from engine.controllers.endpointslice.packing import Endpoints
from store.store import Store
from store.types import Author, JsonObject, ObjectKey
from tests.engine.controllers.service_world import ServiceWorld
from tests.engine.controllers.world import KUBELET, START

ZONE = "topology.kubernetes.io/zone"
MODE = {"service.kubernetes.io/topology-mode": "Auto"}


def node_says(world: ServiceWorld, name: str, cpu: str, ready: str = "True") -> None:
    env = world.api.get(NODES, "", name)
    status = {"allocatable": {"cpu": cpu}, "conditions": [{"type": "Ready", "status": ready}]}
    world.api.update_status(KUBELET, env, status)


@pytest.fixture
def world() -> ServiceWorld:
    """Three zones with one node of 4 CPUs each."""
    world = ServiceWorld("endpointslice-controller")
    for number in range(3):
        node_says(world, f"node-{number}", "4")
    world.settle()
    return world


def annotate(world: ServiceWorld, annotations: dict[str, str] | None) -> None:
    world.edit(SERVICES, "web", lambda o: {**o, "metadata": {**o["metadata"], "annotations": annotations}})
    world.run(1)


def hints(world: ServiceWorld) -> dict[str, str]:
    """Pod → zone of its hint, "" without one."""
    return {
        endpoint["targetRef"]["name"]: (endpoint.get("hints") or {"forZones": [{"name": ""}]})["forZones"][0]["name"]
        for each in world.slices() for endpoint in each["endpoints"] or ()
    }  # fmt: skip


def pods(world: ServiceWorld, *nodes: int) -> None:
    for number, node in enumerate(nodes):
        world.pod(f"web-{number}", node=f"node-{node}")
    world.service()
    annotate(world, MODE)


def test_each_zone_uses_its_own(world: ServiceWorld) -> None:
    """With equal zones each endpoint serves its own; an event says so once; a quiet hour changes nothing."""
    pods(world, 0, 1, 2)
    assert hints(world) == {"web-0": "zone-a", "web-1": "zone-b", "web-2": "zone-c"}
    text = "Topology Aware Hints has been enabled, addressType: IPv4"
    assert [each[:3] for each in world.events()] == [("Normal", "TopologyAwareHintsEnabled", text)]
    world.writes()
    world.run(3600)
    assert world.writes() == []


def test_zones_that_have_more_give_some_away(world: ServiceWorld) -> None:
    """Endpoints are shared out by the CPU of ready nodes, control planes aside: of eight in one zone half go."""
    node_says(world, "node-1", "8")
    node_says(world, "node-2", "4")
    pods(world, *[0] * 8)
    assert Counter(hints(world).values()) == {"zone-a": 2, "zone-b": 4, "zone-c": 2}
    world.edit(
        NODES, "node-1",
        lambda o: {
            **o,
            "metadata": {
                **o["metadata"],
                "labels": {**o["metadata"]["labels"], "node-role.kubernetes.io/control-plane": ""},
            },
        },
        namespace="",
    )  # fmt: skip
    world.pod("web-8")
    world.run(1)
    assert "zone-b" not in hints(world).values()


def test_too_few_endpoints(world: ServiceWorld) -> None:
    """Two endpoints cannot serve three zones: no hints, and an event says why; a third endpoint brings them."""
    pods(world, 0, 1)
    assert set(hints(world).values()) == {""}
    text = "Insufficient number of endpoints (2 endpoints, 3 zones), addressType: IPv4"
    assert world.messages("TopologyAwareHintsDisabled") == [text]
    world.pod("web-2", node="node-2")
    world.run(1)
    assert sorted(hints(world).values()) == ["zone-a", "zone-b", "zone-c"]


def test_not_without_overload(world: ServiceWorld) -> None:
    """Three endpoints cannot serve zones of 4, 4 and 40 CPUs within a fifth of their share."""
    node_says(world, "node-2", "40")
    pods(world, 0, 1, 2)
    assert set(hints(world).values()) == {""}
    text = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
    assert world.messages() == [f"{text} (3 endpoints, 3 zones), addressType: IPv4"]


def test_a_node_without_a_zone_takes_all_hints(world: ServiceWorld) -> None:
    """The Service is looked at as soon as the node changes; a node that is not ready is none."""
    pods(world, 0, 1, 2)
    world.edit(NODES, "node-1", lambda o: {**o, "metadata": {**o["metadata"], "labels": {}}}, namespace="")
    world.run(1)
    assert set(hints(world).values()) == {""}
    text = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
    assert world.messages("TopologyAwareHintsDisabled") == [f"{text}, addressType: IPv4"]
    node_says(world, "node-1", "4", ready="False")
    world.kubelet_says("web-1", ready=False)
    world.run(1)
    assert hints(world) == {"web-0": "zone-a", "web-1": "", "web-2": "zone-c"}


def test_the_annotation_goes(world: ServiceWorld) -> None:
    """Hints go with it, and an event says so; slices of other Services are not written."""
    pods(world, 0, 1, 2)
    world.service("other")
    world.writes()
    annotate(world, None)
    assert set(hints(world).values()) == {""}
    assert world.messages("TopologyAwareHintsDisabled") == [
        "Topology Aware Hints has been disabled, addressType: IPv4"
    ]  # fmt: skip
    assert len(world.writes(ENDPOINTSLICES)) == 1


# -- any cluster ---------------------------------------------------------------------------------------------------


def endpoint(zone: str, ready: bool) -> JsonObject:
    return {"addresses": ["10.0.0.1"], "conditions": {"ready": ready}, "zone": zone}


def node(store: Store, name: str, zone: str, cpu: int) -> None:
    obj = {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": name, "labels": {ZONE: zone}},
        "status": {"allocatable": {"cpu": str(cpu)}, "conditions": [{"type": "Ready", "status": "True"}]},
    }  # fmt: skip
    store.put(ObjectKey(*NODES, "", name), obj, Author("t"), START)


slices = st.lists(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=12), max_size=4)


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 64), min_size=1), slices, slices)
@example({"a": 20, "b": 18, "c": 7}, [], [[("a", True)] * 2, [("a", True)] * 6])
def test_hints_are_complete_and_stay(
    cpu: dict[str, int], stored: list[list[tuple[str, bool]]], new: list[list[tuple[str, bool]]]
) -> None:
    """Either no endpoint has a hint, or each ready one has one at a zone with nodes, and there are two zones at least.

    Looked at again, nothing is to be written; but where rounding left a zone more than it may keep, as it can in
    Kubernetes, too, its slice is shared out once more, and then no more.
    """
    store = Store()
    for zone, amount in cpu.items():
        node(store, f"node-{zone}", zone, amount)

    def made(group: list[tuple[str, bool]], number: int) -> Endpoints:
        return {
            ObjectKey("", "pods", "", f"{number}-{i}"): endpoint(zone if zone in cpu else min(cpu), ready)
            for i, (zone, ready) in enumerate(group)
        }

    topology = TopologyHints(store)
    unchanged = {f"s{number}": made(group, number) for number, group in enumerate(stored)}
    first = topology.add(("d", "web"), "IPv4", [made(g, 100 + n) for n, g in enumerate(new)], {}, unchanged)
    after = {**unchanged, **first.update, **{f"n{n}": each for n, each in enumerate(first.create)}}
    endpoints = [each for group in after.values() for each in group.values()]
    given_to = Counter(e["hints"]["forZones"][0]["name"] for e in endpoints if "hints" in e)
    ready = sum(e["conditions"]["ready"] for e in endpoints)
    assert all(e["conditions"]["ready"] for e in endpoints if "hints" in e)
    assert sum(given_to.values()) in (0, ready)
    assert given_to.keys() <= cpu.keys()
    assert not given_to or len(cpu) > 1
    again = topology.add(("d", "web"), "IPv4", [], {}, after)
    least = {zone: math.ceil(amount / sum(cpu.values()) * ready / 1.2) for zone, amount in cpu.items()}
    spare = ready - sum(least.values())
    if all(count <= least[zone] + spare for zone, count in given_to.items()):
        assert again.update == {}
    else:
        assert topology.add(("d", "web"), "IPv4", [], {}, {**after, **again.update}).update == {}
