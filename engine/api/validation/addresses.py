"""IP addresses in fields of all kinds."""

from __future__ import annotations

import ipaddress
from typing import Final

from engine.api.validation.causes import Causes, invalid

_LOCAL_MULTICAST: Final = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))
IP_TEXT: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


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
