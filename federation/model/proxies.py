"""What a supervisor says of its proxy to the agent of its cluster."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What the proxy is."""

    GATEWAY = "gateway"
    SIDECAR = "sidecar"


class State(StrEnum):
    """Where the proxy is in its life; `STOPPED` is said just before the supervisor ends."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A resource that Envoy did not take, and why; the last good version stays in force."""

    type_url: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Proxy:
    """`id` is a gateway's name or a sidecar's workload (`namespace/pod`).

    `address`:`port` is where other proxies dial. The application of a sidecar listens at
    `app_address` and sends to `outbound_address`:`outbound_port`; both are empty for a gateway.
    A gateway says which addresses it checks do not answer (`unhealthy`, sorted), and whether any
    does: one that reaches nobody is itself cut off.
    """

    id: str
    kind: Kind
    state: State
    address: str
    port: int
    zone: str = ""
    app_address: str = ""
    outbound_address: str = ""
    outbound_port: int = 0
    refused: tuple[Refusal, ...] = ()
    unhealthy: tuple[str, ...] = ()
    sees_healthy: bool = False
