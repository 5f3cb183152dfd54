"""The gateway's settings file."""

from pydantic import Field

from federation.supervisor.settings import ProxySettings


class GatewaySettings(ProxySettings):
    """Settings of `fedmesh-gateway`."""

    name: str = Field(description="name of this gateway, unique in its cluster")
    port: int = Field(default=15443, ge=1, le=65535, description="the east-west mTLS port")
