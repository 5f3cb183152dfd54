"""The gateway's settings file."""

from typing import Annotated

from msgspec import Meta

from federation.resources.settings import Port
from federation.supervisor.settings import ProxySettings


class GatewaySettings(ProxySettings, frozen=True, kw_only=True):
    """Settings of `fedmesh-gateway`."""

    name: Annotated[str, Meta(description="name of this gateway, unique in its cluster")]
    port: Annotated[Port, Meta(description="the east-west mTLS port")] = 15443
    zone: Annotated[
        str, Meta(description="the zone of this gateway; others prefer gateways that are near")
    ] = ""
