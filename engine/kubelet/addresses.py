"""Addresses of nodes and pods: 192.168.x.y for machines, a /24 of 10.244.0.0/14 for the pods of each.

Nodes that have no range of their own (fake ones) share 10.248.0.0/16.

Allocation is by first free number, in the order in which nodes appear, so it is the same in every run. Pod addresses
go round their range, as the host-local plugin does: a freed one is not handed out again at once.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

from engine.network.addresses import UNRANGED_PODS
from store.types import Envelope, Uid

_PODS = IPv4Network("10.244.0.0/14")
_UNRANGED_PREFIX = "10.248."


class NodeAddresses:
    """What is taken in the machines' network and in the pods' network."""

    def __init__(self) -> None:
        self._hosts: dict[str, None] = {}
        self._ranges: dict[str, None] = {}
        self._next_host = self._next_range = 0
        self.unranged = PodAddresses(UNRANGED_PODS)
        """Of the pods whose nodes have no range."""

    def learn(self, node: Envelope) -> None:
        """A node's own addresses are taken."""
        for address in (node.obj.get("status") or {}).get("addresses") or ():
            if address.get("type") == "InternalIP":
                self._hosts[address["address"]] = None
        if cidr := (node.obj.get("spec") or {}).get("podCIDR"):
            self._ranges[cidr] = None

    def learn_pod(self, pod: Envelope) -> None:
        """An address that a pod has already is taken."""
        address: str = (pod.obj.get("status") or {}).get("podIP") or ""
        if address.startswith(_UNRANGED_PREFIX):
            self.unranged.claim(pod.uid, address)

    def host(self) -> str:
        """A free InternalIP: 192.168.0.1, 192.168.0.2, …"""
        while True:
            self._next_host += 1
            block, last = divmod(self._next_host - 1, 254)
            address = f"192.168.{block % 256}.{last + 1}"
            if address not in self._hosts:
                self._hosts[address] = None
                return address

    def pod_range(self) -> str:
        """A free podCIDR: 10.244.0.0/24, 10.244.1.0/24, …"""
        while True:
            base = int(_PODS.network_address) + 256 * self._next_range
            self._next_range += 1
            cidr = f"{IPv4Address(base)}/24"
            if cidr not in self._ranges:
                self._ranges[cidr] = None
                return cidr


class PodAddresses:
    """The pod addresses of one node."""

    def __init__(self, cidr: str, second: str = "") -> None:
        """`second`: the node's range of the other IP family, "" where there is none."""
        network = ip_network(cidr, strict=False)
        self._second = ip_network(second, strict=False) if second else None
        self._base = int(network.network_address)
        self._write = IPv4Address if network.version == 4 else IPv6Address
        self._size = min(network.num_addresses, 1 << 16)
        octets = str(network.network_address).rpartition(".")[0]
        self._prefix = f"{octets}." if network.version == 4 and network.prefixlen >= 24 else ""
        """What all its addresses begin with, for ranges within one last octet; "" for others."""
        self._first = self._base & 0xFF
        self._taken: dict[str, Uid] = {}
        self._held: dict[Uid, str] = {}
        self._last = 1

    def take(self, uid: Uid) -> str:
        """The pod's address, a new one if it has none; "" when all are taken."""
        if uid in self._held:
            return self._held[uid]
        for _ in range(self._size):
            self._last += 1
            if self._last >= self._size - 1:
                self._last = 2
            if self._prefix:
                address = f"{self._prefix}{self._first + self._last}"
            else:
                address = str(self._write(self._base + self._last))
            if address not in self._taken:
                self._taken[address] = uid
                self._held[uid] = address
                return address
        return ""

    def both(self, address: str) -> list[str]:
        """A pod's address, and the one at the same place in the second range, if there is one."""
        if self._second is None:
            return [address]
        place = int(ip_address(address)) - self._base
        base = int(self._second.network_address)
        return [address, str((IPv4Address if self._second.version == 4 else IPv6Address)(base + place))]

    def claim(self, uid: Uid, address: str) -> None:
        """The pod has this address already."""
        self._taken[address] = uid
        self._held[uid] = address
        try:
            offset = int(ip_address(address)) - self._base
        except ValueError:
            return
        if self._last < offset < self._size - 1:
            self._last = offset

    def give_back(self, uid: Uid) -> None:
        address = self._held.pop(uid, None)
        if address is not None:
            self._taken.pop(address, None)
