"""NetworkPolicy evaluation: may this connection leave its source, and may it enter its destination?

The rules of networking.k8s.io/v1: a pod that no policy of a direction selects is open in that direction; one that is
selected lets pass only what a rule of any of these policies allows. A connection needs both ends' consent. A pod
always reaches itself, a node always its own pods. Pods on their node's network are no pods to a policy, only addresses.

Answers name the policies that had a say.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final, Literal, NamedTuple

from engine.api.kinds import NAMESPACES, NETWORKPOLICIES
from engine.api.selectors import from_spec
from store.store import Store
from store.types import Envelope, JsonObject, ObjectKey

Direction = Literal["Ingress", "Egress"]


class Peer(NamedTuple):
    """One end of a connection."""

    address: str
    """"" for an address that is not known, outside of the cluster."""
    pod: Envelope | None = None
    """None for nodes and for what is outside of the cluster."""


class Verdict(NamedTuple):
    """What the policies of one direction say."""

    allowed: bool
    policies: tuple[str, ...]
    """Those that select the pod, sorted; none: the pod is not isolated."""
    allowed_by: str = ""
    """The first of them with a rule that allows it; "" when none does or none is needed."""


OPEN: Final = Verdict(True, ())


def ingress(store: Store, pod: Envelope, source: Peer, port: int, protocol: str = "TCP") -> Verdict:
    """May `source` connect to this port of `pod`?"""
    if source.pod is not None and source.pod.key == pod.key:
        return OPEN
    if source.pod is None and source.address and source.address == (pod.obj.get("status") or {}).get("hostIP"):
        return OPEN
    return _verdict(store, "Ingress", pod, source, port, protocol, named_on=pod)


def egress(store: Store, pod: Envelope, destination: Peer, port: int, protocol: str = "TCP") -> Verdict:
    """May `pod` connect to this port of `destination`?"""
    if destination.pod is not None and destination.pod.key == pod.key:
        return OPEN
    return _verdict(store, "Egress", pod, destination, port, protocol, named_on=destination.pod)


def _verdict(
    store: Store, direction: Direction, pod: Envelope, peer: Peer, port: int, protocol: str, named_on: Envelope | None
) -> Verdict:
    if pod.obj["spec"].get("hostNetwork"):
        return OPEN
    policies = selecting(store, direction, pod)
    if not policies:
        return OPEN
    names = tuple(env.name for env in policies)
    rules, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    for env in policies:
        for rule in env.obj["spec"].get(rules) or ():
            if _port_matches(rule.get("ports"), port, protocol, named_on) and _any_peer(
                store, env.namespace, rule.get(peers), peer
            ):
                return Verdict(True, names, env.name)
    return Verdict(False, names)


def selecting(store: Store, direction: Direction, pod: Envelope) -> Sequence[Envelope]:
    """Policies that isolate a pod in this direction, by name."""
    return [
        env
        for env in store.list(NETWORKPOLICIES, pod.namespace)
        if direction in policy_types(env.obj["spec"])
        and from_spec(env.obj["spec"].get("podSelector") or _EVERYTHING).matches(pod.labels)
    ]


_EVERYTHING: Final[JsonObject] = {}


def policy_types(spec: JsonObject) -> Sequence[str]:
    """Directions that a policy is about; by default Ingress, and Egress if it has such rules."""
    given: Sequence[str] = spec.get("policyTypes") or ()
    return given or (("Ingress", "Egress") if spec.get("egress") else ("Ingress",))


def _port_matches(ports: Sequence[JsonObject] | None, port: int, protocol: str, named_on: Envelope | None) -> bool:
    """No list: every port. A name is looked up among the container ports of the pod that is connected to."""
    if not ports:
        return True
    for each in ports:
        if (each.get("protocol") or "TCP") != protocol:
            continue
        wanted: Any = each.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, str):
            if named_on is not None and port in _named(named_on, wanted, protocol):
                return True
        elif wanted <= port <= (each.get("endPort") or wanted):
            return True
    return False


def _named(pod: Envelope, name: str, protocol: str) -> list[int]:
    return [
        port["containerPort"]
        for container in pod.obj["spec"].get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("name") == name and port.get("protocol", "TCP") == protocol
    ]


def _any_peer(store: Store, namespace: str, peers: Sequence[JsonObject] | None, peer: Peer) -> bool:
    return not peers or any(_peer_matches(store, namespace, each, peer) for each in peers)


def _peer_matches(store: Store, namespace: str, wanted: JsonObject, peer: Peer) -> bool:
    block = wanted.get("ipBlock")
    if block is not None:
        return _in_block(peer.address, block)
    pod = peer.pod
    if pod is None or pod.obj["spec"].get("hostNetwork"):
        return False
    spaces, pods = wanted.get("namespaceSelector"), wanted.get("podSelector")
    if spaces is None:
        if pod.namespace != namespace:
            return False
    else:
        space = store.get(ObjectKey(NAMESPACES.group, NAMESPACES.plural, "", pod.namespace))
        if space is None or not from_spec(spaces).matches(space.labels):
            return False
    return pods is None or from_spec(pods).matches(pod.labels)


def _in_block(address: str, block: JsonObject) -> bool:
    network = _network(block["cidr"])
    excluded = [_network(each) for each in block.get("except") or ()]
    if not address:  # somewhere outside: only a rule for the whole world is sure to mean it
        return network.prefixlen == 0 and not excluded
    parsed = ip_address(address)
    return parsed in network and not any(parsed in each for each in excluded)


@lru_cache(maxsize=1024)
def _network(cidr: str) -> IPv4Network | IPv6Network:
    return ip_network(cidr, strict=False)
