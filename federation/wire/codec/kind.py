"""What is said of one kind of resource: a row of the table in `federation.wire.codec`.

Whoever carries, checks, orders, limits, keeps or shows resources reads the row of their kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, TypeVar

from federation.model.names import ServiceName
from federation.xds.held_type import Limits

V = TypeVar("V")

PREFIX = "type.googleapis.com/fedmesh.v1."
MAX_BODY_BYTES = 64 << 10


class Withdrawal(Enum):
    """What a withdrawal means when a cluster seems to lose most of what it had at once."""

    FREE = auto()
    """It is taken at its word."""
    WITNESS = auto()
    """No thing of its own: it says that somebody saw a thing go, and is passed on to nobody."""
    EXISTS = auto()
    """It counts while it is there."""
    READY = auto()
    """It counts while it has ready endpoints, and goes with its service."""
    FOLLOWS = auto()
    """It stays as long as the ready endpoints of its service."""


class Owner(Enum):
    """Whose a fact is, by its name."""

    ALL = auto()
    """Made of what several clusters say."""
    CLUSTER = auto()
    """The name is that of a cluster."""
    TRUST_DOMAIN = auto()
    """The name is that of a cluster's trust domain."""
    REPORTER = auto()
    """As a cluster reported it, byte for byte, under the name `NAME@CLUSTER`."""


class Seen(Enum):
    """Which clusters are told a fact."""

    BY_ALL = auto()
    IN_ITS_NETWORK = auto()
    """Those of its owner's network, unless that cluster is lost."""


def reported_by(name: str, cluster: str) -> str:
    """The name of the fact that is a cluster's report."""
    return f"{name}@{cluster}"


def reporter_of(fact: str) -> str:
    """The cluster in the name of a fact whose owner is its reporter."""
    return fact.partition("@")[2]


def name_of_report(fact: str) -> str:
    """The name under which its reporter reports it."""
    return fact.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Report:
    """How a cluster's agent reports a kind to the controller.

    `limits` is how many are held of one cluster, and bytes of all of them; `most_bytes` is of one.
    `after` and `removals_after` are kinds that must have arrived before (`xds.sender.Rule`). One
    that is not `stored` is told again after a restart. One `with_export` is refused together with
    the export of its service, so people are told of that alone; of one that is not `told` they
    hear nothing. A cluster has reported completely when it has said all of each kind that is
    `awaited`: an older agent does not know of the others.
    """

    limits: Limits
    most_bytes: int = MAX_BODY_BYTES
    after: tuple[str, ...] = ()
    removals_after: tuple[str, ...] = ()
    stored: bool = True
    withdrawal: Withdrawal = Withdrawal.FREE
    with_export: bool = False
    told: bool = True
    awaited: bool = True


@dataclass(frozen=True, slots=True)
class Fact:
    """How the controller tells a kind to agents."""

    owner: Owner
    seen: Seen = Seen.BY_ALL


@dataclass(frozen=True, slots=True)
class Kind(Generic[V]):
    """One kind of resource.

    `name` is what a resource is called by what is in it. `cluster` and `service` are what it says
    whose it is: a cluster reports only what is its own, of namespaces that it may export from.
    """

    type_url: str
    value: type[V]
    encode: Callable[[V], bytes]
    decode: Callable[[bytes], V]
    name: Callable[[V], str]
    cluster: Callable[[V], str] | None = None
    service: Callable[[V], ServiceName] | None = None
    report: Report | None = None
    fact: Fact | None = None

    @property
    def subject(self) -> str:
        """What its name is the name of, in sentences."""
        return "service" if self.service else self.type_url.removeprefix(PREFIX).lower()

    def fact_name(self, value: V) -> str:
        """What the fact is called that says this."""
        if self.fact is not None and self.fact.owner is Owner.REPORTER and self.cluster is not None:
            return reported_by(self.name(value), self.cluster(value))
        return self.name(value)
