"""The messages of a sync stream as values; `federation.wire` turns them into bytes and back.

They carry what Envoy's incremental discovery carries (xDS protocol, "Incremental xDS"), and between
our own parts two things more: the point of the store and the Complete marker.
"""

from dataclasses import dataclass, field

from federation.model.errors import InvalidInput
from federation.xds.resources import Resource

WILDCARD = "*"
MAX_NAME = 1024
"""Characters of a resource's name, a node or an epoch."""
MAX_NAMES = 50_000
"""Names in one message, held names with their versions in one, and names asked for on a stream."""
MAX_NAMES_BYTES = 8 << 20
"""Of the names of one type that are asked for on a stream."""


def is_name(text: str) -> bool:
    """Whether a resource may be called so."""
    return 0 < len(text) <= MAX_NAME and text.isascii() and text.isprintable()


def check_name(name: str) -> None:
    """Raise InvalidInput when a resource may not be called so."""
    if not is_name(name):
        raise InvalidInput(f"the name must be printable ASCII text of 1 to {MAX_NAME} characters")


def shown(name: str) -> str:
    """A name of a peer's choice, fit for logs and terminals."""
    return name if len(name) <= MAX_NAME and name.isprintable() else repr(name[:80])


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """Where the sender's store stands; revisions of one epoch only grow."""

    epoch: str
    revision: int

    def is_older_than(self, held: "Point | None") -> bool:
        """Whether it is of the same epoch and lower."""
        return held is not None and self.epoch == held.epoch and self.revision < held.revision

    def is_of_another_epoch(self, held: "Point | None") -> bool:
        """Whether the store began anew since."""
        return held is not None and self.epoch != held.epoch


@dataclass(frozen=True, slots=True)
class Request:
    """Receiver to sender: subscribe, acknowledge, or refuse (`error` is not empty).

    `point` is where the store stood that `initial_versions` come from.
    """

    type_url: str
    node: str = ""
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: dict[str, str] = field(default_factory=dict)
    nonce: str = ""
    error: str = ""
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """Sender to receiver: resources that changed, names that are gone.

    `complete` is the number of resources the receiver should hold once it has applied this; None
    while the sender does not know everything yet.
    """

    type_url: str
    nonce: str
    resources: tuple[Resource, ...] = ()
    removed: tuple[str, ...] = ()
    point: Point | None = None
    complete: int | None = None


@dataclass(frozen=True, slots=True)
class StateRequest:
    """The same, state of the world: `names` is always the whole subscription."""

    type_url: str
    node: str = ""
    names: tuple[str, ...] = ()
    version: str = ""
    nonce: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class StateResponse:
    """All resources of a type that the receiver subscribed to."""

    type_url: str
    nonce: str
    version: str
    resources: tuple[Resource, ...] = ()
