"""The sidecar's settings file."""

from pydantic import Field

from federation.resources.settings import AddressField
from federation.supervisor.settings import ProxySettings


class SidecarSettings(ProxySettings):
    """Settings of `fedmesh-sidecar`."""

    workload: str = Field(description="the Pod this sidecar stands before, as NAMESPACE/NAME")
    app_address: str = Field(default="127.0.0.1", description="where the application listens")
    outbound: AddressField = Field(
        description="where the application sends its requests to other services"
    )
    port: int = Field(default=15006, ge=1, le=65535, description="the inbound mTLS port")
