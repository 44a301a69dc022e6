"""The ranges that pods' addresses come from, and their division among nodes (`--cluster-cidr`, cidrset.CidrSet).

A set hands out the first range that is free after the one it gave last, and starts over at its end: a range that was
given back is not given to the next node at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from engine.flags import BadFlag, Flags

Network = IPv4Network | IPv6Network
_DEFAULT_MASKS: Final = {4: 24, 6: 64}
_MOST_BITS: Final = 16
"""A cluster range is divided into at most 2¹⁶ ranges (cidrset.ErrCIDRSetSubNetTooBig)."""


class RangesExhausted(Exception):
    """No range is free."""

    def __init__(self) -> None:
        super().__init__("CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range")


def cluster_ranges(flags: Flags) -> Sequence[Network]:
    """The ranges of `--cluster-cidr`. Raises BadFlag."""
    text = flags.text("cluster-cidr")
    try:
        found = [ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise BadFlag(f'invalid argument "{text}" for "--cluster-cidr": {error}') from error
    if len(found) > 2 or (len(found) == 2 and found[0].version == found[1].version):
        raise BadFlag(f'invalid argument "{text}" for "--cluster-cidr": one range, or one of each IP family')
    return found


def node_masks(flags: Flags, ranges: Sequence[Network]) -> Sequence[int]:
    """Mask size of a node's range, by cluster range. Raises BadFlag."""
    single = int(flags.number("node-cidr-mask-size"))
    if single and len(ranges) > 1:
        raise BadFlag("usage of --node-cidr-mask-size is not allowed with dual-stack clusters")
    masks = []
    for network in ranges:
        asked = single or int(flags.number(f"node-cidr-mask-size-ipv{network.version}"))
        mask = asked or _DEFAULT_MASKS[network.version]
        if not network.prefixlen <= mask <= min(network.prefixlen + _MOST_BITS, network.max_prefixlen):
            raise BadFlag(f"ranges of {network} for nodes cannot have a mask size of {mask}")
        masks.append(mask)
    return masks


class RangeSet:
    """One cluster range, divided."""

    def __init__(self, network: Network, mask: int) -> None:
        self._network, self._mask = network, mask
        self._bits = network.max_prefixlen - mask
        self._count = 1 << (mask - network.prefixlen)
        self._taken: dict[int, None] = {}
        self._next = 0

    def take(self) -> str:
        """A free range. Raises RangesExhausted."""
        if len(self._taken) >= self._count:
            raise RangesExhausted
        while self._next in self._taken:
            self._next = (self._next + 1) % self._count
        number, self._next = self._next, (self._next + 1) % self._count
        self._taken[number] = None
        base = int(self._network.network_address) + (number << self._bits)
        address = IPv4Address(base) if self._network.version == 4 else IPv6Address(base)
        return f"{address}/{self._mask}"

    def occupy(self, cidr: str) -> None:
        """Somebody has this range; one outside the set does not matter."""
        for number in self._numbers(cidr):
            self._taken[number] = None

    def release(self, cidr: str) -> None:
        for number in self._numbers(cidr):
            self._taken.pop(number, None)

    def _numbers(self, cidr: str) -> range:
        try:
            network = ip_network(cidr, strict=False)
        except ValueError:
            return range(0)
        if network.version != self._network.version or not network.overlaps(self._network):
            return range(0)
        base = int(self._network.network_address)
        first = max(int(network.network_address) - base, 0) >> self._bits
        last = min(int(network.broadcast_address) - base, (self._count << self._bits) - 1) >> self._bits
        return range(first, last + 1)
