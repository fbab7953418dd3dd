"""Which addresses an outbound connection may go to: global unicast that no operator of a network keeps for himself.

`ipaddress.is_global` lets thirteen kinds of inside address pass (translated, tunnelled, multicast, newly reserved), so the
table is our own. IPv6 is closed by default: only 2000::/3 may pass, and from that the ranges below are taken out.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

_V4 = tuple(
    (IPv4Network(network), name)
    for network, name in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier's NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's host agent"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "multicast relays"),
        ("192.88.99.0/24", "6to4 relays"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_V6 = tuple(
    (IPv6Network(network), name)
    for network, name in (
        ("2001::/23", "protocol assignments, Teredo among them"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3ffe::/16", "the former 6bone"),
        ("3fff::/20", "documentation"),
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # upper half of an interface id that carries an IPv4 address


def why_inside(address: IpAddress) -> str | None:
    """Return why `address` may not be connected to, None where it may."""
    if isinstance(address, IPv4Address):
        return next((name for network, name in _V4 if address in network), None)
    if address in _NAT64:  # networks with IPv6 alone reach the IPv4 internet through it, so what it stands for decides
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
        return why_inside(inner) and f"translated to {inner}"
    if address not in _GLOBAL_V6:
        return "not global unicast"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "an ISATAP tunnel"
    return next((name for network, name in _V6 if address in network), None)


def literal(host: str) -> IpAddress | None:
    """Return the address that `host` spells in the one usual way, None where it is a name or an unusual spelling."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def unusual_spelling(host: str) -> str | None:
    """Return the address that an unusual spelling stands for ("127.1", "0x7f.1", "2130706433"), None where `host` is a name.

    A host whose last label is a number is an address for every browser and for the C library, never a name.
    """
    last = host.rstrip(".").rpartition(".")[2].lower()
    if not (last.isdigit() or (last.startswith("0x") and all(digit in "0123456789abcdef" for digit in last[2:]))):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return "no address"
