"""The gateway's settings file."""

from typing import Annotated

from msgspec import Meta

from federation.resources.settings import Address, Port, ip_address_of
from federation.supervisor.settings import ProxySettings


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

    def __post_init__(self) -> None:
        if self.listen is not None:
            ip_address_of(self.listen, "listen")
