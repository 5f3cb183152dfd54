"""The agent's settings file."""

from pydantic import Field

from federation.resources.settings import AddressField, PathField, Settings


class AgentSettings(Settings):
    """Settings of `fedmesh-agent`."""

    cluster: str = Field(description="id of this cluster, one DNS label")
    source: PathField = Field(description="folder of YAML that describes the cluster")
    state: PathField = Field(description="folder for keys and the last good facts; kept private")
    listen: AddressField = Field(description="where this cluster's proxies connect, TLS")
    join_token_file: PathField | None = Field(
        default=None, description="the join token; needed until the cluster has joined"
    )
    leaf_seconds: float = Field(
        default=3600.0,
        ge=1,
        le=86_400,
        description="life of the certificates that proxies get; renewed at half",
    )
