"""The gateway's settings file."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from federation.model.errors import InvalidInput
from federation.process.settings import Address, Port, Settings, ip_address_of
from federation.supervisor.settings import ProxySettings

SMALLEST_RANGE = 4
_WIDEST = {4: 8, 6: 48}
"""Shortest prefixes of a range."""


class EntrySettings(Settings, frozen=True, kw_only=True):
    """What a gateway offers to clients without a sidecar: each service at an address of its own."""

    addresses: Annotated[
        str,
        Meta(
            description="the addresses of services at this gateway, as a network such as "
            "10.96.0.0/16. The machine must take them as its own, for example by `ip route add "
            "local 10.96.0.0/16 dev lo` (IPv6: `net.ipv6.ip_nonlocal_bind=1` as well), and clients "
            "need a way there"
        ),
    ]
    token_file: Annotated[
        Path,
        Meta(
            description="a workload token for `entry:NAME`, NAME being this gateway's: the "
            "identity under which the gateway calls "
            "for those clients; read again at every use"
        ),
    ]

    def __post_init__(self) -> None:
        try:
            network = ip_network(self.addresses)
        except ValueError as error:
            raise InvalidInput(
                f"field entry.addresses is {self.addresses[:80]!r}, but must be a network such as "
                "10.96.0.0/16"
            ) from error
        first = network[1] if network.num_addresses > 1 else network[0]
        is_odd = first.is_unspecified or first.is_multicast or first.is_link_local
        if is_odd or network.prefixlen < _WIDEST[network.version]:
            raise InvalidInput(
                f"field entry.addresses is {self.addresses!r}, but must be unicast addresses of "
                f"your own, at most a /{_WIDEST[network.version]}"
            )
        if network.num_addresses < SMALLEST_RANGE:
            raise InvalidInput(
                f"field entry.addresses is {self.addresses!r}, but must have at least "
                f"{SMALLEST_RANGE} addresses"
            )


class GatewaySettings(ProxySettings, frozen=True, kw_only=True):
    """Settings of `fedmesh-gateway`."""

    name: Annotated[str, Meta(description="name of this gateway, unique in its cluster")]
    port: Annotated[Port, Meta(description="the east-west mTLS port")] = 15443
    listen: Annotated[
        Address | None,
        Meta(
            description="where Envoy listens (an IP address, 0.0.0.0 for all), when others dial "
            "another one: a load balancer's, a mapped port. Default: `address`:`port`"
        ),
    ] = None
    zone: Annotated[
        str, Meta(description="the zone of this gateway; others prefer gateways that are near")
    ] = ""

    entry: Annotated[
        EntrySettings | None,
        Meta(description="entry for clients without a sidecar; default: none"),
    ] = None

    def __post_init__(self) -> None:
        if self.listen is not None:
            ip_address_of(self.listen, "listen")
