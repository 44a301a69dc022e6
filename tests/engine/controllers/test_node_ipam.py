"""Ranges of pod addresses: given to nodes, given back, and what happens when there are none."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.kinds import NODES, PODS
from engine.clock import SECOND, Clock, parse_time
from engine.cluster import Cluster, ClusterOptions
from engine.flags import BadFlag, Flags
from engine.network.pod_ranges import RangeSet, RangesExhausted, cluster_ranges, node_masks
from store.store import Store
from tests.engine.controllers.world import USER, World


def world(**flags: str) -> World:
    given_flags = {name.replace("_", "-"): value for name, value in flags.items()}
    return World(("node-ipam-controller",), {"allocate-node-cidrs": "true", **given_flags})


def node(where: World, name: str, **spec: Any) -> None:
    where.create(NODES, {"metadata": {"name": name}, "spec": spec}, "")
    where.settle()


def ranges(where: World, name: str) -> Any:
    spec = where.api.get(NODES, "", name).obj.get("spec") or {}
    return spec.get("podCIDRs")


def test_each_node_gets_a_range() -> None:
    """One after another; podCIDR is the first of podCIDRs."""
    here = world()
    node(here, "a")
    node(here, "b")
    assert (ranges(here, "a"), ranges(here, "b")) == (["10.244.0.0/24"], ["10.244.1.0/24"])
    assert here.api.get(NODES, "", "b").obj["spec"]["podCIDR"] == "10.244.1.0/24"


def test_a_node_that_has_one_keeps_it() -> None:
    """Does nothing, but nobody else gets that range."""
    here = world()
    node(here, "a", podCIDR="10.244.0.0/24", podCIDRs=["10.244.0.0/24"])
    here.log.clear()
    here.run(60)
    assert here.writes() == []
    node(here, "b")
    assert ranges(here, "b") == ["10.244.1.0/24"]


def test_without_the_flag_nothing_is_given() -> None:
    """Does nothing."""
    here = world(allocate_node_cidrs="false")
    node(here, "a")
    assert ranges(here, "a") is None


def test_none_is_left() -> None:
    """The node says so and waits; a node that goes gives its range to it."""
    here = world(cluster_cidr="10.10.0.0/23")
    for name in "abc":
        node(here, name)
    assert ranges(here, "c") is None
    assert here.messages("CIDRNotAvailable") == ["Node c status is now: CIDRNotAvailable"]
    here.api.delete(USER, NODES, "", "a")
    here.run(2)
    assert ranges(here, "c") == ["10.10.0.0/24"]


def test_two_families() -> None:
    """Dual stack: one range of each, in the order of the cluster's."""
    here = world(cluster_cidr="10.10.0.0/16,fd00:10::/56", node_cidr_mask_size_ipv4="26")
    node(here, "a")
    node(here, "b")
    assert ranges(here, "b") == ["10.10.0.64/26", "fd00:10:0:1::/64"]


def test_ranges_of_services_are_not_given() -> None:
    """A cluster range that the Services' overlaps: what is theirs is left out."""
    here = world(cluster_cidr="10.96.0.0/11", node_cidr_mask_size="13")
    node(here, "a")
    assert ranges(here, "a") == ["10.112.0.0/13"]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ({"cluster-cidr": "10.0.0.0/99"}, "does not appear to be"),
        ({"cluster-cidr": "10.0.0.0/16,10.1.0.0/16"}, "one of each IP family"),
        ({"node-cidr-mask-size": "8"}, "cannot have a mask size of 8"),
        ({"cluster-cidr": "fd00::/40"}, "cannot have a mask size of 64"),
        ({"cluster-cidr": "10.0.0.0/16,fd00::/56", "node-cidr-mask-size": "24"}, "not allowed with dual-stack"),
    ],
)
def test_ranges_that_make_no_sense(flags: dict[str, str], text: str) -> None:
    """They are refused at the start."""
    with pytest.raises(BadFlag, match=text):
        node_masks(Flags(flags), cluster_ranges(Flags(flags)))


@given(st.lists(st.one_of(st.none(), st.integers(0, 15)), max_size=60))
def test_no_range_is_given_twice(steps: list[int | None]) -> None:
    """Whatever is taken and given back: ranges that are out never overlap, and all of them can be given."""
    ranges_of, out = RangeSet(ip_network("10.0.0.0/20"), 24), []
    for step in steps:
        if step is None:
            try:
                out.append(ranges_of.take())
            except RangesExhausted:
                assert len(out) == 16
        elif step < len(out):
            ranges_of.release(out.pop(step))
        assert len(set(out)) == len(out)


def test_pods_have_addresses_of_both_ranges() -> None:
    """A node waits for its ranges to become ready; its pods then have one address of each."""
    flags = Flags({"allocate-node-cidrs": "true", "cluster-cidr": "10.10.0.0/16,fd00:10::/56"})
    cluster = Cluster(Store(), Clock(parse_time("2026-11-23T09:00:00Z")), ClusterOptions(seed=3, flags=flags))
    cluster.start(stepped=True)
    cluster.api.create(USER, NODES, "", {"metadata": {"name": "a"}})
    cluster.run_for(5 * SECOND)
    obj = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    cluster.api.create(USER, PODS, "default", obj)
    cluster.run_for(10 * SECOND)
    status = cluster.api.get(PODS, "default", "p").obj["status"]
    assert status["podIPs"] == [{"ip": "10.10.0.2"}, {"ip": "fd00:10::2"}]


def test_a_node_without_a_range_is_not_ready() -> None:
    """There is none for it: its network plugin does not come up."""
    flags = Flags({"allocate-node-cidrs": "true", "cluster-cidr": "10.10.0.0/24"})
    cluster = Cluster(Store(), Clock(parse_time("2026-11-23T09:00:00Z")), ClusterOptions(seed=3, flags=flags))
    cluster.start(stepped=True)
    for name in "ab":
        cluster.api.create(USER, NODES, "", {"metadata": {"name": name}})
    cluster.run_for(30 * SECOND)
    ready = {
        env.name: next(c["status"] for c in env.obj["status"]["conditions"] if c["type"] == "Ready")
        for env in cluster.store.list(NODES)
    }
    assert ready == {"a": "True", "b": "False"}
    cluster.api.delete(USER, NODES, "", "a")
    cluster.run_for(60 * SECOND)
    conditions = cluster.api.get(NODES, "", "b").obj["status"]["conditions"]
    assert next(c["status"] for c in conditions if c["type"] == "Ready") == "True"
