"""The agent's settings file."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from federation.process.settings import Address, Settings


class AgentSettings(Settings, frozen=True, kw_only=True):
    """Settings of `fedmesh-agent`."""

    cluster: Annotated[str, Meta(description="id of this cluster, one DNS label")]
    source: Annotated[Path, Meta(description="folder of YAML that describes the cluster")]
    state: Annotated[
        Path, Meta(description="folder for keys and the last good facts; kept private")
    ]
    listen: Annotated[Address, Meta(description="where this cluster's proxies connect, TLS")]
    join_token_file: Annotated[
        Path | None,
        Meta(
            description="the join token; needed until the cluster has joined. A token that was not "
            "used yet makes it join again, with the same key, when the agent next connects"
        ),
    ] = None
    controller: Annotated[
        Address | None,
        Meta(
            description="where the controller takes agents (its grpc_listen), when it has moved; "
            "default: the address it named when the cluster joined"
        ),
    ] = None
    grpc_socket: Annotated[
        Path | None,
        Meta(
            description="a unix socket where gRPC clients without any proxy get their "
            "configuration (xDS); made with mode 0660: who may open it reads which services there "
            "are. Default: none"
        ),
    ] = None
    allow_loopback_endpoints: Annotated[
        bool,
        Meta(
            description="use endpoints with loopback addresses, for a mesh on one machine. Off, "
            "as in Kubernetes: such an endpoint is whichever machine dials it, so a gateway would "
            "call its own"
        ),
    ] = False
    leaf_seconds: Annotated[
        float,
        Meta(
            ge=1,
            le=86_400,
            description="life of the certificates that proxies get; renewed at half. An hour: "
            "a stolen one is soon worthless, and an agent may be away for half of it",
        ),
    ] = 3600.0
    hold_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="how long backends of a cluster that were all lost and are back get no "
            "traffic while others are healthy, so that what flaps takes none along",
        ),
    ] = 10.0
    ramp_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="in what time they then get their full share, beginning with a tenth",
        ),
    ] = 30.0
    tcp_connection_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=604_800,
            description="how long a TCP connection to a workload may stay open (a tenth longer at "
            "most), and a single HTTP request last, 0 for ever. Identities are checked when they "
            "begin, so this bounds how long one that was revoked can use what is open. Four hours: "
            "what is cut must connect again, which pools of connections do by themselves and "
            "people notice. HTTP connections are renewed every 15 minutes, which no request "
            "notices",
        ),
    ] = 14_400.0
