"""DNS answers for Services and pods, and the names that a pod's resolver tries."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from engine.network.dns import RecordType, candidates, lookup, resolver_of
from store.types import JsonObject
from tests.engine.network.network_world import NetworkWorld


@pytest.fixture
def names(net: NetworkWorld) -> NetworkWorld:
    """A plain Service, a headless one with hostnames, an ExternalName."""
    net.backend(clusterIP="10.96.1.1")
    net.service("db", "data", clusterIP="None", ports=[{"name": "sql", "port": 5432}])
    for number in range(2):
        net.pod(
            f"db-{number}", app="db", namespace="data", hostname=f"db-{number}", subdomain="db", ip=f"10.244.9.{number}"
        )
    net.pod("db-2", app="db", namespace="data", ready=False)
    net.pod("db-x", app="db", namespace="data", ip="10.244.9.9")
    net.service("away", "data", type="ExternalName", externalName="api.shop.svc.cluster.local", selector=None)
    net.run(1)
    return net


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("api.shop.svc", "A", ["10.96.1.1"]),
        ("api.shop.svc", "AAAA", []),
        ("API.Shop.SVC", "A", ["10.96.1.1"]),
        ("api.shop.svc", "SRV", ["0 100 80 api.shop.svc.cluster.local"]),
        ("_web._tcp.api.shop.svc", "SRV", ["0 100 80 api.shop.svc.cluster.local"]),
        ("db.data.svc", "A", ["10.244.9.0", "10.244.9.1", "10.244.9.9"]),
        ("db-1.db.data.svc", "A", ["10.244.9.1"]),
        ("10-244-9-9.db.data.svc", "A", ["10.244.9.9"]),
        ("_sql._tcp.db.data.svc", "SRV", [
            "0 33 5432 db-0.db.data.svc.cluster.local", "0 33 5432 db-1.db.data.svc.cluster.local",
            "0 33 5432 10-244-9-9.db.data.svc.cluster.local",
        ]),
        ("away.data.svc", "CNAME", ["api.shop.svc.cluster.local"]),
        ("away.data.svc", "A", ["api.shop.svc.cluster.local", "10.96.1.1"]),
        ("10-244-9-1.data.pod", "A", ["10.244.9.1"]),
    ],
)  # fmt: skip
def test_answers(names: NetworkWorld, name: str, kind: RecordType, values: list[str]) -> None:
    """Names of Services, endpoints, ports and pods give their records."""
    answer = lookup(names.store, f"{name}.cluster.local", kind)
    assert answer.code == "NOERROR"
    assert [record.value for record in answer.records] == values


@pytest.mark.parametrize(
    "name",
    ["nobody.shop.svc", "api.nowhere.svc", "db-2.db.data.svc", "x.api.shop.svc", "_no._tcp.api.shop.svc", "x.shop.pod",
     "_web._udp.api.shop.svc", "1-2-3-4.nowhere.pod", "a.b.c.api.shop.svc", "junk"],
)  # fmt: skip
def test_no_such_name(names: NetworkWorld, name: str) -> None:
    """Names of nobody, and of pods that are not ready, do not exist."""
    assert lookup(names.store, f"{name}.cluster.local").code == "NXDOMAIN"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.96.1.1", "api.shop.svc.cluster.local"), ("10.244.9.1", "db-1.db.data.svc.cluster.local"),
        ("10.244.9.9", "10-244-9-9.db.data.svc.cluster.local"),
    ],
)  # fmt: skip
def test_addresses_backwards(names: NetworkWorld, address: str, name: str) -> None:
    """Of a Service, and of the endpoints of a headless one; of anything else the world is asked."""
    asked = ip_address(address).reverse_pointer
    assert [record.value for record in lookup(names.store, asked, "PTR").records] == [name]
    assert lookup(names.store, asked).records == ()
    assert lookup(names.store, asked).code == "NOERROR"


@pytest.mark.parametrize("asked", [ip_address("10.244.1.200").reverse_pointer, "1.10.in-addr.arpa", "x.ip6.arpa"])
def test_addresses_of_nobody_backwards(names: NetworkWorld, asked: str) -> None:
    """They are forwarded."""
    assert lookup(names.store, asked, "PTR").code == "FORWARDED"


def test_other_names_are_forwarded(names: NetworkWorld) -> None:
    """What is not of the cluster's domain is the world's."""
    assert lookup(names.store, "example.com").code == "FORWARDED"


def pod(**spec: object) -> JsonObject:
    return {"metadata": {"namespace": "shop", "name": "p"}, "spec": spec}


def test_search_paths() -> None:
    """ClusterFirst searches the pod's namespace first; names with five dots are tried as they are first."""
    resolver = resolver_of(pod())
    assert resolver.text() == (
        "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
    )
    assert list(candidates(resolver, "db.data")) == [
        "db.data.shop.svc.cluster.local", "db.data.svc.cluster.local", "db.data.cluster.local", "db.data",
    ]  # fmt: skip
    assert candidates(resolver, "db.data.") == ["db.data"]
    assert candidates(resolver, "a.b.c.d.e.f")[0] == "a.b.c.d.e.f"


def test_dns_policies() -> None:
    """Default and host network pods use the node's resolver, None only what dnsConfig says."""
    assert resolver_of(pod(hostNetwork=True)).searches == resolver_of(pod(dnsPolicy="Default")).searches == ()
    assert resolver_of(pod(hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet")).nameservers == ("10.96.0.10",)
    own = {"nameservers": ["1.1.1.1"], "searches": ["corp"], "options": [{"name": "ndots", "value": "2"}]}
    resolver = resolver_of(pod(dnsPolicy="None", dnsConfig=own))
    assert (resolver.nameservers, resolver.searches, resolver.ndots) == (("1.1.1.1",), ("corp",), 2)
    added = resolver_of(pod(dnsConfig=own))
    assert added.nameservers == ("10.96.0.10", "1.1.1.1")
    assert added.ndots == 2
