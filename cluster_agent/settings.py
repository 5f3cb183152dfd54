"""The agent's settings file."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from federation.resources.settings import Address, Settings


class AgentSettings(Settings, frozen=True, kw_only=True):
    """Settings of `fedmesh-agent`."""

    cluster: Annotated[str, Meta(description="id of this cluster, one DNS label")]
    source: Annotated[Path, Meta(description="folder of YAML that describes the cluster")]
    state: Annotated[
        Path, Meta(description="folder for keys and the last good facts; kept private")
    ]
    listen: Annotated[Address, Meta(description="where this cluster's proxies connect, TLS")]
    join_token_file: Annotated[
        Path | None, Meta(description="the join token; needed until the cluster has joined")
    ] = None
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
