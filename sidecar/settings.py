"""The sidecar's settings file."""

from typing import Annotated

from msgspec import Meta

from federation.model.errors import InvalidInput
from federation.model.names import parse_service_name
from federation.model.proxies import Upstream
from federation.planning.tiers import INBOUND_PORT
from federation.process.settings import Address, Port, Settings, ip_address_of
from federation.supervisor.settings import ProxySettings

MAX_UPSTREAMS = 100


class UpstreamSettings(Settings, frozen=True, kw_only=True):
    """A port of a service that the application reaches at an address of its own."""

    service: Annotated[str, Meta(description="NAMESPACE/NAME")]
    port: Annotated[Port, Meta(description="the port of the service")]
    listen: Annotated[Address, Meta(description="where the application dials it")]


class SidecarSettings(ProxySettings, frozen=True, kw_only=True):
    """Settings of `fedmesh-sidecar`."""

    workload: Annotated[
        str, Meta(description="the Pod this sidecar stands before, as NAMESPACE/NAME")
    ]
    outbound: Annotated[
        Address,
        Meta(
            description="where the application sends its requests to other services: a loopback "
            "address, or the sidecar's own `address`"
        ),
    ]
    app_address: Annotated[
        str,
        Meta(
            description="where the application listens: a loopback address, or the sidecar's own "
            "`address`. The agent refuses others"
        ),
    ] = "127.0.0.1"
    upstreams: Annotated[
        tuple[UpstreamSettings, ...],
        Meta(
            max_length=MAX_UPSTREAMS,
            description="services the application reaches by dialling an address of this machine: "
            "whoever connects to `listen` (IP:PORT) reaches port `port` of `service` "
            "(NAMESPACE/NAME), over TCP or, where the port is one of HTTP, with any Host header. "
            "Nothing listens there while no cluster exports that port",
        ),
    ] = ()
    unused_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=31_536_000,
            description="what nobody has called for so long is let go (`docs/operations/imports.md`"
            "); the next call asks for it again. 0: never",
        ),
    ] = 86_400.0

    def __post_init__(self) -> None:
        parse_upstreams(self)


def parse_upstreams(settings: SidecarSettings) -> tuple[Upstream, ...]:
    """The upstreams, sorted; raises InvalidInput that names the one that cannot be, and why."""
    taken = {
        str(settings.outbound): "outbound listens there",
        f"{settings.address}:{INBOUND_PORT}": "others dial the sidecar there",
        str(settings.readiness): "readiness listens there",
    }
    found = []
    for number, wanted in enumerate(settings.upstreams):
        field = f"upstreams[{number}]"
        address = ip_address_of(wanted.listen, f"{field}.listen")
        listen = f"{address}:{wanted.listen.port}"
        if listen in taken:
            raise InvalidInput(f"field {field}.listen is {listen!r}, but {taken[listen]}")
        taken[listen] = f"{field} listens there"
        try:
            service = parse_service_name(wanted.service)
        except InvalidInput as error:
            raise InvalidInput(f"field {field}: {error}") from error
        found.append(Upstream(address, wanted.listen.port, service, wanted.port))
    return tuple(sorted(found))
