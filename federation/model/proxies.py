"""What a supervisor says of its proxy to the agent of its cluster."""

from dataclasses import dataclass, field
from enum import StrEnum

from federation.model.names import ServiceName
from federation.model.observations import Remote


class Kind(StrEnum):
    """What the proxy is."""

    GATEWAY = "gateway"
    SIDECAR = "sidecar"


ENTRY_GATEWAY = "entry-gateway"
"""How a gateway calls itself that offers entry as well."""


@dataclass(frozen=True, slots=True)
class Node:
    """Who a supervisor says it is: `kind/id`, or `entry-gateway/NAME`."""

    kind: Kind
    id: str
    has_entry: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


NO_ENTRY = "type.googleapis.com/fedmesh.v1.Entry"
"""The type of a `Nack` that says why a gateway offers no entry although it is to."""
NO_LISTENER = "type.googleapis.com/fedmesh.v1.Listener"
"""The type of a `Nack` that says where a proxy is to listen and does not, and why."""
TOKEN_ENDS = "type.googleapis.com/fedmesh.v1.TokenEnds"  # noqa: S105 - a type
"""The type of a `Nack` that says which file's workload token ends soon, and when."""
TROUBLE = "type.googleapis.com/fedmesh.v1.Trouble"
"""The type of a `Nack` that says what a supervisor cannot do, and tries again."""


class State(StrEnum):
    """Where the proxy is in its life; `STOPPED` is said just before the supervisor ends."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    STOPPED = "stopped"


LEAVING = frozenset({State.DRAINING, State.STOPPED})
"""A proxy in one of these goes: it is not led to, and what it saw does not count any more."""


@dataclass(frozen=True, slots=True)
class Nack:
    """A resource that Envoy did not take, and why; the last good version stays in force.

    Of the type `NO_ENTRY`: the range that a gateway was to offer. Of the type `NO_LISTENER`: the
    address, or the listener's name. Of the type `TROUBLE`: what the supervisor itself cannot do.
    """

    type_url: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class Upstream:
    """Port `port` of a service, reached by an application that dials `address`:`listen_port`."""

    address: str
    listen_port: int
    service: ServiceName
    port: int


@dataclass(frozen=True, slots=True)
class Proxy:
    """`id` is a gateway's name or a sidecar's workload (`namespace/pod`).

    `address`:`port` is where other proxies dial; a gateway may listen at another one
    (`listen_address`:`listen_port`, empty when it does not). The application of a sidecar listens
    at `app_address` and sends to `outbound_address`:`outbound_port`, and to the addresses of its
    `upstreams`; all are empty for a gateway.
    A gateway says which addresses it checks do not answer (`unhealthy`, sorted), and whether any
    does: one that reaches nobody is itself cut off. `remotes` are the gateways of other clusters
    that it checks. A sidecar says at which ports of its application nothing listens any more
    (`dead_ports`, sorted), and at which it closes connections without saying so (`closing_ports`).
    A gateway may offer services to clients without a sidecar, each at an address of its own out of
    `entry` (a CIDR, empty when it does not). `version` is the fedmesh of its supervisor,
    `certificate_ends` when the first of its certificates ends (seconds since 1970); empty and 0 of
    a supervisor that does not say.
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
    refused: tuple[Nack, ...] = ()
    unhealthy: tuple[str, ...] = ()
    sees_healthy: bool = False
    upstreams: tuple[Upstream, ...] = ()
    listen_address: str = ""
    listen_port: int = 0
    remotes: tuple[Remote, ...] = ()
    dead_ports: tuple[int, ...] = ()
    entry: str = ""
    closing_ports: tuple[int, ...] = ()
    version: str = ""
    certificate_ends: int = 0


@dataclass(frozen=True, slots=True)
class KnownProxy:
    """A proxy as the agent of its cluster knows it, for people: told to the controller.

    `connected`: the agent hears of it. `state` is what its supervisor said last, `refused` what is
    told of what it does not take.
    """

    kind: Kind
    id: str
    connected: bool
    state: State
    version: str = ""
    certificate_ends: int = 0
    refused: tuple[Nack, ...] = ()

    @property
    def name(self) -> str:
        """`gateway/NAME` or `sidecar/NAMESPACE/POD`."""
        return f"{self.kind}/{self.id}"
