"""Policy evaluation, by example and against a naive model."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api.kinds import NAMESPACES, NETWORKPOLICIES, PODS
from engine.network import policy
from engine.network.policy import Peer
from store.store import Store
from store.types import Author, Envelope, JsonObject, Micros, ObjectKey, Resource, Uid
from tests.engine.network.network_world import NetworkWorld

AUTHOR = Author("tester")


def test_a_pod_and_its_node(net: NetworkWorld) -> None:
    """A pod reaches itself and its node reaches it, whatever is denied; pods of the host network are no pods."""
    net.backend()
    net.policy("{metadata: {name: deny}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}")
    pod = net.api.get(PODS, "shop", "api-0")
    assert policy.ingress(net.store, pod, Peer(net.address("api-0"), pod), 8080).allowed
    other = net.api.get(PODS, "shop", "api-1")
    assert policy.ingress(net.store, pod, Peer("10.0.0.1", other), 8080) == (False, ("deny",), "")
    host = net.pod("host", app="client", namespace="shop", hostNetwork=True)
    assert policy.egress(net.store, host, Peer("10.0.0.1", other), 8080).allowed


def test_port_ranges(net: NetworkWorld) -> None:
    """endPort closes a range; another protocol is another port."""
    net.backend()
    net.policy("""
        metadata: {name: range}
        spec: {podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8080}, {protocol: UDP}]}]}
    """)
    pod = net.api.get(PODS, "shop", "api-0")
    allowed = [
        policy.ingress(net.store, pod, Peer("1.2.3.4"), port, protocol).allowed
        for port, protocol in ((7999, "TCP"), (8000, "TCP"), (8080, "TCP"), (8081, "TCP"), (1, "UDP"), (8000, "SCTP"))
    ]
    assert allowed == [False, True, True, False, True, False]


# -- against a naive model -----------------------------------------------------------------------------------------

SPACES = ("red", "blue")
labels = st.fixed_dictionaries({}, optional={"app": st.sampled_from("ab"), "tier": st.sampled_from("xy")})
label = st.sampled_from(["app", "tier"])
expression = st.one_of(
    st.builds(lambda k, v: {"key": k, "operator": "In", "values": [v]}, label, st.sampled_from("axb")),
    st.builds(lambda k, o: {"key": k, "operator": o}, label, st.sampled_from(["Exists", "DoesNotExist"])),
)  # fmt: skip
selector = st.one_of(
    st.just({}), st.builds(lambda m: {"matchLabels": m}, labels),
    st.builds(lambda e: {"matchExpressions": [e]}, expression),
)  # fmt: skip
space_selector: st.SearchStrategy[JsonObject] = st.one_of(
    st.just({}), st.sampled_from(SPACES).map(lambda n: {"matchLabels": {"kubernetes.io/metadata.name": n}})
)
block = st.sampled_from(
    [{"cidr": "0.0.0.0/0"}, {"cidr": "10.244.0.0/24"}, {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/24"]}]
)
peer = st.one_of(
    st.builds(lambda p: {"podSelector": p}, selector), st.builds(lambda n: {"namespaceSelector": n}, space_selector),
    st.builds(lambda p, n: {"podSelector": p, "namespaceSelector": n}, selector, space_selector),
    st.builds(lambda b: {"ipBlock": b}, block),
)  # fmt: skip
port = st.one_of(
    st.just({"protocol": "TCP"}), st.just({"protocol": "TCP", "port": "http"}),
    st.sampled_from([80, 8080]).map(lambda p: {"protocol": "TCP", "port": p}),
    st.just({"protocol": "TCP", "port": 79, "endPort": 81}), st.just({"protocol": "UDP", "port": 80}),
)  # fmt: skip


def rule(peers: str) -> st.SearchStrategy[JsonObject]:
    return st.fixed_dictionaries({}, optional={peers: st.lists(peer, max_size=2), "ports": st.lists(port, max_size=2)})


spec = st.fixed_dictionaries(
    {
        "podSelector": selector,
        "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
    },
    optional={"ingress": st.lists(rule("from"), max_size=2), "egress": st.lists(rule("to"), max_size=2)},
)
policies = st.lists(st.tuples(st.sampled_from(SPACES), spec), max_size=4)


def naive_selects(wanted: JsonObject, has: Any) -> bool:
    for key, value in (wanted.get("matchLabels") or {}).items():
        if has.get(key) != value:
            return False
    for each in wanted.get("matchExpressions") or ():
        there = each["key"] in has
        if each["operator"] == "In" and has.get(each["key"]) not in each["values"]:
            return False
        if each["operator"] == "Exists" and not there:
            return False
        if each["operator"] == "DoesNotExist" and there:
            return False
    return True


def naive_peer(space: str, wanted: JsonObject, pod: Envelope, address: str) -> bool:
    if "ipBlock" in wanted:
        inside = ip_address(address) in ip_network(wanted["ipBlock"]["cidr"])
        return inside and all(ip_address(address) not in ip_network(e) for e in wanted["ipBlock"].get("except", ()))
    if "namespaceSelector" in wanted:
        if not naive_selects(wanted["namespaceSelector"], {"kubernetes.io/metadata.name": pod.namespace}):
            return False
    elif pod.namespace != space:
        return False
    return naive_selects(wanted.get("podSelector", {}), pod.labels)


def naive_port(wanted: JsonObject, number: int, named: int) -> bool:
    if wanted["protocol"] != "TCP":
        return False
    if "port" not in wanted:
        return True
    first: int = named if wanted["port"] == "http" else wanted["port"]
    return first <= number <= int(wanted.get("endPort", first))


def naive(
    all_policies: list[tuple[str, JsonObject]], kind: str, pod: Envelope, other: Envelope, address: str, number: int
) -> bool:
    mine = [
        (space, each)
        for space, each in all_policies
        if space == pod.namespace and kind in each["policyTypes"] and naive_selects(each["podSelector"], pod.labels)
    ]
    rules, peers = ("ingress", "from") if kind == "Ingress" else ("egress", "to")
    return not mine or any(
        (not r.get(peers) or any(naive_peer(space, p, other, address) for p in r[peers]))
        and (not r.get("ports") or any(naive_port(p, number, 8080) for p in r["ports"]))
        for space, each in mine
        for r in each.get(rules, ())
    )


def put(store: Store, resource: Resource, namespace: str, name: str, **parts: Any) -> Envelope:
    key = ObjectKey(resource.group, resource.plural, namespace, name)
    meta = {"name": name, "namespace": namespace, "uid": Uid(f"{resource}/{namespace}/{name}"), **parts.pop("meta", {})}
    return store.put(key, {"metadata": meta, **parts}, AUTHOR, Micros(0))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    policies, st.lists(st.tuples(st.sampled_from(SPACES), labels), min_size=2, max_size=2), st.sampled_from([80, 8080])
)
def test_the_naive_model_agrees(
    all_policies: list[tuple[str, JsonObject]], pods: list[tuple[str, JsonObject]], number: int
) -> None:
    """Every pair of pods gets the same verdict, in both directions."""
    store = Store()
    for space in SPACES:
        put(store, NAMESPACES, "", space, meta={"labels": {"kubernetes.io/metadata.name": space}})
    for index, (space, each) in enumerate(all_policies):
        put(store, NETWORKPOLICIES, space, f"p{index}", spec=each)
    container = {"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}
    first, second = (
        put(
            store, PODS, space, f"pod{index}", meta={"labels": has}, spec={"containers": [container]},
            status={"podIP": f"10.244.{index}.5", "hostIP": "192.168.0.1"},
        )
        for index, (space, has) in enumerate(pods)
    )  # fmt: skip
    into = policy.ingress(store, second, Peer("10.244.0.5", first), number)
    assert into.allowed == naive(all_policies, "Ingress", second, first, "10.244.0.5", number)
    out = policy.egress(store, first, Peer("10.244.1.5", second), number)
    assert out.allowed == naive(all_policies, "Egress", first, second, "10.244.1.5", number)
    store.close()
