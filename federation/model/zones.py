"""What the DNS server of a cluster knows: names, and the addresses behind them.

Made by `cluster_agent.entry.entry` from plans, carried by `federation.wire.codec.zones`, turned
into answers by `cluster_agent.dns.zone`.
"""

from dataclasses import dataclass

from federation.model.exports import NamedEndpoint, ServicePort, ServiceType
from federation.model.names import ClusterId, ServiceName

STEERING_ZONE = "mesh.local"


@dataclass(frozen=True, slots=True)
class Choice:
    """Addresses of which one share of the answers consists; shares are integers above 0."""

    share: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceNames:
    """One service as DNS knows it.

    `addresses` are its clusterset IPs, none of a headless one, which has `endpoints`. `nearest`
    is what the steering zone answers now, `only` the addresses that lead to one cluster alone.
    All addresses are IP literals; of each family some, or none.
    """

    service: ServiceName
    type: ServiceType
    ports: tuple[ServicePort, ...]
    addresses: tuple[str, ...] = ()
    endpoints: tuple[NamedEndpoint, ...] = ()
    nearest: tuple[Choice, ...] = ()
    only: tuple[tuple[ClusterId, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class GatewayNames:
    """The addresses of one cluster's gateways."""

    cluster: ClusterId
    addresses: tuple[str, ...]
