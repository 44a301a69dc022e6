"""Who reaches whom, by which name, through which endpoint, and who says no."""

from __future__ import annotations

import pytest

from engine.api.errors import NotFound
from engine.api.kinds import NODES, PODS, SERVICES
from tests.engine.controllers.world import USER
from tests.engine.network.network_world import NetworkWorld

DENY = "{metadata: {name: default-deny}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}"


def test_by_a_short_name(net: NetworkWorld) -> None:
    """The name is found by the search path, the Service picks an endpoint, and the trail tells it all."""
    net.backend()
    found = net.reach("api")
    assert found.ok
    assert (found.name, found.service) == ("api.shop.svc.cluster.local", "shop/api")
    assert found.endpoint == f"{net.address('api-0')}:8080"
    assert [step.stage for step in found.steps] == ["source", "dns", "dns", "service", "endpoint", "pod"]
    assert found.trail().splitlines()[-1] == "ok  pod: container c of shop/api-0 listens on 8080/TCP"


def test_a_short_name_of_another_namespace(net: NetworkWorld) -> None:
    """`db` of namespace data is unknown in shop; `db.data` is found."""
    net.pod("db-0", app="db", namespace="data")
    net.service("db", "data")
    net.run(1)
    missing = net.reach("db")
    assert (missing.ok, missing.refused_by, missing.symptom) == (False, "DNS", "no such host")
    assert "db.shop.svc.cluster.local NXDOMAIN" in missing.trail()
    assert net.reach("db.data").ok


def test_the_cluster_has_no_dns(net: NetworkWorld) -> None:
    """With CoreDNS gone, names fail and addresses do not."""
    net.backend()
    net.gone("coredns", "kube-system")
    net.run(1)
    found = net.reach("api")
    assert (found.refused_by, found.symptom) == ("Service kube-system/kube-dns", "no answer")
    assert net.reach(net.address("api-0"), 8080).ok
    net.api.delete(USER, SERVICES, "kube-system", "kube-dns")
    assert "the cluster has no DNS" in net.reach("api").trail()


def test_a_wrong_selector(net: NetworkWorld) -> None:
    """A Service that selects nobody refuses, and its selector is named."""
    net.backend(selector={"app": "apy"})
    found = net.reach("api")
    assert (found.refused_by, found.symptom) == ("Service shop/api", "connection refused")
    assert "no pod in shop with an address matches app=apy" in found.trail()


def test_a_wrong_port(net: NetworkWorld) -> None:
    """A port that the Service does not have times out; a targetPort that nobody listens on is refused."""
    net.backend(ports=[{"port": 80, "targetPort": 9999}])
    assert net.reach("api", 8080).symptom == "connection timed out"
    found = net.reach("api")
    assert (found.refused_by, found.symptom) == ("Pod shop/api-0", "connection refused")
    assert "no container of shop/api-0 listens on 9999/TCP (they declare 8080/TCP)" in found.trail()


def test_nobody_is_ready(net: NetworkWorld) -> None:
    """Endpoints that are not ready are counted and not used; one that still serves while it ends is."""
    net.backend()
    for name in ("api-0", "api-1"):
        net.kubelet_says(name, ready=False, namespace="shop")
    net.run(1)
    assert "Service shop/api has 2 endpoints, none of them ready" in net.reach("api").trail()
    net.kubelet_says("api-1", ready=True, namespace="shop")
    net.api.delete(USER, PODS, "shop", "api-1")
    net.run(1)
    assert net.reach("api").pod == "shop/api-1"


def test_default_deny(net: NetworkWorld) -> None:
    """With all denied not even DNS answers; each rule opens one more door."""
    net.backend()
    net.policy(DENY)
    found = net.reach("api")
    assert (found.refused_by, found.symptom) == ("NetworkPolicy shop/default-deny", "no answer")
    net.policy("""
        metadata: {name: allow-dns}
        spec:
          podSelector: {}
          policyTypes: [Egress]
          egress: [{ports: [{protocol: UDP, port: 53}]}]
    """)
    found = net.reach("api")
    assert (found.name, found.symptom) == ("api.shop.svc.cluster.local", "connection timed out")
    assert found.refused_by == "NetworkPolicy shop/allow-dns, shop/default-deny"
    net.policy("""
        metadata: {name: clients-out}
        spec:
          podSelector: {matchLabels: {app: client}}
          policyTypes: [Egress]
          egress: [{to: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: http}]}]
    """)
    assert net.reach("api").refused_by == "NetworkPolicy shop/default-deny"
    net.policy("""
        metadata: {name: api-in}
        spec:
          podSelector: {matchLabels: {app: api}}
          ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 8080}]}]
    """)
    found = net.reach("api")
    assert found.ok
    assert "shop/api-in allows it" in found.trail()


def test_one_endpoint_of_two(net: NetworkWorld) -> None:
    """When a policy shuts only one endpoint, the connection goes through the other, and the trail warns."""
    net.backend()
    net.edit(
        PODS, "api-0", lambda o: {**o, "metadata": {**o["metadata"], "labels": {"app": "api", "shut": "yes"}}}, "shop"
    )
    net.policy("{metadata: {name: shut}, spec: {podSelector: {matchLabels: {shut: 'yes'}}}}")
    found = net.reach("api")
    assert found.pod == "shop/api-1"
    assert "1 of 2 endpoints cannot be reached: NetworkPolicy shop/shut" in found.trail()


def test_traffic_policies_and_hints(net: NetworkWorld) -> None:
    """Local keeps to the node, or fails; hints keep to the zone."""
    net.backend(internalTrafficPolicy="Local")
    net.pod("far", app="client", namespace="shop", node="node-2")
    net.pod("near", app="client", namespace="shop", node="node-1")
    assert net.reach("api", source="near").pod == "shop/api-1"
    assert "node node-2 has no endpoint" in net.reach("api", source="far").trail()
    net.edit(
        SERVICES, "api",
        lambda o: {
            **o, "spec": {**o["spec"], "internalTrafficPolicy": "Cluster", "trafficDistribution": "PreferClose"},
        },
        "shop",
    )  # fmt: skip
    net.run(1)
    assert net.reach("api", source="near").pod == "shop/api-1"
    assert "hints keep it in zone zone-b: 1" in net.reach("api", source="near").trail()
    assert net.reach("api", source="far").pod == "shop/api-0"


def test_node_ports_and_load_balancers(net: NetworkWorld) -> None:
    """A node answers for a Service's node port, a balancer's address leads to it, other ports are refused."""
    net.backend(type="LoadBalancer")
    env = net.api.get(SERVICES, "shop", "api")
    node = net.api.get(NODES, "", "node-1")
    net.api.update_status(USER, node, {"addresses": [{"type": "InternalIP", "address": "192.168.0.7"}]})
    number = env.obj["spec"]["ports"][0]["nodePort"]
    assert net.reach("192.168.0.7", number).ok
    assert net.reach("192.168.0.7", 80).refused_by == "Node node-1"
    net.api.update_status(USER, env, {"loadBalancer": {"ingress": [{"ip": "203.0.113.5"}]}})
    assert net.reach("203.0.113.5").service == "shop/api"


def test_a_load_balancer_lets_in_whom_it_shall(net: NetworkWorld) -> None:
    """loadBalancerSourceRanges: others wait in vain."""
    net.backend(type="LoadBalancer", loadBalancerSourceRanges=["192.0.2.0/24"])
    env = net.api.get(SERVICES, "shop", "api")
    net.api.update_status(USER, env, {"loadBalancer": {"ingress": [{"ip": "203.0.113.5"}]}})
    found = net.reach("203.0.113.5")
    assert (found.symptom, found.refused_by) == ("connection timed out", "Service shop/api")
    env = net.api.get(SERVICES, "shop", "api")
    spec = {**env.obj["spec"], "loadBalancerSourceRanges": ["10.244.0.0/14"]}
    net.api.update(USER, SERVICES, "shop", "api", {**env.obj, "spec": spec})
    assert net.reach("203.0.113.5").ok


def test_the_api_and_the_world(net: NetworkWorld) -> None:
    """Pods reach the API by its Service, and the world by its names, if their policies let them."""
    assert net.reach("kubernetes.default", 443).endpoint == "192.168.255.254:6443"
    assert net.reach("example.com", 443).endpoint == "example.com:443"
    net.service("away", "shop", type="ExternalName", externalName="db.example.com", ports=None, selector=None)
    assert net.reach("away", 5432).endpoint == "db.example.com:5432"
    net.policy("""
        metadata: {name: inside}
        spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}]}]}
    """)
    assert net.reach("example.com", 443).refused_by == "NetworkPolicy shop/inside"


def test_addresses_of_nobody(net: NetworkWorld) -> None:
    """An address of the cluster's ranges that nobody has leads nowhere."""
    assert net.reach("10.96.77.77").symptom == "connection timed out"
    found = net.reach("10.244.3.3")
    assert (found.refused_by, found.symptom) == ("Address 10.244.3.3", "connection timed out")


def test_sources(net: NetworkWorld) -> None:
    """A pod that does not run connects to nothing; an unknown one is an error."""
    net.api.create(
        USER, PODS, "shop", {"metadata": {"name": "new"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    )
    assert net.reach("api", source="new").symptom == "no route"
    with pytest.raises(NotFound):
        net.reach("api", source="nobody")


def test_nothing_is_written(net: NetworkWorld) -> None:
    """Asking changes nothing."""
    net.backend()
    revision = net.store.revision
    net.reach("api")
    net.reach("nobody")
    assert net.store.revision == revision
