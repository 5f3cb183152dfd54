"""The errors a caller can act on, how they relate, and what each is called at every border.

    FedmeshError
    ├── InvalidInput   what a person or a peer wrote is wrong: change it
    ├── NotReady       not there yet: ask again later
    │   └── Busy       too much is asked for at once: ask again a little later
    ├── Denied         the identity or token does not permit it: get another one
    ├── PeerBroke      the other side did not keep to the protocol
    ├── Conflict       it contradicts something that exists: resolve that first
    └── Failed         the machine refused (a port, a disk, a program)

Each class says with which code a program of ours ends, how the HTTPS API and gRPC answer, and
Kubernetes' reason. `of_http_status` and `of_grpc_code` go the other way. Nobody else translates.

Messages are lower case without a full stop and name the object, the field and the value.
"""

from typing import ClassVar

_LONGEST = 80


def shown(value: object) -> str:
    """A value as an error message shows it: its beginning, and never another error.

    Python refuses to print numbers of thousands of digits, and lists that are nested that deep.
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        text = f"a {type(value).__name__} that is too large to show"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


class FedmeshError(Exception):
    """Any failure that fedmesh explains in one sentence.

    `more_statuses` and `more_codes` are those that others answer for the same.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    grpc_code: ClassVar[str] = "INTERNAL"
    reason: ClassVar[str] = "InternalError"
    more_statuses: ClassVar[frozenset[int]] = frozenset()
    more_codes: ClassVar[frozenset[str]] = frozenset()


class InvalidInput(FedmeshError):  # noqa: N818 - a sentence reads better without the suffix
    """A document, argument or message says something that cannot be."""

    exit_code = 2
    http_status = 400
    grpc_code = "INVALID_ARGUMENT"
    reason = "BadRequest"
    more_statuses = frozenset({413, 422})


class NotReady(FedmeshError):  # noqa: N818
    """The thing asked for does not exist yet, and may exist later."""

    exit_code = 8
    http_status = 404
    grpc_code = "UNAVAILABLE"
    reason = "NotFound"
    more_codes = frozenset({"DEADLINE_EXCEEDED"})


class Busy(NotReady):
    """Too much is asked for at once."""

    http_status = 503
    reason = "ServiceUnavailable"


class Denied(FedmeshError):  # noqa: N818
    """The caller's identity or token does not permit this."""

    exit_code = 4
    http_status = 403
    grpc_code = "PERMISSION_DENIED"
    reason = "Forbidden"
    more_statuses = frozenset({401})
    more_codes = frozenset({"UNAUTHENTICATED"})


class PeerBroke(FedmeshError):  # noqa: N818
    """A peer sent what the protocol does not allow."""


class Conflict(FedmeshError):  # noqa: N818
    """The request contradicts what exists."""

    http_status = 409
    grpc_code = "FAILED_PRECONDITION"
    reason = "Conflict"


class Failed(FedmeshError):  # noqa: N818
    """The machine refused: a port is taken, a disk is full, a program is missing."""


ERRORS: tuple[type[FedmeshError], ...] = (
    InvalidInput,
    NotReady,
    Busy,
    Denied,
    PeerBroke,
    Conflict,
    Failed,
)
"""All of them, the general before the special."""


def of_http_status(status: int) -> type[FedmeshError]:
    """What an answer of the HTTPS API means; one that says nothing we know is Failed."""
    for kind in ERRORS:
        if status in {kind.http_status, *kind.more_statuses} - {FedmeshError.http_status}:
            return kind
    return Failed


def of_grpc_code(name: str) -> type[FedmeshError]:
    """What the end of a call by gRPC means; one that says nothing we know is PeerBroke."""
    for kind in ERRORS:
        if name in {kind.grpc_code, *kind.more_codes} - {FedmeshError.grpc_code}:
            return kind
    return PeerBroke
