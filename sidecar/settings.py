"""The sidecar's settings file."""

from typing import Annotated

from msgspec import Meta

from federation.resources.settings import Address
from federation.supervisor.settings import ProxySettings


class SidecarSettings(ProxySettings, frozen=True, kw_only=True):
    """Settings of `fedmesh-sidecar`."""

    workload: Annotated[
        str, Meta(description="the Pod this sidecar stands before, as NAMESPACE/NAME")
    ]
    outbound: Annotated[
        Address, Meta(description="where the application sends its requests to other services")
    ]
    app_address: Annotated[str, Meta(description="where the application listens")] = "127.0.0.1"
