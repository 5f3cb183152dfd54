"""Which addresses stand for one machine that others can dial, and which for one source.

In: an IP address. Out: what is special about it, as a word for people, or nothing. Every place that
is told where to connect asks here: endpoints of a cluster, gateways and endpoints in a report. And:
as whom a caller counts. A source of IPv6 is a network of 64 bits, since whoever has one address of
it has all.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address

LOOPBACK = "loopback"
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_BROADCAST = IPv4Address("255.255.255.255")


_V6_BYTES = 16
PREFIX_BYTES = 8
"""Of an address of IPv6, what one source has in common."""


def counted_as(address: bytes) -> bytes:
    """The source of a packed IP address: itself, of IPv6 the first 64 bits."""
    return address if len(address) < _V6_BYTES else address[:PREFIX_BYTES]


def special_kind(address: IPv4Address | IPv6Address) -> str:
    """Why nobody else can dial it: "loopback", "link-local", ...; empty for one of a machine.

    IPv4 dressed as IPv6 is what it is dialled as. Link-local are also the addresses at which clouds
    give their credentials away.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return special_kind(address.ipv4_mapped)
    if address.is_loopback:
        return LOOPBACK
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if address.is_unspecified or (address.version == 4 and address in _THIS_NETWORK):  # noqa: PLR2004
        return "unspecified"
    return "broadcast" if address == _BROADCAST else ""
