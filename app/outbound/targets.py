"""What a URL that somebody configured must look like before anything is resolved, and what an operator may allow beyond it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from yarl import URL

from app.errors import SettingsError, UserError
from app.outbound.addresses import IpAddress, IpNetwork, literal, unusual_spelling, why_inside

MAX_URL = 4_096
IF_YOURS = "; where that is your own network, [outbound] in watchdesk.toml can allow it"
_PORTS = frozenset({80, 443, 8080, 8443})
_TLS = frozenset({"https", "wss"})
_PLAIN = frozenset({"http", "ws"})


class OutboundRefused(UserError):  # noqa: N818 - a decision, told to the person who configured the URL
    """The URL may not be called."""

    code = "outbound_refused"


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """What is allowed beyond public hosts over TLS.

    `networks` and `hosts` (names in lower case) are the operator's own: there any port and plain HTTP are allowed.
    `plain` allows HTTP to public hosts too, as feeds need it; `ports` are those allowed on public hosts.
    """

    networks: tuple[IpNetwork, ...] = ()
    hosts: frozenset[str] = frozenset()
    plain: bool = False
    ports: frozenset[int] = _PORTS

    def allows(self, address: IpAddress) -> bool:
        return any(address.version == network.version and address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that passed: `host` is in its wire form (punycode, lower case), `address` set where the host is one."""

    url: URL
    host: str
    port: int
    address: IpAddress | None


def policy_of(allow: Iterable[str], *, plain: bool = False) -> OutboundPolicy:
    """Read an allow-list of networks ("10.1.0.0/16", "::1") and host names; raise SettingsError at what is neither."""
    networks: list[IpNetwork] = []
    hosts: set[str] = set()
    for entry in allow:
        try:
            networks.append(ip_network(entry))
        except ValueError:
            name = entry.strip().lower().rstrip(".")
            if not name or "/" in name or ":" in name or unusual_spelling(name) or not name.isascii():
                raise SettingsError(f"outbound allow-list: {entry!r} is neither a network nor a host name") from None
            hosts.add(name)
    return OutboundPolicy(networks=tuple(networks), hosts=frozenset(hosts), plain=plain)


def check_url(url: str, policy: OutboundPolicy) -> Target:
    """Return the target of `url`; raise OutboundRefused, in words for the person who gave it, where it may not be called.

    Looks at the URL alone. A name is resolved and its addresses are checked when a connection is made.
    """
    parsed = _parse(url)
    host = _host(parsed)
    address = literal(host)
    allowed = host in policy.hosts or (address is not None and policy.allows(address))
    if address is not None and not allowed:
        check_address(address, policy)
    port = parsed.port or 0
    if port not in policy.ports and not allowed and not policy.networks:
        raise OutboundRefused(f"port {port} is not allowed; use one of {', '.join(map(str, sorted(policy.ports)))}")
    if parsed.scheme in _PLAIN and not (policy.plain or allowed or (policy.networks and address is None)):
        raise OutboundRefused("plain http is not allowed; use https")
    return Target(url=parsed, host=host, port=port, address=address)


def check_address(address: IpAddress, policy: OutboundPolicy) -> None:
    """Raise OutboundRefused where a connection to `address` is not allowed."""
    reason = why_inside(address)
    if reason is not None and not policy.allows(address):
        raise OutboundRefused(f"resolves to a private or reserved address ({address}: {reason}){IF_YOURS}")


def check_resolved(target: Target, addresses: Iterable[IpAddress], policy: OutboundPolicy) -> None:
    """Raise OutboundRefused unless every address that the target's name resolved to may be connected to."""
    if target.host in policy.hosts:
        return
    inside = True
    for address in addresses:
        check_address(address, policy)
        inside = inside and policy.allows(address)
    if inside:
        return
    if target.port not in policy.ports:
        raise OutboundRefused(f"port {target.port} is not allowed outside the allow-list")
    if target.url.scheme in _PLAIN and not policy.plain:
        raise OutboundRefused("plain http is not allowed; use https")


def _parse(url: str) -> URL:
    if len(url) > MAX_URL:
        raise OutboundRefused(f"the URL is longer than {MAX_URL:,} characters")
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"} for character in url):
        raise OutboundRefused("the URL holds spaces or control characters")
    if "\\" in url:
        raise OutboundRefused("the URL holds a backslash")
    try:
        parsed = URL(url)
        port = parsed.port
    except ValueError:
        raise OutboundRefused("the URL cannot be read: its host or port is wrong") from None
    if parsed.scheme not in _TLS | _PLAIN:
        raise OutboundRefused(f"{parsed.scheme or 'no'} scheme is not allowed; use https")
    authority = re.split(r"[/?#]", url.partition("//")[2], maxsplit=1)[0]  # as written: the parser drops an empty user
    if "@" in authority:
        raise OutboundRefused("a user name or password in the URL is not allowed")
    if parsed.raw_fragment or "#" in url:
        raise OutboundRefused("a #fragment in the URL is not allowed")
    if not port:
        raise OutboundRefused("port 0 is not allowed")
    if "[" in authority and (literal(parsed.raw_host or "") is None or "%" in authority):
        raise OutboundRefused("a zone or an unknown form of address in the host is not allowed")
    return parsed


def _host(parsed: URL) -> str:
    host = (parsed.raw_host or "").lower()
    if not host.rstrip("."):
        raise OutboundRefused("the URL has no host")
    if "%" in host:
        raise OutboundRefused("an escape in the host is not allowed")
    if literal(host) is None:
        spelled = unusual_spelling(host)
        if spelled is not None:
            raise OutboundRefused(f"{host} is an unusual spelling of a private or reserved address ({spelled})")
        if ":" in host or not all(part and len(part) <= 63 for part in host.rstrip(".").split(".")):
            raise OutboundRefused(f"{host} is not a host name")
        if not all(character.isalnum() or character in "-._" for character in host) or not host.isascii():
            raise OutboundRefused(f"{host} is not a host name")
    return host.rstrip(".") if literal(host) is None else host
