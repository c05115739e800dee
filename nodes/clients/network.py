"""Which machine a name may lead to: public addresses only, unless the owner of this installation allows private ones."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

from nodes.errors import NotSent, Rejected

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, in the system's order of preference. Raises NotSent where it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent(f"There is no server by the name {host}. Check the address.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_address(host: str, port: int, resolver: Resolver, may_connect: Callable[[str], bool]) -> str:
    """The address to connect to. Raises Rejected where the name leads to none that `may_connect` allows."""
    literal = _literal(host)
    addresses = [str(literal)] if literal else list(resolver(host, port))
    allowed = [address for address in addresses if may_connect(address)]
    if not addresses:
        raise NotSent(f"There is no server by the name {host}. Check the address.")
    if not allowed:
        raise Rejected(
            "private_address",
            f"{host} leads to {addresses[0]}, an address of a private network, and is not opened."
            " An administrator may set FRONTDESK_ALLOW_PRIVATE_ADDRESSES=true to allow it.",
        )
    return allowed[0]


def anywhere(address: str) -> bool:
    """For an installation that allows private addresses."""
    return True


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet, also behind the disguises that IPv6 has for IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(
        each.is_global and not each.is_multicast and not each.is_reserved for each in [found, *_disguised(found)]
    )


def _disguised(address: IPAddress) -> list[IPAddress]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inner: list[IPAddress | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in inner if each is not None]


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
