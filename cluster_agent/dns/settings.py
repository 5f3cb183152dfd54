"""The DNS server's settings file."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from federation.model.errors import InvalidInput
from federation.model.names import CLUSTERSET_ZONE, parse_subdomain
from federation.model.zones import STEERING_ZONE
from federation.process.settings import Address, Settings


class SourceLimit(Settings, frozen=True, kw_only=True):
    """How many queries a second each source of a network may ask."""

    network: Annotated[str, Meta(description="the sources, such as 10.0.0.0/8")]
    per_second: Annotated[
        int, Meta(ge=0, le=10_000_000, description="queries a second of one source")
    ]

    def __post_init__(self) -> None:
        try:
            ip_network(self.network)
        except ValueError as error:
            raise InvalidInput(
                f"field network is {self.network[:80]!r}, but must be a network such as 10.0.0.0/8"
            ) from error


class DnsSettings(Settings, frozen=True, kw_only=True):
    """Settings of `fedmesh-dns`."""

    listen: Annotated[
        Address,
        Meta(
            description="where queries are answered, UDP and TCP; one address, not 0.0.0.0: on a "
            "host with several addresses the reply could come from a different one"
        ),
    ]
    agent: Annotated[Address, Meta(description="the cluster's agent")]
    trust_file: Annotated[Path, Meta(description="trust.pem of the cluster's agent")]
    token_file: Annotated[
        Path, Meta(description="a workload token for `dns`; read again at every use")
    ]
    state: Annotated[Path, Meta(description="folder for the last good zone tables")]
    steering_zone: Annotated[
        str, Meta(description="the zone in which DNS chooses the nearest healthy cluster")
    ] = STEERING_ZONE
    health: Annotated[
        Address | None,
        Meta(description="where /ready and /live are answered; default: nowhere"),
    ] = None
    metrics: Annotated[
        Address | None,
        Meta(
            description="where Prometheus reads /metrics, without authentication; best a loopback "
            "address. Default: nowhere"
        ),
    ] = None
    queries_per_second: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000_000,
            description="so many queries a second are answered to one source (of IPv6: to one "
            "network of 64 bits); above that, half of the queries get a truncated answer (retry "
            "over TCP, where addresses cannot be forged, and which has a limit of its own), the "
            "rest are dropped. A resolver asks for many clients: allow it more with "
            "`source_limits`",
        ),
    ] = 1_000
    source_limits: Annotated[
        tuple[SourceLimit, ...],
        Meta(max_length=100, description="other limits for single networks; the first that fits"),
    ] = ()
    tcp_connections: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="so many connections at a time, in all; for one more, the one that has "
            "waited longest without a whole query is closed",
        ),
    ] = 1_000
    tcp_connections_of_one_source: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="so many of them of one source (of IPv6: of one network of 64 bits)",
        ),
    ] = 50
    tcp_silent_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="how long a connection may be silent")
    ] = 10.0

    def __post_init__(self) -> None:
        zone = parse_subdomain(self.steering_zone, "field steering_zone")
        one, other = f".{zone}", f".{CLUSTERSET_ZONE}"
        if one.endswith(other) or other.endswith(one):
            raise InvalidInput(
                f"field steering_zone is {zone!r}, but must neither lie in {CLUSTERSET_ZONE} nor "
                "contain it"
            )
