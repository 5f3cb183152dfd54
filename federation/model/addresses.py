"""Which addresses stand for one machine that others can dial, and which for one source.

In: an IP address. Out: what is special about it, as a word for people, or nothing. Every place that
is told where to connect asks here: endpoints of a cluster, gateways and endpoints in a report. And:
as whom a caller counts. A source of IPv6 is a network of 64 bits, since whoever has one address of
it has all.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

LOOPBACK = "loopback"
Network = IPv4Network | IPv6Network
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_BROADCAST = IPv4Address("255.255.255.255")
_OF_CLOUDS = frozenset(
    {
        IPv6Address("fd00:ec2::254"),  # AWS
        IPv6Address("fd00:ec2::23"),  # AWS, for Pods
        IPv6Address("fd20:ce::254"),  # Google
        IPv4Address("168.63.129.16"),  # Azure
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("192.0.0.192"),  # Oracle
    }
)
"""Where machines ask their cloud, for credentials too, beside link-local addresses."""
_WITH_V4_WITHIN = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""NAT64 dials the last 32 bits; so may a kernel that knows the oldest form of IPv4 in IPv6."""
_V4_BITS = 0xFFFFFFFF


_REMEMBERED = 16_384
"""Addresses that were read: those of a cluster are asked for again and again."""
read_address = lru_cache(_REMEMBERED)(ip_address)
"""An IP address out of text; raises ValueError. The library takes long for it."""

_V6_BYTES = 16
PREFIX_BYTES = 8
"""Of an address of IPv6, what one source has in common."""


def counted_as(address: bytes) -> bytes:
    """The source of a packed IP address: itself, of IPv6 the first 64 bits."""
    return address if len(address) < _V6_BYTES else address[:PREFIX_BYTES]


@lru_cache(_REMEMBERED)
def special_kind(address: IPv4Address | IPv6Address) -> str:
    """Why nobody else can dial it: "loopback", "link-local", ...; empty for one of a machine.

    IPv4 dressed as IPv6 is what it is dialled as. Link-local are also most of the addresses at
    which clouds give their credentials away.
    """
    if address.is_loopback:
        return LOOPBACK
    if isinstance(address, IPv6Address) and (within := _v4_within(address)) is not None:
        return special_kind(within)
    kinds = {
        "of the cloud": address in _OF_CLOUDS,
        "link-local": address.is_link_local,
        "multicast": address.is_multicast,
        "unspecified": address.is_unspecified or address in _THIS_NETWORK,
        "broadcast": address == _BROADCAST,
    }
    return next((kind for kind, is_so in kinds.items() if is_so), "")


@lru_cache(_REMEMBERED)
def plain(address: str) -> str:
    """An IP address in its one spelling; IPv4 dressed as IPv6 is what it is dialled as."""
    found = read_address(address)
    within = _v4_within(found) if isinstance(found, IPv6Address) else None
    return str(within or found)


def _v4_within(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in network for network in _WITH_V4_WITHIN):
        return IPv4Address(int(address) & _V4_BITS)
    return None
