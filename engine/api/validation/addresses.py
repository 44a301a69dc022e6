"""IP addresses in fields of all kinds."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from engine.api.validation.causes import Causes, invalid

_LOCAL_MULTICAST: Final = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))
IP_TEXT: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
CIDR_TEXT: Final = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_LEADING_ZEROS: Final = re.compile(r"(?<![\da-fA-F:])0+(?=\d)")
"""In front of a number of an IPv4 address: older fields take them, newer ones do not."""


def address_errors(address: str) -> tuple[str, ...]:
    """IsValidIP: an address of a newer field, in its canonical form."""
    try:
        parsed = ipaddress.ip_address(_LEADING_ZEROS.sub("", address))
    except ValueError:
        return (IP_TEXT,)
    if isinstance(parsed, ipaddress.IPv4Address):
        return () if str(parsed) == address else ("must not have leading 0s",)
    if parsed.scope_id is not None:
        return (IP_TEXT,)
    if parsed.ipv4_mapped is not None:
        return ("must not be an IPv4-mapped IPv6 address",)
    return () if str(parsed) == address else (f'must be in canonical form ("{parsed}")',)


def cidr_errors(cidr: str) -> tuple[str, ...]:
    """IsValidCIDR: a range of a newer field, in its canonical form."""
    address, _, length = cidr.partition("/")
    if not (length.isascii() and length.isdecimal()):
        return (CIDR_TEXT,)
    try:
        network = ipaddress.ip_network(f"{_LEADING_ZEROS.sub('', address)}/{int(length)}", strict=False)
        parsed = ipaddress.ip_address(_LEADING_ZEROS.sub("", address))
    except ValueError:
        return (CIDR_TEXT,)
    found = []
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            found.append("must not have an IPv4-mapped IPv6 address")
    elif str(parsed) != address:
        found.append("must not have leading 0s in IP")
    if str(int(length)) != length:
        found.append("must not have leading 0s in prefix length")
    if parsed != network.network_address:
        found.append("must not have bits set beyond the prefix length")
    if not found and str(network) != cidr:
        found.append(f'must be in canonical form ("{network}")')
    return tuple(found)


def validate_address(causes: Causes, address: str, path: str) -> None:
    """IsValidIP."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        causes.append(invalid(path, address, IP_TEXT))


def validate_endpoint_address(causes: Causes, address: str, path: str) -> None:
    """An address that traffic may be sent to (ValidateNonSpecialIP)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        causes.append(invalid(path, address, IP_TEXT))
        return
    if parsed.is_unspecified:
        causes.append(invalid(path, address, f"may not be unspecified ({address})"))
    if parsed.is_loopback:
        causes.append(invalid(path, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if parsed.is_link_local:
        causes.append(invalid(path, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if any(parsed in network for network in _LOCAL_MULTICAST if network.version == parsed.version):
        text = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        causes.append(invalid(path, address, text))
