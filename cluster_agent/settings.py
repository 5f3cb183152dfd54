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
